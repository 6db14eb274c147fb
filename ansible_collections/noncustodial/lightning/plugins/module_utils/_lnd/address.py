# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that pay into a node's own wallet."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from .._grpc.client import Client

# Under lncli's names. lnd's UNUSED types return the same address again until something is paid to it.
ADDRESS_TYPES = {"p2wkh": "UNUSED_WITNESS_PUBKEY_HASH", "p2tr": "UNUSED_TAPROOT_PUBKEY"}


def read_address(client: Client, kind: str) -> str:
    """Return an address to which nothing has been paid yet.

    Args:
        client: the node.
        kind: one of ADDRESS_TYPES.

    Raises:
        CallError: the node does not return one.
    """
    return str(client.call("lnrpc.Lightning/NewAddress", type=ADDRESS_TYPES[kind]).address)
