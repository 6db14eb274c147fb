# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports of a machine that can be reached, from this host or from another machine."""

from __future__ import annotations

import subprocess
import sys
import typing as t

PROGRAM = """
import socket, sys, threading
def attempt(host, port):
    try:
        socket.create_connection((host, int(port)), timeout=float(sys.argv[1])).close()
    except OSError:
        return
    print(f"{host}:{port}", flush=True)
threads = [threading.Thread(target=attempt, args=target.rsplit(":", 1)) for target in sys.stdin.read().split()]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""
"""Tries each host:port of its standard input at the same time, and prints those that open within as many seconds as its
argument. It runs with any machine's Python.
"""

# lnd's first: all at once is more than a card under emulation takes, and what it drops is sent again seconds later.
KNOWN = (10009, *range(1, 1025), 2019, 5353, 5355, 8080, 9735)
"""The ports below 1024, and those of programs that are known here."""


def of_host(host: str, ports: t.Iterable[int] = KNOWN) -> str:
    """Return the standard input of the program, for ports of one host."""
    return "\n".join(f"{host}:{port}" for port in ports)


def opened(output: str) -> set[int]:
    """Return the ports that the program has printed."""
    return {int(line.rpartition(":")[2]) for line in output.split()}


def open_to_this_host(host: str, timeout_seconds: float, ports: t.Iterable[int] = KNOWN) -> set[int]:
    """Return the ports of a host to which this host can connect."""
    command = [sys.executable, "-c", PROGRAM, str(timeout_seconds)]
    done = subprocess.run(command, input=of_host(host, ports), check=True, capture_output=True, text=True)
    return opened(done.stdout)
