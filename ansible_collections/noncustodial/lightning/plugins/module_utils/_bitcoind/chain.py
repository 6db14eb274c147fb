# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check that a bitcoind follows the same chain as everybody else on its network."""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import dataclass

from .._core.errors import LightningError

# Bitcoin Core's name for itself (BIP 14), with the operator's own comments; any other program appends a name.
CORE_SUBVERSION = re.compile(r"/Satoshi:[0-9]+(\.[0-9]+)*(\([^()/]*\))?/")
# The names in getdeploymentinfo if other rules than Bitcoin's are built in: BIP 110, and the proof of work that its
# branch has changed to.
_OTHER_RULES = ("reduced_data", "blake2b")
# Blocks: deeper blocks are on the same branch everywhere, and have reached everybody.
SETTLED_BLOCKS = 6
# Seconds. Blocks come every ten minutes. A wait of four hours is not to be expected in a thousand years; a block's own
# time may be off by one hour.
STANDSTILL_SECONDS = 4 * 3600
# Blocks: at least one peer has announced a block that bitcoind got from its peers.
_ANNOUNCED_BLOCKS = 2

_REPLACE_CURE = (
    "Stop the nodes that use it, install Bitcoin Core (bitcoind_install_method: release), and have it look again at"
    " what the other program has marked as invalid: the guide's section on the chain says how"
)
_COMPARE_CURE = (
    "Trust no confirmation until that is explained: compare with a block explorer, and see the guide's section on the"
    " chain"
)

# Returns the result of one RPC of bitcoind, or the body of an HTTP answer.
Call = t.Callable[..., t.Any]
Get = t.Callable[[str], bytes]


class ChainError(LightningError):
    """bitcoind does not answer."""


