# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that a node has granted to a provider, as far as the node and the grant's file show it. Nothing is changed."""

from __future__ import annotations

import datetime
import typing as t

from .._core import document
from .._core.errors import Missing
from .._core.printable import printable
from .._grpc.client import Client
from .._keys import caveats, grant, macaroon
from . import macaroon_file
from .macaroon_file import MacaroonState, WantedMacaroon


def read_grants(client: Client, desired: WantedMacaroon) -> MacaroonState:
    """Read the node's root keys and the grant's file."""
    ids = frozenset(client.call("lnrpc.Lightning/ListMacaroonIDs").root_key_ids)
    return macaroon_file.read_kept(desired, ids)


def listed(desired: WantedMacaroon, present: MacaroonState, now: datetime.datetime) -> dict[str, t.Any]:
    """Return the grant in the file, the other root keys of the node, and the one for the next renewal."""
    its = macaroon_file.newest(desired, present)
    # Without a file nothing is known of any of them.
    others = sorted(present.root_key_ids - {0, present.macaroon.root_key_id if present.macaroon else 0})
    standing = macaroon_file.standing(desired, present)
    # A higher one without a macaroon is of a renewal that was cut off before the file was written.
    renewing = standing == macaroon_file.LIVE and any(other < its.root_key_id for other in others)
    return {
        "grant": _shown(present.macaroon, desired.permissions, now) if present.macaroon else None,
        "standing": standing,
        "other_root_key_ids": others,
        "renewing": renewing,
        "next_root_key_id": max(its.root_key_id, *present.root_key_ids) + 1,
    }


def taken_up(desired: WantedMacaroon, present: MacaroonState, receipt: str) -> bool:
    """Return whether a receipt is that of the grant in the file.

    Raises:
        Missing: there is no grant.
    """
    if present.macaroon is None:
        raise Missing(f"{desired.path} holds no grant, of which there could be a receipt", "Grant first")
    return grant.is_receipt(receipt, present.macaroon)


def _shown(found: macaroon.Macaroon, permissions: t.Iterable[str], now: datetime.datetime) -> dict[str, t.Any]:
    ends = caveats.end(found.caveats)
    return {
        "root_key_id": found.root_key_id,
        "permissions": sorted(map(printable, found.permissions)),
        "caveats": list(map(printable, found.caveats)),
        "ends": document.date_text(ends) if ends else None,
        "ends_soon": ends is not None and ends < now + caveats.NOTICE,
        "flaws": [flaw.text for flaw in grant.flaws(found, permissions)],
    }
