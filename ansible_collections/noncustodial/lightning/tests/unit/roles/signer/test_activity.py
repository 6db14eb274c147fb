# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The warnings of who asks a signer, and how often they come."""

from __future__ import annotations

import http.server
import importlib.util
import json
import subprocess
import sys
import threading
import typing as t
from dataclasses import asdict
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION

HOUR = 3600.0
BEGIN = 1_800_000_000.0


@pytest.fixture(scope="module")
def program() -> t.Any:
    """The program, which is no module of any package."""
    spec = importlib.util.spec_from_file_location(
        "signer_activity", COLLECTION / "roles/signer/files/signer_activity.py"
    )
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    # A dataclass looks for its module there.
    sys.modules[spec.name] = made
    spec.loader.exec_module(made)
    return made


def ruleset(provider: int, strangers: int, four: t.Sequence[t.Any] = (), six: t.Sequence[t.Any] = ()) -> str:
    """Return what nft prints of the table, as far as it is read."""
    counters = (
        {"counter": {"name": name, "packets": packets, "bytes": 9}}
        for name, packets in (("provider", provider), ("strangers", strangers), ("other", 77))
    )
    sets = (
        {"set": {"name": name, **({"elem": list(elements)} if elements else {})}}
        for name, elements in (("strangers4", four), ("strangers6", six), ("else", ["192.0.2.99"]))
    )
    return json.dumps({"nftables": [{"metainfo": {}}, {"table": {}}, *counters, *sets, {"rule": {}}]})


def test_the_firewalls_counters(program: t.Any) -> None:
    element = {"elem": {"val": "203.0.113.9", "timeout": 86400, "expires": 9}}
    assert program.counted(ruleset(5, 2, [element], ["2001:db8::66"])) == (5, 2, ("2001:db8::66", "203.0.113.9"))
    assert program.counted(ruleset(0, 0)) == (0, 0, ())


def test_no_more_addresses_are_named_than_a_person_reads(program: t.Any) -> None:
    many = [f"203.0.113.{number}" for number in range(200)]
    assert len(program.counted(ruleset(0, 200, many)).addresses) == program.MOST_NAMED


def test_rules_of_an_earlier_release_count_nothing(program: t.Any) -> None:
    with pytest.raises(program.Problem, match="older than this program"):
        program.counted(json.dumps({"nftables": [{"table": {}}]}))


class Looks:
    """One look after the other, an hour apart."""

    def __init__(self, program: t.Any, **settings: t.Any) -> None:
        self._program, self.settings = program, program.Settings(**settings)
        self.seen, self.at = program.Seen(since=BEGIN), BEGIN
        self.told: list[list[str]] = []

    def look(self, provider: int, strangers: int = 0, addresses: tuple[str, ...] = ()) -> None:
        self.at += HOUR
        now = self._program.Counted(provider, strangers, addresses)
        self.seen, told = self._program.look(self.seen, now, self.at, self.settings)
        self.told.append([one.name for one in told])

    @property
    def text(self) -> str:
        return " ".join(self._program.words(self.seen, self.at, self.settings))


def test_a_provider_that_asks_is_no_news(program: t.Any) -> None:
    looks = Looks(program)
    for packets in (10, 25, 40):
        looks.look(packets)
    assert looks.told == [[], [], []]
    assert (looks.seen.provider, looks.seen.asked) == (40, looks.at)
    assert looks.text.startswith("The provider last asked this signer at 2027-01-15 11:00 UTC: 40 packets since")
    assert "Nobody else has tried to reach lnd" in looks.text


def test_silence_is_told_once_and_its_end_too(program: t.Any) -> None:
    looks = Looks(program, silence_hours=3)
    for packets in (10, 10, 10, 10, 10, 11, 11, 11, 11):
        looks.look(packets)
    assert looks.told == [[], [], [], ["silence"], [], ["asked_again"], [], [], ["silence"]]
    assert "for nothing since 2027-01-15 14:00 UTC, 3 hours ago" in looks.text


def test_a_provider_that_never_asked_is_silent_from_the_first_look(program: t.Any) -> None:
    looks = Looks(program, silence_hours=2)
    looks.look(0)
    assert "has not asked this signer yet" in looks.text
    looks.look(0)
    assert looks.told == [[], ["silence"]]
    assert "since this was first looked at" in looks.text


def test_silence_can_be_left_untold(program: t.Any) -> None:
    looks = Looks(program, silence_hours=0)
    for _hour in range(100):
        looks.look(0)
    assert looks.told == [[]] * 100


def test_strangers_are_told_once_a_day(program: t.Any) -> None:
    looks = Looks(program)
    for hour in range(1, 27):
        looks.look(hour, hour, ("203.0.113.9",))
    assert [number for number, told in enumerate(looks.told) if told == ["strangers"]] == [0, 24]
    assert "26 attempts to reach lnd" in looks.text
    assert "the last from 203.0.113.9" in looks.text


