# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The watch of a tenant's signer: whether it would sign for the node at this moment.

python3 -m PACKAGE.signer_watch CONFIG STATE runs for ever. CONFIG is that of the start gate, see signer_check. STATE is
the file in which the result is kept for the programs that use the node, such as its hub.

The node's lnd is not asked: an lnd of 0.21 ends itself when a signature that it was asked for fails because its signer
cannot be reached or does not answer within 5 s (lnd: lnwallet/rpcwallet, considerShutdown). The signer is asked
directly instead, over a connection that stays open, for a call of the grant that signs nothing and that lnd refuses in
the same way: if its wallet is locked, if it is starting, and if the grant was revoked.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
import typing as t
from pathlib import Path

from .._core.errors import LightningError
from .._grpc.client import Client
from .._keys import grant
from . import stages
from .dialling import Dialling
from .granting import Granting
from .signer_check import configured, line
from .signer_report import REASONS, SignerTarget
from .stages import FAIL, Finding, Stage

# With the time that a call may take these are less than 5 s.
INTERVAL_SECONDS = 1.5
ANSWER_SECONDS = 3.0
# Opening a connection takes several round trips more.
_OPENING_SECONDS = 5.0
_CALL = "verrpc.Versioner/GetVersion"

OK, AWAY, ENDED = "ok", "away", "ended"
_GRANT_STAGE = "macaroon"


class Watch:
    """The watch of one signer.

    Args:
        target: the signer.
        state_file: where the result is kept.
    """

    def __init__(self, target: SignerTarget, state_file: Path) -> None:
        self._target, self._file = target, state_file
        # The connection over which the signer has answered, and what closes it.
        self._granting: Granting | None = None
        self._connections = contextlib.ExitStack()
        self._last: Stage | None = None
        self._state = ""

    def look(self) -> None:
        """Ask the signer once, keep the result, and report it if it differs from the last one."""
        stage = self._again()
        if stage is not None and stage.reason == "call_failed":
            # The cause is not known yet, and to find it takes seconds in which nobody is to wait for a signature.
            self._keep(stage)
            stage = None
        stage = stage or self._anew()
        self._keep(stage)
        if self._last is None or stage.reason != self._last.reason:
            sys.stdout.write(f"{line(stage)}\n")
            sys.stdout.flush()
        self._last = stage

    def _again(self) -> Stage | None:
        """Ask over the connection that is open; return None if there is none."""
        return self._run([_accepted(self._granting, ANSWER_SECONDS)]) if self._granting else None

    def _anew(self) -> Stage:
        """Ask over a new connection, in the stages of the signer check, which name what is wrong."""
        target = self._target
        there = Dialling(target.endpoint, target.certificate, _OPENING_SECONDS, self._connections)
        self._granting = Granting(
            there=there, who="signer", given=target.macaroon, permissions=grant.PERMISSIONS, forbidden=()
        )
        return self._run([*there.stages(), _accepted(self._granting, _OPENING_SECONDS)])

    def _run(self, wanted: t.Sequence[tuple[str, t.Callable[[], Finding]]]) -> Stage:
        """Return the stage that failed, or the last one. After a failure nothing stays open."""
        report = stages.Report()
        stages.run(wanted, REASONS, report)
        if report.failed:
            self._connections.close()
            self._granting = None
        return report.failed or report.stages[-1]

    def _keep(self, stage: Stage) -> None:
        """Write the result; it is complete at each moment. It is no secret: every user of the node is told."""
        refused = stage.name == _GRANT_STAGE and stage.reason != "call_failed"
        if stage.status != FAIL:
            self._state = OK
        elif refused:
            self._state = ENDED
        elif self._state != ENDED:
            # A signer that has refused the grant has ended signing, also when its port is closed afterwards.
            self._state = AWAY
        scratch = self._file.with_name(f".{self._file.name}")
        # Of the machine's own clock, which no correction of the time moves.
        scratch.write_text(json.dumps({"state": self._state, "reason": stage.reason, "at": time.monotonic()}))
        scratch.chmod(0o644)
        os.replace(scratch, self._file)


def _accepted(granting: Granting, seconds: float) -> tuple[str, t.Callable[[], Finding]]:
    """Return the stage that asks the signer by the grant."""

    def ask(client: Client) -> None:
        client.call(_CALL, timeout=seconds)

    return _GRANT_STAGE, lambda: granting.accepted(ask)


def main(arguments: t.Sequence[str]) -> int:
    """Look for ever; return the exit code of a configuration that cannot be used."""
    if len(arguments) != 2:
        sys.stderr.write("usage: signer_watch CONFIG STATE\n")
        return 2
    try:
        watch = Watch(configured(arguments[0]), Path(arguments[1]))
        while True:
            watch.look()
            time.sleep(INTERVAL_SECONDS)
    except LightningError as error:
        sys.stdout.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
