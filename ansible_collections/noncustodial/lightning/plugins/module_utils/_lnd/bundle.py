# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bundle, which a tenant gives to its provider: what it holds, and all that can be checked of it without any connection."""

from __future__ import annotations

import datetime
import re
import typing as t
from dataclasses import dataclass, field

from . import bip32, certificate, document, endpoint, grant, kit, macaroon, segwit, versions
from .argspec import NETWORKS
from .errors import InvalidInput
from .printable import printable
from .problems import Problem, check_fields, joined, shown

# Version 2 names for whom it is: what one provider reads cannot be passed to another as if it had been meant for that one.
SCHEMA, VERSION = "noncustodial.lightning/bundle", 2

# Of a bundle that makes a watch-only node; node_bundle.py has those of the other shapes.
FIELDS: dict[str, type | tuple[type, ...]] = {
    "schema": str,
    "version": int,
    "tenant": str,
    "network": str,
    "recipient": str,
    "kit_fingerprint": str,
    "endpoint": str,
    "certificate": str,
    "macaroon": str,
    "accounts": list,
    "node_id": str,
    "birthday": int,
    "lnd_version": str,
    "close_address": (str, type(None)),
    "expires": str,
}
SECRETS = ("macaroon", "accounts")
ACCOUNT_FIELDS: dict[str, type | tuple[type, ...]] = {"purpose": int, "coin_type": int, "account": int, "xpub": str}

# Where lnd keeps its own keys; the node's key is of family 6 (lnd: keychain.BIP0043Purpose, keychain.KeyFamilyNodeKey).
LND_PURPOSE, NODE_FAMILY = 1017, 6
_FAMILIES = 256
_ACCOUNT_DEPTH = 3

# The first block; and how far the tenant's clock may be ahead of ours.
_GENESIS = 1231006505
_CLOCKS_DIFFER = datetime.timedelta(hours=2)

# The beginning of a word: in the middle of one of 259 extended public keys these letters come up by chance.
_PRIVATE = re.compile(r"(?<![1-9A-HJ-NP-Za-km-z])[xyztuvs]prv[1-9A-HJ-NP-Za-km-z]{20}|PRIVATE KEY|AGE-SECRET-KEY-")
_NODE_ID = re.compile(r"0[23][0-9a-f]{64}")
_HEX = re.compile(r"([0-9a-f]{2})+")

# Characters of a field: the tenant signs what it likes, and each of them is judged. Accounts beyond 259 are faults, of which some are told.
_MOST = {"certificate": 1 << 14, "macaroon": 1 << 13}
_MOST_OTHERS = 256
_MOST_ACCOUNTS = 512

OLDER = ": it was written by a release before this one. The tenant has to upgrade its collection or image, and to write a new bundle"
"""What there is to be said of version 1."""

Place = tuple[int, int, int]


def coin_type(network: str) -> int:
    """The coin type of lnd's own keys on a network (lnd: keychain.CoinTypeBitcoin and CoinTypeTestnet)."""
    return 0 if network == "mainnet" else 1


def required_places(network: str) -> list[Place]:
    """Purpose, coin type and account of every account that a watch-only lnd wants: 259 of them. The three of coins are at coin type 0 on every network."""
    return [(49, 0, 0), (84, 0, 0), (86, 0, 0)] + [(LND_PURPOSE, coin_type(network), family) for family in range(_FAMILIES)]


def place_text(place: Place) -> str:
    """The derivation path of an account, for example m/84'/0'/0'."""
    return "m/" + "/".join(f"{step}'" for step in place)


@dataclass(frozen=True)
class Kind:
    """What a bundle holds; there is one for each shape of a tenant's node.

    Attributes:
        schema: of the document; its version is VERSION.
        fields: all of them, with their types.
        secrets: those that are for nobody's eyes.
        checks: what is wrong with one field, as an InvalidInput.
    """

    schema: str
    fields: t.Mapping[str, type | tuple[type, ...]]
    secrets: t.Sequence[str]
    checks: t.Mapping[str, t.Callable[[t.Any, Terms], None]]


