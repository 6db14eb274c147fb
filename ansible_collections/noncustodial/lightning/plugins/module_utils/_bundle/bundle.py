# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bundle that a tenant gives to its provider: its content, and all checks of it that need no connection."""

from __future__ import annotations

import datetime
import re
import typing as t
from dataclasses import dataclass, field

from .._core import document, endpoint, versions
from .._core.errors import InvalidInput
from .._core.networks import NETWORKS
from .._core.printable import printable
from .._core.problems import Problem, check_fields, joined, shown
from .._keys import caveats, certificate, grant, macaroon, segwit, wireguard
from . import kit, tunnel
from .account_keys import account_problems

# Version 2 names its provider: a bundle that one provider reads cannot be passed to another as if it had been meant for
# that one.
SCHEMA, VERSION = "noncustodial.lightning/bundle", 2

# The fields of a bundle for a watch-only node; node_bundle.py has those of the other shapes.
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
# The time of the first block, and how far the tenant's clock may be ahead of ours.
_GENESIS_SECONDS = 1231006505
_CLOCK_DIFFERENCE = datetime.timedelta(hours=2)

# The beginning of a word: in the middle of one of 259 extended public keys these letters come up by chance.
_PRIVATE_KEY = re.compile(r"(?<![1-9A-HJ-NP-Za-km-z])[xyztuvs]prv[1-9A-HJ-NP-Za-km-z]{20}|PRIVATE KEY|AGE-SECRET-KEY-")
_NODE_ID = re.compile(r"0[23][0-9a-f]{64}")
_HEX = re.compile(r"([0-9a-f]{2})+")

# Maximum characters of a field: the tenant can sign anything, and each character is checked. Accounts beyond 259 are
# problems, of which some are reported.
_FIELD_CHARACTERS = {"certificate": 1 << 14, "macaroon": 1 << 13}
_OTHER_FIELD_CHARACTERS = 256
_MOST_ACCOUNTS = 512

OLDER_RELEASE = (
    ": it was written by a release before this one. The tenant has to upgrade its collection or image, and to write a"
    " new bundle"
)
"""The rest of the error text for a bundle of version 1."""

DEFAULT_VALID_SECONDS = 14 * 24 * 3600
"""The time in which a provider may take up a bundle, if the tenant has not set another."""


@dataclass(frozen=True)
class Kind:
    """The content of a bundle; there is one kind for each shape of a tenant's node.

    Attributes:
        schema: the schema of the document; its version is VERSION.
        fields: all of them, with their types.
        secrets: the fields that must never be shown.
        checks: for a field, a function that raises InvalidInput if it is wrong.
    """

    schema: str
    fields: t.Mapping[str, type | tuple[type, ...]]
    secrets: t.Sequence[str]
    checks: t.Mapping[str, t.Callable[[t.Any, Terms], None]]


@dataclass(frozen=True)
class Terms:
    """The terms that a bundle is checked against.

    Attributes:
        kit: a valid kit; the bundle must be for its tenant, network and lnd.
        now: the present time.
        taken_up: this very offer was accepted before, so its date, lnd version and kit fingerprint are no longer
            compared.
        kind: the content that it must have.
    """

    kit: t.Mapping[str, t.Any]
    now: datetime.datetime
    taken_up: bool = False
    kind: Kind = field(default_factory=lambda: WATCH_ONLY)


def validate(bundle: object, terms: Terms) -> list[Problem]:
    """Return all problems of a bundle, each with its path; none if it can be used.

    Both sides call this, so that no tenant hands over a bundle that would be refused.
    """
    found = _private_keys(bundle) + check_fields(bundle, fields(terms.kind, terms.kit))
    if not isinstance(bundle, dict):
        return found
    large = _too_large(bundle)
    if large:
        return found + large
    if (bundle.get("schema"), bundle.get("version")) != (terms.kind.schema, VERSION):
        return [
            *found,
            Problem(
                "schema",
                f"is not {terms.kind.schema} version {VERSION}{OLDER_RELEASE if bundle.get('version') == 1 else ''}",
            ),
        ]
    checks = {**terms.kind.checks, **(_TUNNEL_CHECKS if kit.has_tunnel(terms.kit) else {})}
    for name in fields(terms.kind, terms.kit):
        if name in bundle and name in checks and not _told(found, name):
            found += _fault(name, checks[name], bundle[name], terms)
    if isinstance(bundle.get("close_address"), str):
        found += _fault("close_address", segwit.check, bundle["close_address"], _network(bundle, terms))
    if not any(_told(found, name) or name not in bundle for name in ("endpoint", "certificate")):
        problem = certificate.problem(
            certificate.read(bundle["certificate"]), endpoint.parse(bundle["endpoint"]), terms.now
        )
        found += [Problem("certificate", problem)] if problem else []
    if isinstance(bundle.get("accounts"), list):
        found += account_problems(bundle["accounts"], _network(bundle, terms), bundle.get("node_id"))
    return found


