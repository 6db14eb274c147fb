# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states that a hub reads from the file of its node's watch of the signer."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from lndhub.errors import SignerAway, SigningEnded
from lndhub.signer import Signer


@pytest.mark.parametrize(
    ("content", "age", "state"),
    [
        ({"state": "ok"}, 0, "ok"),
        ({"state": "away"}, 20, "away"),
        ({"state": "ended"}, 0, "ended"),
        # A watch that does not run any more, and one of before a boot.
        ({"state": "away"}, 31, ""),
        ({"state": "away"}, -10, ""),
        ({"state": "else"}, 0, ""),
        ({}, 0, ""),
    ],
)
def test_what_was_seen_last(tmp_path: Path, content: dict[str, str], age: float, state: str) -> None:
    file = tmp_path / "state.json"
    file.write_text(json.dumps({**content, "at": time.monotonic() - age}))
    assert Signer(str(file)).state() == state


@pytest.mark.parametrize(
    "text", [None, "", "[]", '{"state": "away"}', '{"state": "away", "at": "now"}', "[" * 1000, " " * 2000 + "{}"]
)
def test_a_file_that_is_of_no_use(tmp_path: Path, text: str | None) -> None:
    """Then lnd is asked, as without a watch."""
    file = tmp_path / "state.json"
    if text is not None:
        file.write_text(text)
    assert Signer(str(file)).state() == ""
    Signer(str(file)).need()


def test_a_pipe_in_its_place(tmp_path: Path) -> None:
    """The user of the node could put one there, at which a reader waits for ever."""
    os.mkfifo(tmp_path / "state.json")
    assert Signer(str(tmp_path / "state.json")).state() == ""


def test_no_watch() -> None:
    assert Signer("").state() == ""


@pytest.mark.parametrize(("state", "error"), [("away", SignerAway), ("ended", SigningEnded)])
def test_what_needs_a_signature_is_refused(tmp_path: Path, state: str, error: type[Exception]) -> None:
    file = tmp_path / "state.json"
    file.write_text(json.dumps({"state": state, "at": time.monotonic()}))
    with pytest.raises(error):
        Signer(str(file)).need()
