# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of READMEs and guides, as they are printed."""

from __future__ import annotations

import re
import shlex
import typing as t
from pathlib import Path

from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION, ROOT

PAGES = [ROOT / "README.md", COLLECTION / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

# Their arguments are names of packages or files, and no commands.
_NO_RUNNERS = ("apt", "apt-get", "grep", "man", "which")


class Call(t.NamedTuple):
    """A program with its arguments, on a page."""

    page: str
    program: str
    arguments: tuple[str, ...]


def words(command: str) -> list[str] | None:
    """Return the words of a command of a shell, or nothing where it is not at its end."""
    try:
        return shlex.split(command.replace("\\\n", ""), comments=True)
    except ValueError:
        return None


def commands() -> t.Iterator[tuple[Path, str]]:
    """Yield every command of every page as it is printed, with all its lines."""
    for page in PAGES:
        for block in re.findall(r"^ *```console\n(.*?)^ *```", page.read_text(), re.DOTALL | re.MULTILINE):
            lines = iter(block.splitlines())
            for line in lines:
                prompt = re.match(r" *[$#] (.*)", line)
                if not prompt:
                    continue
                command = prompt[1]
                while words(command) is None or command.endswith("\\"):
                    line = next(lines, None)
                    assert line is not None, f"{page.name}: this command has no end: {command}"
                    command += f"\n{line}"
                yield page, command


def sealing_loop() -> str:
    """Return the commands by which docs/recovery.md seals all files of a machine anew."""
    its = [command for page, command in commands() if page.name == "recovery.md"]
    first = next(index for index, command in enumerate(its) if command == "cd /etc/credstore.encrypted")
    loop = its[first + 1]
    assert "systemd-creds encrypt --with-key=host " in loop, loop
    return f"{its[first]}\n{loop}"


def calls(programs: t.Collection[str]) -> list[Call]:
    """Return every call of some programs: in consoles, where another program or machine is told to run it, and in the
    text.
    """
    texts = [*commands()]
    for page in PAGES:
        plain = re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
        inline = (" ".join(code.split()) for code in re.findall(r"`([^`]+)`", plain))
        texts += [(page, code) for code in inline if code.partition(" ")[0] in programs and " " in code]
    found = [
        Call(page.name, program, tuple(arguments))
        for page, text in texts
        for program, arguments in _calls(text, programs)
    ]
    return list(dict.fromkeys(found))


def _calls(text: str, programs: t.Collection[str]) -> t.Iterator[tuple[str, list[str]]]:
    lexer = shlex.shlex(text.replace("\\\n", " "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    parts: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set("();<>|&"):
            parts.append([])
        else:
            parts[-1].append(word)
    for part in parts:
        for number, word in enumerate(part):
            if word in programs and part[0] not in _NO_RUNNERS:
                yield word, part[number + 1 :]
                break
            if " " in word:
                yield from _calls(word, programs)
