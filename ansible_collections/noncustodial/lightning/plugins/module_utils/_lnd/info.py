# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The information that an lnd reports about itself."""

from __future__ import annotations

import typing as t

from .._core import files, wait
from .._grpc import messages
from .._grpc.client import Client
from .._grpc.errors import Locked, Unreachable


class Sync(t.NamedTuple):
    """The progress of a node's synchronisation with the chain."""

    synced_to_chain: bool
    block_height: int


# --- read


def read_info(client: Client) -> dict[str, t.Any]:
    """Return the answer to GetInfo, under lnd's own names."""
    return messages.plain(client.call("lnrpc.Lightning/GetInfo"))


def read_config(client: Client, sections: t.Iterable[str]) -> dict[str, str]:
    """Return the options of some sections of lnd.conf with which the node runs, even if the file has changed since.
    Unset ones have lnd's defaults.

    Args:
        sections: names, such as protocol. lnd itself leaves out passwords, which are in other sections.
    """
    running = client.call("lnrpc.Lightning/GetDebugInfo").config
    prefixes = tuple(f"{section}." for section in sections)
    return {option: running[option] for option in sorted(running) if option.startswith(prefixes)}


def read_not_backed_up(client: Client, path: str) -> list[str]:
    """Return the channel points of the channels that are open and not in a channel.backup.

    lnd writes the file when a channel opens or closes, and when it starts or stops; if that fails, for example because
    the disk is full, it does not try again by itself.

    Args:
        path: the file, which lnd has encrypted with its own key.

    Raises:
        InvalidInput: the file is not there, or cannot be read.
    """
    # Before the file: a channel is in it as soon as it is pending.
    channels = client.call("lnrpc.Lightning/ListChannels").channels
    backup = {"multi_chan_backup": files.read_file(path, "the channel backup")}
    kept = client.call("lnrpc.Lightning/VerifyChanBackup", multi_chan_backup=backup).chan_points
    return sorted({one.channel_point for one in channels} - set(kept))


def read_sync(client: Client) -> Sync:
    """Return whether the node is synced to the chain, and its height in blocks."""
    answer = client.call("lnrpc.Lightning/GetInfo")
    return Sync(bool(answer.synced_to_chain), int(answer.block_height))


def await_synced(client: Client, timeout: float) -> None:
    """Wait until the node is synced to the chain. The node may still be starting.

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
