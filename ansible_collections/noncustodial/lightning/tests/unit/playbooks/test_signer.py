# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook signer lets the provider in only when there is a wallet: before that, anybody who reaches lnd can make
one.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

import jinja2
import pytest
import yaml

from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.node import node
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION
from ansible_collections.noncustodial.lightning.tests.support.plays import play

ROLE = COLLECTION / "roles/signer"


def tasks(name: str) -> list[dict[str, t.Any]]:
    return t.cast("list[dict[str, t.Any]]", yaml.safe_load((ROLE / "tasks" / name).read_text()))


def rules(serves: bool) -> str:
    template = jinja2.Template((ROLE / "templates/nftables.conf.j2").read_text(), undefined=jinja2.StrictUndefined)
    text: str = template.render(
        signer_serves=serves,
        signer_offer={"provider_addresses": ["192.0.2.14"]},
        signer_self=node("signer", {"lnd_shape": "signer"}),
        signer_admin_addresses=["198.51.100.0/24"],
        signer_ssh_port=22,
        signer_egress=[],
    )
    return text


@pytest.mark.parametrize("serves", [True, False])
def test_the_rules_name_the_provider_only_with_a_wallet(serves: bool) -> None:
    incoming = rules(serves).partition("chain output")[0]
    assert "tcp dport 22 accept" in incoming
    assert ("ip saddr 192.0.2.14 tcp dport 10009 accept" in incoming) is serves
    assert ("10009" in incoming) is serves


def test_the_firewall_is_closed_before_lnd_starts_and_opened_after_its_wallet() -> None:
    (steps,) = (one for one in yaml.safe_load((COLLECTION / "playbooks/signer.yml").read_text()) if "tasks" in one)
    roles = [task["ansible.builtin.import_role"] for task in steps["tasks"] if "ansible.builtin.import_role" in task]
    order = [role.get("tasks_from", role["name"].rpartition(".")[2]) for role in roles]
    assert order.index("firewall") < order.index("lnd") < order.index("open") < order.index("signer")
    closing, opening = tasks("firewall.yml")[-1], tasks("open.yml")[-1]
    for task in (closing, opening):
        assert task["ansible.builtin.include_tasks"] == "rules.yml"
    read = next(task for task in tasks("firewall.yml") if task.get("register") == "_signer_wallet")
    assert read["ansible.builtin.stat"]["path"].endswith("/admin.macaroon")
    assert closing["vars"]["signer_serves"] == "{{ _signer_wallet.stat.exists }}"
    assert opening["vars"]["signer_serves"] is True


def test_lnd_listens_where_the_provider_comes_from(tmp_path: Path) -> None:
    four, six = "192.0.2.14", "2001:db8::14"
    hosts = {
        "four": {"kit": [four]},
        # lnd is reached by one of the two.
        "both": {"kit": [six, four]},
        "six": {"kit": [six]},
        "six-listening": {"kit": [six], "lnd_rpc_listen": ["::"]},
        "six-everywhere": {"kit": [six], "ansible_host": "2001:db8::7"},
    }
    (steps,) = (one for one in yaml.safe_load((COLLECTION / "playbooks/signer.yml").read_text()) if "tasks" in one)
    (listens,) = (task for task in steps["tasks"] if task["name"] == "Lnd listens where the provider comes from")
    # For its defaults, as in the play.
    lnd = {"ansible.builtin.import_role": {"name": "noncustodial.lightning.lnd"}, "when": False}
    common = {"lnd_shape": "signer", "_common_kit_found": {"provider_addresses": "{{ kit }}"}}
    played = play(tmp_path, [listens, lnd], hosts, variables=common)
    assert played.failed == {"six"}, played.output
    assert f"dials from {six}, all of IPv6, and lnd would listen at 0.0.0.0." in played.text
