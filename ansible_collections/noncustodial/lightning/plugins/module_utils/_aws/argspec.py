# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that all modules for AWS share. Credentials are not among them: they are looked up where AWS's own tools
look.
"""

from __future__ import annotations

import typing as t

from .client import Connection

AWS_SPEC: dict[str, dict[str, t.Any]] = {
    "region": {"type": "str", "required": True},
    "profile": {"type": "str"},
    "endpoint_url": {"type": "str"},
    "attempts": {"type": "int", "default": 6},
}


def connection(params: t.Mapping[str, t.Any]) -> Connection:
    """Return the connection that a module's options describe."""
    return Connection(params["region"], params["profile"] or None, params["endpoint_url"] or None, params["attempts"])
