# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a provider may do on a tenant's lnd: its node on a signer, its hub on a whole node. The one place that says it: roles bake it, checks demand it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .macaroon import Macaroon

# The ten methods that a watch-only lnd v0.21.3 calls on its signer (lnd: lnwallet/rpcwallet), and the version, for the signer check.
PERMISSIONS = (
    "uri:/walletrpc.WalletKit/SignPsbt",
    "uri:/signrpc.Signer/DeriveSharedKey",
    "uri:/signrpc.Signer/SignMessage",
    "uri:/signrpc.Signer/MuSig2CreateSession",
    "uri:/signrpc.Signer/MuSig2RegisterNonces",
    "uri:/signrpc.Signer/MuSig2RegisterCombinedNonce",
    "uri:/signrpc.Signer/MuSig2GetCombinedNonce",
    "uri:/signrpc.Signer/MuSig2Sign",
    "uri:/signrpc.Signer/MuSig2CombineSig",
    "uri:/signrpc.Signer/MuSig2Cleanup",
    "uri:/verrpc.Versioner/GetVersion",
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

# Reason codes, as in the signer check.
TOO_WIDE, TOO_NARROW, ROOT_KEY_ZERO = "grant_too_wide", "grant_too_narrow", "grant_root_key_zero"


@dataclass(frozen=True)
class Flaw:
    """One way in which a macaroon is not the grant.

    Attributes:
        reason: a stable code.
        text: what was seen.
    """

    reason: str
    text: str


def flaws(macaroon: Macaroon, permissions: t.Iterable[str] = PERMISSIONS) -> list[Flaw]:
    """In what a macaroon differs from the grant of these permissions; nothing if it is exactly that."""
    wanted = frozenset(permissions)
    found: list[Flaw] = []
    if macaroon.permissions - wanted:
        found.append(Flaw(TOO_WIDE, f"grants more than is needed: {_listed(macaroon.permissions - wanted)}"))
    if wanted - macaroon.permissions:
        found.append(Flaw(TOO_NARROW, f"does not grant {_listed(wanted - macaroon.permissions)}"))
    if macaroon.root_key_id == 0:
        found.append(Flaw(ROOT_KEY_ZERO, "is baked under root key id 0, which cannot be deleted, so that it could not be revoked"))
    return found


def _listed(permissions: t.Iterable[str]) -> str:
    return ", ".join(sorted(permissions))
