# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agreement of a tenant with its provider: the tenant's name and the kit's fingerprint. It is kept on the tenant's
side, beside the kit.
"""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

from .._core import document
from .._core.errors import InvalidInput, Missing, Refused
from .._core.files import read_file
from .._core.printable import printable
from . import kit

KIT_FILE, TENANT_FILE, FINGERPRINT_FILE = "kit.json", "tenant", "kit_fingerprint"
"""The names of the kit's file, and of two files of one line each. They are written when a kit has been compared; the
tenant may write the two before that.
"""

_MAX_BYTES = 1 << 10


class Unconfirmed(Refused):
    """Nobody has confirmed yet that this kit is the provider's."""


@dataclass(frozen=True)
class Agreement:
    """The tenant and fingerprint that were agreed. Empty ones were not.

    Attributes:
        tenant: the tenant for whom the kits are.
        fingerprint: the fingerprint of the kit that was compared.
    """

    tenant: str = ""
    fingerprint: str = ""


def remembered(folder: str) -> Agreement:
    """Read the agreement from the two files in a folder. Without the first, the tenant is that of a bundle in the
    folder.

    Raises:
        InvalidInput: a file cannot be read.
    """
    tenant, fingerprint = (_line(os.path.join(folder, name)) for name in (TENANT_FILE, FINGERPRINT_FILE))
    return Agreement(tenant or _of_bundle(os.path.join(folder, "bundle.json")), fingerprint)


def files(content: t.Mapping[str, t.Any], text: str) -> dict[str, str]:
    """Return the files, by name, that record a kit that was compared.

    Args:
        content: a valid kit.
        text: its text, as it is to be stored.
    """
    return {KIT_FILE: text, TENANT_FILE: f"{content['tenant']}\n", FINGERPRINT_FILE: f"{kit.fingerprint(content)}\n"}


def _of_bundle(path: str) -> str:
    try:
        found = document.read(read_file(path, "the bundle"))
    except InvalidInput:
        # There is no bundle yet, or it was cut: it will be written anew.
        return ""
    return found["tenant"] if isinstance(found, dict) and isinstance(found.get("tenant"), str) else ""


def _line(path: str) -> str:
    try:
        return read_file(path, "what was agreed with the provider", _MAX_BYTES).decode(errors="replace").strip()
    except Missing:
        return ""


def check(
    content: t.Mapping[str, t.Any], statement: Agreement, records: t.Sequence[Agreement], widest: int, cures: Cures
) -> None:
    """Refuse a kit that is another tenant's, that admits wider networks than the tenant wants, or that was not compared
    with the provider.

    Args:
        content: a valid kit.
        statement: the agreement that the tenant states now. If it states a fingerprint, only that one counts.
        records: the agreements that are recorded on the tenant's side.
        widest: prefix length of the widest network that may dial.
        cures: the tenant's part of each cure.

    Raises:
        Unconfirmed: the fingerprint was not stated, or is a different one.
        Refused: the text states what is wrong. Nothing was changed.
    """
    for name in (statement.tenant, *(one.tenant for one in records)):
        if name not in ("", content["tenant"]):
            raise Refused(
                f"The kit is for the tenant {content['tenant']}, and this is {printable(name)}'s. Nothing was changed",
                f"Ask the provider for your own kit, or {cures.tenant}",
            )
    wide = kit.wider(content, widest)
    if wide:
        raise Refused(
            f"The kit would let in {', '.join(wide)}, and you have not accepted networks wider than /{widest}, of IPv6"
            f" /{kit.widest_prefix_length(widest, 6)}. Nothing was changed",
            f"Ask the provider for the addresses that dial. If so many are meant, {cures.widest}",
        )
    known = [statement.fingerprint] if statement.fingerprint else [one.fingerprint for one in records]
    if any(kit.is_fingerprint(one, content) for one in known):
        return
    other = next((printable(one) for one in known if one), "")
    raise Unconfirmed(
        f"The kit for {description(content)} has the fingerprint {kit.fingerprint(content)}, "
        + (
            f"and what was compared with the provider is {other}"
            if other
            else "which was not compared with the provider yet"
        )
        + ". Nothing was changed",
        "Compare it with the one that the provider has, over the channel on which you confirm your signing key, such as"
        f" a call, and not over the one on which the kit came. If they are the same, {cures.fingerprint}. Otherwise the"
        " kit was altered in transit",
    )


def description(content: t.Mapping[str, t.Any]) -> str:
    """Describe a valid kit in words: its tenant, its network and the addresses that it lets in."""
    return f"{content['tenant']} on {content['network']}, which lets in {', '.join(content['provider_addresses'])},"


@dataclass(frozen=True)
class Cures:
    """The tenant's part of each cure, in the terms of the program that it uses, as the rest of a sentence.

    Attributes:
        tenant: if the kit is for another tenant.
        widest: if the kit is right, and lets in many addresses.
        fingerprint: if the fingerprint is the provider's.
    """

    tenant: str
    widest: str
    fingerprint: str


def check_widest(prefix: int) -> None:
    """Refuse a bound that cannot be used.

    Raises:
        InvalidInput: it is not a prefix length, or wider than any kit may be.
    """
    if not kit.WIDEST_PREFIX_LENGTH <= prefix <= 32:
        raise InvalidInput(f"{prefix} is not a prefix length from {kit.WIDEST_PREFIX_LENGTH} to 32", "Correct it")