class SourceError(LightningError):
    """A second source does not answer, or its answer has another form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A bitcoind's report of its program and its chain.

    Attributes:
        chain: the network, in bitcoind's own words.
        subversion: the program's name (BIP 14).
        other_rules: rules that are built into the program and are not Bitcoin's.
        blocks: height of the newest block, in blocks.
        headers: height of the newest header, in blocks.
        bestblockhash: the hash of the newest block.
        time: the time in that block, in unix seconds.
        initialblockdownload: whether it is still catching up.
        verificationprogress: the progress of that, from 0 to 1.
        invalid: height of the highest branch that it refuses, in blocks; 0 for none.
        peers: for each peer that it has dialled, the height of the newest header that both know, in blocks; -1 for
            none.
        announced: the highest such height of all peers, also of those that have dialled, in blocks; -1 for none.
    """

    chain: str
    subversion: str
    other_rules: tuple[str, ...]
    blocks: int
    headers: int
    bestblockhash: str
    time: int
    initialblockdownload: bool
    verificationprogress: float
    invalid: int
    peers: tuple[int, ...]
    announced: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The blocks of bitcoind and of a second source at the same height.

    Attributes:
        url: the source.
        blocks: its newest block's height, in blocks.
        height: the height at which both were asked, in blocks.
        ours: the hash of bitcoind's block there.
        theirs: the hash of the source's.
    """

    url: str
    blocks: int
    height: int
    ours: str
    theirs: str


def read_chain(call: Call) -> Chain:
    """Read the state of a bitcoind's chain.

    Args:
        call: takes the name of a method and its arguments.
    """
    network, info, deployments = call("getnetworkinfo"), call("getblockchaininfo"), call("getdeploymentinfo")
    peers = call("getpeerinfo")
    return Chain(
        chain=info["chain"],
        subversion=network["subversion"],
        other_rules=tuple(name for name in _OTHER_RULES if name in deployments or name in deployments["deployments"]),
        blocks=info["blocks"],
        headers=info["headers"],
        bestblockhash=info["bestblockhash"],
        time=info["time"],
        initialblockdownload=info["initialblockdownload"],
        verificationprogress=info["verificationprogress"],
        invalid=max([tip["height"] for tip in call("getchaintips") if tip["status"] == "invalid"], default=0),
        peers=tuple(peer["synced_headers"] for peer in peers if not peer["inbound"]),
        announced=max([peer["synced_headers"] for peer in peers], default=-1),
    )


def compare(call: Call, get: Get, url: str, chain: Chain) -> Comparison:
    """Ask bitcoind and a second source for the same settled block.

    Args:
        call: takes the name of a method of bitcoind and its arguments.
        get: fetches a URL.
        url: base of an Esplora API, or of a bitcoind's REST interface, which ends in /rest.
        chain: the chain as bitcoind has reported it.

    Raises:
        SourceError: the source does not answer, or its answer has another form.
    """
    source = _Rest(get, url) if url.rstrip("/").endswith("/rest") else _Esplora(get, url)
    blocks = source.blocks()
    height = max(0, min(blocks, chain.blocks, max(blocks, chain.blocks) - SETTLED_BLOCKS))
    return Comparison(
        url=url, blocks=blocks, height=height, ours=call("getblockhash", str(height)), theirs=source.block(height)
    )


def problems(chain: Chain, comparisons: t.Iterable[Comparison], now: float) -> list[str]:
    """Return every sign that the chain is wrong, each as one text with its cure.

    Args:
        chain: the chain as bitcoind reports it.
        comparisons: the comparisons with second sources.
        now: unix seconds.
    """
    found = [*_program(chain), *_branches(chain)]
    if not chain.initialblockdownload:
        found += [*_peers(chain), *_standstill(chain, now)]
    for comparison in comparisons:
        found += _second(chain, comparison)
    return [str(problem) for problem in found]


def _program(chain: Chain) -> t.Iterator[LightningError]:
    """Check that the program is Bitcoin Core. On regtest, where the chain is the operator's own, any program is
    accepted.
    """
    if chain.chain == "regtest":
        return
    if not CORE_SUBVERSION.fullmatch(chain.subversion):
        yield LightningError(
            f"The program calls itself {chain.subversion}, and Bitcoin Core is /Satoshi:VERSION/. Bitcoin Knots from"
            " May 2026 on, and what is made of it, left Bitcoin's chain at block 961,632: what is paid there is lost",
            _REPLACE_CURE,
        )
    elif chain.other_rules:
        rules = ", ".join(chain.other_rules)
        yield LightningError(
            f"The program has rules that are not Bitcoin's ({rules}; BIP 110): it follows another chain", _REPLACE_CURE
        )


def _branches(chain: Chain) -> t.Iterator[LightningError]:
    if chain.invalid > chain.blocks + SETTLED_BLOCKS:
        yield LightningError(
            f"A branch up to block {chain.invalid} is refused as invalid, and the own chain ends at block"
            f" {chain.blocks}. Either the program follows other rules than its network, or another one before it did"
            " and has left its marks in the data",
            "With Bitcoin Core installed, have it look again (bitcoin-cli reconsiderblock): the guide's section on the"
            " chain says how",
        )


def _peers(chain: Chain) -> t.Iterator[LightningError]:
    """Compare the chain with the peers'. bitcoind asks each peer that connects for headers; a peer on the same branch
    knows ours. One peer proves nothing.
    """
    if len(chain.peers) < 2:
        return
    ahead = sorted(chain.peers)[(len(chain.peers) - 1) // 2]
    if ahead > chain.blocks + SETTLED_BLOCKS:
        yield LightningError(
            f"Most peers are at block {ahead} or later, and the own chain ends at block {chain.blocks}", _COMPARE_CURE
        )
    elif chain.announced < chain.blocks - _ANNOUNCED_BLOCKS:
        yield LightningError(
            f"No peer knows the own chain from block {chain.blocks - _ANNOUNCED_BLOCKS} on, and it ends at block"
            f" {chain.blocks}",
            f"If bitcoind has only just been started, wait for its peers. {_COMPARE_CURE}",
        )


def _standstill(chain: Chain, now: float) -> t.Iterator[LightningError]:
    if chain.chain != "regtest" and now - chain.time > STANDSTILL_SECONDS:
        hours = (now - chain.time) / 3600
        yield LightningError(
            f"The newest block, {chain.blocks}, is {hours:.1f} hours old: the chain stands still, or its blocks do not"
            " arrive",
            f"If bitcoind has only just been started, wait for what it has missed. {_COMPARE_CURE}",
        )


def _second(chain: Chain, its: Comparison) -> t.Iterator[LightningError]:
    if its.ours != its.theirs:
        yield LightningError(
            f"{its.url} has another block {its.height}: {its.theirs} there, {its.ours} here. One of the two is on"
            " another branch",
            _COMPARE_CURE,
        )
    elif its.blocks > chain.blocks + SETTLED_BLOCKS and not chain.initialblockdownload:
        yield LightningError(
            f"{its.url} is at block {its.blocks}, and the own chain ends at block {chain.blocks}, on the same branch",
            _COMPARE_CURE,
        )
    elif its.blocks < chain.blocks - SETTLED_BLOCKS:
        yield LightningError(
            f"{its.url} is at block {its.blocks}, {chain.blocks - its.blocks} behind, and so says nothing of the newest"
            " blocks",
            "Wait until it has caught up, or name another in bitcoind_second_sources",
        )


class _Source:
    """A second source at a URL. Only answers that have the form of a height or a hash are shown."""

    def __init__(self, get: Get, url: str) -> None:
        self._get, self._url = get, url.rstrip("/")

    def _height(self, answer: object) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", str(answer)):
            raise self._none("a height")
        return int(str(answer))

    def _hash(self, answer: object) -> str:
        if not re.fullmatch(r"[0-9a-f]{64}", str(answer)):
            raise self._none("the hash of a block")
        return str(answer)

    def _none(self, expected: str) -> SourceError:
        return SourceError(
            f"{self._url} answered with something else than {expected}",
            "Name the base of an Esplora API in bitcoind_second_sources, or a bitcoind's REST interface, which ends in"
            " /rest",
        )


class _Esplora(_Source):
    def blocks(self) -> int:
        return self._height(self._text("blocks/tip/height"))

    def block(self, height: int) -> str:
        return self._hash(self._text(f"block-height/{height}"))

    def _text(self, path: str) -> str:
        return self._get(f"{self._url}/{path}").decode(errors="replace").strip()


class _Rest(_Source):
    def blocks(self) -> int:
        return self._height(self._field("chaininfo.json", "blocks"))

    def block(self, height: int) -> str:
        return self._hash(self._field(f"blockhashbyheight/{height}.json", "blockhash"))

    def _field(self, path: str, name: str) -> object:
        try:
            return json.loads(self._get(f"{self._url}/{path}"))[name]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise self._none(f"a {name}") from None
