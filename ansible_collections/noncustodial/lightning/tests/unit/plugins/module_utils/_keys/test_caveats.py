# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import caveats

WIDEST = {4: 24, 6: 64}


@pytest.mark.parametrize(
    "caveat",
    [
        "ipaddr 192.0.2.7",
        "ipaddr 2001:db8::7",
        "iprange 192.0.2.0/24",
        "iprange 192.0.2.7/24",
        "iprange 2001:db8::/48",
        "time-before 2027-01-01T00:00:00Z",
        "time-before 2027-01-01T00:00:00.123456789+02:00",
        "lnd-custom guard x",
    ],
)
def test_one_that_lnd_reads(caveat: str) -> None:
    caveats.check(caveat)


@pytest.mark.parametrize(
    ("caveat", "text"),
    [
        ("ip 192.0.2.7", "lnd knows no caveat"),
        ("ipaddr", "lnd knows no caveat"),
        ("ipaddr provider", "has not an address"),
        ("ipaddr 192.0.2.0/24", "has not an address"),
        ("ipaddr  192.0.2.7", "has not an address"),
        ("ipaddr fe80::7%eth0", "has not an address"),
        ("iprange 192.0.2.0/255.255.255.0", "has not a network"),
        ("time-before 20270101T000000Z", "has not a time"),
        ("iprange 192.0.2.7", "has not a network"),
        ("iprange 192.0.2.0/33", "has not a network"),
        ("time-before 2027-01-01", "has not a time"),
        ("time-before tomorrow", "has not a time"),
    ],
)
def test_one_that_lnd_does_not_read(caveat: str, text: str) -> None:
    with pytest.raises(InvalidInput, match=text):
        caveats.check(caveat)


@pytest.mark.parametrize(
    ("entries", "bound"),
    [
        ([], ()),
        (["192.0.2.14"], ("ipaddr 192.0.2.14",)),
        (["192.0.2.14/32"], ("ipaddr 192.0.2.14",)),
        (["2001:DB8::7"], ("ipaddr 2001:db8::7",)),
        (["192.0.2.0/24"], ("iprange 192.0.2.0/24",)),
        # What the tenant has accepted in one entry is not too wide.
        (["192.0.0.0/16"], ("iprange 192.0.0.0/16",)),
        (["192.0.0.0/16", "192.0.2.7"], ("iprange 192.0.0.0/16",)),
        (["192.0.2.14", "192.0.2.15"], ("iprange 192.0.2.14/31",)),
        (["192.0.2.15", "192.0.2.16"], ("iprange 192.0.2.0/27",)),
        (["192.0.2.0", "192.0.2.255"], ("iprange 192.0.2.0/24",)),
        (["2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff"], ("iprange 2001:db8::/64",)),
    ],
)
def test_bound_to(entries: list[str], bound: tuple[str, ...]) -> None:
    assert caveats.bound_to(entries, WIDEST) == bound
    for caveat in bound:
        caveats.check(caveat)


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        (["192.0.2.7", "192.0.3.7"], "Only 192.0.2.0/23 has all of 192.0.2.7, 192.0.3.7"),
        (["10.0.0.1", "192.0.2.7"], "Only 0.0.0.0/0 has all"),
        (["2001:db8::7", "2001:db8:0:1::7"], "here of at most /64"),
        (["192.0.2.7", "2001:db8::7"], "both IPv4 and IPv6"),
        (["provider"], "neither an address nor a network"),
    ],
)
def test_not_bound_to(entries: list[str], text: str) -> None:
    with pytest.raises(InvalidInput, match=text):
        caveats.bound_to(entries, WIDEST)


def test_the_end_is_the_first() -> None:
    moment = datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC)
    later = "time-before 2028-01-01T00:00:00+01:00"
    assert caveats.ending(moment) == "time-before 2027-01-01T00:00:00Z"
    assert caveats.end([later, "ipaddr 192.0.2.7", caveats.ending(moment)]) == moment
    assert caveats.end(["ipaddr 192.0.2.7"]) is None
    # lnd refuses it, whatever is read here.
    assert caveats.end(["time-before tomorrow", "time-before 2027-01-01T00:00:00"]) is None
