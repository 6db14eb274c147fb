# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the modules that administer a hub by its API."""

from __future__ import annotations


class ModuleDocFragment:
    """Mirrors HUB_SPEC of module_utils/_hub_api.py."""

    DOCUMENTATION = r"""
options:
  url:
    description: The hub, as C(https://host:port). There is no way without TLS.
    type: str
    required: true
  ca_path:
    description:
      - A PEM file with the certificate that signed the hub's, or with the hub's own. With it no other is trusted.
      - Without it the system's certificate authorities are.
    type: path
  admin_token:
    description: The hub's admin token. Give it or O(admin_token_file).
    type: str
  admin_token_file:
    description: A file on the target with the admin token.
    type: path
  admin_token_credential:
    description: Name under which C(systemd-creds) has sealed O(admin_token_file), as on the hub's own machine. Without it that is plain text.
    type: str
  timeout:
    description: Seconds that an answer may take.
    type: int
    default: 30
"""
