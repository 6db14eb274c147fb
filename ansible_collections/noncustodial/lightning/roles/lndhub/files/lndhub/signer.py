# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signer of the hub's node, as the node's own watch of it has seen it last (module_utils/_check/signer_watch).

The hub does not ask lnd for a signature to learn whether there is one: an lnd that is asked while its signer is away
ends itself, and a payment that it was sending can stay under way for ever. Nor does the hub have the grant, so that it
could ask the signer.
"""

from __future__ import annotations

import json
import time

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import LightningError
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.files import read_file

from .errors import SignerAway, SigningEnded

# A watch that has written nothing for so long does not run.
_MAX_AGE_SECONDS = 30.0
_MAX_BYTES = 1024
_STATES = ("ok", "away", "ended")


class Signer:
    """The signer of a node, as far as it is known.

    Args:
        path: the file of the watch; empty if there is none.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def state(self) -> str:
        """Return "ok", "away" or "ended"; empty if nobody watches, as with a node that has its own keys."""
        if not self._path:
            return ""
        try:
            # It is written by the node's user, who may have been broken into.
            seen = json.loads(read_file(self._path, "the state of the signer", _MAX_BYTES))
            state, age = seen["state"], time.monotonic() - seen["at"]
        except (LightningError, ValueError, KeyError, TypeError, RecursionError):
            return ""
        return state if 0 <= age <= _MAX_AGE_SECONDS and state in _STATES else ""

    def need(self) -> None:
        """Refuse what needs a signature while there is none. Nobody watches means that lnd itself is asked.

        Raises:
            SignerAway, SigningEnded: there is none.
        """
        state = self.state()
        if state == "away":
            raise SignerAway
        if state == "ended":
            raise SigningEnded
