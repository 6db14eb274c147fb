"""The line of JSON, the tables in README.md and the plot, made from the raw figures."""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

from bench.signer.figures import OWN, REMOTE, TUNED, Batch, Setting, middle, of, quantile, ratio, summary

MARKS = "<!-- measured -->", "<!-- end of measured -->"
PAYMENTS = {"out": "payment out", "in": "payment in"}
WORKS = {**PAYMENTS, "invoice": "invoice"}
BELOW_DUST = "out, below dust"
# Of a machine with nothing else to do, some time after the last build.
QUIET_LOAD = 1.0
BUSY = (
    "**The machine was busy with other work. Of these figures only the counts hold; times and rates show no more than\n"
    "that the bench works.**"
)
CALL = (
    "One call of the signer in ms: the bench's own `SignMessage`, p50, and for how long the signer has a call of the\n"
    "node's in hand, the mean of what is done one at a time:"
)
GOAL = (
    "The time that is added to own keys', divided by the calls in sequence times the round trip; the goal is at most 1:"
)
KINDS = {OWN: "own keys", REMOTE: "remote signer", TUNED: "remote signer, tuned"}
Measure = t.Callable[[Batch], float]


@dataclass(frozen=True)
class Report:
    """The figures of one run.

    Attributes:
        batches: of payments and invoices.
        calls: of the signer by the bench itself: the ms of each, by round.
        machine: on which it ran.
        load: the machine's load average before and after.
        rounds: their number.
        at_once: how many payments at once, where there were several.
        database: of the line of JSON.
    """

    batches: list[Batch]
    calls: list[dict[str, t.Any]]
    machine: dict[str, t.Any]
    load: list[float]
    rounds: int
    at_once: int
    database: str

    @classmethod
    def read(cls, results: dict[str, t.Any]) -> Report:
        """Return the report of a run's raw figures."""
        made = [Batch(**{**one, "setting": Setting(**one["setting"])}) for one in results["batches"]]
        return cls(**{**results, "batches": made})

    @property
    def databases(self) -> list[str]:
        """The databases, in the order of measuring."""
        return list(dict.fromkeys(batch.setting.database for batch in self.batches))

    @property
    def rtts(self) -> list[float]:
        """The round trips, from the shortest to the longest."""
        return sorted({batch.setting.rtt for batch in self.batches if batch.setting.kind == REMOTE})

    def rounds_of(self, database: str, kind: str, rtt: float, work: str, at_once: int) -> list[Batch]:
        """Return the batches of one setting, by round."""
        return of(self.batches, Setting(database=database, kind=kind, rtt=rtt, work=work, at_once=at_once))


def write(results: dict[str, t.Any], folder: Path) -> dict[str, float | None]:
    """Write tables and plot into the folder, and return the line of JSON."""
    report = Report.read(results)
    line = summary(report.batches, report.database, report.at_once)
    readme = folder / "README.md"
    before, _old, after = re.split(f"{MARKS[0]}|{MARKS[1]}", readme.read_text())
    parts = [
        about(report),
        f"```json\n{json.dumps(line)}\n```",
        f"One at a time, p50 and p95 in ms:\n\n{singles(report)}",
        f"{GOAL}\n\n{goal(report)}",
        f"{report.at_once} at once, per second (least to most of all rounds):\n\n{at_once(report)}",
        f"Calls to the signer for each, and how many of them wait for one another:\n\n{calls(report)}",
        f"{CALL}\n\n{one_call(report)}",
        f"CPU ms of each process for one payment, {report.at_once} at once, at 0 ms:\n\n{processor(report)}",
        "![plot](signer.png)",
    ]
    text = "\n\n".join(parts)
    readme.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}")
    plot(report, folder / "signer.png")
    return line


def about(report: Report) -> str:
    """Return the line about machine and run."""
    at = report.machine
    busy = f"\n\n{BUSY}" if report.load[0] > QUIET_LOAD else ""
    return (
        f"{at['date']}, {at['processor']}, {at['cores']} cores, {at['memory_gib']} GiB, {at['system']}, Linux"
        f" {at['kernel']}, Python {at['python']},\nlnd {at['lnd']}. Rounds: {report.rounds}. Load average of the"
        f" machine before the run: {report.load[0]:.1f}, after it: {report.load[1]:.1f}.{busy}"
    )


