# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant whose signer is a container is on board like any other: its node has no key, and its signer only its
keys."""

from __future__ import annotations

import json
import subprocess
import typing as t

from regtest import Regtest

USER = "43210"


def report(regtest: Regtest) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", json.loads((regtest.state / "provider/reports/vandelay.json").read_text()))


def podman(regtest: Regtest, *command: str) -> str:
    """Run a command of podman on the signer's container, whose name replaces @, and return the output."""
    name = f"ncl-{regtest.name}-signer-vandelay"
    run = ["podman", *(name if word == "@" else word for word in command)]
    return subprocess.run(run, check=True, capture_output=True, text=True).stdout


def succeeded(regtest: Regtest, host: str) -> dict[str, int]:
    """Return the payments of a node, by hash, in sat."""
    payments = regtest.lncli(host, "listpayments")["payments"]
    return {one["payment_hash"]: int(one["value_sat"]) for one in payments if one["status"] == "SUCCEEDED"}


def test_the_node_has_no_key_and_the_container_has_it(regtest: Regtest) -> None:
    accounts = regtest.lncli("vandelay", "wallet", "accounts", "list")["accounts"]
    assert len(accounts) >= 259
    assert all(account["watch_only"] for account in accounts)
    its = json.loads(podman(regtest, "exec", "@", "signer-status", "--json"))
    assert (its["done"], its["node_id"]) == (True, regtest.lncli("vandelay", "getinfo")["identity_pubkey"])


def test_paid_in_and_out_once_each(regtest: Regtest) -> None:
    proved, world = report(regtest), json.loads((regtest.state / "provider/reports/world/vandelay.json").read_text())
    for other, costs in (("own-node", proved), ("world-node", world)):
        assert succeeded(regtest, other)[costs["payment_in"]["payment_hash"]] == 50_000
        assert succeeded(regtest, "vandelay")[costs["payment_out"]["payment_hash"]] == 10_000
    assert len(succeeded(regtest, "vandelay")) == 2


def test_the_container_may_do_nothing_but_its_work(regtest: Regtest) -> None:
    """Any user, no capability, nothing to write but its volume."""
    assert podman(regtest, "exec", "@", "id", "--user").strip() == USER
    assert (
        podman(regtest, "exec", "@", "sh", "-c", "grep -E '^Cap(Eff|Prm|Bnd)' /proc/1/status").split()[1::2]
        == ["0" * 16] * 3
    )
    (its,) = json.loads(podman(regtest, "container", "inspect", "@"))
    assert its["HostConfig"]["ReadonlyRootfs"] is True
    assert its["Config"]["User"] == f"{USER}:{USER}"


def test_no_secret_shows(regtest: Regtest) -> None:
    """Neither the password nor the seed in what it logs, in its processes and in its volume."""
    folder = regtest.state / "container/signer-vandelay"
    password = (folder / "secrets/wallet-password").read_text().strip()
    words = " ".join(regtest.seed("vandelay", "vandelay/seed.age")[:3])
    seen = podman(regtest, "logs", "@") + podman(
        regtest, "exec", "@", "sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n'"
    )
    assert password not in seen
    assert words not in seen
    found = subprocess.run(
        ["grep", "--recursive", "-e", password, "-e", words, str(folder / "data")], check=False, capture_output=True
    )
    assert found.returncode == 1, found.stdout
