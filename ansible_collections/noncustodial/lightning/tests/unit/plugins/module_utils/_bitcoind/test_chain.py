# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults of a bitcoind's chain."""

from __future__ import annotations

import json
import typing as t
from dataclasses import replace

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._bitcoind import chain as subject

NOW = 1_796_000_000
TIP = 978_000
WELL = subject.Chain(
    chain="main",
    subversion="/Satoshi:31.1.0/",
    other_rules=(),
    blocks=TIP,
    headers=TIP,
    bestblockhash="00" * 32,
    time=NOW - 600,
    initialblockdownload=False,
    verificationprogress=1.0,
    invalid=0,
    peers=(TIP, TIP - 1, TIP),
    announced=TIP,
)
OURS, THEIRS = "aa" * 32, "bb" * 32


def found(comparisons: t.Sequence[subject.Comparison] = (), **changes: t.Any) -> list[str]:
    """Return the problems of a chain that differs in these values from a good one."""
    return subject.problems(replace(WELL, **changes), comparisons, NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"subversion": "/Satoshi:31.1.0(node 7; ours)/"},
        {
            "subversion": "/Satoshi:29.4.3/Knots:20260508/",
            "other_rules": ("reduced_data", "blake2b"),
            "chain": "regtest",
            "time": 0,
        },
        # An invalid block that somebody mined is passed soon.
        {"invalid": TIP + subject.SETTLED_BLOCKS},
        {"invalid": TIP - 1000},
        {"time": NOW - subject.STANDSTILL_SECONDS},
        {"peers": (), "announced": -1},
        {"peers": (TIP - 20_000,), "announced": TIP - 20_000},
        {"peers": (TIP + 7, TIP, TIP)},
        {"peers": (TIP - 9, 0, 0), "announced": TIP - 2},
        {"peers": (TIP + subject.SETTLED_BLOCKS,) * 8},
        # While it catches up, all of that is as it should be.
        {"initialblockdownload": True, "blocks": 10, "time": 0, "peers": (TIP,) * 8, "announced": 0},
    ],
)
def test_a_chain_that_is_well(changes: dict[str, t.Any]) -> None:
    assert found(**changes) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"subversion": "/Satoshi:29.4.3/Knots:20260508/"},
            "The program calls itself /Satoshi:29.4.3/Knots:20260508/, and Bitcoin Core is /Satoshi:VERSION/.",
        ),
        ({"subversion": "/Satoshi:29.4.3/Knots:20260508/", "chain": "signet"}, "The program calls itself"),
        ({"subversion": "/Satoshi:29.2.0/Knots:20251110/UASF-BIP110:0.1/"}, "The program calls itself"),
        ({"subversion": "/Satoshi:29.2.0(/Knots:1/)/"}, "The program calls itself"),
        ({"other_rules": ("reduced_data",)}, "The program has rules that are not Bitcoin's (reduced_data; BIP 110)"),
        (
            {"invalid": TIP + 7},
            "A branch up to block 978007 is refused as invalid, and the own chain ends at block 978000.",
        ),
        ({"invalid": TIP + 7, "initialblockdownload": True}, "A branch up to block 978007 is refused as invalid"),
        ({"peers": (TIP + 7, TIP + 7, TIP)}, "Most peers are at block 978007 or later"),
        ({"peers": (TIP + 9, TIP + 7)}, "Most peers are at block 978007 or later"),
        # The branch of BIP 110 was four blocks long.
        (
            {"peers": (TIP - 4, -1), "announced": TIP - 4},
            "No peer knows the own chain from block 977998 on, and it ends at block 978000",
        ),
        ({"peers": (-1, -1), "announced": -1}, "No peer knows the own chain from block 977998 on"),
        ({"time": NOW - subject.STANDSTILL_SECONDS - 1}, "The newest block, 978000, is 4.0 hours old"),
    ],
)
def test_a_chain_that_is_not(changes: dict[str, t.Any], expected: str) -> None:
    texts = found(**changes)
    assert len(texts) == 1, texts
    assert texts[0].startswith(expected)
    assert "says how" in texts[0] or "Trust no confirmation" in texts[0]


def node(blocks: int) -> subject.Call:
    def call(method: str, height: str) -> str:
        assert method == "getblockhash"
        assert int(height) <= blocks
        return OURS

    return call


def esplora(blocks: int, block: str = OURS) -> subject.Get:
    def get(url: str) -> bytes:
        if url == "https://explorer.example/api/blocks/tip/height":
            return f"{blocks}\n".encode()
        assert url.startswith("https://explorer.example/api/block-height/")
        assert int(url.rpartition("/")[2]) <= blocks
        return block.encode()

    return get


