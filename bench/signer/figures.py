"""The arithmetic: from what was measured to the figures that are compared."""

from __future__ import annotations

import math
import typing as t
from dataclasses import dataclass
from statistics import median

OWN, REMOTE, TUNED = "own", "remote", "tuned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One way in which payments are made.

    Attributes:
        database: where the nodes keep their data.
        kind: whose keys, and which options: OWN, REMOTE or TUNED.
        rtt: the round trip to the signer in ms, 0 for a node with keys of its own.
        work: what was done.
        at_once: how many at the same time.
    """

    database: str
    kind: str
    rtt: float
    work: str
    at_once: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The figures of one setting in one round.

    Attributes:
        setting: in which way.
        round: its number.
        ms: the duration of each job.
        seconds: the duration of all.
        calls: the calls that the signer answered, by method.
        signer_ms: how long it had each method's calls in hand, together.
        sent_ms: of each job when the node sent something to the signer, from the job's begin on.
        cpu_ms: the CPU ms of each process for one job.
    """

    setting: Setting
    round: int
    ms: list[float]
    seconds: float
    calls: dict[str, int]
    signer_ms: dict[str, float]
    sent_ms: list[list[float]]
    cpu_ms: dict[str, float]

    @property
    def p50(self) -> float:
        """The median in ms."""
        return quantile(self.ms, 0.5)

    @property
    def p95(self) -> float:
        """The 95th of a hundred in ms."""
        return quantile(self.ms, 0.95)

    @property
    def per_s(self) -> float:
        """Jobs per second."""
        return len(self.ms) / self.seconds

    @property
    def calls_per_job(self) -> float:
        """Calls of the signer for one job."""
        return sum(self.calls.values()) / len(self.ms)

    @property
    def sequence(self) -> list[int]:
        """Of each job the calls that can have waited for one another."""
        return [waves(sent, ms, self.setting.rtt) for sent, ms in zip(self.sent_ms, self.ms, strict=False)]

    @property
    def signer_ms_per_job(self) -> float:
        """The ms for which the signer had calls in hand, for one job."""
        return sum(self.signer_ms.values()) / len(self.ms)


def quantile(values: t.Sequence[float], share: float) -> float:
    """Return the smallest value that at least such a share of the values does not exceed."""
    return sorted(values)[max(math.ceil(share * len(values)), 1) - 1]


def waves(sent: t.Iterable[float], end: float, round_trip: float) -> int:
    """Return how many calls, at most, can have waited for each other's answers until an end: one that was sent within a
    round trip after another cannot have waited for it, and one whose answer came after the end was not waited for.
    """
    count = 0
    free_from = -math.inf
    for time in sorted(sent):
        if free_from <= time <= end - round_trip:
            count += 1
            free_from = time + round_trip
    return count


def of(batches: t.Iterable[Batch], setting: Setting) -> list[Batch]:
    """Return the batches of a setting, by round."""
    return sorted((batch for batch in batches if batch.setting == setting), key=lambda batch: batch.round)


def middle(batches: t.Sequence[Batch], measure: t.Callable[[Batch], float]) -> float | None:
    """Return the median over the rounds; None without any."""
    return median(measure(batch) for batch in batches) if batches else None


def ratio(one: list[Batch], other: list[Batch], measure: t.Callable[[Batch], float]) -> float | None:
    """Return the median over the rounds of one divided by the other in the same round; None without any."""
    if not one or not other:
        return None
    return median(measure(a) / measure(b) for a, b in zip(one, other, strict=True))


def rounded(value: float | None, digits: int) -> float | None:
    """Return a number for the line of JSON; None stays."""
    return None if value is None else round(value, digits)


def summary(batches: list[Batch], database: str, at_once: int) -> dict[str, float | None]:
    """Return the line of JSON, for payments of the node on one database; what was not measured is None."""

    def paid(kind: str, rtt: float, count: int) -> list[Batch]:
        return of(batches, Setting(database=database, kind=kind, rtt=rtt, work="out", at_once=count))

    own = paid(OWN, 0, 1)
    singles = [
        batch
        for batch in batches
        if batch.setting == Setting(database=database, kind=REMOTE, rtt=batch.setting.rtt, work="out", at_once=1)
    ]
    line = {
        f"ratio_{rtt}": rounded(ratio(paid(REMOTE, rtt, 1), own, lambda batch: batch.p50), 3)
        for rtt in (0, 20, 100, 200)
    }
    calls = middle(singles, lambda batch: batch.calls_per_job)
    per_s = ratio(paid(REMOTE, 0, at_once), paid(OWN, 0, at_once), lambda batch: batch.per_s)
    return {**line, "calls_per_payment": rounded(calls, 2), "per_s_ratio": rounded(per_s, 3)}