@dataclass(frozen=True)
class Terms:
    """Against what a bundle is judged.

    Attributes:
        kit: a valid kit; the bundle must be for its tenant, network and lnd.
        now: the present.
        taken_up: this very offer was accepted before, so that its date and the version at that time no longer count.
        kind: what it must hold.
    """

    kit: t.Mapping[str, t.Any]
    now: datetime.datetime
    taken_up: bool = False
    kind: Kind = field(default_factory=lambda: WATCH_ONLY)


def validate(bundle: object, terms: Terms) -> list[Problem]:
    """All that is wrong with a bundle, each fault with its path; nothing if it can be used.

    Both sides call this, so that no tenant hands over what would be refused.
    """
    found = _private_keys(bundle) + check_fields(bundle, terms.kind.fields)
    if not isinstance(bundle, dict):
        return found
    large = _too_large(bundle)
    if large:
        return found + large
    if (bundle.get("schema"), bundle.get("version")) != (terms.kind.schema, VERSION):
        return [*found, Problem("schema", f"is not {terms.kind.schema} version {VERSION}{OLDER if bundle.get('version') == 1 else ''}")]
    for name in terms.kind.fields:
        if name in bundle and name in terms.kind.checks and not _told(found, name):
            found += _fault(name, terms.kind.checks[name], bundle[name], terms)
    if isinstance(bundle.get("close_address"), str):
        found += _fault("close_address", segwit.check, bundle["close_address"], _network(bundle, terms))
    if not any(_told(found, name) or name not in bundle for name in ("endpoint", "certificate")):
        problem = certificate.problem(certificate.read(bundle["certificate"]), endpoint.parse(bundle["endpoint"]), terms.now)
        found += [Problem("certificate", problem)] if problem else []
    if isinstance(bundle.get("accounts"), list):
        found += account_problems(bundle["accounts"], _network(bundle, terms), bundle.get("node_id"))
    return found


def _too_large(bundle: t.Mapping[str, t.Any]) -> list[Problem]:
    """What has more than it ever needs, and is not looked into."""
    texts = {name: (len(value), _MOST.get(name, _MOST_OTHERS)) for name, value in bundle.items() if isinstance(value, str)}
    found = [Problem(joined("", name), f"has {size} characters, more than {most}") for name, (size, most) in texts.items() if size > most]
    accounts = bundle.get("accounts")
    if isinstance(accounts, list) and len(accounts) > _MOST_ACCOUNTS:
        found.append(Problem("accounts", f"are {len(accounts)}, more than {_MOST_ACCOUNTS}"))
    return found


def _network(bundle: t.Mapping[str, t.Any], terms: Terms) -> str:
    """The network against which keys are judged: the bundle's own, so that one for another network is not called wrong in each of its parts."""
    stated = bundle.get("network")
    return stated if isinstance(stated, str) and stated in NETWORKS else str(terms.kit["network"])


def _fault(name: str, check: t.Callable[[t.Any, t.Any], None], value: t.Any, against: t.Any) -> list[Problem]:
    try:
        check(value, against)
    except InvalidInput as error:
        return [Problem(name, error.what)]
    return []


def _told(found: t.Sequence[Problem], name: str) -> bool:
    return any(problem.path == name for problem in found)


def summary(bundle: t.Mapping[str, t.Any], kind: Kind) -> dict[str, t.Any]:
    """What may be shown of a valid bundle: all but its secrets."""
    shown_fields = {name: bundle[name] for name in kind.fields if name not in ("schema", "version", *kind.secrets)}
    if "macaroon" not in kind.fields:
        return shown_fields
    decoded = macaroon.decode(bytes.fromhex(bundle["macaroon"]))
    return {
        **shown_fields,
        "certificate_expires": document.date_text(max(one.ends for one in certificate.read(bundle["certificate"]))),
        "root_key_id": decoded.root_key_id,
        "caveats": list(map(printable, decoded.caveats)),
    }


