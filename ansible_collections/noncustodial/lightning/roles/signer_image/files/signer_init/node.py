# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls to lnd on this machine, made as the modules of this collection make them."""

from __future__ import annotations

import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.files import read_file
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import state
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import certificate, grant
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys.password import PasswordSource
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import argspec, macaroon_file, opening

from .place import Place, self_node
from .settings import Settings

_CALL_TIMEOUT_SECONDS = 60.0
# For lnd's start: it stretches its password on purpose, which takes a minute on a slow machine.
_START_TIMEOUT_SECONDS = 300.0


def _options(place: Place, network: str) -> dict[str, t.Any]:
    return {
        "rpcserver": self_node(network).rpcserver,
        "lnddir": str(place.lnddir),
        "network": network,
        "tlscertpath": None,
        "macaroonpath": None,
        "macaroon_credential": None,
        "timeout": _CALL_TIMEOUT_SECONDS,
    }


def connect(place: Place, network: str, macaroon: bool = True, timeout: float | None = None) -> Client:
    """Return a connection, by default with lnd's own macaroon, and seconds that a call may take."""
    options = _options(place, network)
    return Client(argspec.connection({**options, "timeout": timeout or options["timeout"]}, macaroon))


def started(place: Place, network: str) -> Client:
    """Wait until lnd reports whether it has a wallet, and return a connection without a macaroon.

    Raises:
        WaitTimeout: lnd does not report it.
    """
    return state.started(lambda: connect(place, network, macaroon=False), "NON_EXISTING", _START_TIMEOUT_SECONDS)


def how(password: PasswordSource) -> opening.Opening:
    """Return the options with which the wallet is opened: lnd does it by itself."""
    return opening.Opening(
        unlocked=True, auto_unlock=True, wait_for="RPC_ACTIVE", wait_timeout=_START_TIMEOUT_SECONDS, password=password
    )


def certificates(place: Place) -> tuple[certificate.Certificate, ...]:
    """Return the certificates that lnd serves with. Whoever has broken into lnd can have put a link or a pipe there.

    Raises:
        InvalidInput: they cannot be read, or not safely.
    """
    return certificate.read(read_file(str(place.certificate), "lnd's certificate").decode(errors="replace"))


def serves(client: Client) -> None:
    """Wait until lnd serves.

    Raises:
        WaitTimeout: it does not; the message has the last state.
    """
    state.await_state(client, "RPC_ACTIVE", _START_TIMEOUT_SECONDS)


def granted(place: Place, settings: Settings) -> macaroon_file.WantedMacaroon:
    """Return the provider's grant on this lnd, as it is to be. A grant that its owner has revoked stays revoked."""
    return macaroon_file.WantedMacaroon(
        path=str(place.macaroon),
        root_key_id=settings.root_key_id,
        permissions=frozenset(grant.PERMISSIONS),
        caveats=None,
        keep_revoked=True,
    )
