# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs and options with which the guides call lncli exist in the installed one."""

from __future__ import annotations

import functools
import re
import subprocess

import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import lnd_binary
from ansible_collections.noncustodial.lightning.tests.support.doc_commands import Call, calls

pytestmark = pytest.mark.lnd

CALLS = [call for call in calls(["lncli"]) if call.arguments]


@functools.cache
def listed(*command: str) -> tuple[set[str], set[str]]:
    """Return the commands and options that lncli lists for one of its commands, or for itself."""
    done = subprocess.run(
        [lnd_binary().parent / "lncli", *command, "--help"], check=True, capture_output=True, text=True
    )
    shown = set(re.findall(r"^ +([a-z][a-z-]*)(?:, [a-z]+)*  ", done.stdout, re.MULTILINE))
    return shown, set(re.findall(r"(?<![\w-])--?([a-z][\w.-]*)", done.stdout))


def wrong(call: Call) -> list[str]:
    """Return the words of a call that lncli does not take."""
    arguments = list(call.arguments)
    found = []
    command: tuple[str, ...] = ()
    there, options = listed()
    while arguments:
        word = arguments.pop(0)
        if word.startswith("-"):
            if word.lstrip("-").partition("=")[0] not in options:
                found.append(word)
        elif not command:
            if word not in there:
                return [*found, word]
            command = (word,)
            options = listed(*command)[1]
    return found


@pytest.mark.parametrize("call", CALLS, ids=[" ".join(call.arguments) for call in CALLS])
def test_lncli_takes_it(call: Call) -> None:
    assert wrong(call) == []


def test_a_slip_is_found() -> None:
    assert wrong(Call("", "lncli", ("--networc=mainnet", "getinfo"))) == ["--networc=mainnet"]
    assert wrong(Call("", "lncli", ("getinfos",))) == ["getinfos"]
    assert wrong(Call("", "lncli", ("restorechanbackup", "--multifile", "x"))) == ["--multifile"]
    assert len(CALLS) > 12
