# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A value of the inventory may refer to what only a task has, such as hostvars, or to a role's default."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible_collections.noncustodial.lightning.tests.support.plays import play, tasks_of

HOSTS: dict[str, dict[str, t.Any]] = {
    "first": {},
    "chain": {"ansible_host": "192.0.2.11", "private_ip": "198.51.100.11", "fee_ppm": 77},
    "keeper": {"ansible_host": "192.0.2.12", "private_ip": "198.51.100.12", "keeps": "keeper"},
    "acme": {
        "ansible_host": "192.0.2.14",
        "lnd_bitcoind_host": "{{ hostvars['chain'].inventory_hostname }}",
        "lnd_postgres_address": "{{ hostvars[groups['postgres'][0]].private_ip }}",
        "lnd_backup_host": "{{ hostvars['keeper'].keeps }}",
        "lnd_backup_address": "{{ hostvars[lnd_backup_host].private_ip }}",
        "lndhub_tls_certificate": "{{ hostvars['chain'].private_ip }}.pem",
        "lndhub_tls_key": "{{ hostvars['chain'].private_ip }}.key",
        # Only the role lnd has lnd_network.
        "lnd_bitcoind_zmq_block_port": "{{ 28332 if lnd_network == 'mainnet' else 28342 }}",
        "lndhub_service": {"answer_within": "{{ 20 if lnd_network == 'mainnet' else 60 }}"},
        "lndhub_limits": {"fee_ppm": "{{ hostvars['chain'].fee_ppm }}"},
    },
    "globex": {"ansible_host": "192.0.2.15"},
}
GROUPS = {
    "bitcoind": ["first", "chain"],
    "postgres": ["chain"],
    "tenants": ["acme", "globex"],
    "hubs": ["acme", "globex"],
}
SHOWN = {
    "bitcoind": "{{ bitcoind_node_host }}",
    "postgres": "{{ lndhub_postgres_at }}",
    "backup": "{{ lndhub_backup_machine }} at {{ lndhub_backup_at if lndhub_backup_machine else 'no address' }}",
    "leads": "{{ lndhub_backup_leads | bool and lnd_backup_leads | bool }}",
    "hub": "{{ wall_wallet_config.hub.fee_ppm | default('default') }} {{ wall_wallet_config.hub.pay_timeout | int }}",
    "described": "{{ lnd_self.name }}, called {{ lndhub_self.local_name }}",
}


def test_values_that_only_a_task_knows(tmp_path: Path) -> None:
    text = ", ".join(f"{name} {value}" for name, value in SHOWN.items())
    tasks = [
        tasks_of("common", "preflight"),
        # What a role computes is there for the tasks after its import.
        *(tasks_of(role, "preflight", "nobody") for role in ("lnd", "lndhub", "bitcoind", "wall_wallet")),
        {
            "ansible.builtin.debug": {"msg": "{{ inventory_hostname }}: " + text},
            "when": "inventory_hostname in groups.hubs",
        },
    ]
    common = {"_common_preflight_pattern": "tenants", "nothing_is_fine": False}
    played = play(tmp_path, tasks, HOSTS, variables=common, groups={**GROUPS, "nobody": []})
    assert played.failed == set(), played.output
    for text in (
        "acme: bitcoind chain, postgres 198.51.100.11, backup keeper at 198.51.100.12,",
        "globex: bitcoind first, postgres 192.0.2.11, backup at no address,",
        "leads True, hub 77 50, described acme, called 192.0.2.14",
        "leads True, hub default 45, described globex, called localhost",
    ):
        assert text in played.text
