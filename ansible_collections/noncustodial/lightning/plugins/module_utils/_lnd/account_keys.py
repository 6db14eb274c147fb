# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One public key below each account of a bundle, for the check that the signer has the private ones."""

from __future__ import annotations

import typing as t

from . import bip32

# The first key below each account. One is enough: with its private key and the account's extended public key, which was handed over, the account's
# private key follows (BIP 32), and with that every key below it.
_STEPS = (0, 0)


def account_keys(accounts: t.Iterable[t.Mapping[str, t.Any]]) -> dict[str, str]:
    """The derivation path of each account's first key, such as m/84'/0'/0'/0/0, with that key, compressed, hexadecimal.

    Args:
        accounts: as in a bundle: purpose, coin_type, account and xpub.

    Raises:
        InvalidInput: an xpub is none.
    """
    below = "/".join(map(str, _STEPS))
    return {
        f"m/{one['purpose']}'/{one['coin_type']}'/{one['account']}'/{below}": bip32.derive(bip32.decode(one["xpub"]), *_STEPS).hex()
        for one in accounts
    }
