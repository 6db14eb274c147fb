"""The performance of a hub on this machine: payments per second, beside lnd called directly, memory, and whether a slow
payment delays others.

Call it by `make bench-hub`. README.md describes what is measured. The last line of standard output is one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
import typing as t
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROLES = ROOT / "ansible_collections/noncustodial/lightning/roles"
sys.path[:0] = [str(ROLES / "lndhub/files"), str(ROLES / "common/files")]

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.async_client import AsyncClient  # noqa: E402
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Connection  # noqa: E402
from ansible_collections.noncustodial.lightning.tests.support.daemons import Postgres, until  # noqa: E402
from ansible_collections.noncustodial.lightning.tests.support.hubs import Process, Setting, Wallet, baked  # noqa: E402
from ansible_collections.noncustodial.lightning.tests.support.pairs import Pair, WatchOnlyPair  # noqa: E402
from bench.hub.cpu import Watch, container_pid  # noqa: E402

USERS = (1, 10, 50)
# Each is measured so often, by turns with all others, so that whatever else the machine does meets all of them.
ROUNDS = int(os.environ.get("ROUNDS", "5"))
INTERNAL = 300
OUTGOING = 60
SLOW = 20
# Whether the nodes keep their databases in PostgreSQL, as a provider's do, or each in its own file, which is lnd at its
# fastest.
ON_POSTGRES = os.environ.get("LND_DATABASE", "postgres") == "postgres"
MSAT = 1_000


class Connected:
    """A kept-alive connection with a minimal HTTP client, because the load runs on the same two cores as the hub that
    is measured.
    """

    def __init__(self, process: Process) -> None:
        self._port = process.port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, wallet: Wallet, method: str, path: str, body: t.Any = None) -> t.Any:
        """Send one request, and return the answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        data = json.dumps(body).encode() if body is not None else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {wallet.access}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        writer.write(head.encode() + data)
        headers = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(headers.split(b"content-length:")[1].split(b"\r\n")[0])
        return json.loads(await reader.readexactly(length))

    def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].close()


def say(text: str) -> None:
    """Print progress."""
    print(text, file=sys.stderr, flush=True)


def must_succeed(settled: bool, answer: object) -> None:
    """End the measurement if a payment failed: its figures would be those of something else."""
    if not settled:
        raise RuntimeError(f"A payment that was to succeed failed: {answer}")


async def spread(count: int, jobs: list[t.Any], do: t.Callable[[int, t.Any], t.Awaitable[None]]) -> dict[str, float]:
    """Do all jobs with so many workers at once; return jobs per second, and the duration of each in ms."""
    times: list[float] = []
    queue = iter(jobs)

    async def worker(number: int) -> None:
        for job in queue:
            begin = time.perf_counter()
            await do(number, job)
            times.append((time.perf_counter() - begin) * 1000)

    begin = time.perf_counter()
    await asyncio.gather(*(worker(number) for number in range(count)))
    took = time.perf_counter() - begin
    return {
        "per_s": round(len(times) / took, 1),
        "p50_ms": round(statistics.median(times), 1),
        "p95_ms": round(quantile(times), 1),
    }


@dataclass
class World:
    """A node, a hub on it, and users with money."""

    pair: Pair
    process: Process
    payee: Wallet
    payers: list[Wallet]


def quantile(times: list[float]) -> float:
    """Return the 95th of a hundred."""
    return sorted(times)[int(len(times) * 0.95)]


async def internal(world: World, count: int) -> tuple[dict[str, float], dict[str, float]]:
    """Make payments of each user to the next; return the figures, and the CPU milliseconds of each process for one
    payment.
    """
    return await between(world, count, lambda number: world.payers[(number + 1) % len(world.payers)])


async def one_payee(world: World, count: int) -> tuple[dict[str, float], dict[str, float]]:
    """Make payments of all users to one, as to a shop: each waits for the commit of the one before, because it changes
    the same balance.
    """
    return await between(world, count, lambda _number: world.payee)


