# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Invoices, identified by the hash of a preimage, so that the same wish leads to the same invoice."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import typing as t
from dataclasses import asdict, dataclass, field

from .._core import wait
from .._core.errors import InvalidInput, Refused
from .._core.plan import Action, Plan
from .._grpc import messages
from .._grpc.errors import AlreadyThere, NotFound
from .reach import wait_reachable

if t.TYPE_CHECKING:
    from .._grpc.client import Client

# The prefix of derived preimages: no other use of the same key has the same bytes.
_DOMAIN = b"noncustodial.lightning/preimage/v1"

# The option from which preimages are derived.
PREIMAGE_FROM_SPEC: dict[str, t.Any] = {
    "type": "dict",
    "options": {"key": {"type": "str", "required": True, "no_log": True}, "label": {"type": "str", "required": True}},
}

# How many invoices there can be under one label; each expired one could be paid until its own expiry.
_PREIMAGE_COUNT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """An invoice as lnd stores it, under lnd's field names, without its preimage.

    Attributes:
        r_hash: payment hash, hexadecimal.
        state: OPEN, ACCEPTED, SETTLED or CANCELED.
        creation_date: seconds since 1970.
        expiry: seconds after creation_date.
        route_hints: the number of private channels to this node that it names.
    """

    r_hash: str
    payment_request: str
    state: str
    value_msat: int
    amt_paid_msat: int
    memo: str
    creation_date: int
    settle_date: int
    expiry: int
    route_hints: int


@dataclass(frozen=True)
class Slot:
    """A preimage, and the invoice that was made of it, if there is one."""

    preimage: bytes = field(repr=False)
    invoice: Invoice | None

    @property
    def r_hash(self) -> str:
        """The payment hash, hexadecimal."""
        return hashlib.sha256(self.preimage).hexdigest()


def preimages(preimage_hex: str | None, derive: t.Mapping[str, str] | None) -> tuple[bytes, ...]:
    """Return the preimages that an invoice may have, the preferred one first: the given one, those of a label, or a
    random one.

    Raises:
        InvalidInput: a secret is malformed; the text does not show it.
    """
    if derive is not None:
        return derived_preimages(_secret(derive["key"], 16, "preimage_from.key"), derive["label"])
    if preimage_hex is None:
        return (secrets.token_bytes(32),)
    preimage = _secret(preimage_hex, 32, "preimage")
    if len(preimage) != 32:
        raise InvalidInput("preimage is longer than 32 bytes", "Give 64 hexadecimal digits, or leave it out")
    return (preimage,)


def _secret(text: str, least: int, what: str) -> bytes:
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) < least:
        raise InvalidInput(
            f"{what} is not {least} bytes or more in hexadecimal", f"Give at least {2 * least} hexadecimal digits"
        )
    return value


def derived_preimages(key: bytes, label: str) -> tuple[bytes, ...]:
    """Derive the preimages of a secret key and a label: HMAC-SHA256 over number and label."""
    return tuple(
        hmac.new(key, b"\0".join((_DOMAIN, str(number).encode(), label.encode())), hashlib.sha256).digest()
        for number in range(_PREIMAGE_COUNT)
    )


def read_invoice(client: Client, preimage: bytes) -> Slot:
    """Read the invoice of one preimage."""
    r_hash = hashlib.sha256(preimage).digest()
    try:
        found = client.call("lnrpc.Lightning/LookupInvoice", r_hash=r_hash)
    except NotFound:
        return Slot(preimage, None)
    return Slot(
        preimage,
        Invoice(
            r_hash=found.r_hash.hex(),
            payment_request=found.payment_request,
            state=messages.enum_name("lnrpc.Invoice.InvoiceState", found.state),
            value_msat=found.value_msat,
            amt_paid_msat=found.amt_paid_msat,
            memo=found.memo,
            creation_date=found.creation_date,
            settle_date=found.settle_date,
            expiry=found.expiry,
            route_hints=len(found.route_hints),
        ),
    )


def read_slot(client: Client, row: t.Sequence[bytes]) -> Slot:
    """Return the first invoice of a row that was not canceled, or the free place for the next one; the last invoice if
    all were canceled.

    A canceled invoice can never be paid, so at most one of a row is paid.
    """
    slots = (read_invoice(client, preimage) for preimage in row)
    slot = next(slots)
    while slot.invoice is not None and slot.invoice.state == "CANCELED":
        following = next(slots, None)
        if following is None:
            return slot
        slot = following
    return slot


def plan_invoice(wanted: t.Mapping[str, t.Any], slot: Slot, any_settled: bool = False) -> Plan:
    """Plan to create the invoice, unless it exists.

    Args:
        wanted: value_msat, memo, expiry, private, as AddInvoice takes them, and wait_timeout.
        slot: the preimage and its present invoice.
        any_settled: accept a settled invoice whatever its amount.

    Raises:
        Refused: the invoice of this preimage has another amount, or was canceled.
    """
    invoice = slot.invoice
    if invoice is None:
        return Plan(
            (Action("add", {"preimage": slot.preimage, **wanted}),),
            {},
            {"state": "OPEN", **{name: wanted[name] for name in ("value_msat", "memo", "expiry")}},
        )
    if invoice.state == "CANCELED":
        raise Refused(
            f"The invoice {invoice.r_hash} was canceled or has expired unpaid after {invoice.expiry} s, and its"
            " preimage cannot be used again",
            "Give another preimage or label; under a label up to 1000 are found by themselves",
        )
    if invoice.value_msat != wanted["value_msat"] and not (any_settled and invoice.state == "SETTLED"):
        lapses = (
            f"; or run again when it has lapsed, {invoice.expiry} s after it was made"
            if invoice.state == "OPEN"
            else ""
        )
        raise Refused(
            f"The invoice {invoice.r_hash} exists with {invoice.value_msat} msat, wanted are {wanted['value_msat']}"
            " msat",
            f"Use another preimage or label for another amount{lapses}",
        )
    return Plan()


def apply_invoice(client: Client, action: Action) -> None:
    """Create an invoice; one that has appeared meanwhile is a success.

    Raises:
        WaitTimeout: the invoice is private, and this node has no channel that others know or that the invoice could
            name.
    """
    fields = dict(action.args)
    preimage, timeout = fields.pop("preimage"), fields.pop("wait_timeout")
    if fields["private"]:
        wait_reachable(client, timeout)
    try:
        client.call("lnrpc.Lightning/AddInvoice", r_preimage=preimage, **fields)
    except AlreadyThere:
        return


def wait_settled(client: Client, slot: Slot, timeout: float) -> Slot:
    """Wait until the invoice is paid; return it.

    Raises:
        WaitTimeout: it is not paid in time.
        Refused: it has expired or was canceled.
    """
    slot = wait.until(
        f"the payment of invoice {slot.r_hash}",
        lambda: read_invoice(client, slot.preimage),
        lambda slot: slot.invoice is not None and slot.invoice.state in ("SETTLED", "CANCELED"),
        timeout,
    )
    if slot.invoice is not None and slot.invoice.state == "CANCELED":
        raise Refused(
            f"The invoice {slot.r_hash} was canceled or has expired unpaid",
            "Run again with a longer expiry, and pay it in time",
        )
    return slot


def invoice_result(slot: Slot) -> dict[str, t.Any]:
    """Build a module's result, which never has the preimage."""
    return asdict(slot.invoice) if slot.invoice is not None else {}
