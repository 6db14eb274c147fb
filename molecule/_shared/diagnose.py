# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After a failure: what failed units, journals and nodes of the topology say. Run by pytest's summary, and by tools/test when a converge failed."""

from __future__ import annotations

import typing as t

from regtest import NODES, Regtest

LINES = 25
UNITS = (
    "bitcoind.service",
    "regtest-miner.service",
    "postgresql*",
    "lnd@*",
    "lnd-lock@*",
    "lnd-backup@*",
    "lndhub*@*",
    "wall-*",
    "nginx.service",
)


def of_machine(machine: str) -> t.Iterator[str]:
    """Commands that show how a machine is."""
    yield "systemctl --no-pager --failed --plain --no-legend"
    for unit in UNITS:
        yield f"journalctl --no-pager --quiet --output=short-precise --lines={LINES} --unit='{unit}' 2>/dev/null"
    for node in NODES.values():
        if node.machine == machine:
            common = f"timeout 5 lncli --network=regtest --lnddir={node.lnddir} --rpcserver=localhost:{node.port}"
            yield f"{common} state; {common} getinfo | grep -E 'synced|num_|block_height'; {common} pendingchannels"


def main() -> None:
    """Print it all; a machine that is away is no reason to stop."""
    regtest = Regtest()
    for machine in ("chain", *dict.fromkeys(node.machine for node in NODES.values())):
        for command in of_machine(machine):
            done = regtest.ssh(machine, "sh", "-c", command)
            text = (done.stdout + done.stderr).decode(errors="replace").strip()
            if text:
                print(f"--- {machine}: {command}\n{text}")


if __name__ == "__main__":
    main()
