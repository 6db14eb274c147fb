#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module sealed_credential."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sealed_credential
short_description: Seal a given secret for a systemd unit of this machine
version_added: 0.1.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Seals a secret that comes from elsewhere, such as a tenant's grant, with C(systemd-creds), so that only a unit of
    this machine's systemd can load it, with C(LoadCredentialEncrypted=NAME:PATH).
  - A secret that can be made on the machine itself is better made with M(noncustodial.lightning.node_secret).
requirements:
  - systemd 250 or newer on the target
options:
  path:
    description: The sealed file. Its directory is made, only for root, if it is missing.
    type: path
    required: true
  name:
    description: The name of the credential, as the unit loads it.
    type: str
    required: true
  content:
    description: The secret. A file that holds another one is replaced.
    type: str
    required: true
  encoding:
    description: The encoding of O(content).
    type: str
    choices: [text, hex]
    default: text
attributes:
  check_mode:
    support: full
    description: Predicts the changes and makes none.
  diff_mode:
    support: none
    description: Everything that could be shown is secret.
"""

EXAMPLES = r"""
- name: The grant is sealed on the node's machine
  noncustodial.lightning.sealed_credential:
    path: /etc/credstore.encrypted/lnd@acme.signer.macaroon
    name: signer.macaroon
    content: "{{ offer.bundle.macaroon }}"
    encoding: hex
"""

RETURN = r"""
path:
  description: The sealed file.
  returned: always
  type: str
  sample: /etc/credstore.encrypted/lnd@acme.signer.macaroon
"""

import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import credential
from ansible_collections.noncustodial.lightning.plugins.module_utils._module.frame import Module


def main() -> None:
    """Run the module."""
    module = Module(
        {
            "path": {"type": "path", "required": True},
            "name": {"type": "str", "required": True},
            "content": {"type": "str", "required": True, "no_log": True},
            "encoding": {"type": "str", "choices": ["text", "hex"], "default": "text"},
        }
    )
    path, name, content = (module.params[option] for option in ("path", "name", "content"))

    def ensure() -> dict[str, t.Any]:
        try:
            secret = bytes.fromhex(content) if module.params["encoding"] == "hex" else content.encode()
        except ValueError:
            raise InvalidInput(
                "content is not hexadecimal, as encoding says", "Give it as it was baked, or say encoding=text"
            ) from None
        # A file that cannot be opened holds nothing that anybody could use, and is replaced.
        changed = not credential.holds(path, name, secret)
        if changed and not module.check_mode:
            credential.seal(path, name, secret)
        return {"changed": changed, "path": path}

    module.answer(ensure)


if __name__ == "__main__":
    main()