def table(head: list[str], rows: t.Iterable[list[str]]) -> str:
    """Return a table whose first column is text, and whose others are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def columns(report: Report) -> list[str]:
    """Return the heads of the columns for own keys and for each round trip."""
    return ["own keys", *(f"{rtt:g} ms" for rtt in report.rtts)]


def shown(value: float | None, digits: int = 1) -> str:
    """Return a number as tables show it."""
    return "" if value is None else f"{value:.{digits}f}"


def singles(report: Report) -> str:
    """Return the table of what is done one at a time."""
    rows = []
    for database, (work, name) in product(report.databases, WORKS.items()):
        own = report.rounds_of(database, OWN, 0.0, work, 1)
        remote, tuned = (
            [report.rounds_of(database, kind, rtt, work, 1) for rtt in report.rtts] for kind in (REMOTE, TUNED)
        )
        rows.append([f"{name}, {database}", *map(half_and_most, [own, *remote])])
        rows.append(["tuned", "", *map(half_and_most, tuned)])
        ratios = [ratio(one, own, lambda batch: batch.p50) for one in remote]
        rows.append(["p50 in own keys'", "1", *(shown(one, 2) for one in ratios)])
    return table(["what", *columns(report)], rows)


def half_and_most(found: list[Batch]) -> str:
    """Return p50 and p95, the medians over the rounds."""
    if not found:
        return ""
    return f"{median(batch.p50 for batch in found):.1f} · {median(batch.p95 for batch in found):.1f}"


def in_sequence(report: Report, database: str, work: str) -> float | None:
    """Return the calls that wait for one another, the median of all at the longest round trip."""
    found = report.rounds_of(database, REMOTE, report.rtts[-1], work, 1)
    counts = [count for batch in found for count in batch.sequence]
    return median(counts) if counts else None


def goal(report: Report) -> str:
    """Return the table that compares the time added with the calls in sequence."""
    rows = []
    for database in report.databases:
        for work, name in WORKS.items():
            own = report.rounds_of(database, OWN, 0.0, work, 1)
            count = in_sequence(report, database, work)
            shares = [
                added(report.rounds_of(database, REMOTE, rtt, work, 1), own, count, rtt) for rtt in report.rtts if rtt
            ]
            rows.append([f"{name}, {database}", shown(count), *(shown(one, 2) for one in shares)])
    return table(["what", "calls in sequence", *(f"{rtt:g} ms" for rtt in report.rtts if rtt)], rows)


def added(remote: list[Batch], own: list[Batch], count: float | None, rtt: float) -> float | None:
    """Return the time added, in units of the calls in sequence times the round trip: the median over the rounds."""
    if not count or not remote or not own:
        return None
    return median(a.p50 - b.p50 for a, b in zip(remote, own, strict=True)) / (count * rtt)


def at_once(report: Report) -> str:
    """Return the table of jobs per second."""
    rows = []
    for database in report.databases:
        for work, name in WORKS.items():
            for kind, keys in KINDS.items():
                row = [f"{name}, {database}, {keys}"]
                for rtt in report.rtts if kind != OWN else [0.0, *[None] * (len(report.rtts) - 1)]:
                    found = [] if rtt is None else report.rounds_of(database, kind, rtt, work, report.at_once)
                    rates = [batch.per_s for batch in found]
                    row.append(f"{median(rates):.1f} ({min(rates):.1f} to {max(rates):.1f})" if rates else "")
                rows.append(row)
    return table(["what", *(f"{rtt:g} ms" for rtt in report.rtts)], rows)


def calls(report: Report) -> str:
    """Return the table of the calls by method, and of how long the signer has them in hand."""
    settings = [(f"{name}, one at a time", work, 1) for work, name in WORKS.items()]
    settings.append(("payment out of less than 354 sat, one at a time", BELOW_DUST, 1))
    settings += [(f"{name}, {report.at_once} at once", work, report.at_once) for work, name in PAYMENTS.items()]
    rows = []
    for database in report.databases:
        for name, work, count in settings:
            found = [batch for rtt in report.rtts for batch in report.rounds_of(database, REMOTE, rtt, work, count)]
            each = [middle(found, partial(per_job, method)) for method in methods(report)]
            whole = middle(found, lambda batch: batch.calls_per_job)
            sequence = in_sequence(report, database, work) if count == 1 else None
            in_hand = middle(found, lambda batch: batch.signer_ms_per_job)
            rows.append([f"{name}, {database}", *(shown(one, 2) for one in [*each, whole, sequence, in_hand])])
    return table(
        ["what", *(f"`{method}`" for method in methods(report)), "together", "in sequence", "ms in the signer"], rows
    )


def per_job(method: str, batch: Batch) -> float:
    """Return the calls of a method for one job."""
    return batch.calls.get(method, 0) / len(batch.ms)


def methods(report: Report) -> list[str]:
    """Return the methods that the signer was asked for."""
    return sorted({method for batch in report.batches for method in batch.calls})


def held(report: Report, database: str, method: str, rtt: float) -> float | None:
    """Return the ms for which the signer has one call in hand, while one thing is done at a time."""
    found = [batch for work in WORKS for batch in report.rounds_of(database, REMOTE, rtt, work, 1)]
    count = sum(batch.calls.get(method, 0) for batch in found)
    return sum(batch.signer_ms.get(method, 0.0) for batch in found) / count if count else None


def one_call(report: Report) -> str:
    """Return the table of single calls."""
    names = {"direct": "without the relay", "open": "on an open connection", "new": "on a new connection"}
    rows = []
    for database in report.databases:
        for name, text in names.items():
            row = [f"{text}, {database}"]
            for rtt in report.rtts:
                found = [one for one in report.calls if (one["database"], one["rtt"]) == (database, rtt)]
                row.append(shown(median(quantile(one[name], 0.5) for one in found) if found else None))
            rows.append(row)
        for method in methods(report):
            row = [f"in the signer, `{method}`, {database}"]
            rows.append([*row, *(shown(held(report, database, method, rtt), 2) for rtt in report.rtts)])
    return table(["call", *(f"{rtt:g} ms" for rtt in report.rtts)], rows)


def processor(report: Report) -> str:
    """Return the table of the CPU time."""
    names = list(dict.fromkeys(name for batch in report.batches for name in batch.cpu_ms))
    rows = []
    for database in report.databases:
        for (work, text), kind in product(PAYMENTS.items(), (OWN, REMOTE)):
            found = report.rounds_of(database, kind, 0.0, work, report.at_once)
            each = [middle(found, partial(cpu, name)) for name in names]
            rows.append([f"{text}, {KINDS[kind]}, {database}", *(shown(one) for one in each)])
    return table(["what", *names], rows)


def cpu(name: str, batch: Batch) -> float:
    """Return the CPU ms of a process for one job."""
    return batch.cpu_ms.get(name, 0.0)


def plot(report: Report, path: Path) -> None:
    """Draw times and rates by the round trip."""
    figure, axes = plt.subplots(2, 2, figsize=(12, 9), layout="constrained")
    figure.suptitle("What a remote signer costs a node, by the round trip to it", fontsize=13)
    colours = mpl.color_sequences["tab10"]
    for (work, name), (upper, lower) in zip(PAYMENTS.items(), axes.T, strict=True):
        for colour, database in zip(colours, report.databases, strict=False):
            draw_times(upper, report, database, work, colour)
            draw_rates(lower, report, database, work, colour)
        upper.set_title(f"{name}, one at a time: p50, and to p95", fontsize=10)
        upper.set_ylabel("ms")
        lower.set_title(f"{name}, {report.at_once} at once", fontsize=10)
        lower.set_ylabel("per second")
        for one in (upper, lower):
            one.set_xlabel("round trip in ms")
            one.set_ylim(bottom=0)
            one.grid(alpha=0.3)
            one.legend(fontsize=8, frameon=False)
    at = report.machine
    figure.supxlabel(
        f"{at['date']} · {at['processor']}, {at['cores']} cores, all of it on one machine · lnd {at['lnd']} ·"
        f" {report.rounds} rounds, load {report.load[0]:.1f} before",
        fontsize=8,
    )
    figure.savefig(path, dpi=120)
    plt.close(figure)


def draw_times(axes: t.Any, report: Report, database: str, work: str, colour: t.Any) -> None:
    """Draw p50 and p95 by the round trip, own keys', and what the goal allows."""
    own = middle(report.rounds_of(database, OWN, 0.0, work, 1), lambda batch: batch.p50)
    count = in_sequence(report, database, work)
    found = [report.rounds_of(database, REMOTE, rtt, work, 1) for rtt in report.rtts]
    half = [middle(one, lambda batch: batch.p50) or 0.0 for one in found]
    most = [middle(one, lambda batch: batch.p95) or 0.0 for one in found]
    late = [max(b - a, 0.0) for a, b in zip(half, most, strict=True)]
    axes.errorbar(report.rtts, half, yerr=[[0.0] * len(half), late], fmt="o-", color=colour, capsize=3, label=database)
    if own is not None:
        axes.axhline(own, color=colour, linewidth=1, linestyle=":", label=f"{database}, own keys")
        if count:
            allowed = [own + count * rtt for rtt in report.rtts]
            label = f"own keys + {count:g} round trips"
            axes.plot(report.rtts, allowed, color=colour, linewidth=1, linestyle="--", label=label)


def draw_rates(axes: t.Any, report: Report, database: str, work: str, colour: t.Any) -> None:
    """Draw payments per second by the round trip."""
    for kind, style in ((REMOTE, "o-"), (TUNED, "^--")):
        found = [report.rounds_of(database, kind, rtt, work, report.at_once) for rtt in report.rtts]
        rates = [middle(one, lambda batch: batch.per_s) or 0.0 for one in found]
        label = f"{database}, {KINDS[kind]}"
        axes.plot(report.rtts, rates, style, color=colour, label=label)
    own = middle(report.rounds_of(database, OWN, 0.0, work, report.at_once), lambda batch: batch.per_s)
    if own is not None:
        axes.axhline(own, color=colour, linewidth=1, linestyle=":", label=f"{database}, own keys")


def main() -> None:
    """Make tables and plot again from the existing figures."""
    folder = Path(__file__).resolve().parent
    print(json.dumps(write(json.loads((folder / "results.json").read_text()), folder)))


if __name__ == "__main__":
    main()
