# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tenant's offer: the bundle, gathered from its lnd and its files, and the file in which it is handed over."""

from __future__ import annotations

import datetime
import os
import stat
import typing as t
from dataclasses import dataclass

from . import accounts, age, bundle, document, envelope, kit, node_bundle, sshsig, versions
from .client import Client
from .errors import InvalidInput
from .files import read_file, write_file
from .plan import Action, Plan
from .problems import Invalid, check_fields

_MODE = 0o600
_MODE_TEXT = f"{_MODE:04o}"
_SHOWN = ("tenant", "network", "expires", "sha256", "recipient", "signing_key")


@dataclass(frozen=True)
class Desired:
    """What is asked for.

    Attributes:
        path: where the bundle goes.
        network: of the lnd, as the connection's options say it.
        kit_file: what the provider gave.
        certificate_file: the lnd's TLS certificate.
        signing_key_file: the tenant's ssh-ed25519 private key.
        valid_for: seconds in which the offer may be taken up.
        shape: of the tenant's node, one of node_bundle.KINDS. What follows is empty where that has no such field.
        endpoint: host:port at which the provider dials the lnd.
        macaroon_file: the provider's grant.
        birthday_file: a file that holds the wallet's birthday, seconds since 1970.
        close_address: where coins go when a channel closes; None for the wallet itself.
        p2p_address: host:port at which the provider's gateway dials the node.
    """

    path: str
    network: str
    kit_file: str
    certificate_file: str
    signing_key_file: str
    valid_for: int
    shape: str = "watch_only"
    endpoint: str = ""
    macaroon_file: str = ""
    birthday_file: str = ""
    close_address: str | None = None
    p2p_address: str = ""

    @property
    def kind(self) -> bundle.Kind:
        """What the bundle holds."""
        return node_bundle.KINDS[self.shape]


@dataclass(frozen=True)
class Offer:
    """What is there, and what shall be.

    Attributes:
        content: the bundle as it shall be; holds secrets.
        outside: the open part of the file as it shall be.
        present: the open part of the file that is there; empty if there is none, or if it is damaged.
        mode: of that file, octal; None if there is none.
    """

    content: t.Mapping[str, t.Any]
    outside: t.Mapping[str, t.Any]
    present: t.Mapping[str, t.Any]
    mode: str | None


# --- read


def read_offer(client: Client, desired: Desired, now: datetime.datetime) -> Offer:
    """Gather the bundle and check it as the provider will.

    Raises:
        Invalid: the provider would refuse it; all problems are named.
        InvalidInput: a file or a key cannot be used.
    """
    terms = bundle.Terms(kit.read(desired.kit_file), now, kind=desired.kind)
    present = _present(desired.path)
    info = client.call("lnrpc.Lightning/GetInfo")
    gather: dict[str, t.Callable[[], t.Any]] = {
        "schema": lambda: desired.kind.schema,
        "version": lambda: bundle.VERSION,
        "tenant": lambda: terms.kit["tenant"],
        "network": lambda: desired.network,
        "recipient": lambda: terms.kit["age_recipient"],
        "kit_fingerprint": lambda: kit.fingerprint(terms.kit),
        "endpoint": lambda: desired.endpoint,
        "certificate": lambda: _text(desired.certificate_file, "lnd's certificate"),
        "macaroon": lambda: read_file(desired.macaroon_file, "the provider's grant").hex(),
        "accounts": lambda: _accounts(client, desired.network),
        "node_id": lambda: info.identity_pubkey,
        "p2p_address": lambda: desired.p2p_address,
        "birthday": lambda: _birthday(desired.birthday_file),
        "lnd_version": lambda: versions.plain(info.version),
        "close_address": lambda: desired.close_address,
        "expires": lambda: _expires(present, desired.valid_for, now),
    }
    content = {name: gather[name]() for name in desired.kind.fields}
    problems = bundle.validate(content, terms)
    if problems:
        raise Invalid("The bundle would be refused by the provider; it", problems, "Nothing was written. Correct what is named")
    recipient, key = terms.kit["age_recipient"], sshsig.public_key_of(desired.signing_key_file)
    outside = envelope.outside(content, recipient, key)
    if dict(outside) != dict(present):
        # What has changed is a new offer, which has all its time.
        content["expires"] = _expires({}, desired.valid_for, now)
        outside = envelope.outside(content, recipient, key)
    return Offer(content, outside, present, _mode(desired.path))


def _accounts(client: Client, network: str) -> list[dict[str, t.Any]]:
    """The accounts that a watch-only node wants, in their order; the signer's others stay with the tenant."""
    found = {(one.purpose, one.coin_type, one.account): one.extended_public_key for one in accounts.read_accounts(client)}
    return [
        {"purpose": place[0], "coin_type": place[1], "account": place[2], "xpub": found[place]}
        for place in bundle.required_places(network)
        if place in found
    ]


def _birthday(path: str) -> int:
    text = _text(path, "the wallet's birthday").strip()
    if not text.isdecimal():
        raise InvalidInput(
            f"The wallet's birthday {path} is not a number of seconds since 1970",
            "Write the time at which the seed was made, for example by date +%s",
        )
    return int(text)


def _expires(present: t.Mapping[str, t.Any], valid_for: int, now: datetime.datetime) -> str:
    """The date of the file that is there, as long as it lies ahead and within what is asked for: a new one at each run would change the bundle at each run."""
    latest = now + datetime.timedelta(seconds=valid_for)
    try:
        former = document.date(present["expires"]) if present else now
    except InvalidInput:
        former = now
    return document.date_text(former if now < former <= latest else latest)


def _present(path: str) -> dict[str, t.Any]:
    """The open part of the file; empty if it is not there, was cut, or is no bundle: then it is written anew."""
    if not os.path.exists(path):
        return {}
    try:
        outer = document.read(read_file(path, "the bundle"))
    except document.NotJson:
        return {}
    if check_fields(outer, envelope.FIELDS) or not age.is_whole(outer["encrypted"]):
        return {}
    return {name: value for name, value in outer.items() if name != "encrypted"}


def _mode(path: str) -> str | None:
    return f"{stat.S_IMODE(os.stat(path).st_mode):04o}" if os.path.exists(path) else None


def _text(path: str, what: str) -> str:
    try:
        return read_file(path, what).decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"The file {path} ({what}) is not text", "Check the path") from error


# --- plan


def plan_offer(offer: Offer) -> Plan:
    """Write the file if what it holds, its reader or its signer is another, or if others could read it."""
    same = dict(offer.present) == dict(offer.outside) and offer.mode == _MODE_TEXT
    write = Action("write", {"content": offer.content, "recipient": offer.outside["recipient"]})
    return Plan(() if same else (write,), {**shown(offer.present), "mode": offer.mode}, {**shown(offer.outside), "mode": _MODE_TEXT})


def shown(outside: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What a diff and a result show of the open part."""
    return {name: outside[name] for name in _SHOWN if name in outside}


# --- apply


def apply_offer(action: Action, desired: Desired) -> None:
    """Write the file."""
    write_file(desired.path, envelope.seal(action.args["content"], action.args["recipient"], desired.signing_key_file), _MODE)
