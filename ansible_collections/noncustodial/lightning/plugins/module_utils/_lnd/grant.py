# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a provider may do on a tenant's lnd: its node on a signer, its hub on a whole node. The one place that says it: roles bake it, checks demand it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .macaroon import Macaroon
from .printable import printable

# What a watch-only lnd v0.21.3 calls on its signer (lnd: lnwallet/rpcwallet) for channels that are not taproot, and the version, for the signer check.
PERMISSIONS = (
    "uri:/walletrpc.WalletKit/SignPsbt",
    "uri:/signrpc.Signer/DeriveSharedKey",
    "uri:/signrpc.Signer/SignMessage",
    "uri:/verrpc.Versioner/GetVersion",
)

# What lnd calls for taproot channels, and what a grant must never have. MuSig2CreateSession takes the secret nonces from its caller (lnd:
# lnrpc/signrpc/signer_server.go), so that in the partial signature only the private key is unknown to it. Grants of before had all seven.
MUSIG2 = tuple(
    f"uri:/signrpc.Signer/{method}"
    for method in (
        "MuSig2CreateSession",
        "MuSig2RegisterNonces",
        "MuSig2RegisterCombinedNonce",
        "MuSig2GetCombinedNonce",
        "MuSig2Sign",
        "MuSig2CombineSig",
        "MuSig2Cleanup",
    )
)
# What it means that such a grant was given.
KEYS_MAY_BE_KNOWN = (
    "With MuSig2 methods whoever has had this macaroon could compute private keys, and with the accounts every Lightning key of the wallet. Revoking does not "
    "help: close the channels while the node still signs, then the tenant must make a new seed and hand over a new bundle"
)

# What a hub calls on its node (roles/lndhub, lndhub/node.py, which a test compares). None of it moves coins on the chain, opens or closes a channel, or bakes.
HUB_PERMISSIONS = (
    "uri:/lnrpc.Lightning/GetInfo",
    "uri:/lnrpc.Lightning/ChannelBalance",
    "uri:/lnrpc.Lightning/AddInvoice",
    "uri:/lnrpc.Lightning/LookupInvoice",
    "uri:/lnrpc.Lightning/SubscribeInvoices",
    "uri:/lnrpc.Lightning/ListInvoices",
    "uri:/lnrpc.Lightning/ListPayments",
    "uri:/lnrpc.Lightning/DecodePayReq",
    "uri:/lnrpc.Lightning/SignMessage",
    "uri:/invoicesrpc.Invoices/CancelInvoice",
    "uri:/routerrpc.Router/SendPaymentV2",
    "uri:/routerrpc.Router/TrackPaymentV2",
)

# lnd's own permission for MuSig2 methods is signer:generate (lnd: lnrpc/signrpc/signer_server.go), and who may bake has every one.
_KEY_GIVING = frozenset((*MUSIG2, "signer:generate", "macaroon:generate", "uri:/lnrpc.Lightning/BakeMacaroon"))

# Reason codes, as in the signer check.
TOO_WIDE, TOO_NARROW, ROOT_KEY_ZERO = "grant_too_wide", "grant_too_narrow", "grant_root_key_zero"


@dataclass(frozen=True)
class Flaw:
    """One way in which a macaroon is not the grant.

    Attributes:
        reason: a stable code.
        text: what was seen.
        cure: what to do, where that is more than the reason tells.
    """

    reason: str
    text: str
    cure: str = ""


def flaws(macaroon: Macaroon, permissions: t.Iterable[str] = PERMISSIONS) -> list[Flaw]:
    """In what a macaroon differs from the grant of these permissions; nothing if it is exactly that."""
    wanted = frozenset(permissions)
    found: list[Flaw] = []
    wider = macaroon.permissions - wanted
    if wider:
        cure = KEYS_MAY_BE_KNOWN if gives_keys(wider) else ""
        found.append(Flaw(TOO_WIDE, f"grants more than is needed: {_listed(wider)}", cure))
    if wanted - macaroon.permissions:
        found.append(Flaw(TOO_NARROW, f"does not grant {_listed(wanted - macaroon.permissions)}"))
    if macaroon.root_key_id == 0:
        found.append(Flaw(ROOT_KEY_ZERO, "is baked under root key id 0, which cannot be deleted, so that it could not be revoked"))
    return found


def gives_keys(permissions: t.Iterable[str]) -> bool:
    """Whether these permissions have a MuSig2 method among them, by its name or within lnd's own entities, so that private keys can be computed."""
    return not _KEY_GIVING.isdisjoint(permissions)


def _listed(permissions: t.Iterable[str]) -> str:
    return printable(", ".join(sorted(permissions)))
