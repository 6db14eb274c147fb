# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kits: what is refused, and the fingerprint."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import kit
from ansible_collections.noncustodial.lightning.tests.support import bundles


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"schema": "noncustodial.lightning/bundle"}, "schema"),
        ({"version": 2}, "schema"),
        ({"version": True}, "version"),
        ({"tenant": "Acme & Co"}, "tenant"),
        ({"network": "litecoin"}, "network"),
        ({"age_recipient": "age1short"}, "age_recipient"),
        ({"age_recipient": "AGE-SECRET-KEY-1"}, "age_recipient"),
        ({"lnd_version": "latest"}, "lnd_version"),
        ({"provider_addresses": ["192.0.2.0/24", "gateway"]}, "provider_addresses[1]"),
        ({"provider_addresses": "192.0.2.1"}, "provider_addresses"),
        ({"provider_addresses": []}, "provider_addresses"),
        ({"provider_addresses": [3221225985]}, "provider_addresses[0]"),
        ({"provider_addresses": ["192.0.2.1 } tcp dport 22 accept #"]}, "provider_addresses[0]"),
        ({"provider_addresses": ["192.0.2.1\n"]}, "provider_addresses[0]"),
        ({"provider_addresses": ["192.0.2.256"]}, "provider_addresses[0]"),
        ({"provider_addresses": ["2001:db8::1 } accept #"]}, "provider_addresses[0]"),
        ({"provider_addresses": ["2001:db8::1%eth0"]}, "provider_addresses[0]"),
        ({"provider_addresses": ["[2001:db8::1]"]}, "provider_addresses[0]"),
        ({"provider_addresses": ["2001:db8::g"]}, "provider_addresses[0]"),
        ({"provider_addresses": ["2001:db8::1/129"]}, "provider_addresses[0]"),
        ({"provider_addresses": ["::/0"]}, "provider_addresses[0]"),
        ({"provider_addresses": ["2001:db8::/47"]}, "provider_addresses[0]"),
        ({"provider_addresses": ["0.0.0.0/0"]}, "provider_addresses[0]"),
        ({"provider_addresses": ["10.0.0.0/15"]}, "provider_addresses[0]"),
        ({"provider_addresses": [f"192.0.2.{number}" for number in range(9)]}, "provider_addresses"),
        ({"lnd_version": "0.21.3-beta commit=\x1b[2J"}, "lnd_version"),
        ({"seed": "abandon"}, "seed"),
    ],
)
def test_kits_that_are_refused(changes: dict[str, t.Any], path: str) -> None:
    assert kit.validate(bundles.kit()) == []
    assert [problem.path for problem in kit.validate(bundles.kit(**changes))] == [path]


@pytest.mark.parametrize(
    "entries",
    [
        ["192.0.2.1", "192.0.2.14/24", "10.0.0.0/16", "198.51.100.7/32"],
        ["2001:db8::1", "2001:DB8:0:0::1", "2001:db8::7/64", "2001:db8::/48", "fd00:1::/64", "2a00::1/128"],
        ["192.0.2.1", "2001:db8::1"],
    ],
)
def test_addresses_of_a_provider(entries: list[str]) -> None:
    assert kit.validate(bundles.kit(provider_addresses=entries)) == []


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        # A translator (NAT64) or a tunnel stands before the whole of IPv4.
        ("64:ff9b::/96", "NAT64"),
        ("64:ff9b:1::/48", "NAT64"),
        ("::ffff:0:0/96", "write it as IPv4"),
        ("::ffff:c000:201", "write it as IPv4"),
        ("2002:c000:201::/48", "6to4"),
        ("2001::/48", "Teredo"),
        # Whoever is on the same link.
        ("fe80::/64", "is link-local"),
        ("fe80::1", "is link-local"),
        ("ff02::1", "is multicast"),
        ("::1", "is the machine itself"),
        ("::", "is no machine's"),
        ("fec0::/64", "is neither global nor unique local unicast"),
        ("4000::/64", "is neither global nor unique local unicast"),
    ],
)
def test_addresses_of_ipv6_that_are_no_providers(entry: str, said: str) -> None:
    (problem,) = kit.validate(bundles.kit(provider_addresses=[entry]))
    assert said in problem.text


@pytest.mark.parametrize(
    ("widest", "wider"),
    [
        (32, ["192.0.2.0/31", "192.0.0.0/20", "2001:db8::/120", "2001:db8::/64", "2001:db8::/56", "2001:db8::/48"]),
        (31, ["192.0.0.0/20", "2001:db8::/64", "2001:db8::/56", "2001:db8::/48"]),
        (24, ["192.0.0.0/20", "2001:db8::/56", "2001:db8::/48"]),
        (23, ["192.0.0.0/20", "2001:db8::/48"]),
        (22, ["192.0.0.0/20"]),
        (16, []),
    ],
)
def test_what_is_wider_than_a_tenant_accepts(widest: int, wider: list[str]) -> None:
    entries = ["192.0.2.1", "192.0.2.0/31", "192.0.0.0/20", "2001:db8::1"]
    entries += ["2001:db8::/120", "2001:db8::/64", "2001:db8::/56", "2001:db8::/48"]
    made = bundles.kit(provider_addresses=entries)
    assert kit.validate(made) == []
    assert kit.wider(made, widest) == wider


def test_the_fingerprint_of_a_kit_is_of_whom_it_lets_in_and_who_reads() -> None:
    """The text is written down here, because both sides may run different releases."""
    assert kit.fingerprint(bundles.kit()) == "PN6X-BHBQ-OZCM-UFZQ-CHU2-3LVT-PIEW-63MZ"
    assert kit.fingerprint(bundles.kit(lnd_version="0.99.0-beta")) == kit.fingerprint(bundles.kit())
    others = {
        "tenant": "globex",
        "network": "mainnet",
        "provider_addresses": ["192.0.2.14", "192.0.2.15"],
        "age_recipient": "age1" + "q" * 58,
    }
    assert (
        len(
            {kit.fingerprint(bundles.kit(**{name: value})) for name, value in others.items()}
            | {kit.fingerprint(bundles.kit())}
        )
        == 5
    )


@pytest.mark.parametrize(
    "text", ["", "PN6X", "PN6X-BHBQ-OZCM-UFZQ-CHU2-3LVT-PIEW-63MY", "PN6X-BHBQ-OZCM-UFZQ-CHU2-3LVT-PIEW-63MZ-AAAA"]
)
def test_what_is_not_the_fingerprint(text: str) -> None:
    assert not kit.is_fingerprint(text, bundles.kit())
    assert kit.is_fingerprint("pn6xbhbq ozcmufzq-chu23lvt piew63mz", bundles.kit())