def _equal(name: str) -> t.Callable[[t.Any, Terms], None]:
    def check(value: str, terms: Terms) -> None:
        if value != terms.kit[name]:
            raise InvalidInput(f"is {shown(value)}, but the kit is for {shown(terms.kit[name])}")

    return check


def _recipient(value: str, terms: Terms) -> None:
    if value != terms.kit["age_recipient"]:
        raise InvalidInput(f"is {shown(value)}, and not the public key of this provider: the bundle was signed for another one")


def _kit_fingerprint(value: str, terms: Terms) -> None:
    """Of an offer that was taken up it was compared then; the kit may have changed since, as with each new address."""
    if value != kit.fingerprint(terms.kit) and not terms.taken_up:
        raise InvalidInput(
            f"is {shown(value)}, and that of the kit here {kit.fingerprint(terms.kit)}: the tenant has another kit. Give it this one, and compare fingerprints"
        )


def _endpoint(value: str, _terms: Terms) -> None:
    endpoint.parse(value)


def _certificate(value: str, _terms: Terms) -> None:
    certificate.read(value)


def grants(permissions: t.Sequence[str]) -> t.Callable[[str, Terms], None]:
    """The check of a macaroon that must grant just these permissions."""

    def check(value: str, _terms: Terms) -> None:
        if not _HEX.fullmatch(value):
            raise InvalidInput("is not hexadecimal")
        try:
            flaws = grant.flaws(macaroon.decode(bytes.fromhex(value)), permissions)
        except macaroon.Malformed as error:
            raise InvalidInput(f"cannot be decoded ({error.what})") from error
        if flaws:
            raise InvalidInput(", and ".join(flaw.text for flaw in flaws) + "".join(f". {flaw.cure}" for flaw in flaws if flaw.cure))

    return check


def _node_id(value: str, _terms: Terms) -> None:
    if not _NODE_ID.fullmatch(value):
        raise InvalidInput("is not a compressed public key in small hexadecimal letters")


def _birthday(value: int, terms: Terms) -> None:
    if not _GENESIS <= value <= (terms.now + _CLOCKS_DIFFER).timestamp():
        raise InvalidInput(f"is {shown(value)}, which is no time in seconds since 1970 between Bitcoin's first block and now")


def _version(value: str, terms: Terms) -> None:
    versions.check_bare(value)
    if versions.parse(value) < versions.parse(terms.kit["lnd_version"]) and not terms.taken_up:
        raise InvalidInput(f"is {value}, older than the node's {terms.kit['lnd_version']}: the signer's lnd must be upgraded first")


def _expires(value: str, terms: Terms) -> None:
    if document.date(value) <= terms.now and not terms.taken_up:
        raise InvalidInput(f"was {shown(value)}: the offer is no longer open, and the tenant must write a new bundle")


# What every bundle has, and what every lnd that is dialled has besides.
COMMON: dict[str, t.Callable[[t.Any, Terms], None]] = {
    "tenant": _equal("tenant"),
    "network": _equal("network"),
    "recipient": _recipient,
    "kit_fingerprint": _kit_fingerprint,
    "node_id": _node_id,
    "expires": _expires,
}
DIALLED: dict[str, t.Callable[[t.Any, Terms], None]] = {"endpoint": _endpoint, "certificate": _certificate}

WATCH_ONLY: Kind = Kind(
    schema=SCHEMA,
    fields=FIELDS,
    secrets=SECRETS,
    checks={**COMMON, **DIALLED, "macaroon": grants(grant.PERMISSIONS), "birthday": _birthday, "lnd_version": _version},
)


