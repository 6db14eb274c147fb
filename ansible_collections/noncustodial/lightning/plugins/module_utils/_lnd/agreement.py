# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tenant and its provider have agreed on: the tenant's name, and the kit, by its fingerprint. It stands on the tenant's side, beside the kit."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

from . import document, kit
from .errors import InvalidInput, Missing, Refused
from .files import read_file
from .printable import printable

TENANT_FILE, FINGERPRINT_FILE = "tenant", "kit_fingerprint"
"""Of one line each. They are written when a kit has been compared, or by the tenant before."""

_MAX_BYTES = 1 << 10


class Unconfirmed(Refused):
    """Nobody has said yet that this kit is the provider's."""


@dataclass(frozen=True)
class Agreement:
    """What was said of kits. What is empty was not said.

    Attributes:
        tenant: whose they are.
        fingerprint: of the one that was compared.
    """

    tenant: str = ""
    fingerprint: str = ""


def remembered(folder: str) -> Agreement:
    """What the two files in a folder say. Where the first is not there, a bundle that was written there says for whom.

    Raises:
        InvalidInput: one cannot be read.
    """
    tenant, fingerprint = (_line(os.path.join(folder, name)) for name in (TENANT_FILE, FINGERPRINT_FILE))
    return Agreement(tenant or _of_bundle(os.path.join(folder, "bundle.json")), fingerprint)


def _of_bundle(path: str) -> str:
    try:
        found = document.read(read_file(path, "the bundle"))
    except InvalidInput:
        # There is none yet, or it was cut: it will be written anew.
        return ""
    return found["tenant"] if isinstance(found, dict) and isinstance(found.get("tenant"), str) else ""


def _line(path: str) -> str:
    try:
        return read_file(path, "what was agreed with the provider", _MAX_BYTES).decode(errors="replace").strip()
    except Missing:
        return ""


def check(found: t.Mapping[str, t.Any], said: Agreement, before: t.Sequence[Agreement], widest: int, cures: Cures) -> None:
    """Refuse a kit that is not the tenant's, that lets in more than the tenant wants, or that was not compared with the provider.

    Args:
        found: a valid kit.
        said: what the tenant says now. If it says a fingerprint, that one counts.
        before: what stands on the tenant's side.
        widest: prefix length of the widest network that may dial.
        cures: what the tenant can do.

    Raises:
        Unconfirmed: the fingerprint was not said, or is another.
        Refused: with what is wrong. Nothing was changed.
    """
    for name in (said.tenant, *(one.tenant for one in before)):
        if name not in ("", found["tenant"]):
            raise Refused(
                f"The kit is for the tenant {found['tenant']}, and this is {printable(name)}'s. Nothing was changed", cures.tenant
            )
    wide = kit.wider(found, widest)
    if wide:
        raise Refused(
            f"The kit would let in {', '.join(wide)}, and networks wider than /{widest} are not let in unasked. Nothing was changed",
            cures.widest,
        )
    known = [said.fingerprint] if said.fingerprint else [one.fingerprint for one in before]
    if any(kit.is_fingerprint(one, found) for one in known):
        return
    other = next((printable(one) for one in known if one), "")
    raise Unconfirmed(
        f"The kit for {told(found)} has the fingerprint {kit.fingerprint(found)}, "
        + (f"and what was compared with the provider is {other}" if other else "which was not compared with the provider yet")
        + ". Nothing was changed",
        cures.fingerprint,
    )


def told(found: t.Mapping[str, t.Any]) -> str:
    """A valid kit in words: for whom it is, and whom it lets in."""
    return f"{found['tenant']} on {found['network']}, which lets in {', '.join(found['provider_addresses'])},"


@dataclass(frozen=True)
class Cures:
    """What a tenant can do, in the words of the program that it uses.

    Attributes:
        tenant: if the kit is another's.
        widest: if it lets in too many.
        fingerprint: if it was not compared.
    """

    tenant: str
    widest: str
    fingerprint: str


def check_widest(prefix: int) -> None:
    """Refuse a bound that is none.

    Raises:
        InvalidInput: it is no prefix length, or wider than any kit may be.
    """
    if not kit.WIDEST <= prefix <= 32:
        raise InvalidInput(f"{prefix} is not a prefix length from {kit.WIDEST} to 32", "Correct it")
