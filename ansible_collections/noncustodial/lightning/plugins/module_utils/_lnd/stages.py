# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A check in stages: each is asked only if those before it have passed, and gives a reason code, what was seen and what to do."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .errors import CallError
from .printable import printable

OK, WARN, FAIL, SKIPPED = "ok", "warn", "fail", "skipped"

Reasons = t.Mapping[str, tuple[str, str]]
"""What each reason code means for the check, and what to do about it."""


class Found(t.NamedTuple):
    """What a stage found: a reason code, what was seen, and what to do where that is more than the reason tells."""

    reason: str
    seen: str
    cure: str = ""


@dataclass(frozen=True)
class Stage:
    """What one stage found.

    Attributes:
        name: of the stage.
        status: ok, warn, fail, or skipped because an earlier one failed.
        reason: a stable code, one of the check's reasons.
        seen: what was seen, printable: the lnd that is checked is somebody else's.
        cure: what to do; empty if nothing.
    """

    name: str
    status: str
    reason: str
    seen: str
    cure: str


def failed(stages: t.Iterable[Stage]) -> Stage | None:
    """The stage that failed, if one did."""
    return next((stage for stage in stages if stage.status == FAIL), None)


def run(stages: t.Sequence[tuple[str, t.Callable[[], Found]]], reasons: Reasons, done: list[Stage]) -> None:
    """Ask all stages, in their order, and add what they found to those that are done."""
    for name, stage in stages:
        found = _attempt(stage) if failed(done) is None else Found("skipped", "")
        status, cure = reasons[found.reason]
        done.append(Stage(name, status, found.reason, printable(found.seen), found.cure or cure))


def _attempt(stage: t.Callable[[], Found]) -> Found:
    try:
        return stage()
    except CallError as error:
        return Found("call_failed", error.what)
