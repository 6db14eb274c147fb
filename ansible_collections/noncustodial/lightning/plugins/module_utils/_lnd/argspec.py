# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that all modules share: how to reach one lnd. Their names are lncli's own."""

from __future__ import annotations

import os
import typing as t

from . import credential, macaroon
from .client import Connection
from .errors import InvalidInput, Missing
from .files import read_file
from .opening import Opening
from .password import PasswordSource

NETWORKS = ("mainnet", "testnet", "testnet4", "signet", "regtest", "simnet")

# More than lnd writes into either.
_MAX_CREDENTIAL = 64 << 10

CONNECTION_SPEC: dict[str, dict[str, t.Any]] = {
    "rpcserver": {"type": "str", "default": "localhost:10009"},
    "lnddir": {"type": "path", "default": "~/.lnd"},
    "network": {"type": "str", "default": "mainnet", "choices": list(NETWORKS)},
    "tlscertpath": {"type": "path"},
    "macaroonpath": {"type": "path"},
    "macaroon_credential": {"type": "path", "no_log": False},
    "timeout": {"type": "float", "default": 30.0},
}


def chain_directory(params: t.Mapping[str, t.Any]) -> str:
    """Where lnd keeps the macaroons of one network (lnd: lnddir/data/chain/bitcoin/<network>)."""
    return os.path.join(params["lnddir"], "data", "chain", "bitcoin", params["network"])


def certificate_path(params: t.Mapping[str, t.Any]) -> str:
    """The file with the node's certificate."""
    return str(params["tlscertpath"] or os.path.join(params["lnddir"], "tls.cert"))


def connection(params: t.Mapping[str, t.Any], macaroon: bool = True) -> Connection:
    """The connection that a module's options describe.

    Args:
        params: the module's options.
        macaroon: False for the services that need none.

    Raises:
        Missing: a file is not there, or the certificate is only half-written.
        InvalidInput: a file cannot be read.
    """
    path = certificate_path(params)
    certificate = read_file(path, "the TLS certificate", _MAX_CREDENTIAL)
    if b"-----END CERTIFICATE-----" not in certificate:
        raise Missing(f"{path} holds no complete TLS certificate", "Wait until lnd has written it, or correct tlscertpath")
    return Connection(params["rpcserver"], certificate, read_macaroon(params) if macaroon else None, params["timeout"])


def read_macaroon(params: t.Mapping[str, t.Any]) -> bytes:
    """The macaroon that a module's options name.

    Raises:
        Missing: it is not there.
        InvalidInput: it cannot be read or unsealed, or is no macaroon of lnd's.
    """
    if params["macaroon_credential"]:
        return credential.unseal(params["macaroon_credential"], "macaroon", "macaroon")
    path = params["macaroonpath"] or os.path.join(chain_directory(params), "admin.macaroon")
    content = read_file(path, "the macaroon", _MAX_CREDENTIAL)
    # Whatever is in its place is not sent to who listens there.
    try:
        macaroon.decode(content)
    except macaroon.Malformed as error:
        raise InvalidInput(f"{path}: {error.what}", error.cure) from error
    return content


def given_certificate(params: t.Mapping[str, t.Any], what: str) -> str:
    """The certificate that the options certificate and certificate_file give, PEM.

    Args:
        params: the module's options.
        what: what it is, for the error.

    Raises:
        Missing: the file is not there.
        InvalidInput: it cannot be read.
    """
    return str(params["certificate"]) if params["certificate"] else read_file(params["certificate_file"], what).decode(errors="replace")


def given_macaroon(params: t.Mapping[str, t.Any], what: str) -> bytes:
    """The macaroon that the options macaroon, macaroon_credential and, where there is one, macaroon_file give.

    Args:
        params: the module's options.
        what: what it is, for the error.

    Raises:
        Missing: the file is not there.
        InvalidInput: it cannot be read or unsealed, or is not hexadecimal.
    """
    if params["macaroon_credential"]:
        return credential.unseal(params["macaroon_credential"], params["macaroon_credential_name"], what)
    if params.get("macaroon_file"):
        return read_file(params["macaroon_file"], f"the {what}")
    try:
        return bytes.fromhex(params["macaroon"])
    except ValueError as error:
        raise InvalidInput("The option macaroon is not hexadecimal", "Give it as lnd_bundle_info returns it") from error


WALLET_SPEC: dict[str, dict[str, t.Any]] = {
    "state": {"type": "str", "choices": ["present", "unlocked"], "default": "unlocked"},
    "wallet_password_file": {"type": "path", "no_log": False},
    "wallet_password_credential": {"type": "path", "no_log": False},
    "wallet_password_credential_name": {"type": "str", "default": "wallet-password", "no_log": False},
    "auto_unlock": {"type": "bool", "default": False},
    "wait_for": {"type": "str", "choices": ["UNLOCKED", "RPC_ACTIVE", "SERVER_ACTIVE"], "default": "RPC_ACTIVE"},
    "wait_timeout": {"type": "float", "default": 120.0},
    "node_id": {"type": "str"},
}


# Of an account that is given; its documentation is that of the modules that take accounts.
ACCOUNT_SPEC: dict[str, dict[str, t.Any]] = {
    "purpose": {"type": "int", "required": True},
    "coin_type": {"type": "int", "required": True},
    "account": {"type": "int", "required": True},
    "xpub": {"type": "str", "required": True, "no_log": True},
}


def opening(params: t.Mapping[str, t.Any], node_id: str | None) -> Opening:
    """How the options say that a wallet is opened; the node's identity may be known otherwise."""
    return Opening(
        unlocked=params["state"] == "unlocked",
        auto_unlock=params["auto_unlock"],
        wait_for=params["wait_for"],
        wait_timeout=params["wait_timeout"],
        password=PasswordSource(
            params["wallet_password_file"], params["wallet_password_credential"], params["wallet_password_credential_name"]
        ),
        node_id=node_id,
    )
