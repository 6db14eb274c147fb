# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Token buckets, the reserve for fees, and the roundings between msat and sat."""

from __future__ import annotations

import pytest

from lndhub.api.amounts import buffer, down, up
from lndhub.config import MAX_MSAT, Limits, NodeSettings, ServiceSettings
from lndhub.errors import TooMany
from lndhub.limits import Buckets, fee_limit, parts


def test_a_bucket_empties_and_fills() -> None:
    now = 100.0
    buckets = Buckets(rate=2, burst=3, clock=lambda: now)
    for _turn in range(3):
        buckets.take("alice")
    with pytest.raises(TooMany):
        buckets.take("alice")
    with pytest.raises(TooMany):
        buckets.check("alice")
    buckets.take("bob")
    now += 0.5
    buckets.check("alice")
    buckets.take("alice")
    with pytest.raises(TooMany):
        buckets.take("alice")
    now += 1000
    for _turn in range(3):
        buckets.take("alice")
    with pytest.raises(TooMany):
        buckets.take("alice")


def test_buckets_do_not_grow_without_end() -> None:
    buckets = Buckets(rate=0, burst=1, clock=lambda: 0.0)
    for number in range(20_000):
        buckets.take(number)
    with pytest.raises(TooMany):
        buckets.take(19_999)
    buckets.take(0)


@pytest.mark.parametrize(
    ("base", "ppm", "amount", "limit"),
    [
        (10_000, 10_000, 100_000, 11_000),
        (0, 10_000, 1, 1),
        (0, 10_000, 100, 1),
        (0, 10_000, 101, 2),
        (0, 0, MAX_MSAT, 0),
        (5, 1_000_000, MAX_MSAT, MAX_MSAT),
    ],
)
def test_the_reserve_for_fees_is_rounded_up(base: int, ppm: int, amount: int, limit: int) -> None:
    assert fee_limit(Limits(fee_base_msat=base, fee_ppm=ppm), amount) == limit


@pytest.mark.parametrize(
    ("most", "amount", "count"),
    [
        (16, 1, 1),
        (16, 19_999_999, 1),
        (16, 20_000_000, 2),
        (16, 159_999_999, 15),
        (16, MAX_MSAT, 16),
        (4, MAX_MSAT, 4),
        (1, MAX_MSAT, 1),
    ],
)
def test_a_payment_has_no_more_parts_than_lnd_would_make(most: int, amount: int, count: int) -> None:
    assert parts(most, amount) == count


def test_what_users_share_is_bounded_below_what_lnd_and_wallets_bear() -> None:
    limits = Limits()
    assert limits.account_htlcs * 2 <= limits.htlcs <= 483 - 2 * NodeSettings(rpcserver="", certificate="").max_parts, (
        "BOLT 2, max_accepted_htlcs, less a reserve"
    )
    assert NodeSettings(rpcserver="", certificate="").cltv_limit < 2016, "lnd's own, --max-cltv-expiry"
    assert ServiceSettings().answer_within < 20, "when BlueWallet gives up"
    assert ServiceSettings().waiting * 2 < ServiceSettings().concurrency


@pytest.mark.parametrize(
    ("msat", "has", "pays"),
    [(0, 0, 0), (1, 0, 1), (999, 0, 1), (1000, 1, 1), (1001, 1, 2), (MAX_MSAT, 21 * 10**14, 21 * 10**14)],
)
def test_rounding_is_against_the_user(msat: int, has: int, pays: int) -> None:
    assert (down(msat), up(msat)) == (has, pays)


def test_bytes_as_the_first_hub_wrote_them() -> None:
    assert buffer(b"\x00\xff") == {"type": "Buffer", "data": [0, 255]}
