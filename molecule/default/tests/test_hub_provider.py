# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An lndhub.go of the operator's in the place of our hub: the unit, what it is given, and the way back."""

from __future__ import annotations

import json
import typing as t

import pytest
from hubs import HUBS, client
from regtest import SHARED, Regtest, Run, until

HUB = HUBS["own-node"]
OTHER = {
    "lndhub_provider": "lndhub_go",
    "lndhub_go_binary": str(SHARED / "other_hub.py"),
    "lndhub_go_patched": True,
    "lndhub_go_config": {"FEE_RESERVE": True},
    # Wall & wallet stand on our hub alone.
    "wall_wallet_provider": "none",
}


def site(regtest: Regtest, variables: dict[str, t.Any]) -> Run:
    """The own node's hub by a playbook, with some variables."""
    run = regtest.play("site", "--limit=own-node", "--tags=hub", f"--extra-vars={json.dumps(variables)}")
    assert run.status == 0, run.output
    return run


@pytest.fixture(scope="module", autouse=True)
def ours_again(regtest: Regtest) -> t.Iterator[None]:
    """Whatever happens, ours runs again."""
    yield
    site(regtest, {})
    with client(regtest, "own-node") as http:
        assert http.get("/healthz").json()["status"] == "ok"
    # The directory of its .env, with the secrets in it, went when it stopped.
    assert regtest.ssh("own", "test", "-e", f"/run/lndhub/{HUB.node.name}/.env").returncode != 0
    assert site(regtest, {}).changed["own-node"] == 0


def test_it_has_what_it_needs(regtest: Regtest) -> None:
    site(regtest, OTHER)

    def answers() -> t.Any:
        with client(regtest, "own-node") as http:
            answer = http.get("/getinfo")
        return answer.json() if answer.status_code == 200 else None

    said = until("its answer, by the proxy", answers)
    assert said["database"] == "owner_hub_own_node"
    assert said["reads"] == "done"
    assert "permission denied" in said["spends"]
    assert said["host"].endswith(f":{HUB.port}")
    assert said["fee_reserve"] == "true"
    assert min(said["secrets"]) >= 32
    assert {"DATABASE_MAX_CONNS", "JWT_SECRET", "ADMIN_TOKEN"} < set(said["settings"])


def test_its_secrets_are_for_it_alone(regtest: Regtest) -> None:
    with client(regtest, "own-node") as http:
        assert http.get("/").json()["secrets_in_environment"] is False
    assert regtest.sh("own", f"stat -c '%a %U' /run/lndhub/{HUB.node.name}/.env").strip() == f"600 {HUB.user}"
    assert float(regtest.sh("own", f"systemd-analyze --no-pager security {HUB.unit}.service | grep 'Overall exposure'").split()[-3]) <= 2.0


def test_again_it_changes_nothing(regtest: Regtest) -> None:
    assert site(regtest, OTHER).changed["own-node"] == 0


def test_without_a_word_that_it_can_pay_it_is_refused(regtest: Regtest) -> None:
    run = regtest.play("site", "--limit=own-node", "--tags=hub", f"--extra-vars={json.dumps(OTHER | {'lndhub_go_patched': False})}")
    assert run.status != 0
    assert "takes deposits and cannot pay" in run.text, run.output
    assert not any(run.changed.values())
