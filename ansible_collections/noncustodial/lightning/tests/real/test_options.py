# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that preflight knows are those of the pinned lnd, which refuses what preflight refuses, and takes
what preflight takes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.lnd_options import KINDS
from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.node import node
from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.preflight_values import problems
from ansible_collections.noncustodial.lightning.tests.support.daemons import lnd_binary

pytestmark = pytest.mark.lnd


def test_preflight_knows_all_options() -> None:
    listed = subprocess.run([lnd_binary(), "--help"], capture_output=True, text=True, check=False).stdout
    names = set(re.findall(r"^\s+(?:-\w, )?--([A-Za-z0-9._-]+)", listed, re.MULTILINE))
    assert names - {"help"} == set(KINDS)


@pytest.mark.parametrize(
    ("option", "wrong"),
    [
        ("protocol.wumbo-channels", "yes"),
        ("maxpendingchannels", "1s"),
        ("bitcoin.feerate", "-5"),
        ("routerrpc.minrtprob", "much"),
        ("healthcheck.remotesigner.timeout", "10"),
        ("healthcheck.remotesigner.interval", "1d"),
        ("coin-selection-strategy", "smallest"),
        ("alias", '"shop'),
        ("color", '"#ff0000'),
        ("maxpendingchannels", "09"),
        ("routerrpc.minrtprob", "0x10"),
        ("healtcheck.remotesigner.timeout", "10s"),
    ],
)
def test_lnd_refuses_what_preflight_refuses(tmp_path: Path, option: str, wrong: str) -> None:
    (tmp_path / "lnd.conf").write_text(f"[Application Options]\n{option}={wrong}\n")
    done = subprocess.run(
        [lnd_binary(), f"--lnddir={tmp_path}"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode != 0
    assert "lnd.conf:2: " in done.stdout + done.stderr


def test_lnd_takes_what_preflight_takes(tmp_path: Path) -> None:
    """It reads the lines in turn, and reports the last one, of which it knows nothing."""
    values = {
        "alias": ["\U0001f469\u200d\U0001f467", "Café\u00a021", " shop ", '"shop"'],
        "color": ['"#ff0000"', "#ff0000 "],
        "maxpendingchannels": ["0x1F", "0b11", "0o17", "010", "1_0", '"5"'],
        "routerrpc.minrtprob": ["5E-1", "0x1p-2", ".5", "1_0.5", "Inf", "nan"],
        "healthcheck.remotesigner.timeout": ['"10s"', "10μs", "1.5h "],
        "protocol.wumbo-channels": ["", " T"],
        "coin-selection-strategy": ['"random"', "random "],
    }
    lines = [f"{option}={value}" for option, its in values.items() for value in its]
    (tmp_path / "lnd.conf").write_text("\n".join(["[Application Options]", *lines, "nonesuch=1", ""]))
    hostvars = {"acme": {"lnd_config": values}}
    assert [*problems(hostvars, {"acme": node("acme", {})}, [])] == []
    done = subprocess.run(
        [lnd_binary(), f"--lnddir={tmp_path}"], capture_output=True, text=True, check=False, timeout=60
    )
    assert f"lnd.conf:{len(lines) + 2}: " in done.stdout + done.stderr, done.stdout + done.stderr
