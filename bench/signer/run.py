"""The cost of a remote signer: payments of a node with its own keys, and of one whose signer is so many ms away.

Call it by `make bench-signer`. README.md describes what is measured. The last line of standard output is one line of
JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import typing as t
from contextlib import ExitStack
from dataclasses import asdict
from itertools import product
from pathlib import Path

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.async_client import AsyncClient
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.tests.support.daemons import Lnd, lnd_binary
from bench.hub.cpu import Watch
from bench.machine import describe
from bench.signer import report
from bench.signer.counts import difference
from bench.signer.figures import OWN, REMOTE, TUNED, Batch, Setting, quantile, waves
from bench.signer.nodes import DATABASES, OwnKeys, RemoteSigner, Store

HERE = Path(__file__).resolve().parent
# More than the 354 sat below which a commitment has no output for an HTLC, and so no signature.
SAT = 1_000
BELOW_DUST_SAT = 100
# lnd asks for so many signatures of a commitment's HTLCs at the same time, in place of 8, and it collects updates for a
# commitment for so long, in place of 50 ms.
TUNED_OPTIONS = ("--workers.sig=64", "--channel-commit-interval=10ms")
SUCCEEDED = 2
# What the relay may add to a round trip, in ms and as a share: threads of a machine that does other things wait.
LATE_MS, LATE_SHARE = 4.0, 0.1
BEGAN = time.monotonic()


def say(text: str) -> None:
    """Print progress."""
    print(f"[{time.monotonic() - BEGAN:6.1f} s] {text}", file=sys.stderr, flush=True)


Span = tuple[float, float]
Job = t.Callable[[AsyncClient, t.Any], t.Awaitable[None]]


async def spread(
    node: Lnd, jobs: t.Sequence[t.Any], at_once: int, do: Job, rest: t.Callable[[], None] | None = None
) -> list[Span]:
    """Do all jobs with so many workers, which share one connection to the node, and rest after each; return begin and
    end of each job.
    """
    client = AsyncClient(Connection(node.rpcserver, *node.credentials(), timeout=60))
    spans: list[Span] = []
    queue = iter(jobs)

    async def work() -> None:
        for job in queue:
            begin = time.monotonic()
            await do(client, job)
            spans.append((begin, time.monotonic()))
            if rest is not None:
                await asyncio.to_thread(rest)

    try:
        # So that no job pays for the connection.
        await client.call("lnrpc.Lightning/GetInfo")
        await asyncio.gather(*(work() for _ in range(at_once)))
    finally:
        await client.close()
    return spans


async def pay(client: AsyncClient, request: t.Any) -> None:
    """Pay an invoice, and refuse to measure a payment that fails."""
    fields = {"payment_request": request, "fee_limit_msat": 10_000, "timeout_seconds": 60, "no_inflight_updates": True}
    async for update in client.stream("routerrpc.Router/SendPaymentV2", **fields):
        last = update
    if last.status != SUCCEEDED:
        raise RuntimeError(f"A payment that was to succeed failed: {last}")


def invoices(sat: int) -> tuple[list[str], Job]:
    """Return a list, and the job that makes one invoice and puts it there."""
    requests: list[str] = []

    async def make(client: AsyncClient, _number: t.Any) -> None:
        requests.append((await client.call("lnrpc.Lightning/AddInvoice", value_msat=sat * 1000)).payment_request)

    return requests, make


class Bench:
    """All measurements on one database.

    Args:
        store: the database.
        pairs: the nodes by kind.
        options: of the command.
    """

    def __init__(self, store: Store, pairs: dict[str, OwnKeys | RemoteSigner], options: argparse.Namespace) -> None:
        self._store, self._pairs, self._options = store, pairs, options
        self.batches: list[Batch] = []
        self.calls: list[dict[str, t.Any]] = []

    def run(self) -> None:
        """Measure all rounds. Kinds and round trips take turns, in the opposite order in every second round, so that
        whatever else the machine does meets all of them.
        """
        ways = [(OWN, 0.0), *product((REMOTE, TUNED), self._options.rtts)]
        # The connections, caches and databases of the first payments are cold, and theirs alone.
        for kind in self._pairs:
            self._out(kind, 0.0, self._options.at_once, -1)
            self._in(kind, 0.0, self._options.at_once, -1)
        self.batches.clear()
        for number in range(self._options.rounds):
            for kind, rtt in ways if number % 2 == 0 else reversed(ways):
                pair = self._pairs[kind]
                if isinstance(pair, RemoteSigner):
                    pair.delay.set(rtt)
                    if kind == REMOTE:
                        self._call(pair, rtt, number)
                for at_once in (1, self._options.at_once):
                    self._out(kind, rtt, at_once, number)
                    self._in(kind, rtt, at_once, number)
                if (kind, rtt) == (REMOTE, 0):
                    self._out(kind, rtt, 1, number, work="out, below dust", sat=BELOW_DUST_SAT)
                if isinstance(pair, RemoteSigner):
                    pair.delay.set(0)

    def _call(self, pair: RemoteSigner, rtt: float, number: int) -> None:
        """Measure one call of the signer: without the relay, through it on an open connection, and on a new one. The
        difference of the first two is the round trip, and must be the one that was set. The counts of signer and relay
        must be right, because payments are measured with them.
        """
        jobs = range(self._options.payments)
        before = pair.meter.read()
        with pair.granted(pair.signer.rpcserver) as client:
            sign(client)
            direct = [timed(lambda: sign(client)) for _ in jobs]
        with pair.granted(pair.delay.rpcserver) as client:
            sign(client)
            pair.delay.set(rtt)
            far = [timed(lambda: sign(client)) for _ in jobs]
            ended = time.monotonic()
            sent = pair.delay.set(rtt)

        def once() -> None:
            with pair.granted(pair.delay.rpcserver) as client:
                sign(client)

        new = [timed(once) for _ in jobs]
        counted = sum(count.calls for count in difference(before, pair.meter.read()).values())
        if counted != 3 * len(jobs) + 2:
            raise RuntimeError(f"The signer counted {counted} calls, and got {3 * len(jobs) + 2}")
        if rtt and (seen := waves(sent, ended, rtt / 1000)) != len(jobs):
            raise RuntimeError(f"The relay saw {seen} calls, one after the other, of {len(jobs)}")
        added = min(far) - min(direct), quantile(far, 0.5) - quantile(direct, 0.5)
        if added[0] < rtt - 0.5 or added[1] > rtt * (1 + LATE_SHARE) + LATE_MS:
            raise RuntimeError(f"The relay was to add {rtt} ms, and added {added[0]:.1f}, in the median {added[1]:.1f}")
        found = {"direct": direct, "open": far, "new": new}
        self.calls.append({"database": self._store.name, "rtt": rtt, "round": number, **found})
        say(f"{self._store.name}, round {number + 1}, {rtt:g} ms: the relay adds {added[1]:.2f} ms to a call")

    def _out(self, kind: str, rtt: float, at_once: int, number: int, work: str = "out", sat: int = SAT) -> None:
        """Measure payments of the node."""
        pair = self._pairs[kind]
        requests, make = invoices(sat)
        asyncio.run(spread(pair.outer, range(self._count(at_once)), at_once, make))
        rest = self._rest(pair, at_once)
        self._measure(kind, rtt, at_once, number, work, lambda: spread(pair.inner, requests, at_once, pay, rest))

    def _in(self, kind: str, rtt: float, at_once: int, number: int) -> None:
        """Measure invoices of the node, and payments to it."""
        pair = self._pairs[kind]
        requests, make = invoices(SAT)
        jobs = range(self._count(at_once))
        self._measure(kind, rtt, at_once, number, "invoice", lambda: spread(pair.inner, jobs, at_once, make))
        rest = self._rest(pair, at_once)
        self._measure(kind, rtt, at_once, number, "in", lambda: spread(pair.outer, requests, at_once, pay, rest))

    @staticmethod
    def _rest(pair: OwnKeys | RemoteSigner, at_once: int) -> t.Callable[[], None] | None:
        """Return what is done after each payment: one at a time, it begins when the channel has nothing to do any more.
        A payment is over before its last signature is made, and the next would wait for that.
        """
        return pair.await_settled if at_once == 1 else None

    def _count(self, at_once: int) -> int:
        return int(self._options.payments if at_once == 1 else 2 * at_once)

    def _measure(
        self,
        kind: str,
        rtt: float,
        at_once: int,
        number: int,
        work: str,
        do: t.Callable[[], t.Coroutine[t.Any, t.Any, list[Span]]],
    ) -> None:
        pair = self._pairs[kind]
        signer = pair.meter if isinstance(pair, RemoteSigner) else None
        before = signer.read() if signer else {}
        if isinstance(pair, RemoteSigner):
            pair.delay.set(rtt)
        watch = Watch({**pair.pids(), "load": os.getpid()})
        spans = asyncio.run(do())
        pair.await_settled()
        cpu = watch.each(len(spans))
        sent = pair.delay.set(rtt) if isinstance(pair, RemoteSigner) else []
        counted = difference(before, signer.read()) if signer else {}
        setting = Setting(database=self._store.name, kind=kind, rtt=rtt, work=work, at_once=at_once)
        batch = Batch(
            setting=setting,
            round=number,
            ms=[(end - begin) * 1000 for begin, end in spans],
            seconds=max(end for _begin, end in spans) - min(begin for begin, _end in spans),
            calls={method: count.calls for method, count in counted.items()},
            signer_ms={method: count.ms for method, count in counted.items()},
            sent_ms=[within(sent, span) for span in spans] if rtt and at_once == 1 else [],
            cpu_ms=cpu,
        )
        self.batches.append(batch)
        say(
            f"{setting.database}, round {number + 1}, {kind} {rtt:g} ms, {work}, {at_once} at once: p50 {batch.p50:.1f}"
            f" ms, {batch.per_s:.1f}/s, calls {batch.calls_per_job:.2f}, of them in sequence {batch.sequence}"
        )


def sign(client: Client) -> None:
    """Have the signer sign a message with the node's key, as for an invoice."""
    client.call("signrpc.Signer/SignMessage", msg=b"lnbcrt" + bytes(200), key_loc={"key_family": 6, "key_index": 0})


