#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module node_secret."""

from __future__ import annotations

DOCUMENTATION = r"""
module: node_secret
short_description: Make a random password that never leaves its machine
version_added: 0.1.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Makes a random secret of 256 bits on the target, once, and seals it there with C(systemd-creds), so that only a unit
    of this machine's systemd can load it, with C(LoadCredentialEncrypted=NAME:PATH).
  - Returns a verifier, which a server may know. The secret itself is never returned, never in an argument, and never in
    clear text in a file.
  - An existing file is never replaced. To get a new secret, remove the file and run again.
requirements:
  - cryptography (Debian package C(python3-cryptography)), for O(verifier=wireguard)
  - systemd 250 or newer on the target
options:
  path:
    description: The sealed file. Its directory is made, only for root, if it is missing.
    type: path
    required: true
  name:
    description: The name of the credential, as the unit loads it. It is sealed with the secret and cannot be changed
      later.
    type: str
    required: true
  format:
    description: The line that is sealed; V({secret}) stands for the secret.
    type: str
    default: "{secret}"
  encoding:
    description: The encoding of the secret. V(base64) is that of a private key of WireGuard.
    type: str
    choices: [hex, base64url, base64]
    default: hex
  username:
    description: The name of the user that the verifier is for.
    type: str
  verifier:
    description:
      - The kind of verifier that is returned for the server.
      - V(scram-sha-256) is for PostgreSQL's C(PASSWORD), V(rpcauth) for bitcoind's option of that name, V(none) for a
        secret that no server checks.
      - V(wireguard) is the public key of WireGuard for a secret that is its private key; O(encoding) is V(base64).
    type: str
    choices: [none, scram-sha-256, rpcauth, wireguard]
    default: none
attributes:
  check_mode:
    support: full
    description: Makes no secret. A missing secret has no verifier yet.
  diff_mode:
    support: none
    description: Everything that could be shown is secret.
"""

EXAMPLES = r"""
- name: The node acme has a password for its database
  noncustodial.lightning.node_secret:
    path: /etc/credstore.encrypted/lnd@acme.pgpass
    name: pgpass
    format: "db.example.org:5432:lnd_acme:lnd_acme:{secret}"
    username: lnd_acme
    verifier: scram-sha-256
  register: password

- name: PostgreSQL knows its verifier
  noncustodial.lightning.postgres_database:
    name: lnd_acme
    verifier: "{{ password.verifier }}"
    addresses: [192.0.2.14]
  delegate_to: db
"""

RETURN = r"""
verifier:
  description: The verifier, which the server may know. It is the same on every run.
  returned: when O(verifier) is not V(none) and the secret exists
  type: str
  sample: "lnd_acme:5b1c0dfae3e44b6dd1b5ee5e25b8b7ce$7c0d0b4f5a1f6f7a86b2f7c5c0e3c1f55f6f0c7f4c7f0d8f3b1a9e6d5c4b3a29"
path:
  description: The sealed file.
  returned: always
  type: str
  sample: /etc/credstore.encrypted/lnd@acme.pgpass
"""

import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import wireguard
from ansible_collections.noncustodial.lightning.plugins.module_utils._machine import secret
from ansible_collections.noncustodial.lightning.plugins.module_utils._module.frame import Module


def main() -> None:
    """Run the module."""
    module = Module(
        {
            "path": {"type": "path", "required": True},
            "name": {"type": "str", "required": True},
            "format": {"type": "str", "default": secret.PLACEHOLDER},
            "encoding": {"type": "str", "choices": list(secret.ENCODINGS), "default": "hex"},
            "username": {"type": "str"},
            "verifier": {"type": "str", "choices": list(secret.VERIFIERS), "default": "none"},
        },
        required_if=[("verifier", kind, ["username"]) for kind in ("scram-sha-256", "rpcauth")],
    )
    options = module.params
    if options["verifier"] == "wireguard":
        module.require_library("cryptography", wireguard.IMPORT_ERROR)

    def ensure() -> dict[str, t.Any]:
        made, changed = secret.ensure(
            options["path"], options["name"], options["format"], options["encoding"], module.check_mode
        )
        verifier = None
        if made is not None:
            module.conceal(made)
            verifier = secret.VERIFIERS[options["verifier"]](options["username"] or "", made)
        return {"changed": changed, "path": options["path"], **({"verifier": verifier} if verifier else {})}

    module.answer(ensure)


if __name__ == "__main__":
    main()
