# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The watch of a node's signer, run as its unit runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

from ansible_collections.noncustodial.lightning.plugins.module_utils._check import signer_watch
from ansible_collections.noncustodial.lightning.tests.support import services


class SignerWatch:
    """A process that watches a signer.

    Args:
        folder: for its files.
        target: its configuration, as the start gate has it.
    """

    def __init__(self, folder: Path, **target: t.Any) -> None:
        folder.mkdir()
        self.file, self._log = folder / "state.json", folder / "watch.log"
        config = folder / "signer.json"
        config.write_text(json.dumps(target))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", signer_watch.__name__, str(config), str(self.file)], stdout=log, stderr=log
            )

    @property
    def journal(self) -> str:
        """The text that it has written."""
        return self._log.read_text()

    def state(self) -> str:
        """Return the state that it has seen last; empty before the first."""
        return str(json.loads(self.file.read_text())["state"]) if self.file.exists() else ""

    def processor_seconds(self) -> float:
        """Return the time of a processor that it has taken since its start."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """Stop it."""
        services.end(self._process)
