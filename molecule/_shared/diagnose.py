# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A diagnosis after a failure: failed units, journals and nodes of the topology. Pytest's summary runs it, and
tools/test after a failed converge.
"""

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
    "lnd-follow@*",
    "lnd-links@*",
    "lnd-signer@*",
    "lnd-backup@*",
    "lndhub*@*",
    "wall-*",
    "nginx.service",
)


def of_machine(machine: str) -> t.Iterator[str]:
    """Yield commands that show the state of a machine."""
    yield "systemctl --no-pager --failed --plain --no-legend"
    for unit in UNITS:
        yield f"journalctl --no-pager --quiet --output=short-precise --lines={LINES} --unit='{unit}' 2>/dev/null"
    for node in NODES.values():
        if node.machine == machine:
            common = f"timeout 5 lncli --network=regtest --lnddir={node.lnddir} --rpcserver=localhost:{node.port}"
            yield f"{common} state; {common} getinfo | grep -E 'synced|num_|block_height'; {common} pendingchannels"


def main() -> None:
    """Print all of it; a machine that is away does not stop it."""
    regtest = Regtest()
    for machine in ("chain", *dict.fromkeys(node.machine for node in NODES.values())):
        for command in of_machine(machine):
            done = regtest.ssh(machine, "sh", "-c", command)
            text = (done.stdout + done.stderr).decode(errors="replace").strip()
            if text:
                print(f"--- {machine}: {command}\n{text}")


if __name__ == "__main__":
    main()
