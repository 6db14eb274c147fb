# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine on which Ansible cannot work is refused before anything is done there."""

from __future__ import annotations

import os
import sys
import typing as t
from pathlib import Path

from ansible_collections.noncustodial.lightning.tests.support.plays import play, tasks_of


def run(tmp_path: Path, hosts: dict[str, t.Any], *options: str) -> tuple[set[str], str]:
    """Look at machines, and return those that are refused, and what is said."""
    played = play(tmp_path, [tasks_of("common", "machine")], hosts, *options, groups={"own": hosts})
    return played.failed, played.text


def test_what_is_refused(tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    bare.chmod(0o755)
    good = {
        "ansible_user_id": "admin",
        "ansible_effective_user_id": 0,
        "ansible_python": {"executable": "/usr/bin/python3"},
        "ansible_date_time": {
            # In the hour that autumn repeats.
            "epoch": "{{ now().timestamp() | int + 3600 }}",
            "iso8601": "{{ now(utc=true, fmt='%Y-%m-%dT%H:%M:%SZ') }}",
        },
    }
    others: dict[str, tuple[dict[str, t.Any], str]] = {
        "good": ({}, ""),
        "venv": ({"ansible_python": {"executable": sys.executable}}, ""),
        "user": ({"ansible_effective_user_id": 1000}, "Ansible works on user as admin, and must be root there."),
        "old": (
            {"ansible_date_time": {"iso8601": "2023-11-14T22:13:20Z"}},
            "and that of old at 2023-11-14T22:13:20Z. Nothing",
        ),
        "bare": (
            {"ansible_python": {"executable": str(bare)}},
            f"The Python of bare is {bare}, which lacks grpcio or protobuf: ModuleNotFoundError: No module",
        ),
        # The distribution's own by another name, whatever it has.
        "usr-merged": (
            {"ansible_python": {"executable": os.path.realpath("/usr/bin/python3").replace("/usr", "", 1)}},
            "",
        ),
    }
    hosts = {host: {"_common_machine": {"ansible_facts": {**good, **facts}}} for host, (facts, _text) in others.items()}
    failed, said = run(tmp_path, hosts, "--start-at-task=*Ansible is root on the machine")
    assert failed == {host for host, (_facts, text) in others.items() if text}, said
    assert [text for _facts, text in others.values() if text not in said] == [], said


def test_a_machine_is_asked(tmp_path: Path) -> None:
    """This one, which is good if root runs the test."""
    failed, said = run(tmp_path, {"here": {}})
    assert failed == (set() if os.geteuid() == 0 else {"here"}), said
    assert os.geteuid() == 0 or "and must be root there" in said
