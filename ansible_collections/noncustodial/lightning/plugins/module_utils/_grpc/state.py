# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of an lnd's start, from its State service, which needs no macaroon and always answers."""

from __future__ import annotations

import time
import typing as t

from .._core import wait
from .._core.errors import Missing
from . import messages
from .client import Client
from .errors import TimedOut, Unreachable

# In the order in which a starting lnd passes them. WAITING_TO_START is the greatest number in lnd's enum, but the first
# state in time.
STATES = ("WAITING_TO_START", "NON_EXISTING", "LOCKED", "UNLOCKED", "RPC_ACTIVE", "SERVER_ACTIVE")


def reached(state: str, wanted: str) -> bool:
    """Return whether a state is the wanted one or a later one."""
    return STATES.index(state) >= STATES.index(wanted)


# --- read


def read_state(client: Client) -> str:
    """Return the present state, one of STATES."""
    return _name(client.call("lnrpc.State/GetState"))


def await_state(client: Client, wanted: str, timeout: float) -> str:
    """Wait until a state or a later one is reached; return the state reached.

    Raises:
        WaitTimeout: the text holds the last state seen.
    """
    end = time.monotonic() + timeout
    return wait.until(
        f"lnd at {client.node} to be {wanted}",
        lambda: _watch(client, wanted, end),
        lambda state: reached(state, wanted),
        timeout,
        passing=(Unreachable,),
    )


def started(connect: t.Callable[[], Client], wanted: str, timeout: float) -> Client:
    """Wait until an lnd, which may not have been started yet, reaches a state or a later one; return the connection.

    Each attempt connects anew, because a starting lnd may make or replace its certificate.

    Args:
        connect: opens a connection.
        wanted: one of STATES.
        timeout: seconds.

    Raises:
        WaitTimeout: the text holds the last state or error seen.
    """
    end = time.monotonic() + timeout
    opened: list[Client] = []

    def attempt() -> str:
        client = connect()
        try:
            state = _watch(client, wanted, end)
        except BaseException:
            client.close()
            raise
        opened[:] = [client]
        return state

    wait.until(
        f"lnd to be {wanted}", attempt, lambda state: reached(state, wanted), timeout, passing=(Missing, Unreachable)
    )
    return opened[0]


def _watch(client: Client, wanted: str, end: float) -> str:
    """Follow the stream of states, which begins with the present one, until the wanted one; at the deadline return the
    last one seen.
    """
    state = STATES[0]
    try:
        for answer in client.stream("lnrpc.State/SubscribeState", timeout=max(end - time.monotonic(), 0.1)):
            state = _name(answer)
            if reached(state, wanted):
                break
    except TimedOut:
        pass
    return state


def _name(answer: messages.Message) -> str:
    return messages.enum_name("lnrpc.WalletState", answer.state)
