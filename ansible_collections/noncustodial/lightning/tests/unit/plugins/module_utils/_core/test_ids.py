# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of nodes and channels."""

from __future__ import annotations

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.ids import channel_point, node_id, outpoint

NODE, POINT = "02" + "ab" * 32, "cd" * 32 + ":12"


def test_as_lnd_writes_them() -> None:
    assert node_id(NODE.upper()) == NODE
    assert channel_point(POINT.upper()) == POINT
    assert outpoint(POINT) == {"funding_txid_str": "cd" * 32, "output_index": 12}


@pytest.mark.parametrize(
    "text", ["", "acme", NODE[2:], "04" + NODE[2:], NODE + "ab", f"{NODE}@192.0.2.1:9735", NODE + "\n"]
)
def test_no_node_id(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a node id"):
        node_id(text)


@pytest.mark.parametrize("text", ["", "cd" * 32, POINT + "000000", "cd:0", "123x1x0"])
def test_no_channel_point(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a channel point"):
        channel_point(text)
