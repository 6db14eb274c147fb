# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The administrator's part of a hub's API, over HTTPS alone."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit

from ansible.module_utils.urls import open_url

from ._lnd import credential
from ._lnd.errors import InvalidInput, LndError
from ._lnd.files import read_file

HUB_SPEC: dict[str, dict[str, t.Any]] = {
    "url": {"type": "str", "required": True},
    "ca_path": {"type": "path"},
    "admin_token": {"type": "str", "no_log": True},
    "admin_token_file": {"type": "path", "no_log": False},
    "admin_token_credential": {"type": "str", "no_log": False},
    "timeout": {"type": "int", "default": 30},
}
ONE_TOKEN: dict[str, t.Any] = {
    "mutually_exclusive": [("admin_token", "admin_token_file")],
    "required_one_of": [("admin_token", "admin_token_file")],
    "required_by": {"admin_token_credential": ["admin_token_file"]},
}
LIMITS = ("max_receive_msat", "max_send_msat", "max_balance_msat")


class HubUnreachable(LndError):
    """The hub gave no answer. What was asked for may have been done or not."""


class HubRefused(LndError):
    """The hub answered, and did not do it."""


@dataclass(frozen=True)
class Account:
    """An account as the hub gives it; limits are those that hold, its own or the hub's."""

    id: int
    login: str
    deactivated: bool
    max_receive_msat: int
    max_send_msat: int
    max_balance_msat: int
    balance_msat: int
    reserved_msat: int


class HubApi:
    """Calls one hub. Nothing is ever sent twice.

    Args:
        url: https://host:port.
        ca_path: PEM file of the only certificate that is trusted; None for the system's.
        admin_token: what proves who asks.
        timeout: seconds.

    Raises:
        InvalidInput: the URL is no https URL.
    """

    def __init__(self, url: str, ca_path: str | None, admin_token: str, timeout: int) -> None:
        self.url = base_url(url, "url")
        self._ca_path, self._token, self._timeout = ca_path, admin_token, timeout

    def read(self, login: str) -> Account | None:
        """An account; None if there is none of that login."""
        answer = self._call("GET", f"/v2/admin/users/{quote(login, safe='')}", missing=404)
        return None if answer is None else _account(answer)

    def create(self, login: str, password: str) -> None:
        """Make an account."""
        self._call("POST", "/v2/users", {"login": login, "password": password})

    def update(self, number: int, changes: t.Mapping[str, t.Any]) -> None:
        """Change an account, by its number."""
        self._call("PUT", "/v2/admin/users", {"id": number, **changes})

    def _call(self, method: str, path: str, body: t.Mapping[str, t.Any] | None = None, missing: int = 0) -> t.Any:
        """The body of an answer; None for the status that says that there is no such thing.

        Raises:
            HubUnreachable: there is no answer.
            HubRefused: with the hub's own text.
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
            raise HubRefused(f"The hub answered {error.code} to {what}: {_told(error)}", _cure(error.code)) from error
        except (URLError, OSError) as error:
            raise HubUnreachable(
                f"The hub gave no answer to {what}: {getattr(error, 'reason', None) or error}",
                "Check that it runs, that url names its TLS proxy, and that ca_path is of its certificate",
            ) from error
        except ValueError as error:
            raise HubRefused(f"What answered {what} is no hub", "Check url") from error


def base_url(url: str, option: str) -> str:
    """A URL without a path.

    Raises:
        InvalidInput: it is none, or not https.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise InvalidInput(f"{option} {url} is no https://host:port", f"Give {option} like https://hub.example.org:8443")
    return url.rstrip("/")


def api(params: t.Mapping[str, t.Any]) -> HubApi:
    """The hub that a module's options name.

    Raises:
        Missing: a file is not there.
        InvalidInput: an option is wrong.
    """
    token = params["admin_token"] or _token(params["admin_token_file"], params["admin_token_credential"])
    if params["ca_path"]:
        read_file(params["ca_path"], "the certificate of the hub")
    if not token or not token.isprintable() or not token.isascii():
        raise InvalidInput("The admin token is empty or no plain text", "Give the text that the hub has as its credential admin_token")
    return HubApi(params["url"], params["ca_path"], token, params["timeout"])


def _token(path: str, sealed: str | None) -> str:
    content = credential.unseal(path, sealed, "admin token of the hub") if sealed else read_file(path, "the admin token of the hub")
    return content.decode(errors="replace").strip()


def _told(error: HTTPError) -> str:
    try:
        return str(json.loads(error.read())["message"])[:200]
    except (ValueError, KeyError, TypeError, OSError):
        return "it gives no reason"


def _cure(status: int) -> str:
    if status in (401, 403):
        return "Check the admin token, and service.create of the hub, which must be open or admin"
    if status == 503:
        return "The ledger of the hub does not agree with its node; on the hub's machine run lndhub reconcile"
    return "See the hub's journal" if status >= 500 else ""


def _account(answer: t.Any) -> Account:
    try:
        return Account(**{name: answer[name] for name in Account.__dataclass_fields__})
    except (KeyError, TypeError) as error:
        raise HubRefused("What answered is no hub with administration of accounts", "Check url, and the version of the hub") from error
