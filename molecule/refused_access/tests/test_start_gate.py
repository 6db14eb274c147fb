# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node whose signer does not answer, or is another's, does not start; its journal has the reason."""

from __future__ import annotations

import typing as t

import pytest
from regtest import NODES, Regtest, until

ACME = NODES["acme"]
CONFIG = f"/etc/lnd/{ACME.name}/signer.json"
KEYS = f"/etc/lnd/{ACME.name}/signer.keys.json"


def state(regtest: Regtest, machine: str, unit: str) -> str:
    """Return a unit's ActiveState."""
    return regtest.sh(machine, f"systemctl show --property=ActiveState --value {unit}").strip()


def says(regtest: Regtest, cursor: str) -> str:
    """Return the node's journal since a cursor."""
    return regtest.sh(ACME.machine, f"journalctl --unit={ACME.unit} --output=cat --after-cursor='{cursor}'")


def restarted(regtest: Regtest) -> str:
    """Restart the node; return the journal's cursor from before."""
    cursor = regtest.sh(ACME.machine, "journalctl --lines=0 --show-cursor").rpartition("-- cursor: ")[2].strip()
    regtest.sh(ACME.machine, f"systemctl restart --no-block {ACME.unit}")
    return cursor


@pytest.fixture(autouse=True)
def serves_again(regtest: Regtest) -> t.Iterator[None]:
    """Wait after each test until the node serves again, so that the next one finds it unchanged."""
    yield
    until("the node serves again", lambda: state(regtest, ACME.machine, ACME.unit) == "active", timeout=120)
    until(
        "and has its channel", lambda: regtest.lncli("acme", "listchannels", "--active_only")["channels"], timeout=120
    )


def test_waits_for_its_signer(regtest: Regtest) -> None:
    regtest.sh("signer-acme", "systemctl stop lnd@signer.service")
    try:
        cursor = restarted(regtest)
        until("the gate's answer", lambda: "fail    connect  refused" in says(regtest, cursor))
        assert "the tenant must start its lnd" in says(regtest, cursor), "the cure is named"
        assert "Starting HTTP" not in says(regtest, cursor)
        assert state(regtest, ACME.machine, ACME.unit) != "active"
    finally:
        regtest.sh("signer-acme", "systemctl start lnd@signer.service")


def test_not_with_another_key(regtest: Regtest) -> None:
    """The signer was made from another seed."""
    own, other = (regtest.lncli(host, "getinfo")["identity_pubkey"] for host in ("acme", "globex"))
    regtest.sh(ACME.machine, f"sed -i s/{own}/{other}/ {CONFIG}")
    try:
        cursor = restarted(regtest)
        until("the gate's answer", lambda: "fail    key      key_differs" in says(regtest, cursor))
        assert state(regtest, ACME.machine, ACME.unit) != "active"
    finally:
        regtest.sh(ACME.machine, f"sed -i s/{other}/{own}/ {CONFIG}")


def test_not_with_an_account_of_another_key(regtest: Regtest) -> None:
    """The bundle had an account that is not of the signer's seed."""
    node_key = regtest.lncli("acme", "getinfo")["identity_pubkey"]
    regtest.sh(
        ACME.machine,
        f"""sed -i.before "s|\\(84'/0'/0'/0/0.: .\\)[0-9a-f]*|\\1{node_key}|" {KEYS} && ! cmp {KEYS} {KEYS}.before""",
    )
    try:
        cursor = restarted(regtest)
        until("the gate's answer", lambda: "fail    accounts accounts_differ" in says(regtest, cursor))
        assert "does not have m/84'/0'/0'/0/0." in says(regtest, cursor)
        assert state(regtest, ACME.machine, ACME.unit) != "active"
    finally:
        regtest.sh(ACME.machine, f"mv {KEYS}.before {KEYS}")
