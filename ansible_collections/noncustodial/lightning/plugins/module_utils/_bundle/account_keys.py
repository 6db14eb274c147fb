# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The accounts that a watch-only lnd needs, as extended public keys: the list of them, the check of them, and one key
below each.
"""

from __future__ import annotations

import typing as t

from .._core.errors import InvalidInput
from .._core.problems import Problem, check_fields, joined
from .._keys import bip32

ACCOUNT_FIELDS: dict[str, type | tuple[type, ...]] = {"purpose": int, "coin_type": int, "account": int, "xpub": str}

# Where lnd keeps its own keys; the node's key is of family 6 (lnd: keychain.BIP0043Purpose, keychain.KeyFamilyNodeKey).
LND_PURPOSE, NODE_FAMILY = 1017, 6
_FAMILY_COUNT = 256
_ACCOUNT_DEPTH = 3

# The first key below each account. One is enough: with its private key and the account's extended public key, which was
# handed over, the account's private key follows (BIP 32), and with that every key below it.
_FIRST_KEY_PATH = (0, 0)


Place = tuple[int, int, int]


def coin_type(network: str) -> int:
    """Return the coin type of lnd's own keys on a network (lnd: keychain.CoinTypeBitcoin and CoinTypeTestnet)."""
    return 0 if network == "mainnet" else 1


def required_places(network: str) -> list[Place]:
    """Return purpose, coin type and number of all 259 accounts that a watch-only lnd needs. The three for coins have
    coin type 0 on every network.
    """
    return [(49, 0, 0), (84, 0, 0), (86, 0, 0)] + [
        (LND_PURPOSE, coin_type(network), family) for family in range(_FAMILY_COUNT)
    ]


def place_text(place: Place) -> str:
    """Return the derivation path of an account, for example m/84'/0'/0'."""
    return "m/" + "/".join(f"{step}'" for step in place)


def account_keys(accounts: t.Iterable[t.Mapping[str, t.Any]]) -> dict[str, str]:
    """Map the derivation path of each account's first key, such as m/84'/0'/0'/0/0, to that key, compressed,
    hexadecimal.

    Args:
        accounts: the accounts as in a bundle: purpose, coin_type, account and xpub.

    Raises:
        InvalidInput: an xpub is not valid.
    """
    below = "/".join(map(str, _FIRST_KEY_PATH))
    return {
        f"m/{one['purpose']}'/{one['coin_type']}'/{one['account']}'/{below}": (
            bip32.derive(bip32.decode(one["xpub"]), *_FIRST_KEY_PATH).hex()
        )
        for one in accounts
    }


def account_problems(accounts: list[t.Any], network: str, node_id: str | None) -> list[Problem]:
    """Check that exactly the needed accounts are there, each once, with its depth and number, and of one seed as far as
    public keys show.
    """
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
        if not all(0 <= step < bip32.HARDENED_OFFSET for step in place):
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
    if key.child != place[2] + bip32.HARDENED_OFFSET:
        raise InvalidInput(f"has child number {_step(key.child)} in place of {_step(place[2] + bip32.HARDENED_OFFSET)}")
    return key


def _one_seed(
    keys: t.Mapping[Place, bip32.ExtendedPublicKey], paths: t.Mapping[Place, str], network: str, node_id: str | None
) -> list[Problem]:
    """Check that the node's key follows from its account, that all of lnd's own accounts name the same parent, and that
    no two keys are equal.

    Public keys prove no more: an account is a hardened child, which cannot be derived from its parent's public key, and
    it only claims its parent. Only a challenge to the signer shows that it has the private keys of all of them
    (possession.py).
    """
    found: list[Problem] = []
    home = (LND_PURPOSE, coin_type(network), NODE_FAMILY)
    if home in keys:
        derived = bip32.node_id(keys[home])
        if node_id is not None and derived != node_id:
            found.append(
                Problem(
                    "node_id",
                    f"is not that of the accounts, whose key at {place_text(home)} is {derived}: they are of another"
                    " seed",
                )
            )
        others = [place for place, key in keys.items() if place[0] == LND_PURPOSE and key.parent != keys[home].parent]
        found += [
            Problem(f"{paths[place]}.xpub", f"({place_text(place)}) is of another seed than {place_text(home)}")
            for place in others
        ]
    seen: dict[bytes, Place] = {}
    for place, key in keys.items():
        for what, part in (("key", key.key), ("chain code", key.chain_code)):
            if seen.setdefault(part, place) != place:
                found.append(
                    Problem(f"{paths[place]}.xpub", f"({place_text(place)}) has the {what} of {place_text(seen[part])}")
                )
                break
    return found


def _places(places: t.Sequence[Place]) -> str:
    """Return a list of accounts as text, with runs of numbers joined."""
    runs: list[list[Place]] = []
    for place in places:
        if runs and place[:2] == runs[-1][-1][:2] and place[2] == runs[-1][-1][2] + 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return ", ".join(place_text(run[0]) + (f" to {place_text(run[-1])}" if len(run) > 1 else "") for run in runs)


def _step(number: int) -> str:
    return f"{number - bip32.HARDENED_OFFSET}'" if number >= bip32.HARDENED_OFFSET else str(number)
