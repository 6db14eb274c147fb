# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Begin to onboard umbrella several times, and each time kill ansible-playbook at a worse moment."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "_shared"))

from interrupting import Interruption, a_channel_to, a_payment_of, at_once, interrupt

INTERRUPTIONS = (
    Interruption("The node's certificate is pinned", at_once),
    Interruption("Each gateway has opened its channels to the nodes", a_channel_to("umbrella")),
    Interruption("The node pays, signed by the tenant's keys", a_payment_of("umbrella")),
)

if __name__ == "__main__":
    interrupt("umbrella", INTERRUPTIONS, "provider_shapes")