async def between(
    world: World, count: int, payee: t.Callable[[int], Wallet]
) -> tuple[dict[str, float], dict[str, float]]:
    """Make payments between users; the jobs take their payers by turns."""
    ways = [Connected(world.process) for _ in range(count)]

    async def make(number: int, job: t.Any) -> None:
        requests[job] = (await ways[number].ask(payee(job % count), "POST", "/addinvoice", {"amt": 1}))[
            "payment_request"
        ]

    async def pay(number: int, job: t.Any) -> None:
        answer = await ways[number].ask(world.payers[job % count], "POST", "/payinvoice", {"invoice": requests[job]})
        must_succeed(answer.get("payment_error") == "", answer)

    requests: dict[int, str] = {}
    await spread(count, list(range(INTERNAL)), make)
    watch = Watch(pids(world))
    result = await spread(count, list(range(INTERNAL)), pay)
    used = watch.each(INTERNAL)
    for way in ways:
        way.close()
    return result, used


def pids(world: World) -> dict[str, int]:
    """Return the processes that work while the hub does, by name."""
    postgres = container_pid(world.process.setting.postgres.name)
    return {"hub": world.process.pid, "lnd": world.pair.inner.pid, "postgres": postgres, "load": os.getpid()}


async def outgoing(world: World, count: int) -> tuple[dict[str, float], dict[str, float]]:
    """Make payments by the hub over the node."""
    ways = [Connected(world.process) for _ in range(count)]

    async def pay(number: int, request: t.Any) -> None:
        answer = await ways[number].ask(world.payers[number], "POST", "/payinvoice", {"invoice": request})
        must_succeed(answer.get("payment_error") == "", answer)

    requests = [world.pair.invoice(MSAT) for _ in range(OUTGOING)]
    watch = Watch({**pids(world), "payee's lnd": world.pair.outer.pid})
    result = await spread(count, requests, pay)
    used = watch.each(OUTGOING)
    for way in ways:
        way.close()
    return result, used


async def direct(world: World, count: int) -> tuple[dict[str, float], dict[str, float]]:
    """Make the same payments by the node without the hub, called as the hub calls it."""
    client = AsyncClient(Connection(world.pair.inner.rpcserver, *world.pair.inner.credentials()))

    async def pay(_number: int, request: t.Any) -> None:
        fields = {
            "payment_request": request,
            "fee_limit_msat": 10_000,
            "timeout_seconds": 60,
            "no_inflight_updates": True,
        }
        async for update in client.stream("routerrpc.Router/SendPaymentV2", **fields):
            last = update.status
        must_succeed(last == 2, last)

    requests = [world.pair.invoice(MSAT) for _ in range(OUTGOING)]
    watch = Watch(
        {name: pid for name, pid in {**pids(world), "payee's lnd": world.pair.outer.pid}.items() if name != "hub"}
    )
    result = await spread(count, requests, pay)
    used = watch.each(OUTGOING)
    await client.close()
    return result, used


async def while_slow(world: World) -> float:
    """Return the p95 of /balance, in ms, while others' payments hang because the payee's node does not answer."""
    requests = [world.pair.invoice(MSAT) for _ in range(SLOW)]
    ways = [Connected(world.process) for _ in range(SLOW)]
    world.pair.outer.freeze()
    try:
        hanging = [
            asyncio.create_task(ways[number].ask(world.payers[number], "POST", "/payinvoice", {"invoice": request}))
            for number, request in enumerate(requests)
        ]
        way = Connected(world.process)
        times: list[float] = []
        for _ in range(200):
            begin = time.perf_counter()
            await way.ask(world.payers[-1], "GET", "/balance")
            times.append((time.perf_counter() - begin) * 1000)
        if any(one.done() for one in hanging):
            raise RuntimeError("A payment ended although the payee's node does not answer, so nothing was slow")
    finally:
        world.pair.outer.thaw()
    await asyncio.gather(*hanging)
    for one in (*ways, way):
        one.close()
    return round(quantile(times), 1)


def begin(folder: Path, pair: Pair, postgres: Postgres) -> World:
    """Start a hub on a pair's node, with users that have money."""
    pair.connect()
    certificate, _admin = pair.inner.credentials()
    setting = Setting(
        folder / "hub", postgres, pair.inner.rpcserver, certificate, baked(pair.inner), service={"log_level": "warning"}
    )
    process = setting.migrate().start()
    payee, *payers = [process.user() for _ in range(max(USERS) + 1)]
    for payer in payers:
        must_succeed(pair.pay(payer.invoice(20_000)) == "", "a user's deposit")
    until("the deposits", lambda: all(payer.msat == 20_000_000 for payer in payers))
    return World(pair, process, payee, payers)


