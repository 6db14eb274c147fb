# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arithmetic of bench/signer, its count of calls, and its relay."""

from __future__ import annotations

import json
import socket
import threading
import time
import typing as t
from dataclasses import asdict
from pathlib import Path

import pytest

from bench.signer import report
from bench.signer.counts import Count, difference, parse
from bench.signer.delay import SHORTEST_REQUEST_BYTES, Delay
from bench.signer.figures import OWN, REMOTE, TUNED, Batch, Setting, quantile, summary, waves

REQUEST = b"r" * SHORTEST_REQUEST_BYTES


def batch(
    kind: str, rtt: float, number: int, ms: list[float], *, database: str = "postgres", at_once: int = 1, **more: t.Any
) -> Batch:
    """Return payments that each took so long, after each other."""
    setting = Setting(database=database, kind=kind, rtt=rtt, work=more.pop("work", "out"), at_once=at_once)
    fields = {
        "seconds": sum(ms) / 1000 / at_once,
        "calls": {},
        "signer_ms": {},
        "sent_ms": [],
        "cpu_ms": {"node": 2.0},
        **more,
    }
    return Batch(setting=setting, round=number, ms=ms, **fields)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([5], 0.5, 5), ([4, 1, 3, 2], 0.5, 2), (range(1, 101), 0.95, 95), (range(1, 21), 0.95, 19), ([1, 2], 0.95, 2)],
)
def test_quantile_is_the_smallest_value_that_the_share_does_not_exceed(
    values: t.Sequence[float], share: float, expected: float
) -> None:
    assert quantile(values, share) == expected


@pytest.mark.parametrize(
    ("sent", "end", "expected"),
    [
        ([], 500, 0),
        ([0, 1, 2], 500, 1),
        ([0, 99, 100, 250], 500, 3),
        ([250, 0], 500, 2),
        # Its answer comes after the end.
        ([0, 401], 500, 1),
        ([0, 400], 500, 2),
    ],
)
def test_calls_in_sequence_are_a_round_trip_apart_and_answered_before_the_end(
    sent: list[float], end: float, expected: int
) -> None:
    assert waves(sent, end, 100) == expected


def test_the_line_of_json() -> None:
    batches = [
        batch(OWN, 0, 0, [100, 100, 100]),
        batch(OWN, 0, 1, [50, 50, 50]),
        batch(REMOTE, 0, 1, [60, 60, 60], calls={"SignPsbt": 9}),
        batch(REMOTE, 0, 0, [110, 110, 110], calls={"SignPsbt": 9}),
        batch(REMOTE, 100, 0, [300, 300, 300], calls={"SignPsbt": 9, "SignMessage": 3}),
        batch(REMOTE, 100, 1, [300, 300, 300], calls={"SignPsbt": 9}),
        batch(OWN, 0, 0, [100, 100], at_once=2),
        batch(REMOTE, 0, 0, [200, 200], at_once=2),
        # None of these is in the line.
        batch(TUNED, 0, 0, [1, 1], at_once=2),
        batch(REMOTE, 0, 0, [1, 1], database="sqlite", calls={"SignPsbt": 80}),
        batch(REMOTE, 0, 0, [1, 1], work="in", calls={"SignPsbt": 80}),
    ]
    # Each round is divided by the same round: (110/100, 60/50) and (300/100, 300/50).
    assert summary(batches, "postgres", 2) == {
        "ratio_0": 1.15,
        "ratio_20": None,
        "ratio_100": 4.5,
        "ratio_200": None,
        "calls_per_payment": 3.0,
        "per_s_ratio": 0.5,
    }


METRICS = """
# TYPE grpc_server_handled_total counter
grpc_server_handled_total{{grpc_code="OK",grpc_method="SignPsbt",grpc_service="walletrpc.WalletKit"}} {ok}
grpc_server_handled_total{{grpc_code="Unknown",grpc_method="SignPsbt",grpc_service="walletrpc.WalletKit"}} {failed}
grpc_server_handled_total{{grpc_code="OK",grpc_method="GetState",grpc_service="lnrpc.State"}} 4
# TYPE grpc_server_handling_seconds histogram
grpc_server_handling_seconds_bucket{{grpc_method="SignPsbt",le="+Inf"}} {ok}
grpc_server_handling_seconds_sum{{grpc_method="SignPsbt"}} {seconds}
grpc_server_handling_seconds_count{{grpc_method="SignPsbt"}} {ok}
"""