def account_problems(accounts: list[t.Any], network: str, node_id: str | None) -> list[Problem]:
    """Every wanted account once, none besides, each key at its depth and number, of one seed as far as public keys tell."""
    found: list[Problem] = []
    wanted = required_places(network)
    keys: dict[Place, bip32.ExtendedPublicKey] = {}
    paths: dict[Place, str] = {}
    for index, account in enumerate(accounts):
        path = f"accounts[{index}]"
        shape = check_fields(account, ACCOUNT_FIELDS, path)
        if shape:
            found += shape
            continue
        place: Place = (account["purpose"], account["coin_type"], account["account"])
        if not all(0 <= step < bip32.HARDENED for step in place):
            found.append(Problem(path, "has a number that is in no path"))
            continue
        if place not in wanted:
            found.append(Problem(path, f"({place_text(place)}) is none that a node on {network} wants"))
        elif place in paths:
            found.append(Problem(path, f"({place_text(place)}) is there twice, first as {paths[place]}"))
        else:
            paths[place] = path
            try:
                keys[place] = _account_key(account["xpub"], place, network)
            except InvalidInput as error:
                found.append(Problem(joined(path, "xpub"), f"({place_text(place)}) {error.what}"))
    missing = [place for place in wanted if place not in paths]
    if missing:
        found.append(Problem("accounts", f"lack {_places(missing)}"))
    return found + _one_seed(keys, paths, network, node_id)


def _account_key(xpub: str, place: Place, network: str) -> bip32.ExtendedPublicKey:
    key = bip32.decode(xpub)
    if not bip32.of_network(key, network):
        raise InvalidInput(f"is of another network: {key.version}… is not used on {network}")
    if key.depth != _ACCOUNT_DEPTH:
        raise InvalidInput(f"has depth {key.depth} in place of {_ACCOUNT_DEPTH}")
    if key.child != place[2] + bip32.HARDENED:
        raise InvalidInput(f"has child number {_step(key.child)} in place of {_step(place[2] + bip32.HARDENED)}")
    return key


def _one_seed(
    keys: t.Mapping[Place, bip32.ExtendedPublicKey], paths: t.Mapping[Place, str], network: str, node_id: str | None
) -> list[Problem]:
    """The node's key must follow from its account, all of lnd's own accounts must say that they have the parent of that one, and no two may be alike.

    Public keys prove no more: an account is a hardened child, which does not follow from its parent, and who its parent is, it only says. Whether
    the signer has the private keys of all of them, it must be asked (possession.py).
    """
    found: list[Problem] = []
    home = (LND_PURPOSE, coin_type(network), NODE_FAMILY)
    if home in keys:
        derived = bip32.node_id(keys[home])
        if node_id is not None and derived != node_id:
            found.append(
                Problem("node_id", f"is not that of the accounts, whose {place_text(home)} gives {derived}: they are of another seed")
            )
        others = [place for place, key in keys.items() if place[0] == LND_PURPOSE and key.parent != keys[home].parent]
        found += [Problem(f"{paths[place]}.xpub", f"({place_text(place)}) is of another seed than {place_text(home)}") for place in others]
    seen: dict[bytes, Place] = {}
    for place, key in keys.items():
        for what, part in (("key", key.key), ("chain code", key.chain_code)):
            if seen.setdefault(part, place) != place:
                found.append(Problem(f"{paths[place]}.xpub", f"({place_text(place)}) has the {what} of {place_text(seen[part])}"))
                break
    return found


def _private_keys(value: object, path: str = "") -> list[Problem]:
    """Every text in which a private key can be seen, wherever it is."""
    if isinstance(value, dict):
        named = [Problem(path, "holds a private key as a name") for name in value if _PRIVATE.search(name)]
        return named + [problem for name, inner in value.items() for problem in _private_keys(inner, joined(path, name))]
    if isinstance(value, list):
        return [problem for index, inner in enumerate(value) for problem in _private_keys(inner, f"{path}[{index}]")]
    return [Problem(path, "holds a private key")] if isinstance(value, str) and _PRIVATE.search(value) else []


def _places(places: t.Sequence[Place]) -> str:
    """A list of accounts, with runs of numbers drawn together."""
    runs: list[list[Place]] = []
    for place in places:
        if runs and place[:2] == runs[-1][-1][:2] and place[2] == runs[-1][-1][2] + 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return ", ".join(place_text(run[0]) + (f" to {place_text(run[-1])}" if len(run) > 1 else "") for run in runs)


def _step(number: int) -> str:
    return f"{number - bip32.HARDENED}'" if number >= bip32.HARDENED else str(number)
