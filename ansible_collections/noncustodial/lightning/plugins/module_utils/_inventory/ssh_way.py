# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options among ssh's arguments that lead to another machine."""

from __future__ import annotations

import re
import shlex

_LEADS = ("hostname", "port", "proxycommand", "proxyjump")
_LETTERS = {"J": "proxyjump", "p": "port"}
# Options of ssh that take an argument; the others are letters that may stand together.
_WITH_ARGUMENT = "BbcDEeFIiJLlmOoPpQRSWw"
_OPTION = re.compile(f"-([^{_WITH_ARGUMENT}-]*)([{_WITH_ARGUMENT}])(.*)", re.DOTALL)


def ssh_way(arguments: str) -> dict[str, str]:
    """Return the options among ssh's arguments that lead to another machine, by their names in small letters.

    Of an option that is there twice, ssh takes the first.
    """
    try:
        words = iter(shlex.split(arguments))
    except ValueError:
        # A quote is open; ssh will refuse it.
        words = iter(arguments.split())
    found: dict[str, str] = {}
    for word in words:
        option = _OPTION.fullmatch(word)
        if not option:
            continue
        letter, value = option[2], option[3] or next(words, "")
        name = _LETTERS.get(letter, "")
        if letter == "o":
            # NAME=VALUE or NAME VALUE.
            written = re.fullmatch(r"\s*(\w*)[\s=]*(.*)", value, re.DOTALL)
            name, value = (written[1].lower(), written[2]) if written else ("", "")
        if name in _LEADS and value != "none":
            found.setdefault(name, value.strip())
    return found