def test_rules_that_are_loaded_anew_lose_nothing(program: t.Any) -> None:
    looks = Looks(program)
    for provider, strangers in ((100, 10), (3, 1), (5, 1)):
        looks.look(provider, strangers, ("203.0.113.9",) if strangers == 10 else ())
    assert (looks.seen.provider, looks.seen.strangers) == (105, 11)
    assert looks.seen.addresses == ("203.0.113.9",), "known also when the firewall has forgotten it"


def test_before_the_first_look(program: t.Any) -> None:
    assert program.words(program.Seen(since=BEGIN), BEGIN, program.Settings()) == [
        "Nothing is known yet: the first look comes within minutes of the start (signer-activity.timer)."
    ]


def test_metrics(program: t.Any) -> None:
    looks = Looks(program)
    looks.look(7, 2)
    lines = program.metrics(looks.seen).splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        f"signer_last_request_timestamp_seconds {looks.at:.0f}",
        "signer_provider_packets_total 7",
        "signer_refused_total 2",
        f"signer_last_look_timestamp_seconds {looks.at:.0f}",
    ]


def test_what_was_seen_is_kept_whole(program: t.Any, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    assert program.read_seen(str(path)) is None
    looks = Looks(program)
    looks.look(7, 2, ("203.0.113.9",))
    program.write(str(path), json.dumps(asdict(looks.seen)), 0o600)
    assert program.read_seen(str(path)) == looks.seen
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["state.json"]
    path.write_text(path.read_text()[:20])
    assert program.read_seen(str(path)) is None


# --- warnings


class Receiver:
    """A web server that keeps what is posted to it."""

    def __init__(self, status: int) -> None:
        self.got: list[tuple[str, t.Any]] = []
        got = self.got

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                got.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_arguments: t.Any) -> None:
                """Print nothing."""

        self._server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?key=secret"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.mark.parametrize("status", [200, 302, 500])
def test_a_webhook(program: t.Any, status: int) -> None:
    receiver = Receiver(status)
    told = [program.Notice("silence", "Nobody has asked.")]
    try:
        if status == 200:
            program.send_webhook(receiver.url, told)
        else:
            with pytest.raises(program.Problem, match=f"127\\.0\\.0\\.1: status {status}") as caught:
                program.send_webhook(receiver.url, told)
            assert "secret" not in str(caught.value)
    finally:
        receiver.stop()
    # A redirection is not followed.
    assert receiver.got == [("/hook?key=secret", [{"name": "silence", "text": "Nobody has asked."}])]


def test_a_webhook_that_nobody_serves(program: t.Any) -> None:
    with pytest.raises(program.Problem, match=r"could not be sent to 127\.0\.0\.1: ConnectionRefusedError") as caught:
        program.send_webhook("http://127.0.0.1:1/secret", [program.Notice("silence", "x")])
    assert "secret" not in str(caught.value)


def test_what_could_not_be_told_is_told_at_the_next_look(
    program: t.Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state, hook = tmp_path / "state.json", tmp_path / "webhook"
    hook.write_text("http://127.0.0.1:1/secret\n")
    monkeypatch.setattr(program, "STATE", str(state))
    monkeypatch.setattr(program.read_seen, "__defaults__", (str(state),))
    monkeypatch.setattr(program, "ask_firewall", lambda: program.Counted(1, 1, ("203.0.113.9",)))
    settings = program.Settings(webhook_file=str(hook), metrics_file=str(tmp_path / "signer.prom"))
    with pytest.raises(program.Problem, match="could not be sent"):
        program.watch(settings)
    assert "203.0.113.9" in capsys.readouterr().out
    assert (program.read_seen().strangers, program.read_seen().strangers_told) == (1, 0)
    assert "signer_refused_total 1" in (tmp_path / "signer.prom").read_text()
    receiver = Receiver(200)
    try:
        hook.write_text(receiver.url)
        monkeypatch.setattr(program, "ask_firewall", lambda: program.Counted(2, 2, ("203.0.113.9",)))
        program.watch(settings)
        program.watch(settings)
    finally:
        receiver.stop()
    assert [one["name"] for _path, posted in receiver.got for one in posted] == ["strangers"]


def test_a_machine_without_a_mail_system(program: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_arguments: t.Any, **_options: t.Any) -> None:
        raise FileNotFoundError("/usr/sbin/sendmail")

    monkeypatch.setattr(subprocess, "run", missing)
    with pytest.raises(program.Problem, match="needs a mail system"):
        program.send_mail("me@example.org", [program.Notice("silence", "x")])


def test_a_mail(program: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[list[str], bytes]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, **options: calls.append((command, options["input"])))
    program.send_mail("me@example.org", [program.Notice("silence", "Nobody has asked.")])
    ((command, text),) = calls
    assert command == ["/usr/sbin/sendmail", "-i", "--", "me@example.org"]
    assert b"Subject: Signer: silence" in text
    assert b"Nobody has asked." in text


def test_it_is_for_root(program: t.Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["signer-activity"])
    monkeypatch.setattr(program.os, "geteuid", lambda: 1000)
    assert program.main() == 1
    assert capsys.readouterr().err == "This needs root. Run it with sudo.\n"
