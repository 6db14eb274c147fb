# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks: what the hub writes into lnd's own records, so that a ledger that has lost them can tell whose they are.

lnd keeps the preimage of each invoice, and with each payment a record for its first hop. Both hold the number of a user, so that only who
has the ledger can read it. The key is in the ledger, and so in every backup of it. A mark guards nothing; it is for finding again alone.
"""

from __future__ import annotations

import hmac
import secrets

from .db import Pool

_HALF = 8
LENGTH = 2 * _HALF
"""Bytes of a mark."""


def write(key: bytes, about: bytes, user_id: int) -> bytes:
    """The mark of a user on something.

    Args:
        about: what else is known of it, and is its alone.
    """
    number = user_id.to_bytes(_HALF, "big")
    return _covered(key, about, number) + hmac.digest(key, b"of" + about + number, "sha256")[:_HALF]


def read(key: bytes, about: bytes, mark: bytes) -> int | None:
    """The number of the user; None if it is no mark of this ledger."""
    if len(mark) != LENGTH:
        return None
    user_id = int.from_bytes(_covered(key, about, mark[:_HALF]), "big")
    return user_id if user_id < 2**63 and hmac.compare_digest(write(key, about, user_id), mark) else None


def _covered(key: bytes, about: bytes, number: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(number, hmac.digest(key, b"cover" + about, "sha256"), strict=False))


class Marks:
    """The marks of one ledger; its key is read when it is needed first."""

    def __init__(self, pool: Pool) -> None:
        self._pool, self._kept = pool, b""

    async def _key(self) -> bytes:
        if not self._kept:
            self._kept = bytes(await self._pool.fetchval("SELECT mark_key FROM progress"))
        return self._kept

    async def preimage(self, user_id: int) -> bytes:
        """A new preimage: half of it random, which nobody can guess, half of it the mark."""
        about = secrets.token_bytes(32 - LENGTH)
        return about + write(await self._key(), about, user_id)

    async def payee(self, preimage: bytes) -> int | None:
        """Whose invoice it is that has this preimage; None if it is not of this ledger."""
        return read(await self._key(), preimage[:-LENGTH], preimage[-LENGTH:])

    async def of_payment(self, payment_hash: bytes, user_id: int) -> bytes:
        """The mark of a payment."""
        return write(await self._key(), payment_hash, user_id)

    async def payer(self, payment_hash: bytes, mark: bytes) -> int | None:
        """Who has made a payment; None if its mark is not of this ledger."""
        return read(await self._key(), payment_hash, mark)
