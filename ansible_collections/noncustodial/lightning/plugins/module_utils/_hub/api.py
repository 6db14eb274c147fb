# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The administrator's part of a hub's API, only over HTTPS."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit

from ansible.module_utils.urls import open_url

from .._core.errors import InvalidInput, LightningError
from .._core.files import read_file
from .._keys import credential

HUB_SPEC: dict[str, dict[str, t.Any]] = {
    "url": {"type": "str", "required": True},
    "ca_path": {"type": "path"},
    "admin_token": {"type": "str", "no_log": True},
    "admin_token_file": {"type": "path", "no_log": False},
    "admin_token_credential": {"type": "str", "no_log": False},
    "timeout": {"type": "int", "default": 30},
}
TOKEN_RULES: dict[str, t.Any] = {
    "mutually_exclusive": [("admin_token", "admin_token_file")],
    "required_one_of": [("admin_token", "admin_token_file")],
    "required_by": {"admin_token_credential": ["admin_token_file"]},
}
# The hub's own code for a closed ledger, where the status is 503; a database or proxy that is away has another or none.
_CLOSED_CODE = 7
LIMITS = ("max_receive_msat", "max_send_msat", "max_balance_msat")


class HubUnreachable(LightningError):
    """The hub did not answer. The request may or may not have been carried out."""


class HubRefused(LightningError):
    """The hub answered with a refusal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account as the hub returns it; limits are those in force, the account's own or the hub's."""

    id: int
    login: str
    deactivated: bool
    max_receive_msat: int
    max_send_msat: int
    max_balance_msat: int
    balance_msat: int
    reserved_msat: int


class HubApi:
    """A client of one hub. Nothing is ever sent twice.

    Args:
        url: https://host:port.
        ca_path: PEM file of the only certificate that is trusted; None for the system's.
        admin_token: authorises the calls.
        timeout: seconds.

    Raises:
        InvalidInput: the URL is not an https URL.
    """

    def __init__(self, url: str, ca_path: str | None, admin_token: str, timeout: int) -> None:
        self.url = base_url(url, "url")
        self._ca_path, self._token, self._timeout = ca_path, admin_token, timeout

    def read(self, login: str) -> Account | None:
        """Return the account with that login; None if there is none."""
        answer = self._call("GET", f"/v2/admin/users/{quote(login, safe='')}", missing=404)
        return None if answer is None else _account(answer)

    def create(self, login: str, password: str) -> None:
        """Make an account."""
        self._call("POST", "/v2/users", {"login": login, "password": password})

    def update(self, number: int, changes: t.Mapping[str, t.Any]) -> None:
        """Change the account with that id."""
        self._call("PUT", "/v2/admin/users", {"id": number, **changes})

    def _call(self, method: str, path: str, body: t.Mapping[str, t.Any] | None = None, missing: int = 0) -> t.Any:
        """Make one call and return the body of the answer; None for the status that means that there is no such thing.

        Raises:
            HubUnreachable: there is no answer.
            HubRefused: it holds the hub's own text.
        """
        what = f"{method} {path} at {self.url}"
        try:
            response = open_url(
                f"{self.url}{path}",
                method=method,
                data=None if body is None else json.dumps(body),
                headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
                timeout=self._timeout,
                ca_path=self._ca_path,
                follow_redirects="none",
                use_netrc=False,
                use_proxy=False,
            )
            return json.loads(response.read())
        except HTTPError as error:
            if error.code == missing:
                return None
            told = _told(error)
            raise HubRefused(
                f"The hub answered {error.code} to {what}: {str(told.get('message', 'it gives no reason'))[:200]}",
                _cure(error.code, told.get("code")),
            ) from error
        except (URLError, OSError) as error:
            raise HubUnreachable(
                f"The hub gave no answer to {what}: {getattr(error, 'reason', None) or error}",
                "Check that it runs, that url names its TLS proxy, and that ca_path is of its certificate",
            ) from error
        except ValueError as error:
            raise HubRefused(f"What answered {what} is no hub", "Check url") from error


def base_url(url: str, option: str) -> str:
    """Refuse a URL that is not https://host:port; return it without a final slash.

    Raises:
        InvalidInput: it has another form.
    """
    parts = urlsplit(url)
    if (
        parts.scheme != "https"
        or not parts.hostname
        or parts.path.strip("/")
        or parts.query
        or parts.fragment
        or parts.username
    ):
        raise InvalidInput(
            f"{option} {url} is no https://host:port", f"Give {option} like https://hub.example.org:8443"
        )
    return url.rstrip("/")


def api(params: t.Mapping[str, t.Any]) -> HubApi:
    """Return a client of the hub that a module's options name.

    Raises:
        Missing: a file is not there.
        InvalidInput: an option is wrong.
    """
    token = params["admin_token"] or _token(params["admin_token_file"], params["admin_token_credential"])
    if params["ca_path"]:
        read_file(params["ca_path"], "the certificate of the hub")
    if not token or not token.isprintable() or not token.isascii():
        raise InvalidInput(
            "The admin token is empty or no plain text", "Give the text that the hub has as its credential admin_token"
        )
    return HubApi(params["url"], params["ca_path"], token, params["timeout"])


def _token(path: str, sealed: str | None) -> str:
    content = (
        credential.unseal(path, sealed, "admin token of the hub")
        if sealed
        else read_file(path, "the admin token of the hub")
    )
    return content.decode(errors="replace").strip()


def _told(error: HTTPError) -> dict[str, t.Any]:
    try:
        body = json.loads(error.read())
    except (ValueError, OSError):
        return {}
    return body if isinstance(body, dict) else {}


def _cure(status: int, code: t.Any) -> str:
    if status in (401, 403):
        return "Check the admin token, and service.create of the hub, which must be open or admin"
    if status == 503 and code == _CLOSED_CODE:
        return "The ledger of the hub does not agree with its node; on the hub's machine run lndhub reconcile"
    return "See the hub's journal" if status >= 500 else ""


def _account(answer: t.Any) -> Account:
    try:
        return Account(**{name: answer[name] for name in Account.__dataclass_fields__})
    except (KeyError, TypeError) as error:
        raise HubRefused(
            "What answered is no hub with administration of accounts", "Check url, and the version of the hub"
        ) from error
