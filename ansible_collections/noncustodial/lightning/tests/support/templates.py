# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles' templates, as Ansible renders them, with what they use of Ansible's tests and of the collection's
filters."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import jinja2

from ansible_collections.noncustodial.lightning.plugins.module_utils._core import endpoint


def template(path: Path, undefined: type[jinja2.Undefined] = jinja2.Undefined, **options: t.Any) -> jinja2.Template:
    """Return one template."""
    made = jinja2.Environment(trim_blocks=True, undefined=undefined, **options)  # files of configuration  # noqa: S701
    made.tests["match"] = lambda value, pattern: re.match(pattern, value) is not None
    made.filters["noncustodial.lightning.host_port"] = endpoint.join
    return made.from_string(path.read_text())
