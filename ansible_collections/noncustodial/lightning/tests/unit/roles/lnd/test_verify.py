# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors with which verify names a node whose disk is or was full."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION
from ansible_collections.noncustodial.lightning.tests.support.plays import play, tasks_of

# A stand-in of df, which finds less room in the folder of one node.
DF = """#!/bin/sh
echo Avail
case "$*" in */var/lib/lnd/acme) echo "  255" ;; */var/lib/lnd/globex) echo " 1024" ;; *) exit 1 ;; esac
"""


def test_a_disk_with_little_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    df = tmp_path / "bin/df"
    df.parent.mkdir()
    df.write_text(DF)
    df.chmod(0o755)
    monkeypatch.setenv("PATH", str(df.parent), prepend=":")
    hosts = {"acme": {"ansible_host": "192.0.2.7"}, "globex": {}}
    played = play(tmp_path, [tasks_of("lnd", "verify_disk")], hosts)
    assert played.failed == {"acme"}, played.output
    assert "192.0.2.7 has 255 MiB left on the disk with /var/lib/lnd/acme, of at least 256." in played.text
    assert "Make room, or enlarge the disk" in played.text


def test_a_channel_that_is_not_in_the_backup(tmp_path: Path) -> None:
    tasks = yaml.safe_load((COLLECTION / "roles/lnd/tasks/verify.yml").read_text())
    (compared,) = (task for task in tasks if task["name"] == "Every channel is in the channel backup")
    hosts = {
        name: {"lnd_name": name, "_lnd_info": {"not_backed_up": channels}}
        for name, channels in {"acme": ["a:0", "b:1"], "globex": []}.items()
    }
    played = play(tmp_path, [compared], hosts, variables={"lnd_channel_backup": "/x/channel.backup"})
    assert played.failed == {"acme"}, played.output
    assert "acme has channels that are not in /x/channel.backup" in played.text
    assert "a:0, b:1" in played.text
    assert "systemctl restart lnd@acme" in played.text
