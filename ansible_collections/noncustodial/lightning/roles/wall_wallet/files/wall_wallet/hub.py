# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of the hub's API: the routes of the first LndHub, which every hub has, and one of lndhub.go. Amounts are
sat.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
import typing as t
from dataclasses import dataclass

import httpx

from . import config

_BAD_AUTH_CODE, _UNKNOWN_FAILURE_CODE, _BAD_ARGUMENTS_CODE, _IN_TRANSIT_CODE = 1, 6, 8, 9
_NOT_FOUND_STATUS, _TOO_MANY_STATUS = 404, 429
# Statuses of the hub's proxy, where the hub itself does not answer.
_PROXY_STATUSES = (502, 504)
# The type of an invoice in our hub's answers, and in lndhub.go's.
_INCOMING_TYPES = ("user_invoice", "incoming")
# The status of a payment that has ended, in lndhub.go's answers and in those of our hub before 0.2.0.
_ENDED_STATES = {"settled": "paid", "error": "failed", "failed": "failed"}


class Away(Exception):
    """The hub cannot be reached, or its answer cannot be understood.

    Args:
        why: the reason, for the log.
        reached: whether it may have acted on the request.
    """

    def __init__(self, why: str, reached: bool = True) -> None:
        super().__init__(why)
        self.reached = reached


class AccountRefused(Away):
    """The hub refuses this service's own account: login or password is wrong."""


class NoRoute(Away):
    """The hub has no route of this name."""


class Refused(Exception):
    """The hub has refused; the message is the hub's own, for the user."""

    def __init__(self, message: str, code: int, status: int) -> None:
        super().__init__(message)
        self.message, self.code, self.status = message, code, status

    @property
    def http_status(self) -> int:
        """The HTTP status of our own answer; other hubs than ours answer everything with 200."""
        return self.status if self.status >= 400 else 400

    @property
    def moved_nothing(self) -> bool:
        """True if a payment with this answer has ended without moving money."""
        return self.status == _TOO_MANY_STATUS or self.code not in (_UNKNOWN_FAILURE_CODE, _IN_TRANSIT_CODE)


class BadAuth(Refused):
    """Login, password or token is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedInvoice:
    """The contents of an invoice.

    Attributes:
        amount: 0 if the payer chooses.
        own: whether it is of the hub's own node, so that no fee is due.
        expires: seconds since 1970.
    """

    payment_hash: str
    amount: int
    memo: str
    payee: str
    own: bool
    expires: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An invoice or a payment of the user.

    Attributes:
        incoming: whether it is an invoice.
        state: paid, open, expired (invoices), paid, pending (payments).
        amount: the amount received or sent, fee included; of an open invoice the amount that it asks for.
        when: seconds since 1970.
        invoice: the payment request of an invoice; empty for a payment.
        expires: the time at which an invoice expires, in seconds since 1970.
    """

    incoming: bool
    state: str
    amount: int
    fee: int
    memo: str
    when: int
    payment_hash: str
    invoice: str = ""
    expires: int = 0


class HubClient:
    """A client of one hub; a process has one client."""

    def __init__(self, settings: config.HubSettings) -> None:
        self._settings = settings
        tls = ssl.create_default_context(cafile=settings.ca_file or None)
        self._http = httpx.AsyncClient(base_url=settings.url, verify=tls, timeout=settings.timeout, trust_env=False)
        # Payments hold a connection for as long as the hub waits for them. They have their own, so that no page waits
        # for one.
        self._paying = httpx.AsyncClient(
            base_url=settings.url, verify=tls, timeout=settings.pay_timeout, trust_env=False
        )
        self._node_id = ""

    async def close(self) -> None:
        """Close the connections."""
        await asyncio.gather(self._http.aclose(), self._paying.aclose())

    async def ask(
        self, method: str, path: str, access: str = "", address: str = "", body: t.Any = None, **query: t.Any
    ) -> t.Any:
        """Send one request, and return the answer.

        Args:
            access: access token of the account.
            address: the user's address, by which the hub limits logins; it uses the address only if its proxy accepts
                one from here.

        Raises:
            Refused: the hub refuses; BadAuth, if login, password or token is the reason.
            Away: it does not answer.
        """
        headers = {"Authorization": f"Bearer {access}"} if access else {}
        if address:
            headers["X-Forwarded-For"] = address
        http = self._paying if path == "/payinvoice" else self._http
        try:
            response = await http.request(method, path, json=body, params=query, headers=headers)
            answer = response.json()
        except httpx.HTTPError as error:
            reached = not isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout))
            raise Away(f"{path}: {error or type(error).__name__}", reached) from error
        except ValueError as error:
            kind = NoRoute if response.status_code == _NOT_FOUND_STATUS else Away
            raise kind(f"{path}: the answer is not JSON, status {response.status_code}") from error
        if isinstance(answer, dict) and answer.get("error"):
            code = answer.get("code")
            if code == _UNKNOWN_FAILURE_CODE and response.status_code in _PROXY_STATUSES:
                raise Away(f"{path}: status {response.status_code}")
            no = BadAuth if code == _BAD_AUTH_CODE else Refused
            raise no(
                str(answer.get("message", ""))[:300],
                code if isinstance(code, int) else _UNKNOWN_FAILURE_CODE,
                response.status_code,
            )
        if response.status_code != 200:
            raise Away(f"{path}: status {response.status_code}")
        return answer

    async def login(self, login: str, password: str, address: str = "") -> Account:
        """Log a user in, and return the account.

        Raises:
            BadAuth: login or password is wrong.
        """
        account = Account(self)
        await account.enter(address, login=login, password=password)
        return account

    async def create(self, address: str) -> tuple[str, str]:
        """Make an account, and return its login and password."""
        with _understood("/create"):
            made = await self.ask(
                "POST", "/create", address=address, body={"partnerid": "wall_wallet", "accounttype": "common"}
            )
            return str(made["login"]), str(made["password"])

    async def node_id(self, access: str) -> str:
        """Return the public key of the hub's node. It never changes, and is requested once."""
        if not self._node_id:
            with _understood("/getinfo"):
                self._node_id = str((await self.ask("GET", "/getinfo", access))["identity_pubkey"])
        return self._node_id


