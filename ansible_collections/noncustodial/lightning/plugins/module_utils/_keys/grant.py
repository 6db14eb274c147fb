# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A provider's permissions on a tenant's lnd: its node's on a signer, its hub's on a whole node. Their one source:
roles bake them, checks demand them.
"""

from __future__ import annotations

import base64
import hashlib
import typing as t
from dataclasses import dataclass

from .._core.printable import printable
from .macaroon import Macaroon

# The calls of a watch-only lnd v0.21.3 to its signer (lnd: lnwallet/rpcwallet) for channels that are not taproot, and
# GetVersion for the signer check.
PERMISSIONS = (
    "uri:/walletrpc.WalletKit/SignPsbt",
    "uri:/signrpc.Signer/DeriveSharedKey",
    "uri:/signrpc.Signer/SignMessage",
    "uri:/verrpc.Versioner/GetVersion",
)

# lnd's calls for taproot channels, which a grant must never have. MuSig2CreateSession takes the secret nonces from its
# caller (lnd: lnrpc/signrpc/signer_server.go), so that in the partial signature only the private key is unknown to it.
# Earlier grants had all seven.
MUSIG2_PERMISSIONS = tuple(
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
# The consequence if such a grant was given.
KNOWN_KEYS_WARNING = (
    "With MuSig2 methods whoever has had this macaroon could compute private keys, and with the accounts every"
    " Lightning key of the wallet. Revoking does not help: close the channels while the node still signs, then the"
    " tenant must make a new seed and hand over a new bundle"
)

# A hub's calls to its node (roles/lndhub, lndhub/node.py, which a test compares). None moves coins on the chain, opens
# or closes a channel, or bakes.
HUB_PERMISSIONS = (
    "uri:/lnrpc.Lightning/GetInfo",
    "uri:/lnrpc.Lightning/ChannelBalance",
    "uri:/lnrpc.Lightning/ListChannels",
    "uri:/lnrpc.Lightning/AddInvoice",
    "uri:/lnrpc.Lightning/LookupInvoice",
    "uri:/lnrpc.Lightning/LookupHtlcResolution",
    "uri:/lnrpc.Lightning/SubscribeInvoices",
    "uri:/lnrpc.Lightning/ListInvoices",
    "uri:/lnrpc.Lightning/ListPayments",
    "uri:/lnrpc.Lightning/DecodePayReq",
    "uri:/lnrpc.Lightning/SignMessage",
    "uri:/invoicesrpc.Invoices/CancelInvoice",
    "uri:/routerrpc.Router/SendPaymentV2",
    "uri:/routerrpc.Router/TrackPaymentV2",
)

# lnd's own permission for MuSig2 methods is signer:generate (lnd: lnrpc/signrpc/signer_server.go), and who may bake has
# every one.
_KEY_GIVING_PERMISSIONS = frozenset(
    (*MUSIG2_PERMISSIONS, "signer:generate", "macaroon:generate", "uri:/lnrpc.Lightning/BakeMacaroon")
)

# 80 bits: nobody guesses them, and a person can read them out.
_RECEIPT_PURPOSE, _RECEIPT_BYTES, _GROUP_LETTERS = b"noncustodial.lightning grant taken up\0", 10, 4

# Reason codes, as in the signer check.
TOO_WIDE_REASON, TOO_NARROW_REASON, ROOT_KEY_ZERO_REASON = "grant_too_wide", "grant_too_narrow", "grant_root_key_zero"


@dataclass(frozen=True)
class Flaw:
    """One way in which a macaroon differs from the grant.

    Attributes:
        reason: a stable code.
        text: the observation.
        cure: the cure, where it is more than the reason states.
    """

    reason: str
    text: str
    cure: str = ""


def flaws(macaroon: Macaroon, permissions: t.Iterable[str] = PERMISSIONS) -> list[Flaw]:
    """Return the differences of a macaroon from the grant of these permissions; none if it is exactly that."""
    wanted = frozenset(permissions)
    found: list[Flaw] = []
    wider = macaroon.permissions - wanted
    if wider:
        cure = KNOWN_KEYS_WARNING if gives_keys(wider) else ""
        found.append(Flaw(TOO_WIDE_REASON, f"grants more than is needed: {_listed(wider)}", cure))
    if wanted - macaroon.permissions:
        found.append(Flaw(TOO_NARROW_REASON, f"does not grant {_listed(wanted - macaroon.permissions)}"))
    if macaroon.root_key_id == 0:
        found.append(
            Flaw(
                ROOT_KEY_ZERO_REASON,
                "is baked under root key id 0, which cannot be deleted, so that it could not be revoked",
            )
        )
    return found


def receipt(macaroon: Macaroon) -> str:
    """Return the receipt of a grant: four groups of four letters and digits. Only who has the macaroon knows it, and it
    allows nothing. With it a provider shows its tenant which grant its node runs with.
    """
    digest = hashlib.sha256(_RECEIPT_PURPOSE + macaroon.encode()).digest()
    text = base64.b32encode(digest[:_RECEIPT_BYTES]).decode()
    return "-".join(text[start : start + _GROUP_LETTERS] for start in range(0, len(text), _GROUP_LETTERS))


def is_receipt(text: str, macaroon: Macaroon) -> bool:
    """Return whether a text is the receipt of a grant, however its groups are written."""
    return "".join(text.upper().replace("-", " ").split()) == receipt(macaroon).replace("-", "")


def gives_keys(permissions: t.Iterable[str]) -> bool:
    """Return whether these permissions include a MuSig2 method, by name or within lnd's own entities, with which
    private keys can be computed.
    """
    return not _KEY_GIVING_PERMISSIONS.isdisjoint(permissions)


def _listed(permissions: t.Iterable[str]) -> str:
    return printable(", ".join(sorted(permissions)))
