# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""People's work in a browser is the same on every node: one with the provider's keys, a watch-only one, and one that
its tenant runs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from hubs import Wallet
from regtest import ROOT, Regtest, until
from walls import certificate, url

SUITE = "ansible_collections/noncustodial/lightning/tests/real/wall/test_browser.py"


def site(regtest: Regtest, host: str, folder: Path) -> dict[str, str]:
    """Return a wall & wallet and a customer with money there, in the form that the suite takes."""
    customer = Wallet(regtest, host)
    regtest.sh(
        "world",
        f"lncli --network=regtest --lnddir=/var/lib/lnd/world-node payinvoice --force --json {customer.invoice(5_000)}",
    )
    until("the deposit", lambda: customer.msat == 5_000_000)
    ca_file = folder / f"{host}.crt"
    ca_file.write_text(certificate(regtest, host))
    return {
        "name": host,
        "url": url(regtest, host),
        "login": customer.login,
        "password": customer.password,
        "ca_file": str(ca_file),
        "article": "watch-only",
    }


def test_nobody_can_tell(regtest: Regtest, tmp_path: Path) -> None:
    """The customers of each pay, and are paid by, those of the next."""
    walls = tmp_path / "walls.json"
    walls.touch(mode=0o600)
    walls.write_text(json.dumps([site(regtest, host, tmp_path) for host in ("own-node", "acme", "umbrella")]))
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", SUITE]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"WALLS": str(walls)},
        capture_output=True,
        text=True,
        check=False,
        timeout=540,
    )
    assert done.returncode == 0, done.stdout + done.stderr