Figures = dict[str, dict[int, list[dict[str, float]]]]


def measure(own: World, remote: World) -> tuple[Figures, Figures, list[float]]:
    """Run all rounds; return figures and CPU times by measurement and number of users, and the times of /balance."""
    figures: Figures = defaultdict(lambda: defaultdict(list))
    used: Figures = defaultdict(lambda: defaultdict(list))
    slow: list[float] = []
    for turn in range(ROUNDS):
        for count in USERS:
            # Those whose ratio is asked for stand beside each other; which is first changes from round to round.
            kinds = [
                ("direct", direct, own),
                ("outgoing", outgoing, own),
                ("remote", outgoing, remote),
                ("internal", internal, own),
                ("one payee", one_payee, own),
            ]
            for name, do, world in kinds if turn % 2 == 0 else reversed(kinds):
                result, cpu = asyncio.run(do(world, count))
                figures[name][count].append(result)
                used[name][count].append(cpu)
                say(f"round {turn + 1}, {name}, {count} at once: {result}")
        slow.append(asyncio.run(while_slow(own)))
    return figures, used, slow


def table(figures: Figures, used: Figures) -> str:
    """Return the results in the form of the tables of README.md."""
    lines = [
        "| what | at once | per second, median (least to most) | p50 ms | p95 ms | CPU ms for one |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, counts in figures.items():
        for count, rounds in counts.items():
            rates = [one["per_s"] for one in rounds]
            times = [str(round(statistics.median(one[kind] for one in rounds), 1)) for kind in ("p50_ms", "p95_ms")]
            cpu = ", ".join(
                f"{who} {statistics.median(one[who] for one in used[name][count]):.1f}" for who in used[name][count][0]
            )
            spread_of = f"{statistics.median(rates):.1f} ({min(rates):.1f} to {max(rates):.1f})"
            lines.append(f"| {name} | {count} | {spread_of} | {times[0]} | {times[1]} | {cpu} |")
    return "\n".join(lines)


def ratio(figures: Figures, one: str, other: str, count: int) -> float:
    """Return the median of the ratios of the rounds."""
    return statistics.median(
        a["per_s"] / b["per_s"] for a, b in zip(figures[one][count], figures[other][count], strict=True)
    )


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="hub-bench-"))
    loads = [os.getloadavg()[0]]
    postgres = Postgres(durable=True)
    for kind in ("own", "remote"):
        (folder / kind).mkdir()
    pairs: list[Pair] = []
    worlds: list[World] = []
    try:
        for name, make in (("own", Pair), ("remote", WatchOnlyPair)):
            pairs.append(make(folder / name, postgres if ON_POSTGRES else None))
            worlds.append(begin(folder / name, pairs[-1], postgres))
        fresh = [round(world.process.rss_mb(), 1) for world in worlds]
        figures, used, slow = measure(*worlds)
        loads.append(os.getloadavg()[0])
        say(table(figures, used))
        say(
            f"ratios at {USERS} at once: outgoing"
            f" {[round(ratio(figures, 'outgoing', 'direct', count), 3) for count in USERS]}, remote"
            f" {[round(ratio(figures, 'remote', 'outgoing', count), 3) for count in USERS]}"
        )
        say(
            f"balance p95 while others are slow, each round: {slow}; memory before {fresh} MB; load average before and"
            f" after {loads}"
        )
        best = {
            kind: max(statistics.median(one["per_s"] for one in rounds) for rounds in figures[kind].values())
            for kind in figures
        }
        busiest = max(USERS, key=lambda count: statistics.median(one["per_s"] for one in figures["direct"][count]))
        result = {
            "internal_per_s": round(best["internal"], 1),
            "outgoing_per_s": round(best["outgoing"], 1),
            "direct_per_s": round(best["direct"], 1),
            "outgoing_ratio": round(ratio(figures, "outgoing", "direct", busiest), 3),
            "remote_ratio": round(ratio(figures, "remote", "outgoing", busiest), 3),
            "rss_mb": round(max(world.process.rss_mb() for world in worlds), 1),
            "balance_p95_ms_while_slow": round(statistics.median(slow), 1),
        }
        print(json.dumps(result))
    finally:
        for world in worlds:
            world.process.stop()
        for pair in pairs:
            pair.stop()
        postgres.stop()


if __name__ == "__main__":
    main()
