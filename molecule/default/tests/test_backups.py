# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sender of backups, and the user who takes them, can do no more than that on the backup machine, and nothing to
other senders.
"""

from __future__ import annotations

import subprocess

import pytest
from regtest import Regtest

KEYS = "/var/backups/lnd/.ssh/authorized_keys"
FULL = "/var/backups/lnd/gateway/channel-20260101T000000.000000000Z.backup"


def hand_over(regtest: Regtest, machine: str, node: str) -> subprocess.CompletedProcess[bytes]:
    """Hand over one backup with the key of a node."""
    return regtest.ssh(
        machine,
        "sh",
        "-c",
        f"head -c 100 /dev/urandom | ssh -T -F /etc/lnd/{node}/backup_ssh -i /etc/lnd/{node}/backup_key backup",
    )


def test_a_sender_that_has_filled_its_quota_is_refused_and_named_and_the_others_go_on(regtest: Regtest) -> None:
    regtest.sh("chain", f"truncate --size=1G {FULL}")
    try:
        before = regtest.sh("chain", "ls /var/backups/lnd/gateway")
        done = hand_over(regtest, "gateway", "gateway")
        assert done.returncode == 1
        assert b"with 1024 MiB are this sender's quota. Remove some there, or raise the quota" in done.stderr
        assert regtest.sh("chain", "ls /var/backups/lnd/gateway") == before
        assert "/var/backups/lnd/gateway: refused" in regtest.sh(
            "chain", "journalctl --identifier=backup-receive --lines=1 --output=cat"
        )
        assert hand_over(regtest, "own", "own-node").returncode == 0

        # The node's own unit goes on trying; verify reports it, only for this node.
        assert regtest.ssh("gateway", "systemctl", "restart", "lnd-backup@gateway.service").returncode != 0
        run = regtest.play("verify", "--limit=gateway:own-node:chain")
        assert run.status != 0
        assert "lnd-backup@gateway.service of gateway cannot hand its backup over to chain" in run.text, run.output
        assert "are this sender's quota" in run.text, run.output
        assert "lnd-backup@own-node.service of" not in run.text, run.output
    finally:
        regtest.sh("chain", f"rm {FULL}")
    assert hand_over(regtest, "gateway", "gateway").returncode == 0
    regtest.sh("gateway", "systemctl restart lnd-backup@gateway.service")


@pytest.mark.parametrize(
    "command",
    [
        # What root would follow or write to when it next sets up a sender.
        "mv /var/backups/lnd/.ssh /var/backups/lnd/moved",
        f"rm -f {KEYS}",
        f"ln -sfn /root/victim {KEYS}",
        f"sh -c 'echo more >> {KEYS}'",
        "ln -s /root /var/backups/lnd/new-tenant",
        "mv /var/backups/lnd/gateway /var/backups/lnd/moved",
        "ln -s /root /var/backups/lndhub/new-tenant",
    ],
)
def test_who_takes_backups_cannot_put_a_link_where_root_writes(regtest: Regtest, command: str) -> None:
    seen = "find /var/backups -name '.part*' -prune -o -printf '%p %u %y %m\\n' | sort"
    before = regtest.sh("chain", seen)
    done = regtest.ssh("chain", "runuser", "--user=lnd-backup", "--", "sh", "-c", command)
    assert done.returncode != 0
    assert b"denied" in done.stderr
    assert regtest.sh("chain", seen) == before


def test_what_it_must_do_it_can(regtest: Regtest) -> None:
    """The positive control: as that user, by the key of a sender, a backup is added."""
    before = set(regtest.sh("chain", "ls /var/backups/lnd/own-node").split())
    assert hand_over(regtest, "own", "own-node").returncode == 0
    (new,) = set(regtest.sh("chain", "ls /var/backups/lnd/own-node").split()) - before
    assert regtest.sh("chain", f"stat --format='%U %a' /var/backups/lnd/own-node/{new}").strip() == "lnd-backup 600"


def test_what_was_planted_before_is_not_written_to(regtest: Regtest) -> None:
    """The file of the keys was replaced at a time when its directory was not root's."""
    regtest.sh(
        "chain",
        f"echo precious > /root/victim; chmod 0600 /root/victim; mv {KEYS} /root/keys; ln -s /root/victim {KEYS}",
    )
    try:
        before = regtest.sh("chain", "stat --format='%U %a %Z %s' /root/victim")
        run = regtest.play("site", "--limit=gateway:chain")
        assert run.status != 0
        assert f"{KEYS} on chain is no regular file, or has a second name. Nothing was written there" in run.text, (
            run.output
        )
        assert regtest.sh("chain", "stat --format='%U %a %Z %s' /root/victim") == before
    finally:
        regtest.sh("chain", f"rm -f {KEYS} /root/victim; mv /root/keys {KEYS}")
    assert hand_over(regtest, "gateway", "gateway").returncode == 0
