# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an lnd says about itself."""

from __future__ import annotations

import typing as t

from . import messages, wait
from .client import Client
from .errors import Locked, Unreachable


class Sync(t.NamedTuple):
    """How far a node has come with the chain."""

    synced_to_chain: bool
    block_height: int


# --- read


def read_info(client: Client) -> dict[str, t.Any]:
    """GetInfo, under lnd's own names."""
    return messages.plain(client.call("lnrpc.Lightning/GetInfo"))


def read_sync(client: Client) -> Sync:
    """Whether the node is in step with the chain, and its height in blocks."""
    answer = client.call("lnrpc.Lightning/GetInfo")
    return Sync(bool(answer.synced_to_chain), int(answer.block_height))


def await_synced(client: Client, timeout: float) -> None:
    """Wait until the node is in step with the chain; a starting one is waited for too.

    Raises:
        WaitTimeout: the text holds the last height or error seen.
    """
    wait.until(
        f"lnd at {client.node} to be in step with the chain",
        lambda: read_sync(client),
        lambda sync: sync.synced_to_chain,
        timeout,
        passing=(Locked, Unreachable),
    )
