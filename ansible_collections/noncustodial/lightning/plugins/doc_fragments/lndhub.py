# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the modules that administer a hub through its API."""

from __future__ import annotations


class ModuleDocFragment:
    """The mirror of HUB_SPEC in module_utils/_hub/api.py."""

    DOCUMENTATION = r"""
options:
  url:
    description: The hub's URL, as C(https://host:port). Connections without TLS are not possible.
    type: str
    required: true
  ca_path:
    description:
      - A PEM file with the certificate that signed the hub's, or with the hub's own. With this option no other
        certificate is trusted.
      - Without it the system's certificate authorities are trusted.
    type: path
  admin_token:
    description: The hub's admin token. Either this or O(admin_token_file) must be set.
    type: str
  admin_token_file:
    description: A file on the target with the admin token.
    type: path
  admin_token_credential:
    description: The name under which C(systemd-creds) has sealed O(admin_token_file), as on the hub's own machine.
      Without it that file is plain text.
    type: str
  timeout:
    description: Seconds that an answer may take.
    type: int
    default: 30
"""