def within(times: t.Iterable[float], span: Span) -> list[float]:
    """Return the times within a span, as ms after its begin."""
    begin, end = span
    return [(time - begin) * 1000 for time in times if begin <= time <= end]


def timed(do: t.Callable[[], None]) -> float:
    """Return the ms that something takes."""
    begin = time.monotonic()
    do()
    return (time.monotonic() - begin) * 1000


def on(database: str, folder: Path, options: argparse.Namespace) -> Bench:
    """Measure on one database, and stop all that was started for it."""
    with ExitStack() as stack:
        store = Store.start(database, stack)
        pairs: dict[str, OwnKeys | RemoteSigner] = {}
        makes: dict[str, t.Callable[[Path], OwnKeys | RemoteSigner]] = {
            OWN: lambda path: OwnKeys(path, store),
            REMOTE: lambda path: RemoteSigner(path, store),
            TUNED: lambda path: RemoteSigner(path, store, *TUNED_OPTIONS),
        }
        for kind, make in makes.items():
            (folder / database / kind).mkdir(parents=True)
            pairs[kind] = make(folder / database / kind)
            stack.callback(pairs[kind].stop)
        # One after the other: on a PostgreSQL that waits for the disk, the wallets of all at once take over a minute.
        for pair in pairs.values():
            pair.begin()
        say(f"{database}: the nodes can pay")
        bench = Bench(store, pairs, options)
        bench.run()
        return bench


