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
  - Makes the wallet of an lnd that holds its own keys, such as a signer, a gateway or a provider's own node, from a new
    seed or from a given one, and opens an existing wallet.
  - It is not for tenant nodes, whose seed only the tenant has. M(noncustodial.lightning.lnd_watch_wallet) makes their
    wallets.
  - A new seed is encrypted to O(seed_recipient), and that file is on the disk before the wallet is made, on every
    network. The seed is never returned, logged or written in another form. To see the seed on a terminal, make the
    wallet with a signer image's own first-boot tool, or give a seed with O(mnemonic_file).
  - Waits for an lnd that is still starting.
extends_documentation_fragment:
  - noncustodial.lightning.lnd
  - noncustodial.lightning.wallet
  - noncustodial.lightning.attributes
options:
  seed_recipient:
    description:
      - The public key of the seed's owner, an age key (C(age1...)) or an ssh-ed25519 key, to which a new seed is
        encrypted.
      - This needs the program C(age) on the node's machine.
    type: str
  seed_path:
    description:
      - The path on the node's machine to which the encrypted new seed is written. Only the file's owner can read it.
      - An existing file is never overwritten. It is kept under the first free numbered name, such as C(seed.age.1).
      - After an interruption between seed and wallet, the next run makes another seed in the same way; the older file
        then belongs to no wallet.
    type: path
  seed_copy:
    description:
      - The path of an existing copy of the node's encrypted seed, for example on the controller.
      - Then a node without a wallet does not get one of a new seed, which would make it another node. The module fails
        and names the copy.
      - The module does not read the copy. An existing wallet, and one of a given seed, are not affected.
    type: str
  mnemonic_file:
    description:
      - A file with the 24 words of a given seed, separated by white space. Lines that begin with C(#) do not count.
      - The module does not remove it.
    type: path
  passphrase_file:
    description:
      - A file with the passphrase of the given seed, or of a new seed.
      - This is not the wallet password. A recovery needs the passphrase as well as the words.
    type: path
  recovery_window:
    description:
      - The number of addresses, and of keys for channels, that the lost wallet of a given seed may have used; V(0) for
        a seed that was never used. It is as for M(noncustodial.lightning.lnd_watch_wallet). Each attempt to open a
        channel uses keys, also a failed or refused one, and also one of another node. So take more than all attempts of
        all peers, such as 5000.
      - So many unused addresses in a row are checked to find the coins, and so many keys of each of lnd's families are
        derived and not used again.
    type: int
    default: 0
  recovery_window_path:
    description: The file in which O(recovery_window) is recorded before the wallet is made, and which is removed when
      all keys are passed over, so that a run after an interruption goes on with it. Choose a folder in which only root
      can write. It is needed with O(recovery_window).
    type: path
  channel_backup:
    description: A C(channel.backup) of the given seed; the peers in it are asked to close the channels. It needs
      O(recovery_window).
    type: path
  birthday:
    description: The time at which the given seed was made, in unix seconds. It is recorded in O(birthday_path); lnd
      itself uses the one in the seed.
    type: int
  birthday_path:
    description: A file in which the wallet's birthday is recorded, in unix seconds. Without it a watch-only node of
      this seed scans the whole chain.
    type: path
notes:
  - lnd's settings C(wallet-unlock-password-file) and C(wallet-unlock-allow-create) together let this module make the
    wallet, and lnd open it from then on.
  - An lnd without a wallet accepts one from whoever reaches its port, so let it listen only on its own machine until
    then. Neither an existing wallet nor an answer to the call that makes one proves that nobody else came first. So
    start lnd once more with C(wallet-unlock-password-file) and without C(wallet-unlock-allow-create). It then opens a
    wallet with that password or stops, and anybody else who made one does not know the password. The role C(lnd) does
    this.
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
    seed_path: /etc/lnd/signer/seed.age
    birthday_path: /etc/lnd/signer/birthday

- name: Restore a wallet with its coins and channels
  noncustodial.lightning.lnd_wallet:
    lnddir: /var/lib/lnd/recovery
    wallet_password_file: /root/wallet-password
    mnemonic_file: /dev/shm/seed
    recovery_window: 5000
    recovery_window_path: /etc/lnd/recovery/recovery_window
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
  description: The node's public key; none while the wallet is locked or the macaroon is not found.
  returned: success
  type: str
  sample: 02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5
birthday:
  description: The wallet's birthday as recorded in O(birthday_path), in unix seconds; none if that is not set.
  returned: success
  type: int
  sample: 1767225600
seed_path:
  description: The path to which the encrypted seed was written.
  returned: when a new seed was made
  type: str
  sample: /etc/lnd/signer/seed.age
actions:
  description: The actions that were done, or would be done in check mode. Possible are C(create), C(restore), C(unlock)
    and C(record_birthday).
  returned: success
  type: list
  elements: str
  sample: [create]
"""

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.plan import Action
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import state
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import argspec, opening, used_keys, wallet
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.module import LndModule


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
            "recovery_window_path": {"type": "path"},
            "channel_backup": {"type": "path"},
            "birthday": {"type": "int"},
            "birthday_path": {"type": "path"},
        },
        macaroon=False,
        mutually_exclusive=[
            ("wallet_password_file", "wallet_password_credential"),
            ("mnemonic_file", "seed_recipient"),
        ],
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
        "recovery_window_path",
        "channel_backup",
        "birthday",
        "birthday_path",
    )
    desired = wallet.WantedWallet(
        opening=argspec.opening(params, params["node_id"]),
        **{name: params[name] for name in own},
    )
    done: set[str] = set()

    def macaroon() -> bytes:
        return argspec.read_macaroon(params)

    def apply(client: Client, action: Action) -> None:
        done.add(action.name)
        wallet.apply_wallet(client, action, desired)

    def result(present: opening.Wallet) -> dict[str, object]:
        seed = {"seed_path": desired.seed_path} if "create" in done else {}
        return {
            "state": present.state,
            "node_id": present.node_id,
            "birthday": present.birthday,
            "created": bool(done & {"create", "restore"}),
            **seed,
        }

    module.ensure(
        read=lambda client: wallet.read_wallet(client, desired, macaroon),
        plan=lambda present: wallet.plan_wallet(desired, present, params["rpcserver"]),
        apply=apply,
        result=result,
        settle=lambda client, present: used_keys.settle(
            client,
            present,
            desired.opening,
            macaroon,
            record_path=desired.recovery_window_path,
            window=desired.recovery_window,
        ),
        connect=lambda: state.started(module.connect, "NON_EXISTING", params["wait_timeout"]),
        # Without this the wallet might be one run's, and the seed that its owner has another's.
        alone=True,
    )


if __name__ == "__main__":
    main()
