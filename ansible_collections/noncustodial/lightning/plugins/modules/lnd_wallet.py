#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lnd_wallet
short_description: Make, restore or open the wallet of a node with its own keys
version_added: 0.1.0
description:
  - Makes the wallet of an lnd that holds its own keys, such as a signer, a gateway or a provider's own node, from a new seed
    or from a given one, and opens an existing wallet.
  - It is not for tenant nodes, whose seed is the tenant's alone. Those are made by M(noncustodial.lightning.lnd_watch_wallet).
  - A new seed is encrypted to O(seed_recipient), and that file is on the disk before the wallet is made, on every network. The seed is
    never returned, logged or written otherwise. A person who wants to see the seed on a terminal makes the wallet with a signer image's own
    first-boot tool, or gives a seed by O(mnemonic_file).
  - Waits for an lnd that is still starting.
extends_documentation_fragment:
  - noncustodial.lightning.lnd
  - noncustodial.lightning.wallet
  - noncustodial.lightning.attributes
options:
  seed_recipient:
    description:
      - The public key of the seed's owner, an age key (C(age1...)) or an ssh-ed25519 key, to which a new seed is encrypted.
      - Needs the program C(age) on the node's machine.
    type: str
  seed_path:
    description:
      - Where the encrypted new seed is written on the node's machine, readable by its owner alone.
      - A file that is there already is never overwritten. It is kept under the first free numbered name, such as C(seed.age.1).
      - After an interruption between seed and wallet, the next run makes another seed in the same way; the older file then belongs to no wallet.
    type: path
  seed_copy:
    description:
      - Where a copy of the node's encrypted seed is kept already, for instance on the controller.
      - A node that has no wallet then is not given one of a new seed, which would be another node. The module fails and names the copy.
      - The module does not look at it. An existing wallet, and one of a given seed, are not affected.
    type: str
  mnemonic_file:
    description:
      - File with the 24 words of a given seed, separated by white space. Lines that begin with C(#) do not count.
      - The module does not remove it.
    type: path
  passphrase_file:
    description:
      - File with the passphrase of the given seed, or with the one that a new seed shall have.
      - This is not the wallet password. Who recovers needs the passphrase as well as the words.
    type: path
  recovery_window:
    description: How many unused addresses in a row are looked at to find the coins of a given seed; V(0) for a seed that was never used.
    type: int
    default: 0
  channel_backup:
    description: A C(channel.backup) of the given seed; the peers in it are asked to close the channels.
    type: path
  birthday:
    description: When the given seed was made, in unix seconds. It is recorded in O(birthday_path); lnd takes its own from the seed.
    type: int
  birthday_path:
    description: File in which the wallet's birthday is recorded, in unix seconds. A watch-only node of this seed needs it, lest it scan the whole chain.
    type: path
notes:
  - lnd's settings C(wallet-unlock-password-file) and C(wallet-unlock-allow-create) together let this module make the wallet, and lnd open it from then on.
  - An lnd without a wallet takes one from whoever reaches its port, so have it listen to its own machine alone until then. A wallet that is found, and even an
    answer to the call that makes one, is no proof that nobody else came first. Start lnd once more with C(wallet-unlock-password-file) and without
    C(wallet-unlock-allow-create). It then opens a wallet of that password or ends, and who else made one does not know the password. The role
    C(lnd) does so.
  - In check mode the password and the seed are not read.
seealso:
  - module: noncustodial.lightning.lnd_watch_wallet
  - module: noncustodial.lightning.lnd_state_info
author:
  - noncustodial.lightning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Make the signer's wallet
  noncustodial.lightning.lnd_wallet:
    lnddir: /var/lib/lnd/signer
    network: mainnet
    wallet_password_credential: /etc/credstore.encrypted/lnd@signer.wallet-password
    auto_unlock: true
    seed_recipient: age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p
    seed_path: /var/lib/signer/seed.age
    birthday_path: /var/lib/signer/birthday

- name: Restore a wallet with its coins and channels
  noncustodial.lightning.lnd_wallet:
    lnddir: /var/lib/lnd/recovery
    wallet_password_file: /root/wallet-password
    mnemonic_file: /dev/shm/seed
    recovery_window: 2500
    channel_backup: /root/channel.backup
"""

RETURN = r"""
state:
  description: The state that the lnd is in.
  returned: success
  type: str
  sample: RPC_ACTIVE
created:
  description: Whether this run made the wallet.
  returned: success
  type: bool
  sample: true
node_id:
  description: The node's public key; none while the wallet is locked or the macaroon cannot be found.
  returned: success
  type: str
  sample: 02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5
birthday:
  description: The wallet's birthday as recorded in O(birthday_path), in unix seconds; none if that is not set.
  returned: success
  type: int
  sample: 1767225600
seed_path:
  description: Where the encrypted seed was written.
  returned: when a new seed was made
  type: str
  sample: /var/lib/signer/seed.age
actions:
  description: What was done, or would be done in check mode; of C(create), C(restore), C(unlock), C(record_birthday).
  returned: success
  type: list
  elements: str
  sample: [create]
"""

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import argspec, opening, state, wallet
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.client import Client
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.module import LndModule
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.plan import Action


def main() -> None:
    module = LndModule(
        {
            **argspec.WALLET_SPEC,
            "seed_recipient": {"type": "str"},
            "seed_path": {"type": "path"},
            "seed_copy": {"type": "str"},
            "mnemonic_file": {"type": "path"},
            "passphrase_file": {"type": "path", "no_log": False},
            "recovery_window": {"type": "int", "default": 0},
            "channel_backup": {"type": "path"},
            "birthday": {"type": "int"},
            "birthday_path": {"type": "path"},
        },
        macaroon=False,
        mutually_exclusive=[("wallet_password_file", "wallet_password_credential"), ("mnemonic_file", "seed_recipient")],
        required_together=[("seed_recipient", "seed_path")],
        required_by={"channel_backup": "mnemonic_file", "birthday": "mnemonic_file"},
    )
    params = module.params
    own = (
        "network",
        "seed_recipient",
        "seed_path",
        "seed_copy",
        "mnemonic_file",
        "passphrase_file",
        "recovery_window",
        "channel_backup",
        "birthday",
        "birthday_path",
    )
    desired = wallet.Desired(opening=argspec.opening(params, params["node_id"]), **{name: params[name] for name in own})
    done: set[str] = set()

    def macaroon() -> bytes:
        return argspec.read_macaroon(params)

    def apply(client: Client, action: Action) -> None:
        done.add(action.name)
        wallet.apply_wallet(client, action, desired)

    def result(found: opening.Wallet) -> dict[str, object]:
        seed = {"seed_path": desired.seed_path} if "create" in done else {}
        return {
            "state": found.state,
            "node_id": found.node_id,
            "birthday": found.birthday,
            "created": bool(done & {"create", "restore"}),
            **seed,
        }

    module.ensure(
        read=lambda client: wallet.read_wallet(client, desired, macaroon),
        plan=lambda found: wallet.plan_wallet(desired, found, params["rpcserver"]),
        apply=apply,
        result=result,
        settle=lambda client, found: opening.settle(client, found, desired.opening, macaroon),
        connect=lambda: state.started(module.connect, "NON_EXISTING", params["wait_timeout"]),
        # Otherwise the wallet of one run, and the seed that another left for its owner.
        alone=True,
    )


if __name__ == "__main__":
    main()
