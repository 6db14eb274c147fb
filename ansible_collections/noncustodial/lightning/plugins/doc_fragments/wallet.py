# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that lnd_wallet and lnd_watch_wallet share: the password, and the state to wait for."""

from __future__ import annotations


class ModuleDocFragment:
    """The options for opening a wallet. No option here, or in any module for tenant nodes, could carry a key."""

    DOCUMENTATION = r"""
options:
  state:
    description:
      - V(present) makes the wallet if there is none.
      - V(unlocked) does the same, and opens an existing wallet.
    type: str
    choices: [present, unlocked]
    default: unlocked
  node_id:
    description: The public key that the node must have. If an existing wallet has another seed, the module fails and
      names both public keys.
    type: str
  wallet_password_file:
    description:
      - A file that holds the wallet password; line ends after it do not count.
      - It is only read when a wallet is made or opened.
    type: path
  wallet_password_credential:
    description:
      - A file that holds the wallet password, sealed to this machine with C(systemd-creds encrypt).
      - It is only read when a wallet is made or opened.
    type: path
  wallet_password_credential_name:
    description: The name under which O(wallet_password_credential) was sealed.
    type: str
    default: wallet-password
  auto_unlock:
    description:
      - The lnd opens an existing wallet itself, as it does with its setting C(wallet-unlock-password-file).
      - Then no password is sent to open one. Without this, a password that is sent to such an lnd while it opens the
        wallet itself is never answered, which costs O(timeout) seconds.
    type: bool
    default: false
  wait_for:
    description: The state to wait for once the wallet is open. V(SERVER_ACTIVE) is reached only when the lnd is synced
      to the chain.
    type: str
    choices: [UNLOCKED, RPC_ACTIVE, SERVER_ACTIVE]
    default: RPC_ACTIVE
  wait_timeout:
    description: Seconds to wait for the lnd's start, for the wallet's creation, and for O(wait_for), each.
    type: float
    default: 120.0
"""
