# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub as its API shows it: the routes of the first LndHub, which every hub has. Amounts are sat."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
import typing as t
from dataclasses import dataclass

import httpx

from . import config

_BAD_AUTH, _UNKNOWN_FAILURE, _IN_TRANSIT = 1, 6, 9
_TOO_MANY = 429


class Away(Exception):
    """The hub cannot be reached, or its answer makes no sense.

    Args:
        why: for the log.
        reached: whether it may have acted on the request.
    """

    def __init__(self, why: str, reached: bool = True) -> None:
        super().__init__(why)
        self.reached = reached


class AccountRefused(Away):
    """The hub does not take this service's own account: login or password are not right."""


class Refused(Exception):
    """The hub says no, in its own words, which are for the user."""

    def __init__(self, message: str, code: int, status: int) -> None:
        super().__init__(message)
        self.message, self.code, self.status = message, code, status

    @property
    def http_status(self) -> int:
        """What our own answer has; the hub's old routes say 200 to everything."""
        return self.status if self.status >= 400 else 400

    @property
    def moved_nothing(self) -> bool:
        """Whether a payment that was answered so has come to an end, with all as before."""
        return self.status == _TOO_MANY or self.code not in (_UNKNOWN_FAILURE, _IN_TRANSIT)


class BadAuth(Refused):
    """Login, password or token are not right."""


@dataclass(frozen=True)
class Decoded:
    """What an invoice says.

    Attributes:
        amount: 0: the payer chooses.
        own: whether it is of the hub's own node, so that no fee is due.
        expires: seconds since 1970.
    """

    payment_hash: str
    amount: int
    memo: str
    payee: str
    own: bool
    expires: int


@dataclass(frozen=True)
class Item:
    """An invoice or a payment of the user.

    Attributes:
        incoming: whether it is an invoice.
        state: paid, open, expired (invoices), paid, pending (payments).
        amount: what came or went, fee included; of an open invoice what it asks for.
        when: seconds since 1970.
        invoice: as text; of a payment empty.
        expires: of an invoice, seconds since 1970.
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


class Hub:
    """A client of one hub, of which there is one in a process."""

    def __init__(self, settings: config.Hub) -> None:
        self._settings = settings
        tls = ssl.create_default_context(cafile=settings.ca_file or None)
        self._http = httpx.AsyncClient(base_url=settings.url, verify=tls, timeout=settings.timeout, trust_env=False)
        # Payments hold a connection for as long as the hub waits for them. They have their own, so that no page waits for one.
        self._paying = httpx.AsyncClient(base_url=settings.url, verify=tls, timeout=settings.pay_timeout, trust_env=False)
        self._node_id = ""

    async def close(self) -> None:
        """Give the connections back."""
        await asyncio.gather(self._http.aclose(), self._paying.aclose())

    async def ask(self, method: str, path: str, access: str = "", address: str = "", body: t.Any = None, **query: t.Any) -> t.Any:
        """One answer.

        Args:
            access: token of whoever asks.
            address: of the user, by which the hub limits logins; it believes that only if its proxy takes it from here.

        Raises:
            Refused: the hub says no; BadAuth, if that is why.
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
            raise Away(f"{path}: the answer is not JSON, status {response.status_code}") from error
        if isinstance(answer, dict) and answer.get("error"):
            code = answer.get("code")
            kind = BadAuth if code == _BAD_AUTH else Refused
            raise kind(str(answer.get("message", ""))[:300], code if isinstance(code, int) else _UNKNOWN_FAILURE, response.status_code)
        if response.status_code != 200:
            raise Away(f"{path}: status {response.status_code}")
        return answer

    async def login(self, login: str, password: str, address: str = "") -> Account:
        """The account of a user.

        Raises:
            BadAuth: login or password are wrong.
        """
        account = Account(self)
        await account.enter(address, login=login, password=password)
        return account

    async def create(self, address: str) -> tuple[str, str]:
        """Login and password of a new account."""
        with _understood("/create"):
            made = await self.ask("POST", "/create", address=address, body={"partnerid": "wall_wallet", "accounttype": "common"})
            return str(made["login"]), str(made["password"])

    async def node_id(self, access: str) -> str:
        """The public key of the hub's node; it never changes, and is asked once."""
        if not self._node_id:
            with _understood("/getinfo"):
                self._node_id = str((await self.ask("GET", "/getinfo", access))["identity_pubkey"])
        return self._node_id


