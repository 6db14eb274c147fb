# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every playbook can be run again: for one tenant, in check mode, and to prove that all is as it was."""

from __future__ import annotations

import pytest
from regtest import Regtest


@pytest.mark.parametrize("playbook", ["provision_tenant", "onboard_tenant"])
def test_check_mode_predicts_nothing(regtest: Regtest, playbook: str) -> None:
    run = regtest.play(playbook, "--check")
    assert run.status == 0, run.output
    assert not any(run.changed.values()), run.output


def test_check_mode_of_a_signer(regtest: Regtest) -> None:
    run = regtest.play("signer", "--check", inventory="acme")
    assert run.status == 0, run.output
    assert run.changed == {"signer-acme": 0}, run.output


def test_one_tenant_alone(regtest: Regtest) -> None:
    """The other is not even asked."""
    run = regtest.play("onboard_tenant", "--limit=acme")
    assert run.status == 0, run.output
    assert set(run.changed) <= {"acme", "localhost"}, run.output
    assert not any(run.changed.values()), run.output


def test_verify_changes_nothing(regtest: Regtest) -> None:
    run = regtest.play("verify")
    assert run.status == 0, run.output
    assert not any(run.changed.values()), run.output


def test_verify_pays_on_demand(regtest: Regtest) -> None:
    def payments(host: str) -> int:
        return len(regtest.lncli(host, "listpayments")["payments"])

    before = {host: payments(host) for host in ("acme", "own-node")}
    run = regtest.play("verify", "--limit=acme", "--extra-vars=tenant_pay=true")
    assert run.status == 0, run.output
    assert {host: payments(host) for host in before} == {host: count + 1 for host, count in before.items()}
