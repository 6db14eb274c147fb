# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image's description and the tenant's settings: two small files, read strictly."""

from __future__ import annotations

import json
import os
import typing as t
from dataclasses import asdict, dataclass, fields, replace

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import agreement, bundle, kit
from ansible_collections.noncustodial.lightning.plugins.module_utils._core import addresses, document, endpoint
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.files import read_file, write_file
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.problems import Invalid, Problem, shown
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import segwit
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import seed
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.macaroon_file import LEAST_ROOT_KEY_ID

from .place import Place

NO_TPM_SENTENCE = "a copy of the disk has the keys"
"""The sentence that a tenant writes to do without a TPM."""

_CURE = "Correct it"


@dataclass(frozen=True)
class Image:
    """The build's description of the image.

    Attributes:
        version: version of the image.
        lnd_version: version of the lnd in it.
        egress: the connections that the machine may open by itself, as nftables statements.
    """

    version: str
    lnd_version: str
    egress: tuple[str, ...]


def read_image(place: Place) -> Image:
    """Return the description of this image.

    Raises:
        InvalidInput: the file is missing or damaged: this is no signer's image.
    """
    found = document.read(read_file(str(place.image), "the image's own description"))
    return Image(found["version"], found["lnd_version"], tuple(found["egress"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The tenant's settings. All have a default except for the address, which is asked for.

    Attributes:
        address: name or address at which the provider dials the signer.
        port: port that the provider dials; the signer itself listens on 10009, so that another one is a forwarded port.
        admin_addresses: networks from which ssh is open, as chosen; ssh_networks has the default.
        seed_recipient: the public key to which the seed is encrypted; empty: it is shown on the terminal.
        close_address: address to which coins of closed channels go; empty: into the wallet.
        bundle_valid_for: seconds in which the provider may take the bundle up.
        root_key_id: number of the provider's grant.
        kit_widest: prefix length of the widest network that the kit may let in.
        without_tpm: the sentence by which the tenant does without a TPM, or empty.
    """

    address: str = ""
    port: int = 10009
    admin_addresses: tuple[str, ...] = ()
    seed_recipient: str = ""
    close_address: str = ""
    bundle_valid_for: int = bundle.DEFAULT_VALID_SECONDS
    root_key_id: int = 1
    kit_widest: int = kit.DEFAULT_WIDEST_PREFIX_LENGTH
    without_tpm: str = ""

    @property
    def endpoint(self) -> str:
        """The host:port that the provider dials."""
        return endpoint.join(self.address, self.port)

    @property
    def ssh_networks(self) -> tuple[str, ...]:
        """The networks from which ssh is open. By default everybody: by IPv4, and by IPv6 if the address is one of
        IPv6.
        """
        return self.admin_addresses or (("0.0.0.0/0", "::/0") if ":" in self.address else ("0.0.0.0/0",))


def read_settings(place: Place, **overrides: t.Any) -> Settings:
    """Return the settings of the file; those given on the command line replace them.

    Raises:
        InvalidInput: something in it is wrong; all faults are named.
    """
    content = {}
    if place.settings.exists():
        try:
            content = document.read(read_file(str(place.settings), "the signer's settings"))
        except document.NotJson as error:
            raise Invalid(f"{place.settings}", [Problem("", error.what)], _CURE) from error
    return parse_settings(
        str(place.settings), content, {name: value for name, value in overrides.items() if value is not None}
    )


def parse_settings(path: str, content: object, overrides: t.Mapping[str, t.Any]) -> Settings:
    """Return the settings of a document; the given ones replace them.

    Raises:
        InvalidInput: something in it is wrong; all faults are named.
    """
    kinds = {field.name: type(field.default) for field in fields(Settings)}
    if not isinstance(content, dict):
        raise Invalid(path, [Problem("", "is not an object")], _CURE)
    problems = [Problem(name, "is not known") for name in content if name not in kinds]
    for name in kinds.keys() & content.keys():
        wanted = list if kinds[name] is tuple else kinds[name]
        if not isinstance(content[name], wanted) or isinstance(content[name], bool):
            problems.append(
                Problem(name, f"is no {'text' if wanted is str else 'number' if wanted is int else 'list'}")
            )
    if problems:
        raise Invalid(path, problems, _CURE)
    values: dict[str, t.Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in {**content, **overrides}.items()
    }
    settings = replace(Settings(), **values)
    problems = [*_problems(settings)]
    if values.get("admin_addresses") == ():
        problems.append(Problem("admin_addresses", "is empty: nobody could log in again"))
    if problems:
        raise Invalid("The configuration of this signer", problems, _CURE)
    return settings


def _problems(settings: Settings) -> t.Iterator[Problem]:
    if settings.address:
        try:
            endpoint.check_host(settings.address)
        except InvalidInput as error:
            yield Problem("address", f"{error.what}: {shown(settings.address)}")
    if not 1 <= settings.port <= 65535:
        yield Problem("port", "is not from 1 to 65535")
    for index, network in enumerate(settings.admin_addresses):
        if addresses.network(network) is None:
            yield Problem(f"admin_addresses[{index}]", "is neither an address nor a network")
    if settings.seed_recipient:
        try:
            seed.check_recipient(settings.seed_recipient)
        except InvalidInput as error:
            # It names the setting itself.
            yield Problem("", error.what)
    if settings.root_key_id < LEAST_ROOT_KEY_ID:
        yield Problem("root_key_id", f"is below {LEAST_ROOT_KEY_ID}; 0 is lnd's own and could not be revoked")
    try:
        agreement.check_widest(settings.kit_widest)
    except InvalidInput as error:
        yield Problem("kit_widest", f"is wrong: {error.what}")
    if settings.bundle_valid_for < 1:
        yield Problem("bundle_valid_for", "is below 1 second")
    if settings.without_tpm not in ("", NO_TPM_SENTENCE):
        yield Problem("without_tpm", f"is not the sentence '{NO_TPM_SENTENCE}'")


def check_close_address(settings: Settings, network: str) -> None:
    """Refuse an address for closed channels' coins that is not of this network.

    Raises:
        InvalidInput: it is no SegWit address of this network.
    """
    if settings.close_address:
        segwit.check(settings.close_address, network)


def write_settings(place: Place, settings: Settings) -> None:
    """Write the settings for the next run; those with their default value are left out."""
    defaults = asdict(Settings())
    changed = {name: value for name, value in asdict(settings).items() if value != defaults[name]}
    os.makedirs(place.desk, mode=0o700, exist_ok=True)
    write_file(str(place.settings), json.dumps(changed, indent=2).encode() + b"\n")
