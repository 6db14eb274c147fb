# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An lnd whose behaviour can be set: a real gRPC server with TLS that keeps invoices and payments as lnd does, for what
a real one does too seldom.

Payment requests are not BOLT11: they contain their values as JSON, in hexadecimal.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
import typing as t
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import grpc

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import messages
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import macaroon as macaroons
from ansible_collections.noncustodial.lightning.tests.support.certificates import make_certificate
from ansible_collections.noncustodial.lightning.tests.support.grpc_server import serve

OWN_NODE = "02" + "aa" * 32
OTHER_NODE = "03" + "bb" * 32
# The channel over which the world pays.
CHANNEL = 1
_STATES = {"OPEN": 0, "SETTLED": 1, "CANCELED": 2, "ACCEPTED": 3}
_STATUSES = {"IN_FLIGHT": 1, "SUCCEEDED": 2, "FAILED": 3, "INITIATED": 4}
_TIMEOUT_SECONDS = 30.0

MACAROON = macaroons.Macaroon(b"lnd", b"\x03\x0a\x10" + b"n" * 16 + b"\x12\x010", (), b"s" * 32).encode()
"""What a client of it needs; any is taken, but its caveats are checked."""


class Abort(Exception):
    """An error in place of an answer."""

    def __init__(self, text: str, status: str = "UNKNOWN") -> None:
        self.text, self.status = text, status
        super().__init__(text)


def request(
    preimage: bytes,
    msat: int,
    *,
    destination: str = OTHER_NODE,
    memo: str = "",
    expiry: int = 3600,
    age: int = 0,
    cltv_expiry: int = 80,
) -> str:
    """Return a payment request, by default of another node."""
    said = {
        "payment_hash": hashlib.sha256(preimage).hexdigest(),
        "destination": destination,
        "num_msat": msat,
        "num_satoshis": msat // 1000,
        "timestamp": int(time.time()) - age,
        "expiry": expiry,
        "description": memo,
        "cltv_expiry": cltv_expiry,
    }
    return "lnfake1" + json.dumps(said).encode().hex()


def read(text: str) -> dict[str, t.Any]:
    """Return the contents of a payment request."""
    try:
        return t.cast("dict[str, t.Any]", json.loads(bytes.fromhex(text.removeprefix("lnfake1"))))
    except ValueError as error:
        raise Abort("invalid payment request") from error


@dataclass
class Invoice:
    """An invoice, with lnd's names."""

    r_hash: bytes
    r_preimage: bytes
    value_msat: int
    payment_request: str
    state: str = "OPEN"
    amt_paid_msat: int = 0
    settle_index: int = 0
    settle_date: int = 0
    memo: str = ""
    description_hash: bytes = b""
    creation_date: int = 0
    expiry: int = 3600
    add_index: int = 0
    htlcs: list[dict[str, t.Any]] = field(default_factory=list)


@dataclass
class Payment:
    """A payment, with lnd's names."""

    payment_hash: str
    value_msat: int
    status: str = "INITIATED"
    fee_msat: int = 0
    payment_preimage: str = ""
    failure_reason: int = 0
    payment_request: str = ""
    first_hop_custom_records: dict[int, bytes] = field(default_factory=dict)
    creation_time_ns: int = 0
    payment_index: int = 0
    htlcs: list[dict[str, t.Any]] = field(default_factory=list)

    def message(self) -> messages.Message:
        """Return the payment as lnd sends it."""
        return messages.message("lnrpc.Payment")(**{**self.__dict__, "status": _STATUSES[self.status]})


Plan = t.Callable[["FakeLnd", Payment], None]


def succeeds(fee_msat: int = 0) -> Plan:
    """Return a plan by which payments are made at once."""

    def plan(lnd: FakeLnd, payment: Payment) -> None:
        payment.status, payment.fee_msat, payment.payment_preimage = "SUCCEEDED", fee_msat, "ab" * 32

    return plan


def fails(reason: int = 2) -> Plan:
    """Return a plan by which payments fail at once."""

    def plan(lnd: FakeLnd, payment: Payment) -> None:
        payment.status, payment.failure_reason = "FAILED", reason

    return plan


