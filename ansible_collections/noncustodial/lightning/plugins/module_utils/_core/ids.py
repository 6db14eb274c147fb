# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of nodes and channels as people write them."""

from __future__ import annotations

import re
import typing as t

from .errors import InvalidInput

# A node's name in the inventory. With lnd- before it, it is the name of a user, which has at most 32 characters.
NAME = re.compile(r"[a-z][a-z0-9-]{0,27}")
NAME_IN_WORDS = "a letter and up to 27 letters, digits and hyphens, all small"

_NODE_ID = re.compile("0[23][0-9a-f]{64}")
_CHANNEL_POINT = re.compile("[0-9a-f]{64}:[0-9]{1,5}")


def node_id(text: str) -> str:
    """Return a node id, a compressed public key, in lower case as lnd writes it.

    Raises:
        InvalidInput: it is not a node id.
    """
    lowered = text.lower()
    if not _NODE_ID.fullmatch(lowered):
        raise InvalidInput(
            f"{text!r} is not a node id",
            "Give 66 hexadecimal digits beginning with 02 or 03, without an address (identity_pubkey of lnd_info"
            " there)",
        )
    return lowered


def channel_point(text: str) -> str:
    """Return a channel point: id of the funding transaction, colon, number of its output.

    Raises:
        InvalidInput: it is not a channel point.
    """
    lowered = text.lower()
    if not _CHANNEL_POINT.fullmatch(lowered):
        raise InvalidInput(f"{text!r} is not a channel point", "Give TXID:INDEX as lnd_channel returns it")
    return lowered


def outpoint(point: str) -> dict[str, t.Any]:
    """Return a channel point as the fields of lnd's message ChannelPoint."""
    txid, _colon, index = point.partition(":")
    return {"funding_txid_str": txid, "output_index": int(index)}
