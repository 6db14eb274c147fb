# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wall of docs/wallet.md, written as a reader would: it has what the role provides, on a hub behind TLS."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import httpx
import pytest

from ansible_collections.noncustodial.lightning.tests.support import services
from ansible_collections.noncustodial.lightning.tests.support.daemons import free_port
from ansible_collections.noncustodial.lightning.tests.support.hubs import Process, Wallet
from ansible_collections.noncustodial.lightning.tests.support.paths import ROOT
from ansible_collections.noncustodial.lightning.tests.support.walls import Front

pytestmark = pytest.mark.database

PROGRAM = ROOT / "docs/examples/own_wall.py"


@pytest.fixture
def example(hub: Process, tmp_path: Path) -> t.Iterator[httpx.Client]:
    """The program, and a client of it."""
    account, front, port = hub.user(), Front(tmp_path, hub.port), free_port()
    config, password = tmp_path / "config.json", tmp_path / "hub_password"
    config.write_text(
        json.dumps(
            {
                "hub": {"url": f"https://localhost:{front.port}", "ca_file": str(front.certificate)},
                "wall": {"login": account.login},
                "listen": {"host": "127.0.0.1", "port": port},
            }
        )
    )
    password.write_text(f"{account.password}\n")
    environment = {
        "PATH": os.environ["PATH"],
        "WALL_WALLET_CONFIG": str(config),
        "CREDENTIALS_DIRECTORY": str(tmp_path),
    }
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen([sys.executable, PROGRAM], env=environment, stdout=file, stderr=file)

    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            services.await_answer("the example", process, log, lambda: client.get("/nothing"), status=404)
            yield client
    finally:
        process.kill()
        process.wait()
        front.stop()


def test_the_example_sells(example: httpx.Client, alice: Wallet) -> None:
    offer = example.get("/")
    assert offer.status_code == 402
    ((invoice, place),) = re.findall(r"\APay (\S+) and come back to (/[0-9a-f]{64})\n\Z", offer.text)
    assert (example.get(place).status_code, "key" in example.get(place).text) == (402, False)
    assert alice.pay(invoice)["payment_error"] == ""
    opened = example.get(place)
    assert (opened.status_code, opened.text) == (200, "The tenant keeps the key.\n")
    assert example.get("/balance").status_code == 404, "no other path of the hub can be asked for"
    assert "key" not in example.get("/").text
