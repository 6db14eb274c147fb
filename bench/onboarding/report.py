"""The line of JSON, the tables in README.md and the plot, made from the raw figures."""

from __future__ import annotations

import json
import re
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.patches import Patch

Run = dict[str, Any]

# What the parts of a run belong to: tasks of the playbook by their names, and the script's steps. The first that
# matches counts.
PHASES = (
    ("preflight", r"preflight|inventory"),
    ("signer checked", r"signer is what|signer matches|signer answers|signer_check"),
    ("bundle opened and checked", r"bundle"),
    ("bitcoind checked", r"bitcoind"),
    ("wallet made, lnd serves", r"wallet|serves"),
    ("grant in place, restart", r"grant|restart|signer|certificate|unit|runs"),
    ("payments in and out", r"payment|paid|pays"),
    ("channel", r"gateway|connected|channel"),
    ("report written", r"report"),
)
OUTSIDE = "Ansible starts and ends"
MARKS = "<!-- measured -->", "<!-- end of measured -->"


def write(results: dict[str, Any], folder: Path) -> dict[str, float]:
    """Write tables and plot into the folder, and return the line of JSON."""
    runs = results["runs"]
    readme = folder / "README.md"
    before, _old, after = re.split(f"{MARKS[0]}|{MARKS[1]}", readme.read_text())
    text = "\n\n".join([about(results), times(runs), spent(runs), "![plot](onboarding.png)"])
    readme.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}")
    plot(results, folder / "onboarding.png")
    return summary(runs)


def seconds(runs: list[Run], kind: str, tenants: int) -> list[float]:
    return [run["seconds"] for run in runs if (run["kind"], run["tenants"]) == (kind, tenants)]


def summary(runs: list[Run]) -> dict[str, float]:
    script, one, eight, rerun = (
        median(seconds(runs, kind, tenants) or [float("nan")])
        for kind, tenants in (("script", 1), ("playbook", 1), ("playbook", 8), ("rerun", 1))
    )
    return {
        "script_s": round(script, 1),
        "one_s": round(one, 1),
        "one_ratio": round(one / script, 2),
        "eight_s": round(eight, 1),
        "eight_ratio": round(eight / one, 2),
        "rerun_s_per_tenant": round(rerun, 1),
    }


def about(results: dict[str, Any]) -> str:
    at = results["machine"]
    return (
        f"{at['date']}, {at['processor']}, {at['cores']} cores, {at['memory_gib']} GiB, {at['system']}, Linux"
        f" {at['kernel']}; on the controller ansible-core {at['ansible_core']} and Python {at['python']}; in the"
        f" machines {at['target']}, lnd {at['lnd']}, bitcoind {at['bitcoind']}, PostgreSQL {at['postgresql']}.\nLoad of"
        f" the machine before the first run: {results['load_before']:.1f}."
    )


def kinds(runs: list[Run]) -> list[tuple[str, int]]:
    """Return the kinds of runs: script, then playbook and rerun, each by the number of tenants."""
    order = {"script": 0, "playbook": 1, "rerun": 2}
    return sorted({(run["kind"], run["tenants"]) for run in runs}, key=lambda kind: (order[kind[0]], kind[1]))


