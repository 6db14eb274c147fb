# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Search for secrets in every file below some directories, in the journal, and in the output of further commands.

JSON on standard input: {"roots": […], "needles": {name: [regular expressions]}, "commands": […]}; an expression is fast
if it begins with a literal. The answer maps the name of each needle that was found to where. The text to be found is
neither in argv nor in the environment.
"""

from __future__ import annotations

import json
import mmap
import os
import re
import stat
import subprocess
import sys
import typing as t

question = json.load(sys.stdin)
needles = [
    (name, re.compile(pattern.encode())) for name, patterns in question["needles"].items() for pattern in patterns
]
found: dict[str, set[str]] = {}


def look(where: str, data: bytes | mmap.mmap) -> None:
    """Record the needles that some data holds."""
    for name, needle in needles:
        if needle.search(data):
            found.setdefault(name, set()).add(where)


def files(roots: list[str]) -> t.Iterator[str]:
    """Yield every regular file once; files of other kinds of storage than this machine's own disk are left out."""
    seen = set()
    for root in roots:
        for directory, _below, names in os.walk(root):
            for name in names:
                path = os.path.join(directory, name)
                state = os.lstat(path) if os.path.lexists(path) else None
                if state and stat.S_ISREG(state.st_mode) and state.st_size and (state.st_dev, state.st_ino) not in seen:
                    seen.add((state.st_dev, state.st_ino))
                    yield path


scanned = 0
for path in files(question["roots"]):
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            look(path, data)
            scanned += 1
    except (FileNotFoundError, ValueError):
        # Gone, or emptied, since it was listed: daemons are at work here.
        continue
for command in [["journalctl", "--all", "--output=export"], *question.get("commands", [])]:
    look(command[0], subprocess.run(command, capture_output=True, check=True).stdout)
json.dump({"found": {name: sorted(places) for name, places in found.items()}, "scanned": scanned}, sys.stdout)