class Account:
    """A user's account, with its tokens, which the browser never gets.

    Args:
        credentials: login and password, for an account that logs in again by itself.
    """

    def __init__(self, hub: HubClient, credentials: tuple[str, str] | None = None) -> None:
        self._hub, self._credentials = hub, credentials
        self._access = self._refresh = ""
        self._lock = asyncio.Lock()

    async def enter(self, address: str = "", **body: str) -> None:
        """Get tokens for login and password, or for a refresh token."""
        with _understood("/auth"):
            tokens = await self._hub.ask("POST", "/auth", address=address, body=body)
            self._access, self._refresh = str(tokens["access_token"]), str(tokens["refresh_token"])

    async def _renew(self, stale: str) -> None:
        """Get new tokens in place of stale ones, unless another request has just got them: a refresh token can be used
        once.
        """
        async with self._lock:
            if self._access != stale:
                return
            try:
                if not self._refresh:
                    raise BadAuth("bad auth", _BAD_AUTH_CODE, 200)
                await self.enter(refresh_token=self._refresh)
            except BadAuth:
                if self._credentials is None:
                    raise
                await self._enter_again(*self._credentials)

    async def _enter_again(self, login: str, password: str) -> None:
        try:
            await self.enter(login=login, password=password)
        except BadAuth as error:
            raise AccountRefused(f"it refuses login or password of the account {login}") from error

    async def _ask(self, method: str, path: str, body: t.Any = None, **query: t.Any) -> t.Any:
        access = self._access
        try:
            return await self._hub.ask(method, path, access, body=body, **query)
        except BadAuth:
            # Nothing was done, so that doing it again is safe, a payment too.
            await self._renew(access)
            return await self._hub.ask(method, path, self._access, body=body, **query)

    async def balance(self) -> int:
        """Return the balance that can be spent."""
        with _understood("/balance"):
            return int((await self._ask("GET", "/balance"))["BTC"]["AvailableBalance"])

    async def add_invoice(self, amount: int, memo: str, expiry: int = 0) -> tuple[str, str]:
        """Make an invoice, and return its payment hash and its text.

        Args:
            expiry: seconds in which it can be paid; 0 for the hub's own default. The first LndHub and its like ignore
                it.
        """
        with _understood("/addinvoice"):
            made = await self._ask(
                "POST", "/addinvoice", {"amt": amount, "memo": memo, **({"expiry": expiry} if expiry else {})}
            )
            return _hex(made["r_hash"]), str(made["payment_request"])

    async def decode(self, invoice: str) -> DecodedInvoice:
        """Return the contents of an invoice."""
        with _understood("/decodeinvoice"):
            decoded = await self._ask("GET", "/decodeinvoice", invoice=invoice)
            payee = str(decoded["destination"])
            return DecodedInvoice(
                payment_hash=str(decoded["payment_hash"]),
                # An amount below one sat is paid as one.
                amount=-(-int(decoded.get("num_msat") or int(decoded["num_satoshis"]) * 1000) // 1000),
                memo=str(decoded.get("description", "")),
                payee=payee,
                own=payee == await self._hub.node_id(self._access),
                expires=int(decoded["timestamp"]) + int(decoded["expiry"]),
            )

    async def pay(self, invoice: str, amount: int) -> int:
        """Pay an invoice, and return the fee.

        Args:
            amount: the amount for an invoice that names none.
        """
        with _understood("/payinvoice"):
            paid = await self._ask(
                "POST", "/payinvoice", {"invoice": invoice, **({"amount": amount} if amount else {})}
            )
            return int(paid["payment_route"]["total_fees"])

    async def paid(self, payment_hash: str) -> bool | None:
        """Return whether an invoice or a payment of the account was paid; None if it has none of this hash."""
        with _understood("/checkpayment"):
            try:
                return (await self._ask("GET", f"/checkpayment/{payment_hash}"))["paid"] is True
            except BadAuth:
                raise
            except Refused as error:
                if error.code == _UNKNOWN_FAILURE_CODE or error.status == _TOO_MANY_STATUS:
                    raise
                return None

    async def sent(self, payment_hash: str) -> tuple[str, int]:
        """Return how a payment of the account has ended, paid or failed, and its fee in sat; unknown and 0 if that is
        not certain.

        Only a hub that reports the failure is believed: in the list of payments, one under way may be absent too.

        Raises:
            Away, Refused: the hub does not report it.
        """
        path = f"/v2/invoices/{payment_hash}"
        with _understood(path):
            try:
                one = await self._ask("GET", path)
            except NoRoute:
                return ("paid", 0) if await self.paid(payment_hash) else ("unknown", 0)
            except BadAuth:
                raise
            except Refused as error:
                if error.code == _UNKNOWN_FAILURE_CODE or error.status == _TOO_MANY_STATUS:
                    raise
                return "unknown", 0
            ours = one["type"] not in _INCOMING_TYPES and one["payment_hash"] == payment_hash
            state = _ENDED_STATES.get(str(one["status"]), "unknown") if ours else "unknown"
            return state, int(one["fee"]) if state == "paid" else 0

    async def received(self, payment_hash: str) -> int:
        """Return the amount with which an invoice of the account was paid, in sat; 0 if it is not paid, or if the
        account has no invoice of this hash.

        This uses a route of lndhub.go, because the answer of /checkpayment does not distinguish an invoice from a
        payment of the account's own. From a hub without that route it can only be learned that an invoice was not paid.

        Raises:
            Away, Refused: the hub does not report it.
        """
        path = f"/v2/invoices/{payment_hash}"
        with _understood(path):
            try:
                one = await self._ask("GET", path)
            except NoRoute:
                if await self.paid(payment_hash) is False:
                    return 0
                raise
            except Refused as error:
                if error.code == _BAD_ARGUMENTS_CODE or error.status == _NOT_FOUND_STATUS:
                    return 0
                raise
            incoming = one["type"] in _INCOMING_TYPES and one["payment_hash"] == payment_hash
            return int(one["amount"]) if incoming and one["is_paid"] is True else 0

    async def invoices(self, limit: int, offset: int) -> list[Item]:
        """Return invoices, newest first."""
        with _understood("/getuserinvoices"):
            return [
                _invoice(one)
                for one in reversed(await self._ask("GET", "/getuserinvoices", limit=limit, offset=offset))
            ]

    async def payments(self, limit: int, offset: int) -> list[Item]:
        """Return payments that were made or are under way, newest first."""
        with _understood("/gettxs"):
            # Other hubs than ours do not know `pending`.
            listed = await self._ask("GET", "/gettxs", limit=limit, offset=offset, pending="true")
            return [_payment(one) for one in reversed(listed)]


def _invoice(one: t.Any) -> Item:
    when, text = int(one["timestamp"]), str(one["payment_request"])
    expires = when + int(one["expire_time"])
    state = "paid" if one["ispaid"] is True else "expired" if expires <= time.time() else "open"
    return Item(
        incoming=True,
        state=state,
        amount=int(one["amt"]),
        fee=0,
        memo=str(one["description"]),
        when=when,
        payment_hash=_hex(one["payment_hash"]),
        invoice=text,
        expires=expires,
    )


def _payment(one: t.Any) -> Item:
    # According to its preimage, not to its memo, which the payee chooses.
    state = "paid" if one["payment_preimage"] else "pending"
    return Item(
        incoming=False,
        state=state,
        amount=int(one["value"]),
        fee=int(one["fee"]),
        memo=str(one["memo"]),
        when=int(one["timestamp"]),
        payment_hash=_hex(one["payment_hash"]),
    )


def _hex(value: t.Any) -> str:
    """Return bytes in hexadecimal, from text or from the form in which the first LndHub wrote them."""
    return bytes(value["data"] if isinstance(value, dict) else bytes.fromhex(value)).hex()


@contextlib.contextmanager
def _understood(path: str) -> t.Iterator[None]:
    """Raise Away where an answer lacks a field that is read from it."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Away(f"{path}: the answer is not as LndHub's: {type(error).__name__} {error}") from error
