# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far an lnd has started: its State service, which needs no macaroon and answers at all times."""

from __future__ import annotations

import time
import typing as t

from . import messages, wait
from .client import Client
from .errors import Missing, TimedOut, Unreachable

# In the order in which a starting lnd passes them. WAITING_TO_START is the greatest number in lnd's enum, but the first state in time.
STATES = ("WAITING_TO_START", "NON_EXISTING", "LOCKED", "UNLOCKED", "RPC_ACTIVE", "SERVER_ACTIVE")


def reached(state: str, wanted: str) -> bool:
    """Whether a state is the wanted one or a later one."""
    return STATES.index(state) >= STATES.index(wanted)


# --- read


def read_state(client: Client) -> str:
    """The present state, one of STATES."""
    return _name(client.call("lnrpc.State/GetState"))


def await_state(client: Client, wanted: str, timeout: float) -> str:
    """Wait until a state or a later one is reached; gives the state reached.

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
    """A connection to an lnd that may not have been started yet, once a state or a later one is reached.

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

    wait.until(f"lnd to be {wanted}", attempt, lambda state: reached(state, wanted), timeout, passing=(Missing, Unreachable))
    return opened[0]


def _watch(client: Client, wanted: str, end: float) -> str:
    """Follow the stream of states, which begins with the present one, until the wanted one; at the deadline give the last one seen."""
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
