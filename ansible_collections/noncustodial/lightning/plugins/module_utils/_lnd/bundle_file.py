# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tenant's offer: the bundle, collected from its lnd and its files, and the file in which it is handed over."""

from __future__ import annotations

import datetime
import os
import stat
import typing as t
from dataclasses import dataclass

from .._bundle import account_keys, bundle, envelope, kit, node_bundle
from .._core import document, versions
from .._core.errors import InvalidInput
from .._core.files import read_file, write_file
from .._core.plan import Action, Plan
from .._core.problems import Invalid, check_fields
from .._grpc.client import Client
from .._keys import age, sshsig
from . import accounts

_FILE_MODE = 0o600
_FILE_MODE_TEXT = f"{_FILE_MODE:04o}"
_SHOWN_FIELDS = ("tenant", "network", "expires", "sha256", "recipient", "signing_key")


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedBundle:
    """The wanted bundle.

    Attributes:
        path: the path of the bundle.
        network: the network of the lnd, according to the connection's options.
        kit_file: the kit from the provider.
        certificate_file: the lnd's TLS certificate.
        signing_key_file: the tenant's ssh-ed25519 private key.
        valid_for: seconds within which the offer may be taken up.
        shape: the shape of the tenant's node, one of node_bundle.KINDS. The following attributes are empty where that
            kind has no such field.
        endpoint: host:port at which the provider dials the lnd.
        macaroon_file: the provider's grant.
        birthday_file: a file that holds the wallet's birthday, seconds since 1970.
        close_address: the address for the coins of a closed channel; None for the wallet itself.
        p2p_address: host:port at which the provider's gateway dials the node.
        tunnel_key_file: a file with the public key of the signer's end of the tunnel; only if the kit has one.
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
    tunnel_key_file: str = ""

    @property
    def kind(self) -> bundle.Kind:
        """The content of the bundle."""
        return node_bundle.KINDS[self.shape]


@dataclass(frozen=True)
class Offer:
    """The wanted bundle and the present file.

    Attributes:
        content: the wanted bundle; holds secrets.
        outside: the open part of the wanted file.
        present: the open part of the present file; empty if there is none, or if it is damaged.
        mode: the mode of the present file, octal; None if there is none.
    """

    content: t.Mapping[str, t.Any]
    outside: t.Mapping[str, t.Any]
    present: t.Mapping[str, t.Any]
    mode: str | None


# --- read


def read_offer(client: Client, desired: WantedBundle, now: datetime.datetime) -> Offer:
    """Collect the bundle and check it as the provider will.

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
        "tunnel_public_key": lambda: _tunnel_key(desired.tunnel_key_file),
        "expires": lambda: _expires(present, desired.valid_for, now),
    }
    content = {name: gather[name]() for name in bundle.fields(desired.kind, terms.kit)}
    problems = bundle.validate(content, terms)
    if problems:
        raise Invalid(
            "The bundle would be refused by the provider; it", problems, "Nothing was written. Correct what is named"
        )
    recipient, key = terms.kit["age_recipient"], sshsig.public_key_of(desired.signing_key_file)
    outside = envelope.outside(content, recipient, key)
    if dict(outside) != dict(present):
        # A changed bundle is a new offer, which is valid for the full time.
        content["expires"] = _expires({}, desired.valid_for, now)
        outside = envelope.outside(content, recipient, key)
    return Offer(content, outside, present, _mode(desired.path))


def _accounts(client: Client, network: str) -> list[dict[str, t.Any]]:
    """Return the accounts that a watch-only node needs, in their order; the signer's others stay with the tenant."""
    found = {
        (one.purpose, one.coin_type, one.account): one.extended_public_key for one in accounts.read_accounts(client)
    }
    return [
        {"purpose": place[0], "coin_type": place[1], "account": place[2], "xpub": found[place]}
        for place in account_keys.required_places(network)
        if place in found
    ]


def _tunnel_key(path: str) -> str:
    if not path:
        raise InvalidInput(
            "The kit is for a signer behind a tunnel, and tunnel_key_file is not set",
            "Make the tunnel with the role signer_tunnel, and set the file in which that has left the public key",
        )
    return _text(path, "the public key of the tunnel").strip()


def _birthday(path: str) -> int:
    text = _text(path, "the wallet's birthday").strip()
    if not text.isdecimal():
        raise InvalidInput(
            f"The wallet's birthday {path} is not a number of seconds since 1970",
            "Write the time at which the seed was made, for example by date +%s",
        )
    return int(text)


def _expires(present: t.Mapping[str, t.Any], valid_for: int, now: datetime.datetime) -> str:
    """Return the present file's date, as long as it is in the future and within valid_for: a new date at each run would
    change the bundle at each run.
    """
    latest = now + datetime.timedelta(seconds=valid_for)
    try:
        former = document.date(present["expires"]) if present else now
    except InvalidInput:
        former = now
    return document.date_text(former if now < former <= latest else latest)


def _present(path: str) -> dict[str, t.Any]:
    """Return the open part of the file; empty if it is not there, was cut or is not a bundle: then it is written
    anew."""
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
    """Plan to write the file if its content, reader or signer differs, or if its mode is not the wanted one."""
    same = dict(offer.present) == dict(offer.outside) and offer.mode == _FILE_MODE_TEXT
    write = Action("write", {"content": offer.content, "recipient": offer.outside["recipient"]})
    return Plan(
        () if same else (write,),
        {**shown(offer.present), "mode": offer.mode},
        {**shown(offer.outside), "mode": _FILE_MODE_TEXT},
    )


def shown(outside: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the values of the open part that a diff and a result show."""
    return {name: outside[name] for name in _SHOWN_FIELDS if name in outside}


# --- apply


def apply_offer(action: Action, desired: WantedBundle) -> None:
    """Write the file."""
    write_file(
        desired.path,
        envelope.seal(action.args["content"], action.args["recipient"], desired.signing_key_file),
        _FILE_MODE,
    )