def test_calls_between_two_readings() -> None:
    before, after = (parse(METRICS.format(ok=ok, failed=0, seconds=ok / 512)) for ok in (10, 13))
    assert before == {"SignPsbt": Count(10, 10 / 0.512), "GetState": Count(4, 0)}
    assert difference(before, after) == {"SignPsbt": Count(3, 3 / 0.512)}
    assert difference({}, before) == before


def test_a_call_that_failed_is_refused() -> None:
    with pytest.raises(RuntimeError, match="answered SignPsbt with Unknown"):
        parse(METRICS.format(ok=10, failed=1, seconds=1))


@pytest.fixture
def echo() -> t.Iterator[int]:
    """Yield the port of a server that sends back what it gets."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _address = listener.accept()
            with connection:
                while data := connection.recv(65536):
                    connection.sendall(data)

        thread = threading.Thread(target=serve)
        thread.start()
        yield int(listener.getsockname()[1])
        thread.join(10)


def round_trip_ms(connection: socket.socket, data: bytes) -> float:
    """Return the ms from sending to the whole answer."""
    begin = time.monotonic()
    connection.sendall(data)
    left = len(data)
    while left:
        left -= len(connection.recv(left))
    return (time.monotonic() - begin) * 1000


def test_the_relay_adds_the_round_trip_and_notes_requests(echo: int) -> None:
    delay = Delay(echo)
    try:
        host, _colon, port = delay.rpcserver.rpartition(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain = min(round_trip_ms(connection, REQUEST) for _try in range(5))
            begin = time.monotonic()
            assert len(delay.set(80)) == 5
            far = [round_trip_ms(connection, REQUEST) for _try in range(3)]
            round_trip_ms(connection, b"a ping")
            end = time.monotonic()
            sent = delay.set(0)
            assert plain < 80 <= min(far)
            assert len(sent) == 3
            assert begin < sent[0] < sent[-1] < end
            assert waves(sent, end, 0.08) == 3
            assert min(round_trip_ms(connection, REQUEST) for _try in range(5)) < 80
    finally:
        delay.stop()


def test_a_connection_through_the_relay_costs_a_round_trip_more(echo: int) -> None:
    delay = Delay(echo)
    try:
        delay.set(80)
        host, _colon, port = delay.rpcserver.rpartition(":")
        with socket.create_connection((host, int(port))) as connection:
            assert round_trip_ms(connection, REQUEST) >= 160
    finally:
        delay.stop()


def test_a_report_replaces_what_was_measured_before(tmp_path: Path) -> None:
    common: dict[str, t.Any] = {"calls": {"SignPsbt": 6}, "signer_ms": {"SignPsbt": 12.0}}
    batches = []
    for work in report.WORKS:
        for at_once in (1, 2):
            batches.append(batch(OWN, 0, 0, [50, 60], work=work, at_once=at_once))
            for rtt in (0, 100):
                sent = [[0.0, 100.0]] * 2 if rtt and at_once == 1 else []
                ms = [55.0 + 2 * rtt, 65.0 + 2 * rtt]
                batches.append(batch(REMOTE, rtt, 0, ms, work=work, at_once=at_once, sent_ms=sent, **common))
    results: dict[str, t.Any] = {
        "machine": dict.fromkeys(
            ("date", "processor", "cores", "memory_gib", "system", "kernel", "python", "lnd"), "x"
        ),
        "rounds": 1,
        "at_once": 2,
        "database": "postgres",
        "batches": [asdict(one) for one in batches],
        "calls": [
            {"database": "postgres", "rtt": rtt, "round": 0, "direct": [1.0], "open": [1.0 + rtt], "new": [2.0]}
            for rtt in (0, 100)
        ],
    }
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{report.MARKS[0]}\nof an earlier run\n{report.MARKS[1]}\nafter\n")
    results["load"] = [1.5, 1.5]
    report.write(json.loads(json.dumps(results)), tmp_path)
    assert report.BUSY in readme.read_text()
    results["load"] = [0.25, 1.5]
    line = report.write(json.loads(json.dumps(results)), tmp_path)
    text = readme.read_text()
    assert line["ratio_0"] == 1.1
    assert "of an earlier run" not in text
    assert report.BUSY not in text
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "| payment out, postgres | 50.0 · 60.0 | 55.0 · 65.0 | 255.0 · 265.0 |" in text
    # Added are 205 ms, and two calls of 100 ms wait for one another.
    assert "| payment out, postgres | 2.0 | 1.02 |" in text
    assert "| payment out, one at a time, postgres | 3.00 | 3.00 | 2.00 | 6.00 |" in text
    assert "| in the signer, `SignPsbt`, postgres | 2.00 | 2.00 |" in text
    assert (tmp_path / "signer.png").read_bytes().startswith(b"\x89PNG")
