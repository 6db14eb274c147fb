# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Begin to onboard a tenant, and kill ansible-playbook in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import typing as t
from dataclasses import dataclass

from regtest import ROOT, Regtest, until


@dataclass(frozen=True)
class Interruption:
    """The moment at which ansible-playbook is killed: in this task, once this condition holds."""

    task: str
    happens: t.Callable[[Regtest], None]


def at_once(_regtest: Regtest) -> None:
    """Wait for nothing."""


def a_channel_to(tenant: str) -> t.Callable[[Regtest], None]:
    """Return the condition that the gateway has paid for the channel; the playbook has not waited for it yet."""

    def happens(regtest: Regtest) -> None:
        node_id = str(regtest.lncli(tenant, "getinfo")["identity_pubkey"])

        def begun() -> bool:
            pending = regtest.lncli("gateway", "pendingchannels")["pending_open_channels"]
            there = regtest.lncli("gateway", "listchannels", f"--peer={node_id}")["channels"]
            return bool(there or [one for one in pending if one["channel"]["remote_node_pub"] == node_id])

        until(f"a channel to {tenant}", begun, timeout=60)

    return happens


def a_payment_of(tenant: str) -> t.Callable[[Regtest], None]:
    """Return the condition that the node has begun a payment, whose result is not known yet."""

    def happens(regtest: Regtest) -> None:
        until(
            f"a payment of {tenant}",
            lambda: regtest.lncli(tenant, "listpayments", "--include_incomplete")["payments"],
            timeout=60,
        )

    return happens


def interrupt(tenant: str, interruptions: t.Iterable[Interruption], *inventories: str) -> None:
    """Make all interruptions, one after the other."""
    regtest = Regtest()
    for one in interruptions:
        _interrupt(regtest, tenant, one, *inventories)


def _interrupt(regtest: Regtest, tenant: str, one: Interruption, *inventories: str) -> None:
    """Run the playbook until then.

    All of its most detailed output is kept: `refused_access` looks for secrets there.
    """
    command = [
        "ansible-playbook",
        "-vvv",
        "--diff",
        *(f"--inventory=inventories/regtest/{name}" for name in ("provider", *inventories)),
        f"--limit={tenant}",
        "playbooks/onboard_tenant.yml",
    ]
    log = regtest.state / "vvv.provider.onboard_tenant"
    with (
        log.open("a") as kept,
        subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        ) as run,
    ):
        said = []
        for line in t.cast("t.IO[str]", run.stdout):
            said.append(line)
            kept.write(line)
            if line.startswith("TASK") and one.task in line:
                one.happens(regtest)
                os.killpg(run.pid, signal.SIGKILL)
                print(f"killed in: {one.task}")
                return
    raise SystemExit(f"{''.join(said)}\nnever came to: {one.task}")
