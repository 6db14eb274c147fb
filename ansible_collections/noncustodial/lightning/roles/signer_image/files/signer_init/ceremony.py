# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ceremony of the seed: a new one is shown to its owner, who types some words back; an owner who has a seed
types it in.
"""

from __future__ import annotations

import datetime
import secrets
import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import seed

from .terminal import Terminal

ASKED_WORDS = 4
"""Words that the owner types back. Each is one of 24 places, and one of 2048 words."""

_COLUMNS = 4
_TRIES = 3

_BEFORE_TEXT = """\
Your seed is 24 words. They are your coins: whoever has them can spend, and you need them to get your coins back
without the provider.

  - Write them on paper, in this order, with their numbers. No photo, no file, no cloud.
  - They are shown now and never again. This machine forgets them as soon as your wallet works.
  - Nobody will ask you for them, and least of all your provider.
"""

_AFTER_TEXT = "When all 24 are on paper, press Enter. (q and Enter stops here; the next run shows the same words.) "


def hand_over(
    terminal: Terminal, words: t.Sequence[str], again: bool, choose: t.Callable[[], list[int]] | None = None
) -> None:
    """Show the words until their owner can type some of them back.

    Args:
        terminal: the owner's terminal.
        words: the seed.
        again: whether they have been shown before.
        choose: returns the places whose words are asked for; by default they are random.

    Raises:
        Stopped: the owner goes on another time.
    """
    with terminal:
        if again:
            terminal.say(
                "An earlier run was interrupted. These are the same words as then; what you wrote down is still"
                " right.\n"
            )
        while True:
            terminal.say(_BEFORE_TEXT)
            terminal.say(table(words))
            terminal.ask(f"\n{_AFTER_TEXT}")
            terminal.clear()
            if _asked_back(terminal, words, (choose or _places)()):
                return
            terminal.clear()
            terminal.say(
                "Something differs from the seed. Nothing is lost: here are the words again, please compare.\n"
            )


def table(words: t.Sequence[str]) -> str:
    """Return the words with their numbers, to be read down and then to the right."""
    rows = -(-len(words) // _COLUMNS)
    cells = [f"{number:2}. {word:<10}" for number, word in enumerate(words, 1)]
    return "\n".join("  " + "   ".join(cells[row::rows]).rstrip() for row in range(rows))


def _places() -> list[int]:
    return sorted(secrets.SystemRandom().sample(range(seed.WORD_COUNT), ASKED_WORDS))


def _asked_back(terminal: Terminal, words: t.Sequence[str], places: t.Sequence[int]) -> bool:
    terminal.say(f"Now from your paper, {len(places)} of the words:\n")
    for place in places:
        for _try in range(_TRIES):
            if terminal.ask(f"  word {place + 1}: ").lower() == words[place]:
                break
            terminal.say(f"  That is not word {place + 1}.")
        else:
            return False
    return True


def take(terminal: Terminal, network: str, fault: str = "") -> tuple[tuple[str, ...], int]:
    """Return the words and the birthday of a seed that its owner types in. Only lnd finds out whether the words are a
    seed.

    Args:
        terminal: the owner's terminal.
        network: the network of the seed.
        fault: the fault of the words that were typed before.

    Raises:
        Stopped: the owner has stopped.
    """
    with terminal:
        if fault:
            terminal.say(f"{fault}\nNothing was made. Please try again.\n")
        terminal.say(
            f"Type the 24 words of your seed of lnd, for {network}, in their order, in one or more lines. They are not"
            " shown again. (q stops.)\n"
        )
        words: list[str] = []
        while len(words) < seed.WORD_COUNT:
            words += terminal.ask(f"  {len(words)} of 24: ").lower().split()
            if len(words) > seed.WORD_COUNT:
                terminal.say(f"These are {len(words)} words; a seed has 24. Please begin again.")
                words = []
        return tuple(words), _birthday(terminal)


def _birthday(terminal: Terminal) -> int:
    while True:
        text = terminal.ask("  The day on which this seed was made, as 2026-01-31; an earlier day does no harm: ")
        try:
            made = datetime.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=datetime.UTC)
        except ValueError:
            terminal.say("  This is not a date of that form.")
            continue
        if made <= datetime.datetime.now(datetime.UTC):
            return int(made.timestamp())
        terminal.say("  That day is yet to come.")
