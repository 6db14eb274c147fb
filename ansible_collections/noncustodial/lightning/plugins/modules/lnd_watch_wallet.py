#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lnd_watch_wallet
short_description: Make or open the watch-only wallet of a tenant node
version_added: 0.1.0
description:
  - Makes the wallet of an lnd whose keys are on a remote signer, from the public keys of the signer's accounts, and
    opens an existing one.
  - The module has no option that takes a seed or a private key. A private key in O(accounts) is refused, and nothing is
    sent.
  - The accounts are checked before lnd gets any of them. All that a watch-only lnd needs must be there and no others,
    each with its depth, number and network, and all must be of one seed as far as public keys can show. Every problem
    is reported with its path.
  - Afterwards the wallet's accounts are compared with O(accounts), because lnd imports them one by one and an
    interruption leaves only a part.
  - Waits for an lnd that is still starting.
extends_documentation_fragment:
  - noncustodial.lightning.lnd
  - noncustodial.lightning.wallet
  - noncustodial.lightning.attributes
options:
  accounts:
    description: The accounts of the tenant's signer, as in its bundle.
    type: list
    elements: dict
    required: true
    suboptions:
      purpose:
        description: The first step of the account's path; 49, 84 and 86 for coins, 1017 for lnd's own keys.
        type: int
        required: true
      coin_type:
        description: The second step; V(0) for coins on every network, for lnd's own keys V(0) on mainnet and V(1)
          elsewhere.
        type: int
        required: true
      account:
        description: The third step; V(0) for coins, V(0) to V(255) for lnd's own keys.
        type: int
        required: true
      xpub:
        description: The account's extended public key, as the signer's lnd writes it. It is confidential.
        type: str
        required: true
  birthday:
    description: The time at which the seed was made, in unix seconds. Without it the lnd would scan the whole chain,
      which takes hours on mainnet.
    type: int
    required: true
  recovery_window:
    description:
      - For a wallet that replaces a lost one of the same accounts. The number of addresses, and of keys for channels,
        that the lost wallet may have used. Each attempt to open a channel uses keys, also a failed or refused one, and
        also one of another node. So take more than all attempts of all peers, such as 5000.
      - So many unused addresses in a row are checked to find its coins, and so many keys of each of lnd's families are
        derived and not used again. A new channel with the keys of an old one can be robbed by its peer, which knows
        the old one's revocation secrets.
      - The keys are passed over as soon as lnd serves calls, before it has synced to the chain and opens itself to
        peers, unless it syncs faster.
      - Without this option no wallet is made where a C(channel.backup) shows that there was one. That file is only on
        the machine on which the lnd has run.
    type: int
    default: 0
  recovery_window_path:
    description: The file in which O(recovery_window) is recorded before the wallet is made, and which is removed when
      all keys are passed over, so that a run after an interruption goes on with it. Choose a folder in which only root
      can write. It is needed with O(recovery_window).
    type: path
  wait_timeout:
    description:
      - Seconds to wait for the lnd's start, for the wallet's creation, and for O(wait_for), each.
      - For the lnd's start, and for the V(RPC_ACTIVE) of one that has never been synced to the chain, the limit is at
        most 120. So an lnd that does not start, or has an incomplete wallet, is found soon, however long the chain may
        take.
    type: float
    default: 120.0
  node_id:
    description:
      - The public key of the node whose accounts these should be. By default it is derived from the accounts.
      - If it is not that of the accounts, or if an existing wallet has another seed, the module fails and names both
        public keys.
requirements:
  - ecdsa (Debian package C(python3-ecdsa))
notes:
  - The lnd must have its remote signer configured and reachable, because it dials it as soon as the wallet is made.
  - An lnd without a wallet accepts one from whoever reaches its port, so let it listen only on its own machine until
    then. Neither an existing wallet nor an answer to the call that makes one proves that nobody else came first. So
    start lnd once more with C(wallet-unlock-password-file) and without C(wallet-unlock-allow-create). It then opens a
    wallet with that password or stops, and anybody else who made one does not know the password. The role C(lnd) does
    this.
  - In check mode the password is not read.
seealso:
  - module: noncustodial.lightning.lnd_accounts_info
  - module: noncustodial.lightning.lnd_bundle_info
author:
  - noncustodial.lightning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Make the wallet of the tenant's node
  noncustodial.lightning.lnd_watch_wallet:
    rpcserver: localhost:10010
    lnddir: /var/lib/lnd/acme
    accounts: "{{ offer.bundle.accounts }}"
    birthday: "{{ offer.bundle.birthday }}"
    node_id: "{{ offer.bundle.node_id }}"
    wallet_password_credential: /etc/credstore.encrypted/lnd@acme.wallet-password
    auto_unlock: true
    wait_for: SERVER_ACTIVE
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
  description: The public key of the node whose accounts these are.
  returned: success
  type: str
  sample: 02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5
actions:
  description: The actions that were done, or would be done in check mode. Possible are C(create) and C(unlock).
  returned: success
  type: list
  elements: str
  sample: [create]
reason:
  description:
    - V(wallet_incomplete) means that an interruption has left a part of a wallet, and that the node never had a
      channel.
    - It is then safe to remove the node's database and data, and to run the module again.
  returned: when the wallet is incomplete
  type: str
  sample: wallet_incomplete
problems:
  description: All problems of O(accounts).
  returned: when the accounts are refused
  type: list
  elements: dict
  sample: [{path: "accounts[2].xpub", text: is a private key}]
"""

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.plan import Action
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import state
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import bip32
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import argspec, opening, watch_wallet
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.module import LndModule


def main() -> None:
    module = LndModule(
        {
            **argspec.WALLET_SPEC,
            "accounts": {"type": "list", "elements": "dict", "required": True, "options": argspec.ACCOUNT_SPEC},
            "birthday": {"type": "int", "required": True},
            "recovery_window": {"type": "int", "default": 0},
            "recovery_window_path": {"type": "path"},
        },
        macaroon=False,
        needs={"ecdsa": bip32.IMPORT_ERROR},
        mutually_exclusive=[("wallet_password_file", "wallet_password_credential")],
    )
    params = module.params
    node_id = module.checked(lambda: watch_wallet.node_id_of(params["accounts"], params["network"], params["node_id"]))
    desired = watch_wallet.WantedWatchWallet(
        accounts=tuple(params["accounts"]),
        birthday=params["birthday"],
        opening=argspec.opening(params, node_id),
        chain_directory=argspec.chain_directory(params),
        recovery_window=params["recovery_window"],
        recovery_window_path=params["recovery_window_path"],
    )
    done: set[str] = set()

    def macaroon() -> bytes:
        return argspec.read_macaroon(params)

    def apply(client: Client, action: Action) -> None:
        done.add(action.name)
        watch_wallet.apply_watch_wallet(client, action, desired)

    def result(present: opening.Wallet) -> dict[str, object]:
        return {"state": present.state, "node_id": node_id, "created": "create" in done}

    module.ensure(
        read=lambda client: opening.read_wallet(client, macaroon),
        plan=lambda present: watch_wallet.plan_watch_wallet(desired, present, params["rpcserver"]),
        apply=apply,
        result=result,
        settle=lambda client, present: watch_wallet.settle_watch_wallet(client, present, desired, macaroon),
        connect=lambda: state.started(
            module.connect, "NON_EXISTING", min(params["wait_timeout"], watch_wallet.START_WAIT_SECONDS)
        ),
    )


if __name__ == "__main__":
    main()
