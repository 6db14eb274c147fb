# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that bitcoind.service checks with the program at every start."""

from __future__ import annotations

import shlex
import subprocess
import typing as t
from pathlib import Path

import jinja2
import pytest
import yaml

from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION

ROLE = COLLECTION / "roles/bitcoind"


def before_the_start(network: str, folder: Path) -> list[list[str]]:
    """Return the commands of ExecStartPre=, as systemd reads them, except for the one that writes into the machine's
    directories.
    """
    variables: dict[str, t.Any] = yaml.safe_load((ROLE / "vars/main.yml").read_text())
    text = jinja2.Template((ROLE / "templates/bitcoind.service.j2").read_text(), trim_blocks=True).render(
        {**variables, "bitcoind_network": network, "bitcoind_bin": str(folder), "bitcoind_start_timeout": 90}
    )
    lines = [
        line.partition("=")[2]
        for line in text.splitlines()
        if line.startswith("ExecStartPre=") and "conf.d" not in line
    ]
    # It would take these for escapes and specifiers (systemd.syntax, systemd.unit).
    assert not any(mark in line for line in lines for mark in ("\\", "%"))
    return [[word.replace("$$", "$") for word in shlex.split(line)] for line in lines]


@pytest.mark.parametrize(
    ("said", "starts"),
    [
        ("Bitcoin Core daemon version v31.1.0", True),
        ("Bitcoin Core daemon version v31.1.0 bitcoind", True),
        ("Bitcoin Core RPC daemon version v29.0.0rc2", True),
        ("Bitcoin Core daemon version v31.99.0-0f6a1b2c3d4e-dirty", True),
        ("Bitcoin Knots daemon version v29.4.3.knots20260508", False),
        ("Bitcoin Core daemon version v29.3.0.knots20260210+bip110-v0.4.1", False),
        ("Bitcoin Core daemon version v31.1.0 of somebody", False),
        ("Not Bitcoin Core daemon version v31.1.0", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("network", ["mainnet", "signet"])
def test_off_regtest_only_bitcoin_core_starts(said: str, starts: bool, network: str, tmp_path: Path) -> None:
    """A program that was replaced since the playbook asked it does not start."""
    program = tmp_path / "bitcoind"
    program.write_text(
        f"#!/bin/sh\n[ \"$*\" = -version ] && echo '{said}' && echo 'Copyright of Bitcoin Core daemon version"
        " v31.1.0'\n"
    )
    program.chmod(0o755)
    (command,) = before_the_start(network, tmp_path)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is starts, done.stderr
    assert (f"{program} is {said or 'silent'}, and not Bitcoin Core. It is not started\n" == done.stderr) is not starts


def test_on_regtest_any_program_starts(tmp_path: Path) -> None:
    assert before_the_start("regtest", tmp_path) == []