class Account:
    """A user's account, with the tokens that stay on this side.

    Args:
        credentials: login and password, for an account that logs in again by itself.
    """

    def __init__(self, hub: Hub, credentials: tuple[str, str] | None = None) -> None:
        self._hub, self._credentials = hub, credentials
        self._access = self._refresh = ""
        self._lock = asyncio.Lock()

    async def enter(self, address: str = "", **body: str) -> None:
        """Get tokens for login and password, or for a refresh token."""
        with _understood("/auth"):
            tokens = await self._hub.ask("POST", "/auth", address=address, body=body)
            self._access, self._refresh = str(tokens["access_token"]), str(tokens["refresh_token"])

    async def _renew(self, stale: str) -> None:
        """New tokens in place of stale ones, unless another request has just got them: a refresh token is good once."""
        async with self._lock:
            if self._access != stale:
                return
            try:
                if not self._refresh:
                    raise BadAuth("bad auth", _BAD_AUTH, 200)
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
        """What can be spent."""
        with _understood("/balance"):
            return int((await self._ask("GET", "/balance"))["BTC"]["AvailableBalance"])

    async def add_invoice(self, amount: int, memo: str) -> tuple[str, str]:
        """A new invoice; gives its payment hash and its text."""
        with _understood("/addinvoice"):
            made = await self._ask("POST", "/addinvoice", {"amt": amount, "memo": memo})
            return _hex(made["r_hash"]), str(made["payment_request"])

    async def decode(self, invoice: str) -> Decoded:
        """What an invoice says."""
        with _understood("/decodeinvoice"):
            said = await self._ask("GET", "/decodeinvoice", invoice=invoice)
            payee = str(said["destination"])
            return Decoded(
                str(said["payment_hash"]),
                # An amount below one sat is paid as one.
                -(-int(said.get("num_msat") or int(said["num_satoshis"]) * 1000) // 1000),
                str(said.get("description", "")),
                payee,
                payee == await self._hub.node_id(self._access),
                int(said["timestamp"]) + int(said["expiry"]),
            )

    async def pay(self, invoice: str, amount: int) -> int:
        """Pay an invoice; gives the fee.

        Args:
            amount: for an invoice that names none.
        """
        with _understood("/payinvoice"):
            paid = await self._ask("POST", "/payinvoice", {"invoice": invoice, **({"amount": amount} if amount else {})})
            return int(paid["payment_route"]["total_fees"])

    async def paid(self, payment_hash: str) -> bool | None:
        """Whether an invoice or a payment of the account was paid; None if it has none of this hash."""
        with _understood("/checkpayment"):
            try:
                return (await self._ask("GET", f"/checkpayment/{payment_hash}"))["paid"] is True
            except BadAuth:
                raise
            except Refused as error:
                if error.code == _UNKNOWN_FAILURE or error.status == _TOO_MANY:
                    raise
                return None

    async def invoices(self, limit: int, offset: int) -> list[Item]:
        """Invoices, newest first."""
        with _understood("/getuserinvoices"):
            return [_invoice(one) for one in reversed(await self._ask("GET", "/getuserinvoices", limit=limit, offset=offset))]

    async def payments(self, limit: int, offset: int) -> list[Item]:
        """Payments that were made or are under way, newest first."""
        with _understood("/gettxs"):
            return [_payment(one) for one in reversed(await self._ask("GET", "/gettxs", limit=limit, offset=offset))]


def _invoice(one: t.Any) -> Item:
    when, text = int(one["timestamp"]), str(one["payment_request"])
    expires = when + int(one["expire_time"])
    state = "paid" if one["ispaid"] is True else "expired" if expires <= time.time() else "open"
    return Item(True, state, int(one["amt"]), 0, str(one["description"]), when, _hex(one["payment_hash"]), text, expires)


def _payment(one: t.Any) -> Item:
    # By its preimage, not by its memo, which is the payee's to choose.
    state = "paid" if one["payment_preimage"] else "pending"
    return Item(False, state, int(one["value"]), int(one["fee"]), str(one["memo"]), int(one["timestamp"]), _hex(one["payment_hash"]))


def _hex(value: t.Any) -> str:
    """Bytes as text, from text or from the form in which the first LndHub wrote them."""
    return bytes(value["data"] if isinstance(value, dict) else bytes.fromhex(value)).hex()


@contextlib.contextmanager
def _understood(path: str) -> t.Iterator[None]:
    """An answer that lacks what is read from it is none."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Away(f"{path}: the answer is not as LndHub's: {type(error).__name__} {error}") from error