def rest(blocks: int, block: str = OURS) -> subject.Get:
    def get(url: str) -> bytes:
        assert url.startswith("http://192.0.2.9:8332/rest/")
        if url.endswith("/chaininfo.json"):
            return json.dumps({"blocks": blocks}).encode()
        assert "/blockhashbyheight/" in url
        return json.dumps({"blockhash": block}).encode()

    return get


SOURCES = [("https://explorer.example/api/", esplora), ("http://192.0.2.9:8332/rest", rest)]


@pytest.mark.parametrize(("url", "source"), SOURCES)
@pytest.mark.parametrize(
    ("theirs", "block", "height", "expected"),
    [
        (TIP, OURS, TIP - 6, ""),
        (TIP + 3, OURS, TIP - 3, ""),
        (TIP + 6, OURS, TIP, ""),
        (TIP - 6, OURS, TIP - 6, ""),
        (TIP, THEIRS, TIP - 6, f"has another block 977994: {THEIRS} there, {OURS} here."),
        # The branch of BIP 110: it ends long before, and its last block is nobody else's.
        (TIP + 16_000, THEIRS, TIP, "has another block 978000"),
        (TIP + 7, OURS, TIP, "is at block 978007, and the own chain ends at block 978000, on the same branch"),
        (TIP - 7, OURS, TIP - 7, "is at block 977993, 7 behind, and so says nothing of the newest blocks"),
        (3, OURS, 3, "is at block 3, 977997 behind"),
    ],
)
def test_a_second_source(
    url: str, source: t.Callable[..., subject.Get], theirs: int, block: str, height: int, expected: str
) -> None:
    comparison = subject.compare(node(TIP), source(theirs, block), url, WELL)
    assert (comparison.height, comparison.blocks) == (height, theirs)
    texts = found([comparison])
    assert len(texts) == bool(expected), texts
    assert all(expected in text for text in texts)


def test_a_bitcoind_that_catches_up_is_on_the_same_branch_or_not() -> None:
    syncing = replace(WELL, blocks=500, initialblockdownload=True)
    one, other = (
        subject.compare(node(500), esplora(TIP, block), "https://explorer.example/api", syncing)
        for block in (OURS, THEIRS)
    )
    assert subject.problems(syncing, [one], NOW) == []
    assert "has another block 500" in subject.problems(syncing, [other], NOW)[0]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>\x1b[2J",
        b"-1",
        b"1e9",
        b'"5"',
        b"12345678901",
        b"{}",
        b"[]",
        b'{"blocks": true}',
        b"[" * 60_000,
        b"\xff",
    ],
)
@pytest.mark.parametrize(("url", "source"), SOURCES)
def test_what_is_no_source(url: str, source: t.Any, answer: bytes) -> None:
    """The error shows nothing of it."""
    with pytest.raises(subject.SourceError) as caught:
        subject.compare(node(TIP), lambda _url: answer, url, WELL)
    assert str(caught.value).startswith(f"{url.rstrip('/')} answered with something else than a ")
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(("url", "source"), SOURCES)
def test_what_is_no_hash(url: str, source: t.Callable[..., subject.Get]) -> None:
    with pytest.raises(subject.SourceError, match="something else than the hash of a block"):
        subject.compare(node(TIP), source(TIP, "<script>"), url, WELL)


@pytest.mark.parametrize(
    ("deployments", "other_rules"),
    [
        ({"deployments": {"taproot": {}}}, ()),
        # Knots 29.3 and 29.4.3.
        ({"deployments": {"taproot": {}, "reduced_data": {}}}, ("reduced_data",)),
        (
            {"deployments": {"reduced_data": {}, "long_coinbase_maturity": {}}, "blake2b": {"height": 961640}},
            ("reduced_data", "blake2b"),
        ),
    ],
)
def test_what_bitcoind_says(deployments: dict[str, t.Any], other_rules: tuple[str, ...]) -> None:
    answers: dict[str, t.Any] = {
        "getnetworkinfo": {"subversion": "/Satoshi:31.1.0/"},
        "getblockchaininfo": {
            "chain": "main",
            "blocks": 20,
            "headers": 21,
            "bestblockhash": OURS,
            "time": 7,
            "initialblockdownload": False,
            "verificationprogress": 0.5,
        },
        "getdeploymentinfo": deployments,
        "getchaintips": [
            {"height": 20, "status": "active"},
            {"height": 31, "status": "invalid"},
            {"height": 30, "status": "invalid"},
            {"height": 99, "status": "headers-only"},
        ],
        "getpeerinfo": [
            {"inbound": False, "synced_headers": 20},
            {"inbound": True, "synced_headers": 90},
            {"inbound": False, "synced_headers": -1},
        ],
    }
    chain = subject.read_chain(answers.pop)
    assert answers == {}
    assert (chain.invalid, chain.peers, chain.announced, chain.other_rules) == (31, (20, -1), 90, other_rules)
