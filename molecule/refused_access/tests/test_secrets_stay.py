# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No tenant's seed, private key, or signer's password is anywhere at the provider: on no disk, in no journal, in no
output of Ansible.
"""

from __future__ import annotations

import re

import pytest
import secrets_of
from regtest import PROVIDER, Regtest

TENANTS = ("acme", "globex")


@pytest.fixture(scope="module")
def tenants_own(regtest: Regtest) -> dict[str, list[str]]:
    """Return the secrets that must never leave a tenant."""
    return {name: patterns for tenant in TENANTS for name, patterns in secrets_of.of_tenant(regtest, tenant).items()}


@pytest.mark.parametrize("machine", PROVIDER)
def test_not_on_the_providers_machines(regtest: Regtest, tenants_own: dict[str, list[str]], machine: str) -> None:
    assert secrets_of.found(regtest, machine, tenants_own) == {}


def test_the_search_finds_what_is_there(regtest: Regtest, tenants_own: dict[str, list[str]]) -> None:
    found = secrets_of.found(regtest, "signer-acme", tenants_own)
    assert set(found) == {"the wallet password of signer-acme", "the admin macaroon of signer-acme"}
    assert found["the wallet password of signer-acme"] == ["/run/credentials/lnd@signer.service/wallet-password"]


def test_a_seed_lies_on_no_signer_in_the_clear(regtest: Regtest, tenants_own: dict[str, list[str]]) -> None:
    assert not any("seed" in name for name in secrets_of.found(regtest, "signer-globex", tenants_own))


def test_a_grant_is_in_one_place(regtest: Regtest) -> None:
    """The grant is sealed on the node's machine, and unsealed only for its unit and for the watch of its signer."""
    needles = {
        tenant: secrets_of.of_bytes(regtest.unsealed("nodes", f"lnd@{tenant}", "signer.macaroon")) for tenant in TENANTS
    }
    for machine in PROVIDER:
        units = {tenant: (f"lnd-signer@{tenant}", f"lnd@{tenant}") for tenant in TENANTS if machine == "nodes"}
        expected = {
            tenant: [f"/run/credentials/{unit}.service/signer.macaroon" for unit in its]
            for tenant, its in units.items()
        }
        assert secrets_of.found(regtest, machine, needles) == expected


def test_not_on_the_providers_desk(regtest: Regtest, tenants_own: dict[str, list[str]]) -> None:
    """The provider's desk has kits, bundles and reports."""
    files = [path for path in (regtest.state / "provider").rglob("*") if path.is_file()]
    assert {path.parent.name for path in files} >= {"kits", "bundles", "reports"}
    held = {path: path.read_bytes() for path in files}
    patterns = [(name, one.encode()) for name, several in tenants_own.items() for one in several]
    assert [(path, name) for path, content in held.items() for name, one in patterns if re.search(one, content)] == []


@pytest.mark.parametrize("log", ["vvv.provider.onboard_tenant", "vvv.acme.signer", "vvv.globex.signer"])
def test_not_in_what_ansible_says(regtest: Regtest, tenants_own: dict[str, list[str]], log: str) -> None:
    """Not when it is made, and not when it is used: the first runs are in these logs, interrupted ones included, and
    later ones.
    """
    said = (regtest.state / log).read_bytes()
    grants = {
        f"the grant of {tenant}": secrets_of.of_bytes(regtest.unsealed("nodes", f"lnd@{tenant}", "signer.macaroon"))
        for tenant in TENANTS
    }
    # Extended public keys are confidential too: they show every coin.
    keys = {"an account": ["[xyztuv]pub[1-9A-HJ-NP-Za-km-z]{100}"]}
    found = {
        name
        for name, patterns in (tenants_own | grants | keys).items()
        for one in patterns
        if re.search(one.encode(), said)
    }
    assert found == set()
    assert b"PLAY RECAP" in said
