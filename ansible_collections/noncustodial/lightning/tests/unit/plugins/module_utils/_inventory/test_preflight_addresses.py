# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of IPv6 in an inventory."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.noncustodial.lightning.tests.support import inventories

SIX = "2001:db8::14"


def found(host: str = "acme", **variables: t.Any) -> list[str]:
    """Return the problems of an inventory in which one host has these variables."""
    return inventories.found({host: variables})


@pytest.mark.parametrize(
    "variables",
    [
        {"lnd_address": SIX},
        {"lnd_address": SIX, "lnd_p2p_listen": ["0.0.0.0", "::"]},  # noqa: S104
        {"lnd_address": SIX, "lnd_p2p_listen": [SIX]},
        {"ansible_host": SIX},
        {"ansible_host": SIX, "lnd_p2p_listen": ["::"]},
        # The node only dials out.
        {"lnd_address": SIX, "lnd_p2p_listen": []},
        {"lnd_address": "acme.example", "lnd_p2p_listen": ["192.0.2.14"]},
        {"lnd_postgres_address": SIX, "lnd_backup_address": "fd00::7"},
        {"lnd_bitcoind_address": "chain-six.example"},
        {"lndhub_address": SIX, "wall_wallet_address": SIX},
        {"lnd_rpc_listen": ["::1", "127.0.0.1"]},
    ],
)
def test_addresses_that_can_be_used(variables: dict[str, t.Any]) -> None:
    assert found(**variables) == []


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (
            {"lnd_address": "[2001:db8::14]"},
            "lnd_address has '[2001:db8::14]', which has brackets",
        ),
        ({"lnd_p2p_listen": ["[::]"]}, "lnd_p2p_listen has '[::]', which has brackets"),
        ({"lndhub_listen": ["fe80::14%eth0"]}, "lndhub_listen has 'fe80::14%eth0', which has a zone (%)"),
        ({"wall_wallet_listen": ["fe80::14"]}, "which is link-local: it means another machine on each link."),
        ({"lnd_postgres_address": "::ffff:192.0.2.11"}, "is no address"),
        ({"lnd_postgres_address": "::ffff:c000:20b"}, "which is one of IPv4, written as IPv6: write it as IPv4."),
        ({"lnd_backup_address": "ff02::1"}, "which is multicast."),
        ({"lnd_rpc_listen": ["127.0.0.1:10009"]}, "which is no address: write it without a port."),
        ({"lnd_address": "::"}, "which is no machine's (::)."),
        (
            {"lnd_address": SIX, "lnd_p2p_listen": ["0.0.0.0"]},  # noqa: S104
            "acme: lnd_address is 2001:db8::14, and lnd_p2p_listen has no address of IPv6. Add '::' to it",
        ),
        (
            {"ansible_host": SIX, "lnd_p2p_listen": ["0.0.0.0"]},  # noqa: S104
            "acme: lnd_address is 2001:db8::14, and lnd_p2p_listen has no address of IPv6.",
        ),
        ({"lndhub_address": SIX, "lndhub_listen": ["192.0.2.14"]}, "and lndhub_listen has no address of IPv6"),
        ({"wall_wallet_address": SIX, "wall_wallet_listen": ["192.0.2.14"]}, "and wall_wallet_listen has no address"),
        (
            {"lnd_bitcoind_address": "2001:db8::11"},
            "acme: lnd would subscribe to the blocks",
        ),
    ],
)
def test_addresses_that_cannot(variables: dict[str, t.Any], said: str) -> None:
    (problem,) = found(**variables)
    assert said in problem


def test_a_signer_listens_where_it_is_dialled() -> None:
    assert found("signer-acme", signer_address=SIX) == []
    (problem,) = found("signer-acme", signer_address=SIX, lnd_rpc_listen=["0.0.0.0"])  # noqa: S104
    assert "signer-acme: signer_address is 2001:db8::14, and lnd_rpc_listen has no address of IPv6" in problem


def test_lnd_hears_no_blocks_from_an_address_of_ipv6() -> None:
    """By default it is that of bitcoind's machine, and every node would be deaf."""
    problems = found("chain", ansible_host="2001:db8::11")
    assert [one.partition(":")[0] for one in problems] == ["acme", "gateway", "globex", "own-node"]
    assert all("a name that this machine resolves to 2001:db8::11" in one for one in problems)
