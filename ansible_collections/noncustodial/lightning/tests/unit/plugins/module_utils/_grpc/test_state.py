# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import messages, state


def test_every_state_of_lnd_is_known() -> None:
    names = {messages.enum_name("lnrpc.WalletState", number) for number in (0, 1, 2, 3, 4, 255)}
    assert set(state.STATES) == names


@pytest.mark.parametrize(
    ("present", "wanted", "is_reached"),
    [
        ("WAITING_TO_START", "WAITING_TO_START", True),
        # The greatest number in lnd's enum, the first state in time.
        ("WAITING_TO_START", "NON_EXISTING", False),
        ("NON_EXISTING", "LOCKED", False),
        ("LOCKED", "NON_EXISTING", True),
        ("UNLOCKED", "RPC_ACTIVE", False),
        ("SERVER_ACTIVE", "RPC_ACTIVE", True),
    ],
)
def test_reached(present: str, wanted: str, is_reached: bool) -> None:
    assert state.reached(present, wanted) is is_reached
