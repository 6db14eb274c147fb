# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant's signer is lost, and another one, made from the seed on paper, takes its place: the same node, another
grant, and no channel closed.
"""

from __future__ import annotations

import json
import subprocess
import typing as t
from pathlib import Path

import pytest
from regtest import Regtest, Run

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle.kit import fingerprint
from ansible_collections.noncustodial.lightning.tests.support.image_containers import Session

FORMER = "signer-vandelay"
RENEWED = "signer-vandelay-2"
TOLD = f"The signer at {FORMER}:10009 still signs for vandelay"


def onboard(regtest: Regtest) -> Run:
    """Onboard with the bundle that the provider has got."""
    return regtest.play("onboard_tenant", "--limit=vandelay", inventory="provider+provider_container")


def tenant(regtest: Regtest) -> None:
    """Run the tenant's playbook, which starts its new container, or hands over the files that it has made."""
    done = regtest.play("container_signer", inventory="vandelay_renewed", folder="inventories/regtest")
    assert done.status == 0, done.output


def inside(regtest: Regtest, container: str, *command: str) -> str:
    """Run a command in a container, and return its output."""
    return subprocess.run(
        ["podman", "exec", f"ncl-{regtest.name}-{container}", *command], check=True, capture_output=True, text=True
    ).stdout


def channels(regtest: Regtest) -> list[str]:
    """Return the tenant's node's channels that can be used."""
    return [one["channel_point"] for one in regtest.lncli("vandelay", "listchannels")["channels"] if one["active"]]


@pytest.fixture(scope="module")
def bundle(regtest: Regtest) -> Path:
    """Return the path of the tenant's bundle at the provider."""
    return regtest.state / "provider/bundles/vandelay.json"


@pytest.fixture(scope="module")
def before(regtest: Regtest, bundle: Path) -> dict[str, t.Any]:
    """The state with the first signer: the report, and two files."""
    report = json.loads((regtest.state / "provider/reports/vandelay.json").read_text())
    return {"bundle": bundle.read_bytes(), "key": (regtest.state / "vandelay/signing_key.pub").read_bytes(), **report}


def test_the_seed_makes_the_same_node(regtest: Regtest, before: dict[str, t.Any]) -> None:
    tenant(regtest)
    name = f"ncl-{regtest.name}-{RENEWED}"
    # As the provider states it, whose desk is at hand here.
    told = fingerprint(json.loads((regtest.state / "provider/kits/vandelay.json").read_text()))
    command = ["signer-init", f"--address={RENEWED}", f"--kit-fingerprint={told}", "--bring-seed"]
    session = Session(["podman", "exec", "--interactive", "--tty", name, *command])
    words = " ".join(regtest.seed("vandelay", "vandelay/seed.age"))
    session.expect("0 of 24: ")
    session.type(words)
    session.expect("an earlier day does no harm: ")
    session.type("2026-01-01")
    assert session.end() == 0, session.seen[-2000:].replace(words, "")
    assert json.loads(inside(regtest, RENEWED, "signer-status", "--json"))["node_id"] == before["node_id"]
    tenant(regtest)


def test_the_provider_takes_it_up_and_is_told_of_the_first(regtest: Regtest, before: dict[str, t.Any]) -> None:
    done = onboard(regtest)
    assert done.status == 0, done.output
    assert TOLD in done.text
    report = json.loads((regtest.state / "provider/reports/vandelay.json").read_text())
    assert report["bundle_sha256"] != before["bundle_sha256"]
    for payment in ("payment_in", "payment_out"):
        assert report[payment] == before[payment], "the same seed was paid, and has paid"
    again = onboard(regtest)
    assert (again.status, set(again.changed.values())) == (0, {0}), again.output
    assert TOLD not in again.text, "the provider has that grant no more"
    assert channels(regtest) == before["channels"] != []


def test_it_pays_when_the_first_is_gone(regtest: Regtest) -> None:
    """The tenant revokes the first signer's grant, as it must where the machine is not its own any more, and ends that
    machine.
    """
    inside(regtest, FORMER, "lncli", "--lnddir=/data/var/lib/lnd/signer", "--network=regtest", "deletemacaroonid", "1")
    subprocess.run(["podman", "rm", "--force", f"ncl-{regtest.name}-{FORMER}"], check=True, capture_output=True)
    done = regtest.play(
        "verify", "--limit=vandelay", "--extra-vars=tenant_pay=true", inventory="provider+provider_container"
    )
    assert done.status == 0, done.output


def test_the_first_bundle_does_not_come_back(regtest: Regtest, before: dict[str, t.Any], bundle: Path) -> None:
    """Neither by a wrong file, nor with the key that it was signed with."""
    key = regtest.state / "vandelay/signing_key.pub"
    renewed = bundle.read_bytes(), key.read_bytes()
    assert renewed[1] != before["key"]
    try:
        bundle.write_bytes(before["bundle"])
        refused = onboard(regtest)
        assert (refused.status, sum(refused.changed.values())) == (2, 0), refused.output
        assert "is not the pinned key's signature" in refused.text
        key.write_bytes(before["key"])
        refused = onboard(regtest)
        assert (refused.status, sum(refused.changed.values())) == (2, 0), refused.output
        assert "was taken up before, and another one has replaced it since" in refused.text
    finally:
        bundle.write_bytes(renewed[0])
        key.write_bytes(renewed[1])
    assert onboard(regtest).status == 0