def numbers(text: str) -> list[float]:
    """Return the numbers of an argument."""
    return [float(one) for one in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("ROUNDS", "3")), help="default ROUNDS or 3")
    parser.add_argument("--databases", default="sqlite,postgres", help=f"of {', '.join(DATABASES)}")
    parser.add_argument("--rtts", type=numbers, default=[0.0, 5.0, 20.0, 100.0, 200.0], help="round trips in ms")
    parser.add_argument("--payments", type=int, default=20, help="one after the other, in each measurement")
    parser.add_argument("--at-once", type=int, default=20, help="payments at once; each makes two")
    parser.add_argument("--folder", type=Path, default=HERE, help="with the README.md into which tables are written")
    options = parser.parse_args()
    before = os.getloadavg()[0]
    databases = options.databases.split(",")
    folder = Path(tempfile.mkdtemp(prefix="signer-bench-"))
    benches = [on(database, folder, options) for database in databases]
    version = subprocess.run([str(lnd_binary()), "--version"], check=True, capture_output=True, text=True).stdout
    results = {
        "machine": {**describe(), "lnd": version.split()[2]},
        "load": [before, os.getloadavg()[0]],
        "rounds": options.rounds,
        "at_once": options.at_once,
        "database": databases[-1],
        "batches": [asdict(batch) for bench in benches for batch in bench.batches],
        "calls": [call for bench in benches for call in bench.calls],
    }
    (options.folder / "results.json").write_text(json.dumps(results) + "\n")
    print(json.dumps(report.write(results, options.folder)))


if __name__ == "__main__":
    main()
