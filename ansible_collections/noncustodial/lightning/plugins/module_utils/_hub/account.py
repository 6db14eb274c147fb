# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One account of a hub: its comparison with the wanted one, and the files of its credentials.

The order is: make the password, write it to the file, only then make the account. An interruption in between loses
nothing: the next run finds the file, and makes the account with its password.
"""

from __future__ import annotations

import io
import json
import os
import secrets
import typing as t
from dataclasses import asdict, dataclass
from urllib.parse import quote

from .._core import files
from .._core.errors import InvalidInput, Refused
from .._core.plan import Action, Plan
from .._keys import credential
from .api import LIMITS, Account, HubApi, HubUnreachable, base_url

try:
    import segno
except ImportError as error:
    IMPORT_ERROR: ImportError | None = error
else:
    IMPORT_ERROR = None

QR_KINDS = (".svg", ".png")
_SETTINGS = ("deactivated", *LIMITS)


@dataclass(frozen=True)
class AccountState:
    """The account at the hub and its files.

    Attributes:
        account: None if the hub has no account with that login.
        password: the password from the credentials file; None if there is no such file.
        qr: whether the file of the QR code is there.
    """

    account: Account | None
    password: str | None
    qr: bool


def connection(login: str, password: str, url: str) -> str:
    """Return the text with which a wallet app connects, in the form that all clients of the LndHub API read."""
    return f"lndhub://{quote(login, safe='')}:{password}@{url}"


def credentials(login: str, password: str, url: str) -> bytes:
    """Return the content of the credentials file."""
    return (
        json.dumps({"login": login, "password": password, "connection": connection(login, password, url)}, indent=2)
        + "\n"
    ).encode()


def read_state(hub: HubApi, params: t.Mapping[str, t.Any]) -> AccountState:
    """Read the account at the hub and the files.

    Raises:
        InvalidInput: the credentials file belongs to another account.
    """
    path, qr = params["credentials_file"], params["qr_file"]
    return AccountState(
        hub.read(params["login"]), read_password(params) if path else None, bool(qr) and os.path.lexists(qr)
    )


def read_password(params: t.Mapping[str, t.Any]) -> str | None:
    """Read the password from the credentials file; return None if there is no file."""
    path, login = params["credentials_file"], params["login"]
    if not os.path.lexists(path):
        return None
    if params["credential"]:
        return credential.unseal(path, params["credential"], "password").decode()
    wrong = InvalidInput(
        f"{path} does not hold the credentials of {login}. It was left as it is", "Name another credentials_file"
    )
    try:
        kept = json.loads(files.read_file(path, "the credentials"))
        if kept["login"] != login or not isinstance(kept["password"], str):
            raise wrong
        return str(kept["password"])
    except (ValueError, KeyError, TypeError) as error:
        raise wrong from error


def plan_account(params: t.Mapping[str, t.Any], state: AccountState) -> Plan:
    """Plan the actions that make the account as wanted.

    Raises:
        InvalidInput: an option is wrong.
        Refused: the account exists but its password is not known here, so its credentials cannot be written.
    """
    account, path, qr = state.account, params["credentials_file"], params["qr_file"]
    _check(params)
    lacks = [
        name
        for name, wanted in (("credentials_file", path and state.password is None), ("qr_file", qr and not state.qr))
        if wanted
    ]
    if account is not None and lacks and state.password is None:
        raise Refused(
            f"The account {params['login']} is there, and its password is known to its user alone, so that {lacks[0]}"
            " cannot be written",
            "Bring back the file that was written when the account was made, or leave the option out",
        )
    actions: list[Action] = []
    if path and state.password is None:
        actions.append(Action("write_credentials"))
    if account is None:
        actions.append(Action("create"))
    wanted = {name: params[name] for name in _SETTINGS if params[name] is not None}
    present = _shown(account)
    changes = {name: value for name, value in wanted.items() if present.get(name) != value}
    # A new account has the hub's own limits, which are not known before, and is not deactivated.
    if account is None:
        changes = {name: value for name, value in wanted.items() if (name, value) != ("deactivated", False)}
    if changes:
        actions.append(Action("update", changes))
    if qr and not state.qr:
        actions.append(Action("write_qr"))
    places = {name: params[name] for name in ("credentials_file", "qr_file") if params[name]}
    before = {**present, **{name: place for name, place in places.items() if name not in lacks}}
    return Plan(tuple(actions), before, {"login": params["login"], **present, **changes, **places})


def _check(params: t.Mapping[str, t.Any]) -> None:
    for name in LIMITS:
        if params[name] is not None and params[name] < 0:
            raise InvalidInput(f"{name} is negative", "Give an amount in msat")
    if params["qr_file"] and not params["qr_file"].endswith(QR_KINDS):
        raise InvalidInput(f"qr_file {params['qr_file']} is neither .svg nor .png", "Name it by what it is to be")
    base_url(params["wallet_url"] or params["url"], "wallet_url")


def _shown(account: Account | None) -> dict[str, t.Any]:
    """Return the values of an account that may be shown and do not change by themselves."""
    return {} if account is None else {name: asdict(account)[name] for name in ("login", *_SETTINGS)}


def apply(
    hub: HubApi, params: t.Mapping[str, t.Any], state: AccountState, steps: Plan, note: t.Callable[[str], None]
) -> str | None:
    """Carry out a plan; return the password of an account that was made just now.

    Args:
        note: called with the password before it is used, so that it is never shown by accident.
    """
    login, password = params["login"], state.password
    if password is None and state.account is None:
        password = secrets.token_hex(16)
    if password is not None:
        note(password)
    for action in steps.actions:
        if action.name == "write_credentials":
            password = _written(params, str(password))
            note(password)
        elif action.name == "create":
            _create(hub, login, str(password))
        elif action.name == "update":
            account = hub.read(login)
            if account is None:
                raise Refused(f"The account {login} was just there and is no more", "Run again")
            hub.update(account.id, action.args)
        else:
            files.write_file(
                params["qr_file"],
                qr_code(connection(login, str(password), wallet_url(params)), params["qr_file"]),
                replace=False,
            )
    return password if state.account is None else None


def wallet_url(params: t.Mapping[str, t.Any]) -> str:
    """Return the URL at which wallet apps reach the hub."""
    return base_url(params["wallet_url"] or params["url"], "wallet_url")


def _written(params: t.Mapping[str, t.Any], password: str) -> str:
    """Write the credentials; return the password in the file, which another run may have written a moment before."""
    path = params["credentials_file"]
    if params["credential"]:
        credential.seal(path, params["credential"], password.encode(), replace=False)
    else:
        files.write_file(path, credentials(params["login"], password, wallet_url(params)), replace=False)
    kept = read_password(params)
    if kept is None:
        raise InvalidInput(f"{path} was removed just now", "Run again")
    return kept


def _create(hub: HubApi, login: str, password: str) -> None:
    try:
        hub.create(login, password)
    except HubUnreachable:
        # The answer was lost; nobody else knows this login, because it did not exist before.
        if hub.read(login) is None:
            raise


def qr_code(text: str, path: str) -> bytes:
    """Return a QR code in the format of its file's name."""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(out, kind=path.rpartition(".")[2], scale=6)
    return out.getvalue()