def fields(kind: Kind, kit_content: t.Mapping[str, t.Any]) -> t.Mapping[str, type | tuple[type, ...]]:
    """Return the fields of a bundle that answers a valid kit."""
    return {**kind.fields, tunnel.KEY_FIELD: str} if kit.has_tunnel(kit_content) else kind.fields


def _too_large(bundle: t.Mapping[str, t.Any]) -> list[Problem]:
    """Return a problem for each field that is larger than it ever needs to be. Its content is then not checked."""
    texts = {
        name: (len(value), _FIELD_CHARACTERS.get(name, _OTHER_FIELD_CHARACTERS))
        for name, value in bundle.items()
        if isinstance(value, str)
    }
    found = [
        Problem(joined("", name), f"has {size} characters, more than {most}")
        for name, (size, most) in texts.items()
        if size > most
    ]
    accounts = bundle.get("accounts")
    if isinstance(accounts, list) and len(accounts) > _MOST_ACCOUNTS:
        found.append(Problem("accounts", f"are {len(accounts)}, more than {_MOST_ACCOUNTS}"))
    return found


def _network(bundle: t.Mapping[str, t.Any], terms: Terms) -> str:
    """Return the network that keys are checked against: the bundle's own, so that a bundle for another network is not
    reported wrong in each of its parts.
    """
    stated = bundle.get("network")
    return stated if isinstance(stated, str) and stated in NETWORKS else str(terms.kit["network"])


def _fault(name: str, check: t.Callable[[t.Any, t.Any], None], value: t.Any, against: t.Any) -> list[Problem]:
    try:
        check(value, against)
    except InvalidInput as error:
        return [Problem(name, error.what)]
    return []


def _told(problems: t.Sequence[Problem], name: str) -> bool:
    return any(problem.path == name for problem in problems)


def summary(bundle: t.Mapping[str, t.Any], kind: Kind) -> dict[str, t.Any]:
    """Return what may be shown of a valid bundle: everything except its secrets."""
    names = [*kind.fields, *([tunnel.KEY_FIELD] if tunnel.KEY_FIELD in bundle else [])]
    shown_fields = {name: bundle[name] for name in names if name not in ("schema", "version", *kind.secrets)}
    if "macaroon" not in kind.fields:
        return shown_fields
    decoded = macaroon.decode(bytes.fromhex(bundle["macaroon"]))
    return {
        **shown_fields,
        "certificate_expires": document.date_text(max(one.ends for one in certificate.read(bundle["certificate"]))),
        "root_key_id": decoded.root_key_id,
        "caveats": list(map(printable, decoded.caveats)),
    }


