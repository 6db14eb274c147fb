# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A seed that its owner does not have yet, sealed to this machine. It makes an interruption harmless: the same words
are shown again, and no others.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace

from ansible_collections.noncustodial.lightning.plugins.module_utils._core import files

from .host import Machine

_NAME = "signer-init.seed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A seed from which no wallet was made yet, as far as is known.

    Attributes:
        words: its words.
        network: the network for which it was made.
        birthday: the time at which it was made, in seconds since 1970.
        confirmed: whether its owner has it.
        brought: whether its owner had it before; then lnd may still find that the words are no seed.
    """

    words: tuple[str, ...]
    network: str
    birthday: int
    confirmed: bool = False
    brought: bool = False

    def __repr__(self) -> str:
        return f"Pending(network={self.network!r}, birthday={self.birthday}, confirmed={self.confirmed})"


def read(host: Machine) -> Pending | None:
    """Return the pending seed, or None if there is none.

    Raises:
        InvalidInput: it was sealed on another machine: this is a copy of a disk.
    """
    if not host.place.pending_seed.exists():
        return None
    found = json.loads(host.unseal(host.place.pending_seed, _NAME, "seed under way"))
    return Pending(**{**found, "words": tuple(found["words"])})


def keep(host: Machine, pending: Pending) -> None:
    """Seal the seed, before anybody sees it."""
    host.seal(host.place.pending_seed, _NAME, json.dumps(asdict(pending)).encode())


def confirm(host: Machine, pending: Pending) -> Pending:
    """Note that its owner has the seed."""
    confirmed = replace(pending, confirmed=True)
    keep(host, confirmed)
    return confirmed


def forget(host: Machine) -> None:
    """Delete the seed, because its wallet serves: from now on only its owner has the words."""
    if host.place.pending_seed.exists():
        os.unlink(host.place.pending_seed)
        files.sync_folder(str(host.place.pending_seed.parent))
