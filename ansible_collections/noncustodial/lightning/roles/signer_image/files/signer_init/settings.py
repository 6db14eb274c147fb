# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the image is, and what the tenant has chosen: two small files, read strictly."""

from __future__ import annotations

import ipaddress
import json
import os
import typing as t
from dataclasses import asdict, dataclass, fields, replace

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import agreement, document, endpoint, kit, seed, segwit
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import InvalidInput
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.files import read_file, write_file
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.problems import Invalid, Problem, shown

from .place import Place

NO_TPM = "a copy of the disk has the keys"
"""What a tenant writes to do without a TPM."""

_CURE = "Correct it"


@dataclass(frozen=True)
class Image:
    """What the build has written down.

    Attributes:
        version: of the image.
        lnd_version: of the lnd in it.
        egress: what the machine may reach by itself, as nftables statements.
    """

    version: str
    lnd_version: str
    egress: tuple[str, ...]


def read_image(place: Place) -> Image:
    """What this image is.

    Raises:
        InvalidInput: the file is not there or not whole: this is no signer's image.
    """
    found = document.read(read_file(str(place.image), "the image's own description"))
    return Image(found["version"], found["lnd_version"], tuple(found["egress"]))


@dataclass(frozen=True)
class Settings:
    """What the tenant has chosen. All of it has a default but for the address, which is asked for.

    Attributes:
        address: name or address by which the provider dials the signer.
        port: by which it dials; the signer itself listens on 10009, so that another one is a forwarded port.
        admin_addresses: networks from which ssh is open.
        seed_recipient: the public key to which the seed is encrypted; empty: it is shown on the terminal.
        close_address: where coins of closed channels go; empty: into the wallet.
        bundle_valid_for: seconds in which the provider may take the bundle up.
        root_key_id: number of the provider's grant.
        kit_widest: prefix length of the widest network that the kit may let in.
        without_tpm: the sentence that says that the tenant does without a TPM, or empty.
    """

    address: str = ""
    port: int = 10009
    admin_addresses: tuple[str, ...] = ("0.0.0.0/0",)
    seed_recipient: str = ""
    close_address: str = ""
    bundle_valid_for: int = 1209600
    root_key_id: int = 1
    kit_widest: int = kit.WIDEST_BY_DEFAULT
    without_tpm: str = ""


def read_settings(place: Place, **given: t.Any) -> Settings:
    """What the file says, with what was given on the command line in its place.

    Raises:
        InvalidInput: something in it is wrong; all faults are named.
    """
    found = {}
    if place.settings.exists():
        try:
            found = document.read(read_file(str(place.settings), "the signer's settings"))
        except document.NotJson as error:
            raise Invalid(f"{place.settings}", [Problem("", error.what)], _CURE) from error
    return parse_settings(str(place.settings), found, {name: value for name, value in given.items() if value is not None})


def parse_settings(path: str, found: object, given: t.Mapping[str, t.Any]) -> Settings:
    """Settings from a document, with what was given in its place.

    Raises:
        InvalidInput: something in it is wrong; all faults are named.
    """
    kinds = {field.name: type(field.default) for field in fields(Settings)}
    if not isinstance(found, dict):
        raise Invalid(path, [Problem("", "is not an object")], _CURE)
    problems = [Problem(name, "is not known") for name in found if name not in kinds]
    for name in kinds.keys() & found.keys():
        wanted = list if kinds[name] is tuple else kinds[name]
        if not isinstance(found[name], wanted) or isinstance(found[name], bool):
            problems.append(Problem(name, f"is no {'text' if wanted is str else 'number' if wanted is int else 'list'}"))
    if problems:
        raise Invalid(path, problems, _CURE)
    values: dict[str, t.Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in {**found, **given}.items()}
    made = replace(Settings(), **values)
    problems = [*_problems(made)]
    if problems:
        raise Invalid("The configuration of this signer", problems, _CURE)
    return made


def _problems(made: Settings) -> t.Iterator[Problem]:
    if made.address:
        try:
            endpoint.parse(f"{made.address}:1")
        except InvalidInput:
            yield Problem("address", f"is neither a name nor an IPv4 address: {shown(made.address)}")
    if not 1 <= made.port <= 65535:
        yield Problem("port", "is not from 1 to 65535")
    for index, network in enumerate(made.admin_addresses):
        if not _is_network(network):
            yield Problem(f"admin_addresses[{index}]", "is neither an IPv4 address nor an IPv4 network")
    if not made.admin_addresses:
        yield Problem("admin_addresses", "is empty: nobody could log in again")
    if made.seed_recipient:
        try:
            seed.check_recipient(made.seed_recipient)
        except InvalidInput as error:
            # It names the setting itself.
            yield Problem("", error.what)
    if made.root_key_id < 1:
        yield Problem("root_key_id", "is below 1; 0 is lnd's own and could not be revoked")
    try:
        agreement.check_widest(made.kit_widest)
    except InvalidInput as error:
        yield Problem("kit_widest", f"is wrong: {error.what}")
    if made.bundle_valid_for < 1:
        yield Problem("bundle_valid_for", "is below 1 second")
    if made.without_tpm not in ("", NO_TPM):
        yield Problem("without_tpm", f"is not the sentence '{NO_TPM}'")


def _is_network(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(ipaddress.IPv4Network(value, strict=False))
    except ValueError:
        return False


def check_close_address(made: Settings, network: str) -> None:
    """Refuse an address of another network.

    Raises:
        InvalidInput: it is none of this network.
    """
    if made.close_address:
        segwit.check(made.close_address, network)


def write_settings(place: Place, made: Settings) -> None:
    """Keep what was chosen for the next time; what is as by default is left out."""
    chosen = {name: value for name, value in asdict(made).items() if value != getattr(Settings, name)}
    os.makedirs(place.desk, mode=0o700, exist_ok=True)
    write_file(str(place.settings), json.dumps(chosen, indent=2).encode() + b"\n")