def times(runs: list[Run]) -> str:
    lines = [
        "| run | tenants at once | rounds | median | from, to | a tenant | ratio |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    one = median(seconds(runs, "playbook", 1))
    script = median(seconds(runs, "script", 1))
    for kind, tenants in kinds(runs):
        took = seconds(runs, kind, tenants)
        ratio = f"{median(took) / script:.2f} x script" if (kind, tenants) == ("playbook", 1) else ""
        if kind == "playbook" and tenants > 1:
            ratio = f"{median(took) / one:.2f} x one"
        lines.append(
            f"| {kind} | {tenants} | {len(took)} | {median(took):.1f} s | {min(took):.1f}, {max(took):.1f} s |"
            f" {median(took) / tenants:.1f} s | {ratio} |"
        )
    return "\n".join(lines)


def phase(part: str) -> str:
    return next((name for name, pattern in PHASES if re.search(pattern, part, re.IGNORECASE)), "other")


def phases(runs: list[Run], kind: str, tenants: int) -> dict[str, float]:
    """Return seconds by phase, the median of the rounds, in the order in which the phases occur."""
    found: list[dict[str, float]] = []
    for run in runs:
        if (run["kind"], run["tenants"]) == (kind, tenants):
            sums: dict[str, float] = {}
            for name, took in run["parts"]:
                sums[phase(name)] = sums.get(phase(name), 0.0) + took
            if kind != "script":
                sums = {OUTSIDE: max(run["seconds"] - sum(sums.values()), 0.0), **sums}
            found.append(sums)
    return {
        name: median(sums.get(name, 0.0) for sums in found)
        for name in dict.fromkeys(name for sums in found for name in sums)
    }


def spent(runs: list[Run]) -> str:
    """Return the table of the seconds that each phase takes."""
    columns = [
        (kind, tenants)
        for kind, tenants in (("script", 1), ("playbook", 1), ("playbook", 8), ("rerun", 1))
        if seconds(runs, kind, tenants)
    ]
    shares = [phases(runs, *column) for column in columns]
    names = [name for name in ordered() if any(name in share for share in shares)]
    head = [f"{kind}, {tenants}" for kind, tenants in columns]
    lines = ["| seconds for | " + " | ".join(head) + " |", "| --- |" + " ---: |" * len(head)]
    lines += [
        f"| {name} | " + " | ".join(f"{share[name]:.1f}" if name in share else "" for share in shares) + " |"
        for name in names
    ]
    return "\n".join(lines)


def ordered() -> list[str]:
    """Return the phases in the order of a run."""
    first = [
        OUTSIDE,
        "preflight",
        "bundle opened and checked",
        "signer checked",
        "bitcoind checked",
        "grant in place, restart",
    ]
    return [*first, "wallet made, lnd serves", "channel", "payments in and out", "report written", "other"]


def plot(results: dict[str, Any], path: Path) -> None:
    runs = results["runs"]
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5), width_ratios=(3, 2), layout="constrained")
    figure.suptitle("From a provisioned tenant to its first payments in and out", fontsize=13)

    colours = {"script": "#8c8c8c", "playbook": "#1f6fb4", "rerun": "#7ab8e6"}
    every = kinds(runs)
    for at, (kind, tenants) in enumerate(every):
        took = seconds(runs, kind, tenants)
        left.bar(at, median(took), width=0.7, color=colours[kind])
        left.plot([at] * len(took), took, "o", color="black", markersize=4, alpha=0.7)
        left.annotate(f"{median(took):.1f}", (at, max(took)), xytext=(0, 5), textcoords="offset points", ha="center")
    left.set_xticks(range(len(every)), [str(tenants) for _kind, tenants in every])
    left.set_xlabel("tenants at once")
    left.legend([Patch(color=colours[kind]) for kind in colours], colours, loc="upper left", frameon=False)
    left.set_ylabel("seconds")
    left.set_ylim(0, left.get_ylim()[1] * 1.05)
    left.set_title("whole run: bars are medians, dots the rounds", fontsize=10)
    left.grid(axis="y", alpha=0.3)
    left.set_axisbelow(True)

    palette = dict(zip(ordered(), mpl.color_sequences["tab20"], strict=False))
    bars = (("script", 1), ("playbook", 1), ("rerun", 1))
    for at, (kind, tenants) in enumerate(bars):
        bottom = 0.0
        share = phases(runs, kind, tenants)
        for name in ordered():
            if name in share:
                right.bar(at, share[name], bottom=bottom, width=0.6, color=palette[name], label=name)
                bottom += share[name]
    right.set_xticks(range(len(bars)), [kind for kind, _tenants in bars])
    right.set_ylabel("seconds")
    right.set_title("where one tenant's time goes (medians by phase)", fontsize=10)
    handles = {label: handle for handle, label in zip(*right.get_legend_handles_labels(), strict=True)}
    named = [name for name in reversed(ordered()) if name in handles]
    right.legend(
        [handles[name] for name in named],
        named,
        fontsize=8,
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
    )
    right.grid(axis="y", alpha=0.3)
    right.set_axisbelow(True)

    at = results["machine"]
    figure.supxlabel(
        f"{at['date']} · {at['processor']}, {at['cores']} cores, controller and all machines on it · lnd {at['lnd']}",
        fontsize=8,
    )
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    """Make tables and plot again from the existing figures."""
    folder = Path(__file__).resolve().parent
    print(json.dumps(write(json.loads((folder / "results.json").read_text()), folder)))


if __name__ == "__main__":
    main()
