# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The costs of a signer at AWS, according to prices that somebody has looked up."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._aws import costs
from ansible_collections.noncustodial.lightning.tests.support import prices as docs

PRICES = {
    "instance_hour": {"t3.micro": 0.01},
    "volume_gib_month": 0.1,
    "public_address_hour": 0.005,
    "key_month": 1,
    "alarm_month": 0.1,
}


def test_a_month() -> None:
    parts = costs.monthly(PRICES, "t3.micro", 4, True)
    assert parts == pytest.approx({"machine": 7.3, "disk": 0.4, "address": 3.65, "key": 1.0, "alarm": 0.1})
    assert costs.monthly(PRICES, "t3.micro", 4, False)["address"] == 0


def test_the_sentence_names_its_prices() -> None:
    told = costs.estimate(PRICES, "2026-11-25", "t3.micro", 4, True)
    assert told.startswith(
        "About 12.45 USD a month before tax, by prices of 2026-11-25: machine 7.30, disk 0.40, address 3.65, key 1.00,"
        " alarm 0.10"
    )
    assert "by prices of an unknown date" in costs.estimate({**PRICES, "currency": "EUR"}, "", "t3.micro", 4, True)


@pytest.mark.parametrize(
    ("prices", "kind", "missing"),
    [
        ({}, "t3.micro", "instance_hour"),
        (PRICES, "t3.small", "instance_hour of t3.small"),
        ({name: price for name, price in PRICES.items() if name != "key_month"}, "t3.micro", "key_month"),
    ],
)
def test_a_price_that_is_missing_is_not_taken_for_nothing(prices: dict[str, t.Any], kind: str, missing: str) -> None:
    assert f"signer_ec2_prices has no {missing}. Look it up" in costs.estimate(prices, "", kind, 4, True)


def test_the_table_in_the_docs() -> None:
    docs.check()
