# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""lnd on this machine, called as the modules of this collection call it."""

from __future__ import annotations

import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import argspec, baking, grant, opening, state
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.client import Client
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.password import PasswordSource

from .place import Place, self_node
from .settings import Settings

_TIMEOUT = 60.0
# Of what lnd does when it starts: its password is stretched on purpose, which takes a minute on a slow machine.
_START = 300.0


def _options(place: Place, network: str) -> dict[str, t.Any]:
    return {
        "rpcserver": self_node(network).rpcserver,
        "lnddir": str(place.lnddir),
        "network": network,
        "tlscertpath": None,
        "macaroonpath": None,
        "macaroon_credential": None,
        "timeout": _TIMEOUT,
    }


def connect(place: Place, network: str, macaroon: bool = True) -> Client:
    """A connection, by default with lnd's own macaroon."""
    return Client(argspec.connection(_options(place, network), macaroon))


def started(place: Place, network: str) -> Client:
    """A connection without a macaroon, once lnd says whether it has a wallet.

    Raises:
        WaitTimeout: it does not.
    """
    return state.started(lambda: connect(place, network, macaroon=False), "NON_EXISTING", _START)


def how(password: PasswordSource) -> opening.Opening:
    """How the wallet is opened: by lnd itself."""
    return opening.Opening(True, True, "RPC_ACTIVE", _START, password)


def serves(client: Client) -> None:
    """Wait until lnd serves.

    Raises:
        WaitTimeout: it does not; the text says how far it came.
    """
    state.await_state(client, "RPC_ACTIVE", _START)


def granted(place: Place, chosen: Settings) -> baking.Desired:
    """What the provider may do on this lnd. What its owner has revoked stays so."""
    return baking.Desired(str(place.macaroon), chosen.root_key_id, frozenset(grant.PERMISSIONS), keep_revoked=True)