@dataclass
class Gate:
    """A point at which a call waits until the test opens it."""

    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def wait(self) -> None:
        """Note that the gate was reached, and wait until it is opened."""
        self.reached.set()
        assert self.opened.wait(_TIMEOUT_SECONDS), "the test did not open the gate"


class FakeLnd:
    """The server. What the test may change is public; `lock` guards it where calls may come at the same time.

    Attributes:
        plan: what becomes of a payment that was taken.
        before_taking, after_taking: called in SendPaymentV2 before and after the payment is on record; may raise Abort
        or wait.
        before_cancel: called in CancelInvoice, before anything is done.
        htlc_ends: of each HTLC that has ended, by channel and index, whether its money came here.
        next_ends: the ends of the HTLCs that pay the next invoice; None where it has none yet. The first of the first
            invoice has the index 10.
        broken: methods that answer with this error.
        clock: seconds that its clock is ahead.
        node_id, height: its public key, and its best block.
        calls: how often each method was called.
        sent: what came with SendPaymentV2.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._changed = threading.Condition(self.lock)
        self.invoices: dict[bytes, Invoice] = {}
        self.payments: dict[str, Payment] = {}
        self.plan: Plan = succeeds()
        self.before_taking: t.Callable[[], None] = lambda: None
        self.after_taking: t.Callable[[], None] = lambda: None
        self.before_cancel: t.Callable[[], None] = lambda: None
        self.htlc_ends: dict[tuple[int, int], bool] = {}
        self.next_ends: tuple[bool | None, ...] = (True,)
        self.broken: dict[str, Abort] = {}
        self.clock = 0.0
        self.node_id, self.height = OWN_NODE, 800_000
        self.calls: Counter[str] = Counter()
        self.sent: list[messages.Message] = []
        self._settled: list[Invoice] = []
        self._taken = 0
        self.certificate, key = make_certificate()
        self._key = key
        self.port = 0
        self.start()

    def start(self) -> None:
        """Serve, on the same port as before."""
        self._stopping = False
        self._server, self.port = serve(self._handle, self.certificate, self._key, threads=128, port=self.port)

    @property
    def rpcserver(self) -> str:
        """The address of the server."""
        return f"localhost:{self.port}"

    def stop(self) -> None:
        """Stop serving; connections break."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._server.stop(None).wait()

    def pay_from_outside(self, text: str, msat: int = 0) -> bool:
        """Pay an invoice of this node from the world; return False if it may not be paid."""
        with self._changed:
            invoice = self.invoices[bytes.fromhex(read(text)["payment_hash"])]
            if invoice.state != "OPEN":
                return False
            invoice.state, invoice.amt_paid_msat = "SETTLED", msat or invoice.value_msat
            invoice.settle_index, invoice.settle_date = len(self._settled) + 1, int(time.time())
            self._settled.append(invoice)
            for number, end in enumerate(self.next_ends):
                htlc = CHANNEL, len(self._settled) * 10 + number
                part = {"amt_msat": invoice.amt_paid_msat // len(self.next_ends), "expiry_height": self.height + 80}
                invoice.htlcs.append({"chan_id": htlc[0], "htlc_index": htlc[1], "state": 1, **part})
                if end is not None:
                    self.htlc_ends[htlc] = end
            self._changed.notify_all()
            return True

    def pay_otherwise(self, text: str, records: dict[int, bytes] | None = None, status: str = "SUCCEEDED") -> Payment:
        """Pay an invoice by another program on the node."""
        said = read(text)
        with self._changed:
            self._taken += 1
            payment = Payment(
                said["payment_hash"],
                said["num_msat"],
                status,
                payment_request=text,
                first_hop_custom_records=records or {},
            )
            payment.creation_time_ns, payment.payment_index = time.time_ns(), self._taken
            self.payments[payment.payment_hash] = payment
            self._changed.notify_all()
        return payment

    def forget(self) -> tuple[dict[bytes, Invoice], dict[str, Payment]]:
        """Lose the database, and make it anew; return its old content."""
        with self._changed:
            old = self.invoices, self.payments
            self.invoices, self.payments, self._settled, self._taken = {}, {}, [], 0
            self._changed.notify_all()
        return old

    def end(self, payment_hash: str, plan: Plan) -> None:
        """Bring a payment to its end."""
        with self._changed:
            plan(self, self.payments[payment_hash])
            self._changed.notify_all()

    def _handle(
        self, name: str, macaroon: str | None, message: messages.Message, context: grpc.ServicerContext
    ) -> t.Iterator[messages.Message]:
        method = name.partition("/")[2]
        try:
            with self.lock:
                self.calls[method] += 1
                if method in self.broken:
                    raise self.broken[method]
            self._check(macaroon)
            answers = getattr(self, f"_{method}")(message)
            if isinstance(answers, dict):
                yield messages.method(name).response(**answers)
            else:
                yield from answers
        except Abort as abort:
            context.abort(grpc.StatusCode[abort.status], abort.text)

    def _check(self, macaroon: str | None) -> None:
        if not macaroon:
            raise Abort("expected 1 macaroon, got 0")
        for caveat in macaroons.decode(bytes.fromhex(macaroon)).caveats:
            until = datetime.fromisoformat(caveat.removeprefix("time-before "))
            if datetime.now(UTC).timestamp() + self.clock >= until.timestamp():
                raise Abort(f'verification failed: caveat "{caveat}" not satisfied: macaroon has expired')

    def _GetInfo(self, message: messages.Message) -> dict[str, t.Any]:  # noqa: N802
        return {
            "identity_pubkey": self.node_id,
            "block_height": self.height,
            "alias": "fake",
            "color": "#3399ff",
            "synced_to_chain": True,
            "chains": [{"network": "testnet"}],
            "num_peers": 3,
            "num_inactive_channels": 2,
            "num_pending_channels": 1,
        }

    def _ChannelBalance(self, message: messages.Message) -> dict[str, t.Any]:  # noqa: N802
        return {"local_balance": {"sat": 5, "msat": 5000}}

    def _SignMessage(self, message: messages.Message) -> dict[str, t.Any]:  # noqa: N802
        return {"signature": "signed"}

    def _DecodePayReq(self, message: messages.Message) -> dict[str, t.Any]:  # noqa: N802
        return read(message.pay_req)

    def _AddInvoice(self, message: messages.Message) -> dict[str, t.Any]:  # noqa: N802
        text = request(
            message.r_preimage, message.value_msat, destination=OWN_NODE, memo=message.memo, expiry=message.expiry
        )
        made = Invoice(hashlib.sha256(message.r_preimage).digest(), message.r_preimage, message.value_msat, text)
        made.memo, made.description_hash, made.expiry = message.memo, message.description_hash, message.expiry
        with self.lock:
            made.creation_date, made.add_index = int(time.time()), len(self.invoices) + 1
            self.invoices[made.r_hash] = made
        return {"r_hash": made.r_hash, "payment_request": text}

    def _LookupInvoice(self, message: messages.Message) -> dict[str, t.Any]:  # noqa: N802
        with self.lock:
            if message.r_hash not in self.invoices:
                raise Abort("unable to locate invoice", "NOT_FOUND")
            return self._invoice(self.invoices[message.r_hash])

    def _ListChannels(self, message: messages.Message) -> dict[str, t.Any]:  # noqa: N802
        """Return none: nothing can be proven of a channel here."""
        return {"channels": []}

    def _LookupHtlcResolution(self, message: messages.Message) -> dict[str, t.Any]:  # noqa: N802
        with self.lock:
            settled = self.htlc_ends.get((message.chan_id, message.htlc_index))
        if settled is None:
            raise Abort("htlc unknown", "NOT_FOUND")
        return {"settled": settled, "offchain": True}

    @staticmethod
    def _invoice(invoice: Invoice) -> dict[str, t.Any]:
        return {**invoice.__dict__, "state": _STATES[invoice.state]}

    def _ListInvoices(self, message: messages.Message) -> dict[str, t.Any]:  # noqa: N802
        with self.lock:
            found = [one for one in self.invoices.values() if one.add_index > message.index_offset]
            found = found[-1:] if message.reversed else found[: message.num_max_invoices]
            return {"invoices": [self._invoice(one) for one in found]}

    def _ListPayments(self, message: messages.Message) -> dict[str, t.Any]:  # noqa: N802
        with self.lock:
            found = sorted(
                (one for one in self.payments.values() if one.payment_index > message.index_offset),
                key=lambda one: one.payment_index,
            )
            return {
                "payments": [
                    one.message() for one in (found[-1:] if message.reversed else found[: message.max_payments])
                ]
            }

    def _CancelInvoice(self, message: messages.Message) -> dict[str, t.Any]:  # noqa: N802
        self.before_cancel()
        with self.lock:
            invoice = self.invoices.get(message.payment_hash)
            if invoice is None:
                raise Abort("unable to locate invoice", "NOT_FOUND")
            if invoice.state == "SETTLED":
                raise Abort("invoice already settled")
            invoice.state = "CANCELED"
        return {}

    def _SubscribeInvoices(self, message: messages.Message) -> t.Iterator[messages.Message]:  # noqa: N802
        # As lnd: without an index only what is settled from now on.
        with self.lock:
            position = message.settle_index or len(self._settled)
        while True:
            with self._changed:
                self._changed.wait_for(lambda at=position: self._stopping or len(self._settled) > at, 1.0)  # type: ignore[misc]
                if self._stopping:
                    raise Abort("server exiting", "UNAVAILABLE")
                news = [self._invoice(invoice) for invoice in self._settled[position:]]
                position += len(news)
            for invoice in news:
                yield messages.message("lnrpc.Invoice")(**invoice)

    def _SendPaymentV2(self, message: messages.Message) -> t.Iterator[messages.Message]:  # noqa: N802
        self.sent.append(message)
        self.before_taking()
        said = (
            read(message.payment_request)
            if message.payment_request
            else {"payment_hash": message.payment_hash.hex(), "num_msat": 0}
        )
        with self._changed:
            old = self.payments.get(said["payment_hash"])
            if old is not None and old.status != "FAILED":
                text = "invoice is already paid" if old.status == "SUCCEEDED" else "payment is in transition"
                raise Abort(text, "ALREADY_EXISTS")
            payment = Payment(said["payment_hash"], said["num_msat"] or message.amt_msat)
            payment.payment_request, payment.creation_time_ns = message.payment_request, time.time_ns()
            payment.first_hop_custom_records = dict(message.first_hop_custom_records)
            self._taken += 1
            payment.payment_index = self._taken
            self.payments[payment.payment_hash] = payment
            self._changed.notify_all()
        self.after_taking()
        with self._changed:
            if payment.status == "INITIATED":
                payment.status = "IN_FLIGHT"
                self.plan(self, payment)
            self._changed.notify_all()
        yield from self._follow(payment.payment_hash)

    def _TrackPaymentV2(self, message: messages.Message) -> t.Iterator[messages.Message]:  # noqa: N802
        with self.lock:
            if message.payment_hash.hex() not in self.payments:
                raise Abort("payment isn't initiated", "NOT_FOUND")
        yield from self._follow(message.payment_hash.hex())

    def _follow(self, payment_hash: str) -> t.Iterator[messages.Message]:
        while True:
            with self._changed:
                if self._stopping:
                    raise Abort("server exiting", "UNAVAILABLE")
                payment = self.payments[payment_hash]
                message, ended = payment.message(), payment.status in ("SUCCEEDED", "FAILED")
                before = payment.status
            yield message
            if ended:
                return
            with self._changed:
                self._changed.wait_for(partial(self._has_moved_on, payment_hash, before), 1.0)

    def _has_moved_on(self, payment_hash: str, before: str) -> bool:
        return self._stopping or self.payments[payment_hash].status != before
