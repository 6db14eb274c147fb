# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule by which an lnd counts as one that follows no blocks."""

from __future__ import annotations

import importlib.util
import typing as t

import pytest

from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION


@pytest.fixture(scope="module")
def program() -> t.Any:
    """The program, which is no module of any package."""
    spec = importlib.util.spec_from_file_location("lnd_follow", COLLECTION / "roles/lnd/files/lnd_follow.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


# Each look: bitcoind's newest block, whether lnd has read it, and the time of the newest that it has read.
FOLLOWS = ("a", True, "1")
OLD = ("a", False, "1")
MISSED = ("b", False, "1")
MISSED_MORE = ("c", False, "1")


@pytest.mark.parametrize(
    "looks",
    [
        [FOLLOWS, *[MISSED] * 5],
        # Every further block is missed as well.
        [FOLLOWS, *[MISSED] * 2, *[MISSED_MORE] * 3],
        # It was away for a moment, and the count began anew.
        [FOLLOWS, *[MISSED] * 4, None, *[MISSED] * 5],
    ],
)
def test_a_block_that_is_not_read_for_long(program: t.Any, looks: list[t.Any]) -> None:
    left = iter([None if one is None else program.Seen(*one) for one in looks])
    assert program.behind(left).tip == looks[-1][0]
    assert next(left, None) is None


@pytest.mark.parametrize(
    "looks",
    [
        [FOLLOWS] * 9,
        # No block for two hours.
        [FOLLOWS, *[OLD] * 9],
        [OLD] * 9,
        # It is about to read it.
        [FOLLOWS, *[MISSED] * 4, ("b", True, "2"), *[("c", False, "2")] * 4],
        # It reads many blocks, one after the other.
        [FOLLOWS, *[("z", False, str(read)) for read in range(9)]],
        # It has not followed since its start: it recovers a wallet, and shows nothing of it for thousands of blocks.
        [*[OLD] * 3, *[MISSED] * 9],
        [None] * 9,
        [FOLLOWS, *[MISSED] * 4, None, *[MISSED] * 4],
    ],
)
def test_nothing_that_is_missed_for_long(program: t.Any, looks: list[t.Any]) -> None:
    with pytest.raises(ValueError, match="nobody looks any more"):
        program.behind(iter([None if one is None else program.Seen(*one) for one in looks]))


def test_lnd_is_asked_where_its_configuration_has_it(program: t.Any) -> None:
    configuration = "alias=x\nrpclisten=127.0.0.1:10011\nrpclisten=[fd00::1]:10011\nbitcoin.signet=true\n"
    assert program.command("/usr/bin/lncli", "/var/lib/lnd/x", configuration) == [
        "/usr/bin/lncli",
        "--lnddir=/var/lib/lnd/x",
        "--network=signet",
        "--rpcserver=localhost:10011",
        "getinfo",
    ]
