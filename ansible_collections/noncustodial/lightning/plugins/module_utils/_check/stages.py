# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A check in stages: each runs only if those before it have passed, and returns a reason code, what was seen and what
to do.
"""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass, field

from .._core.errors import LightningError
from .._core.printable import printable
from .._grpc.errors import CallError

OK, WARN, FAIL, SKIPPED = "ok", "warn", "fail", "skipped"

Reasons = t.Mapping[str, tuple[str, str]]
"""The meaning of each reason code for the check, and what to do about it. Each file with stages has a table of its own
reasons, REASONS; that of a whole check includes those of its stages.
"""

RENEW_CURE = "the tenant must hand over a new bundle"

REASONS: Reasons = {
    "ok": (OK, ""),
    "skipped": (SKIPPED, ""),
    "call_failed": (FAIL, "See the journal of the tenant's lnd, and the network on the way"),
}


class Finding(t.NamedTuple):
    """The finding of a stage: a reason code, what was seen, and what to do where that is more than the reason
    states."""

    reason: str
    seen: str
    cure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The result of one stage.

    Attributes:
        name: the name of the stage.
        status: ok, warn, fail, or skipped because an earlier one failed.
        reason: a stable code, one of the check's reasons.
        seen: the observation, printable: the lnd that is checked is somebody else's.
        cure: the cure; empty if none is needed.
    """

    name: str
    status: str
    reason: str
    seen: str
    cure: str


@dataclass
class Report:
    """The result of a whole check.

    Attributes:
        stages: the stages in their order.
        version: the version of the lnd that was checked.
    """

    stages: list[Stage] = field(default_factory=list)
    version: str | None = None

    @property
    def failed(self) -> Stage | None:
        """The stage that failed, if one did."""
        return next((stage for stage in self.stages if stage.status == FAIL), None)

    def require(self, label: str) -> None:
        """Raise an error if a stage failed.

        Args:
            label: which lnd was checked, for the error.

        Raises:
            CheckFailed: a stage failed.
        """
        if self.failed:
            raise CheckFailed(label, self.failed, self.stages)


class CheckFailed(LightningError):
    """Somebody else's lnd is not as it should be.

    Args:
        label: which lnd was checked.
        stage: the stage that failed.
        stages: all stages.

    Attributes:
        reason: the reason of the stage that failed.
        stages: all stages, as dictionaries.
    """

    def __init__(self, label: str, stage: Stage, stages: t.Sequence[Stage]) -> None:
        super().__init__(f"{label} fails at {stage.name} ({stage.reason}): {stage.seen}", stage.cure)
        self.reason = stage.reason
        self.stages = [asdict(one) for one in stages]


def run(stages: t.Sequence[tuple[str, t.Callable[[], Finding]]], reasons: Reasons, report: Report) -> None:
    """Run all stages in their order, and append their results to the report's."""
    for name, stage in stages:
        finding = _attempt(stage) if report.failed is None else Finding("skipped", "")
        status, cure = reasons[finding.reason]
        report.stages.append(
            Stage(
                name=name, status=status, reason=finding.reason, seen=printable(finding.seen), cure=finding.cure or cure
            )
        )


def _attempt(stage: t.Callable[[], Finding]) -> Finding:
    try:
        return stage()
    except CallError as error:
        return Finding("call_failed", error.what)
