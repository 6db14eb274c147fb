# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seed on the terminal: what it shows and asks back; a person who stops or errs loses nothing."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from signer_init import ceremony, terminal
from signer_init.terminal import Stopped, Terminal

WORDS = tuple(f"word{number:02}" for number in range(1, 25))


def session(*typed: str) -> tuple[Terminal, io.StringIO]:
    shown = io.StringIO()
    return Terminal(io.StringIO("".join(f"{line}\n" for line in typed)), shown), shown


def first_places() -> list[int]:
    return [0, 6, 12, 23]


def test_all_words_are_shown_with_their_numbers() -> None:
    told = ceremony.table(WORDS)
    assert all(f"{number:2}. {word}" in told for number, word in enumerate(WORDS, 1))
    assert told.splitlines()[0].split() == ["1.", "word01", "7.", "word07", "13.", "word13", "19.", "word19"]


def test_the_right_words_confirm() -> None:
    typed, shown = session("", "word01", " WORD07 ", "word13", "word24")
    ceremony.hand_over(typed, WORDS, again=False, choose=first_places)
    text = shown.getvalue()
    assert text.index("word24") < text.index("word 24:")
    # The words are on the second screen, which is left and wiped.
    assert text.startswith("\033[?1049h")
    assert text.endswith("\033[?1049l")


def test_words_that_differ_are_never_taken() -> None:
    """Three times wrong, and the words are shown again, from the beginning."""
    typed, shown = session("", "word02", "word02", "word02", "", "word01", "word07", "word13", "word24")
    ceremony.hand_over(typed, WORDS, again=False, choose=first_places)
    assert shown.getvalue().count(" 5. word05") == 2
    assert "Nothing is lost" in shown.getvalue()


@pytest.mark.parametrize("typed", [("q",), ("", "word01", "q"), ("", "word01", "word07", "word13"), ()])
def test_who_stops_has_not_confirmed(typed: tuple[str, ...]) -> None:
    """The owner stops by q, or because the session has ended; the screen is wiped all the same."""
    at, shown = session(*typed)
    with pytest.raises(Stopped):
        ceremony.hand_over(at, WORDS, again=False, choose=first_places)
    assert shown.getvalue().endswith("\033[?1049l")


def test_an_interrupted_run_says_that_the_words_are_the_same() -> None:
    typed, shown = session("", "word01", "word07", "word13", "word24")
    ceremony.hand_over(typed, WORDS, again=True, choose=first_places)
    assert "the same words as then" in shown.getvalue()


def test_what_is_asked_back_is_by_chance() -> None:
    asked = {tuple(ceremony._places()) for _time in range(50)}
    assert len(asked) > 40
    assert all(len(set(places)) == ceremony.ASKED_WORDS and set(places) <= set(range(24)) for places in asked)


def test_a_brought_seed_in_several_lines() -> None:
    typed, _shown = session(
        " ".join(WORDS[:10]), " ".join(WORDS[10:]).upper(), "2025-02-30", "2999-01-01", "2025-03-01"
    )
    assert ceremony.take(typed, "mainnet") == (WORDS, 1740787200)


def test_a_brought_seed_of_too_many_words_begins_again() -> None:
    typed, shown = session(" ".join(WORDS), " ".join(WORDS), "2025-03-01")
    assert ceremony.take(typed, "mainnet")[0] == WORDS
    more, shown = session(" ".join(WORDS[:20]), " ".join(WORDS[:5]), " ".join(WORDS), "2025-03-01")
    assert ceremony.take(more, "mainnet")[0] == WORDS
    assert "These are 25 words" in shown.getvalue()


def process(proc: Path, number: int, parent: int, device: int) -> None:
    folder = proc / str(number)
    folder.mkdir(parents=True)
    (folder / "stat").write_text(f"{number} (a) name) S {parent} {number} {number} {device} -1 4194560 0\n")


PTS, SERIAL = os.makedev(136, 3), os.makedev(4, 64)


def test_the_terminals_of_all_that_a_process_comes_from(tmp_path: Path) -> None:
    """sudo runs its command in a terminal of its own, behind which the console would be hidden."""
    process(tmp_path, 30, 20, PTS)
    process(tmp_path, 20, 10, SERIAL)
    process(tmp_path, 10, 1, 0)
    process(tmp_path, 1, 0, 0)
    assert list(terminal.terminals(tmp_path, 30)) == [PTS, SERIAL]


def test_from_where_a_login_came_is_known_beyond_sudo(tmp_path: Path) -> None:
    login = b"HOME=/home/signer-admin\0SSH_CONNECTION=198.51.100.7 50022 203.0.113.74 22\0"
    for number, parent, environment in (
        (30, 20, b"SUDO_USER=signer-admin\0"),
        (20, 10, login),
        (10, 1, b""),
        (1, 0, b""),
    ):
        process(tmp_path, number, parent, 0)
        (tmp_path / str(number) / "environ").write_bytes(environment)
    assert terminal.connection(tmp_path, 30) == "198.51.100.7 50022 203.0.113.74 22"
    assert terminal.connection(tmp_path, 10) == ""


def test_a_session_without_a_terminal_is_refused() -> None:
    program = "from signer_init import terminal; terminal.of_session()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    assert "Refused: The seed is shown on a terminal" in done.stderr
