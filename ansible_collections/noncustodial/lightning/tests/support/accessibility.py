# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requirements that a page meets for people with no mouse, no eyes, weak ones or a small screen: the parts of WCAG
2.2 AA that a program can see.

Names and roles are those that Chromium itself computes for a screen reader; contrast is computed from the styles that
it applies.
"""

from __future__ import annotations

import itertools
import typing as t
from pathlib import Path

from selenium.webdriver.common.keys import Keys

from ansible_collections.noncustodial.lightning.tests.support.browsers import (
    DESKTOP_PIXELS,
    NARROW_PIXELS,
    PHONE_PIXELS,
    Browser,
)

_CONTROLS = {"button", "link", "textbox", "image", "checkbox", "combobox", "radio"}
_LANDMARKS = {"banner", "navigation", "main"}
# What a finger or a trembling hand needs, pixels.
_TARGET_PIXELS = 24

_SCRIPT = Path(__file__).with_suffix(".js").read_text()


def survey(browser: Browser, name: str) -> None:
    """Check the page in its present state on a phone, a narrow one and a desktop, in light and dark, and go round it by
    keyboard.

    Args:
        name: of the page, for what is said if something is wrong, and for its pictures.
    """
    for scheme in ("light", "dark"):
        browser.scheme(scheme)
        for screen in (NARROW_PIXELS, PHONE_PIXELS, DESKTOP_PIXELS):
            browser.size(*screen)
            where = f"{name}, {scheme}, {screen[0]} pixels"
            assert browser.wide() <= 0, f"{where}: the page scrolls sideways"
            pale, faults = _ask(browser, "pale()"), _ask(browser, f"faults({_TARGET_PIXELS})")
            assert not pale, f"{where}: too pale: {pale}"
            assert not faults, f"{where}: {faults}"
            browser.picture(f"{name}-{scheme}-{screen[0]}")
        _names(browser, name)
        _tour(browser, f"{name}, {scheme}")
    browser.scheme("light")


def _ask(browser: Browser, question: str) -> t.Any:
    return browser.script(f"{_SCRIPT}\nreturn {question};")


def _names(browser: Browser, where: str) -> None:
    """Check that each control has a name, each landmark is there once, and headings are in order."""
    nodes = [(_value(node, "role"), _value(node, "name"), node) for node in browser.tree() if not node.get("ignored")]
    landmarks = sorted(role for role, _name, _node in nodes if role in _LANDMARKS)
    assert landmarks == sorted(_LANDMARKS), f"{where}: landmarks are {landmarks}, not {sorted(_LANDMARKS)}"
    nameless = [role for role, name, _node in nodes if role in _CONTROLS and not name]
    assert not nameless, f"{where}: without a name: {nameless}"
    headings = [node for role, _name, node in nodes if role == "heading"]
    levels = [int(one["value"]["value"]) for node in headings for one in node["properties"] if one["name"] == "level"]
    in_order = (
        levels[:1] == [1]
        and levels.count(1) == 1
        and all(after - before <= 1 for before, after in itertools.pairwise(levels))
    )
    assert in_order, f"{where}: levels of headings are {levels}"


def _value(node: dict[str, t.Any], name: str) -> str:
    return str(node.get(name, {}).get("value", ""))


def _tour(browser: Browser, where: str) -> None:
    """Check that Tab reaches every control, in the order of the page and no other, and that the focused one is
    visible."""
    wanted = _ask(browser, "stops()")
    stops: list[str] = []
    # Twice around, because the first round may begin in the middle.
    for _press in range(3 * (len(wanted) + 3)):
        browser.keys(Keys.TAB)
        stop = _ask(browser, "stop()")
        if stop is None:
            continue
        assert stop["outline"], f"{where}: no outline on {stop['name']}"
        assert stop["contrast"] >= 3, f"{where}: a pale outline on {stop['name']}"
        assert stop["inside"], f"{where}: {stop['name']} is out of sight"
        stops.append(stop["name"])
        if len(stops) >= 2 * len(wanted) + 1:
            break
    start = stops.index(wanted[0])
    assert stops[start : start + len(wanted)] == wanted, (
        f"{where}: Tab goes to {stops[start : start + len(wanted)]}, not {wanted}"
    )