def receipt(bundle: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Return the receipt of the grant of a valid bundle, by its name in results; nothing if it grants nothing."""
    if "macaroon" not in bundle:
        return {}
    return {"receipt": grant.receipt(macaroon.decode(bytes.fromhex(bundle["macaroon"])))}


def _equal(name: str) -> t.Callable[[t.Any, Terms], None]:
    def check(value: str, terms: Terms) -> None:
        if value != terms.kit[name]:
            raise InvalidInput(f"is {shown(value)}, but the kit is for {shown(terms.kit[name])}")

    return check


def _recipient(value: str, terms: Terms) -> None:
    if value != terms.kit["age_recipient"]:
        raise InvalidInput(
            f"is {shown(value)}, and not the public key of this provider: the bundle was signed for another one"
        )


def _kit_fingerprint(value: str, terms: Terms) -> None:
    """Check that the bundle was made for this kit. An accepted offer is not checked again: each new address changes the
    kit.
    """
    if value != kit.fingerprint(terms.kit) and not terms.taken_up:
        raise InvalidInput(
            f"is {shown(value)}, and that of the kit here {kit.fingerprint(terms.kit)}: the tenant has another kit."
            " Send it this one, and compare fingerprints"
        )


def _endpoint(value: str, _terms: Terms) -> None:
    endpoint.parse(value)


def _certificate(value: str, _terms: Terms) -> None:
    certificate.read(value)


def grants(permissions: t.Sequence[str]) -> t.Callable[[str, Terms], None]:
    """Return the check of a macaroon that must grant exactly these permissions."""

    def check(value: str, terms: Terms) -> None:
        if not _HEX.fullmatch(value):
            raise InvalidInput("is not hexadecimal")
        try:
            decoded = macaroon.decode(bytes.fromhex(value))
            flaws = grant.flaws(decoded, permissions)
        except macaroon.Malformed as error:
            raise InvalidInput(f"cannot be decoded ({error.what})") from error
        if flaws:
            raise InvalidInput(
                ", and ".join(flaw.text for flaw in flaws) + "".join(f". {flaw.cure}" for flaw in flaws if flaw.cure)
            )
        ends = caveats.end(decoded.caveats)
        if ends is not None and ends <= terms.now and not terms.taken_up:
            raise InvalidInput(f"grants until {document.date_text(ends)}, which is over. {_clock(terms)}")

    return check


def _node_id(value: str, _terms: Terms) -> None:
    if not _NODE_ID.fullmatch(value):
        raise InvalidInput("is not a compressed public key in small hexadecimal letters")


def _birthday(value: int, terms: Terms) -> None:
    if not _GENESIS_SECONDS <= value <= (terms.now + _CLOCK_DIFFERENCE).timestamp():
        raise InvalidInput(
            f"is {shown(value)}, which is no time in seconds since 1970 between Bitcoin's first block and now."
            f" {_clock(terms)}"
        )


def _version(value: str, terms: Terms) -> None:
    versions.check_bare(value)
    if kit.is_older(terms.kit, value) and not terms.taken_up:
        raise InvalidInput(
            f"is {value}, older than the node's {terms.kit['lnd_version']}: the signer's lnd must be upgraded first"
        )


def _expires(value: str, terms: Terms) -> None:
    if document.date(value) <= terms.now and not terms.taken_up:
        raise InvalidInput(
            f"was {shown(value)}: the offer is no longer open, and the tenant must write a new bundle. {_clock(terms)}"
        )


def _clock(terms: Terms) -> str:
    """Return the time that a bundle was compared with, which may be what is wrong."""
    return f"By the clock of this machine it is {document.date_text(terms.now)}: if that is wrong, set the clock first"


# The checks of every bundle, and those in addition for every lnd that is dialled.
COMMON_CHECKS: dict[str, t.Callable[[t.Any, Terms], None]] = {
    "tenant": _equal("tenant"),
    "network": _equal("network"),
    "recipient": _recipient,
    "kit_fingerprint": _kit_fingerprint,
    "node_id": _node_id,
    "expires": _expires,
}
ENDPOINT_CHECKS: dict[str, t.Callable[[t.Any, Terms], None]] = {"endpoint": _endpoint, "certificate": _certificate}

WATCH_ONLY: Kind = Kind(
    schema=SCHEMA,
    fields=FIELDS,
    secrets=SECRETS,
    checks={
        **COMMON_CHECKS,
        **ENDPOINT_CHECKS,
        "macaroon": grants(grant.PERMISSIONS),
        "birthday": _birthday,
        "lnd_version": _version,
    },
)


def _tunnel_endpoint(value: str, terms: Terms) -> None:
    its, wanted = endpoint.parse(value), terms.kit[tunnel.FIELD]["signer_address"]
    if its.host != wanted:
        raise InvalidInput(f"is {shown(value)}, and the kit has {wanted} for the signer's end of the tunnel")


def _tunnel_public_key(value: str, terms: Terms) -> None:
    wireguard.check_public_key(value)
    if value == terms.kit[tunnel.FIELD]["public_key"]:
        raise InvalidInput("is the provider's own")


_TUNNEL_CHECKS: dict[str, t.Callable[[t.Any, Terms], None]] = {
    "endpoint": _tunnel_endpoint,
    tunnel.KEY_FIELD: _tunnel_public_key,
}


def _private_keys(value: object, path: str = "") -> list[Problem]:
    """Return a problem for every text that contains a private key, wherever it is."""
    if isinstance(value, dict):
        named = [Problem(path, "holds a private key as a name") for name in value if _PRIVATE_KEY.search(name)]
        return named + [
            problem for name, inner in value.items() for problem in _private_keys(inner, joined(path, name))
        ]
    if isinstance(value, list):
        return [problem for index, inner in enumerate(value) for problem in _private_keys(inner, f"{path}[{index}]")]
    return [Problem(path, "holds a private key")] if isinstance(value, str) and _PRIVATE_KEY.search(value) else []
