# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that all modules share for the connection to one lnd. Their names are lncli's own."""

from __future__ import annotations

import os
import typing as t

from .._core import networks
from .._core.errors import InvalidInput, Missing
from .._core.files import read_file
from .._grpc.client import Connection
from .._keys import credential, macaroon
from .._keys.password import PasswordSource
from .opening import Opening

# More than lnd writes into either.
_MAX_CREDENTIAL_BYTES = 64 << 10

CONNECTION_SPEC: dict[str, dict[str, t.Any]] = {
    "rpcserver": {"type": "str", "default": "localhost:10009"},
    "lnddir": {"type": "path", "default": "~/.lnd"},
    "network": {"type": "str", "default": "mainnet", "choices": list(networks.NETWORKS)},
    "tlscertpath": {"type": "path"},
    "macaroonpath": {"type": "path"},
    "macaroon_credential": {"type": "path", "no_log": False},
    "timeout": {"type": "float", "default": 30.0},
}


def chain_directory(params: t.Mapping[str, t.Any]) -> str:
    """Return the directory of wallet and macaroons that a module's options name."""
    return networks.chain_directory(params["lnddir"], params["network"])


def certificate_path(params: t.Mapping[str, t.Any]) -> str:
    """Return the path of the node's certificate."""
    return str(params["tlscertpath"] or os.path.join(params["lnddir"], "tls.cert"))


def connection(params: t.Mapping[str, t.Any], macaroon: bool = True) -> Connection:
    """Return the connection that a module's options describe.

    Args:
        params: the module's options.
        macaroon: False for the services that need none.

    Raises:
        Missing: a file is not there, or the certificate is not fully written yet.
        InvalidInput: a file cannot be read.
    """
    path = certificate_path(params)
    certificate = read_file(path, "the TLS certificate", _MAX_CREDENTIAL_BYTES)
    if b"-----END CERTIFICATE-----" not in certificate:
        raise Missing(
            f"{path} holds no complete TLS certificate", "Wait until lnd has written it, or correct tlscertpath"
        )
    return Connection(params["rpcserver"], certificate, read_macaroon(params) if macaroon else None, params["timeout"])


def read_macaroon(params: t.Mapping[str, t.Any]) -> bytes:
    """Read the macaroon that a module's options name.

    Raises:
        Missing: it is not there.
        InvalidInput: it cannot be read or unsealed, or is not a macaroon that lnd made.
    """
    if params["macaroon_credential"]:
        return credential.unseal(params["macaroon_credential"], "macaroon", "macaroon")
    path = params["macaroonpath"] or os.path.join(chain_directory(params), "admin.macaroon")
    content = read_file(path, "the macaroon", _MAX_CREDENTIAL_BYTES)
    # If the file is not a macaroon, its content is not sent to the listener.
    try:
        macaroon.decode(content)
    except macaroon.Malformed as error:
        raise InvalidInput(f"{path}: {error.what}", error.cure) from error
    return content


def given_certificate(params: t.Mapping[str, t.Any], what: str) -> str:
    """Return the certificate from the options certificate and certificate_file, PEM.

    Args:
        params: the module's options.
        what: its description for the error.

    Raises:
        Missing: the file is not there.
        InvalidInput: it cannot be read.
    """
    return (
        str(params["certificate"])
        if params["certificate"]
        else read_file(params["certificate_file"], what).decode(errors="replace")
    )


def given_macaroon(params: t.Mapping[str, t.Any], what: str) -> bytes:
    """Return the macaroon from the options macaroon, macaroon_credential and, where there is one, macaroon_file.

    Args:
        params: the module's options.
        what: its description for the error.

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


# The options of one account; they are documented in the modules that take accounts.
ACCOUNT_SPEC: dict[str, dict[str, t.Any]] = {
    "purpose": {"type": "int", "required": True},
    "coin_type": {"type": "int", "required": True},
    "account": {"type": "int", "required": True},
    "xpub": {"type": "str", "required": True, "no_log": True},
}


def opening(params: t.Mapping[str, t.Any], node_id: str | None) -> Opening:
    """Return the way to open a wallet that the options describe. The node's identity may also come from elsewhere."""
    return Opening(
        unlocked=params["state"] == "unlocked",
        auto_unlock=params["auto_unlock"],
        wait_for=params["wait_for"],
        wait_timeout=params["wait_timeout"],
        password=PasswordSource(
            params["wallet_password_file"],
            params["wallet_password_credential"],
            params["wallet_password_credential_name"],
        ),
        node_id=node_id,
    )
