# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state after an onboarding at an odd site: the same as at any other, and nothing beside it."""

from __future__ import annotations

import json

import pytest
from odd_site import GATEWAY, MACHINES, OWN, TENANT, TENANT_NAME, play
from regtest import Node, Regtest, until

USER = "ops-7_b"
# The second line of what the site has for ansible_managed.
MANAGED = "when this line was no comment"


def test_the_operator_becomes_root_with_a_umask_that_hides(regtest: Regtest) -> None:
    """Otherwise the rest would show nothing."""
    for machine in MACHINES:
        done = regtest.ssh(
            machine, "su", "--login", USER, "--command", "id -u; umask; sudo sh -c 'id -u; umask; date +%z'"
        )
        assert done.stdout.split()[1:4] == [b"0077", b"0", b"0077"], done


def test_paid_in_and_out(regtest: Regtest) -> None:
    assert [one["value_sat"] for one in regtest.lncli(TENANT, "listpayments")["payments"]] == ["10000"]
    assert [one["value_sat"] for one in regtest.lncli(OWN, "listpayments")["payments"]] == ["50000"]


def test_the_provider_has_the_tenants_report(regtest: Regtest) -> None:
    desk = regtest.state / "desk"
    report = json.loads((desk / f"reports, one a tenant/{TENANT_NAME}.json").read_text())
    identity = regtest.lncli(TENANT, "getinfo")["identity_pubkey"]
    assert (report["tenant"], report["gateway"], report["node_id"]) == (TENANT_NAME, GATEWAY.host, identity)


def test_files_on_the_controller_are_the_operators(regtest: Regtest) -> None:
    """Nobody has become root there, although the inventory says so for every host."""
    desk = regtest.state / "desk"
    written = [
        desk / "kits to go out" / f"{TENANT_NAME}.json",
        desk / "bundles that came in" / f"{TENANT_NAME}.json",
        desk / "reports, one a tenant" / f"{TENANT_NAME}.json",
        desk / "keys/acme/the seed, encrypted.age",
        *(desk / "seeds, encrypted" / f"{node.host}.age" for node in (GATEWAY, OWN)),
    ]
    assert {path.name: path.owner() for path in written} == {path.name: "nobody" for path in written}


@pytest.mark.parametrize("machine", MACHINES)
def test_nothing_is_the_administrators(regtest: Regtest, machine: str) -> None:
    """Everything that is installed belongs to root and to the services."""
    found = regtest.sh(
        machine, f"find / -xdev -user {USER} -not -path '/home/{USER}*' -not -path /var/tmp/.site-{USER}"
    )
    assert found == ""


@pytest.mark.parametrize("machine", MACHINES)
def test_no_file_of_ansible_is_left(regtest: Regtest, machine: str) -> None:
    """Without pipelining each module is a file there, with its options. Its folder is there, and is empty."""
    folders = {f".site-{USER}", ".site-root"}

    def found() -> set[str]:
        return set(regtest.sh(machine, "find /var/tmp -path '/var/tmp/.site-*' -printf '%P\\n'").split())

    until("no file of Ansible's", lambda: found() <= folders)
    assert f".site-{USER}" in found() or machine not in ("nodes", "signer")


def test_no_file_of_ansible_is_left_on_the_controller(regtest: Regtest) -> None:
    home = regtest.state / "desk/home"
    assert [path for path in (home / ".ansible/tmp").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("machine", MACHINES)
def test_no_header_has_a_line_that_is_no_comment(regtest: Regtest, machine: str) -> None:
    managed = regtest.sh(
        machine, "grep --recursive --files-with-matches --include='*' '^# Ansible managed$' /etc"
    ).splitlines()
    assert managed
    assert (
        regtest.sh(
            machine,
            f"grep --recursive --files-with-matches '{MANAGED}' /etc /usr/lib/noncustodial-lightning /var/lib || true",
        )
        == ""
    )


@pytest.mark.parametrize(
    ("machine", "folders"),
    {
        "chain": ["/etc/bitcoind", "/usr/lib/noncustodial-lightning"],
        "gateway": ["/etc/lnd", "/opt/lnd", "/usr/lib/noncustodial-lightning", "/var/lib/lnd"],
        "own": [
            "/etc/lnd",
            "/etc/lndhub",
            "/etc/wall_wallet",
            "/usr/lib/noncustodial-lightning",
            "/var/lib/wall_wallet",
        ],
        "signer": ["/etc/lnd", "/opt/lnd", "/var/lib/lnd"],
    }.items(),
)
def test_services_reach_their_files(regtest: Regtest, machine: str, folders: list[str]) -> None:
    """The administrator's umask is on no directory above them."""
    states = regtest.sh(machine, f"stat --format='%n %U %a' {' '.join(folders)}").splitlines()
    assert states == [f"{folder} root 755" for folder in folders]


@pytest.mark.parametrize("node", [GATEWAY, OWN, TENANT], ids=lambda node: node.host)
def test_its_backups_are_on_the_backup_machine(regtest: Regtest, node: Node) -> None:
    """Its key is taken there, and what it hands over belongs to the user for backups only."""
    copies = f"find /var/backups/lnd/{node.name} -name 'channel-*' -printf '%u %m\\n'"
    assert set(until("a copy", lambda: regtest.sh("chain", copies).splitlines())) == {"lnd-backup 600"}


@pytest.mark.parametrize("playbook", ["provision_tenant", "signer", "onboard_tenant", "verify"])
def test_another_run_changes_nothing(regtest: Regtest, playbook: str) -> None:
    """Each run has another date in ansible_managed."""
    run = play(regtest, playbook)
    assert run.status == 0, run.output
    assert not any(run.changed.values()), run.output


def test_another_ansible_changes_nothing(regtest: Regtest) -> None:
    """The newest ansible-core goes on with what the oldest has set up."""
    run = play(regtest, "provision_tenant", requirements="requirements.txt")
    assert run.status == 0, run.output
    assert not any(run.changed.values()), run.output
