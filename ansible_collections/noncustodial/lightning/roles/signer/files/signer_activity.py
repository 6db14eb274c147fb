# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""signer-activity [--json | --watch]: who asks this signer, and since when nobody has.

The firewall counts the packets with which the provider asks lnd, and the attempts of everybody else, which it refuses.
This program reads the counters. --watch, which the unit's timer runs, keeps what it has seen, writes it as metrics, and
warns once about each thing that is to be known. Without it nothing is changed.

lnd keeps no line for a signature that it gives. A provider whose node runs asks every few seconds whether lnd would
sign, so that silence means that the node, or the way to here, is gone; requests do not mean that anything was signed.
"""

from __future__ import annotations

import argparse
import datetime
import email.message
import http.client
import json
import os
import subprocess
import sys
import time
import typing as t
import urllib.parse
from dataclasses import asdict, dataclass, replace
from pathlib import Path

CONFIGURATION = "/etc/signer/activity.json"
STATE = "/var/lib/signer-activity/state.json"
TABLE = ("inet", "signer")
COUNTERS = ("provider", "strangers")
SETS = ("strangers4", "strangers6")
HOUR_SECONDS = 3600
# An attempt is told once; a stranger who goes on for days is told anew after this time.
AGAIN_SECONDS = 24 * HOUR_SECONDS
SENT_SECONDS = 20
# Addresses that are named, of those that the firewall has kept.
MOST_NAMED = 8


class Problem(Exception):
    """A fault for a person to see to; the message has cause and cure."""


class Settings(t.NamedTuple):
    """The tenant's settings.

    Attributes:
        silence_hours: the time without a request after which there is a warning; 0 for none.
        mail: the address that gets warnings; empty for none.
        metrics_file: for Prometheus' node exporter; empty for none.
        webhook_file: the file with the URL that gets warnings; empty for none.
    """

    silence_hours: float = 24.0
    mail: str = ""
    metrics_file: str = ""
    webhook_file: str = ""


class Counted(t.NamedTuple):
    """The firewall's counters, since its rules were loaded.

    Attributes:
        provider: packets that came from the provider's addresses to lnd's port.
        strangers: attempts of others to connect to it.
        addresses: the last of these others.
    """

    provider: int
    strangers: int
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The record of all looks. Times are seconds since 1970.

    Attributes:
        since: the beginning.
        at: the last look; 0 if there was none.
        asked: the last look at which the provider had asked since the one before; 0 if it never did.
        provider: its packets since the beginning.
        strangers: the attempts of others since the beginning.
        tried: the last look at which others had tried since the one before; 0 if they never did.
        addresses: the last of these others.
        counted: the counters at the last look, of which the differences are.
        silence_told: whether the present silence was told.
        strangers_told: when an attempt was told last; 0 if never.
    """

    since: float
    at: float = 0.0
    asked: float = 0.0
    provider: int = 0
    strangers: int = 0
    tried: float = 0.0
    addresses: tuple[str, ...] = ()
    counted: tuple[int, int] = (0, 0)
    silence_told: bool = False
    strangers_told: float = 0.0


class Notice(t.NamedTuple):
    """A warning for the tenant.

    Attributes:
        name: silence, asked_again or strangers.
        text: a sentence for the tenant.
    """

    name: str
    text: str


# --- the firewall's counters


def counted(ruleset: str) -> Counted:
    """Return the counters of the firewall's table.

    Args:
        ruleset: what `nft --json list table` prints.

    Raises:
        Problem: the rules have none.
    """
    items = json.loads(ruleset)["nftables"]
    counters = {one["counter"]["name"]: int(one["counter"]["packets"]) for one in items if "counter" in one}
    if not set(COUNTERS) <= set(counters):
        raise Problem(
            "The firewall's rules count nothing, because they are older than this program. Run signer.yml, or on the"
            " image signer-init, which write them anew"
        )
    elements: list[str] = []
    for one in items:
        if one.get("set", {}).get("name") in SETS:
            elements += [_address(element) for element in one["set"].get("elem", [])]
    return Counted(counters["provider"], counters["strangers"], tuple(sorted(elements))[:MOST_NAMED])


def _address(element: t.Any) -> str:
    """Return an element of a set of addresses; one with a time has that around it."""
    return str(element["elem"]["val"] if isinstance(element, dict) else element)


def ask_firewall() -> Counted:
    """Return what the firewall has counted.

    Raises:
        Problem: there is no such table.
    """
    done = subprocess.run(
        ["nft", "--json", "list", "table", *TABLE], check=False, capture_output=True, text=True, timeout=SENT_SECONDS
    )
    if done.returncode:
        raise Problem(
            "The signer's firewall is not in force, so that nothing is counted. If you have a firewall of your own"
            f" (signer_firewall: false), it has to count; else see journalctl --unit nftables: {done.stderr.strip()}"
        )
    return counted(done.stdout)


# --- conclusions


def look(seen: Seen, now: Counted, at: float, settings: Settings) -> tuple[Seen, list[Notice]]:
    """Return what is known after one more look, and what is to be told."""
    # Rules that were loaded anew count from 0.
    fresh = now.provider < seen.counted[0] or now.strangers < seen.counted[1]
    provider, strangers = (
        value - (0 if fresh else before)
        for value, before in zip((now.provider, now.strangers), seen.counted, strict=True)
    )
    was_silent = seen.silence_told
    after = replace(
        seen,
        at=at,
        asked=at if provider else seen.asked,
        provider=seen.provider + provider,
        strangers=seen.strangers + strangers,
        tried=at if strangers else seen.tried,
        addresses=now.addresses or seen.addresses,
        counted=(now.provider, now.strangers),
    )
    told = []
    if provider and was_silent:
        after = replace(after, silence_told=False)
        told.append(Notice("asked_again", f"The provider asks this signer again, since {moment(at)}."))
    elif is_silent(after, at, settings) and not was_silent:
        after = replace(after, silence_told=True)
        told.append(Notice("silence", silence(after, at)))
    if strangers and at >= seen.strangers_told + AGAIN_SECONDS:
        after = replace(after, strangers_told=at)
        told.append(Notice("strangers", refused(after)))
    return after, told


def is_silent(seen: Seen, at: float, settings: Settings) -> bool:
    """Return whether nobody has asked for longer than the tenant finds normal."""
    return bool(settings.silence_hours) and at - (seen.asked or seen.since) >= settings.silence_hours * HOUR_SECONDS


def silence(seen: Seen, at: float) -> str:
    """Return a sentence about the time since the last request."""
    hours = round((at - (seen.asked or seen.since)) / HOUR_SECONDS)
    since = f"since {moment(seen.asked)}" if seen.asked else f"since this was first looked at, {moment(seen.since)}"
    return (
        f"The provider has asked this signer for nothing {since}, {hours} hours ago. Its node does not run, or does not"
        " reach this machine. Your channels are not in use meanwhile. Ask your provider."
    )


def refused(seen: Seen) -> str:
    """Return a sentence about the attempts of others."""
    named = f", the last from {', '.join(seen.addresses)}" if seen.addresses else ""
    return (
        f"{seen.strangers} attempts to reach lnd from addresses that are not in the kit were refused since"
        f" {moment(seen.since)}{named}. If one of them is your provider's new address, ask for a new kit."
    )


def words(seen: Seen, at: float, settings: Settings) -> list[str]:
    """Return what is known, in sentences for the tenant."""
    if not seen.at:
        return ["Nothing is known yet: the first look comes within minutes of the start (signer-activity.timer)."]
    asks = (
        silence(seen, at)
        if is_silent(seen, at, settings)
        else f"The provider last asked this signer at {moment(seen.asked)}: {seen.provider} packets since"
        f" {moment(seen.since)}."
        if seen.asked
        else f"The provider has not asked this signer yet, since {moment(seen.since)}."
    )
    others = refused(seen) if seen.strangers else f"Nobody else has tried to reach lnd since {moment(seen.since)}."
    return [asks, others, f"Last look at {moment(seen.at)}."]


def metrics(seen: Seen) -> str:
    """Return what is known in Prometheus' format."""
    figures = (
        ("last_request_timestamp_seconds", "gauge", "Last look at which the provider had asked; 0: never", seen.asked),
        ("provider_packets_total", "counter", "Packets from the provider to lnd's port", seen.provider),
        ("refused_total", "counter", "Attempts of others to reach lnd's port", seen.strangers),
        ("last_look_timestamp_seconds", "gauge", "Last look at the counters", seen.at),
    )
    return "".join(
        f"# HELP signer_{name} {text}\n# TYPE signer_{name} {kind}\nsigner_{name} {value:.0f}\n"
        for name, kind, text, value in figures
    )


def moment(seconds: float) -> str:
    """Return a time as people read it, UTC."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


# --- files


def read_settings(path: str = CONFIGURATION) -> Settings:
    """Return the settings; those by default if there is no file."""
    try:
        return Settings(**json.loads(Path(path).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Settings()


def read_seen(path: str = STATE) -> Seen | None:
    """Return what was seen; None before the first look, and if a power cut has left half of it."""
    try:
        kept = json.loads(Path(path).read_text(encoding="utf-8"))
        return Seen(**{**kept, "addresses": tuple(kept["addresses"]), "counted": tuple(kept["counted"])})
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def write(path: str, text: str, mode: int) -> None:
    """Write a file, all of it or nothing."""
    scratch = f"{path}.new"
    with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(scratch, path)


# --- warnings


def send_mail(address: str, told: t.Sequence[Notice]) -> None:
    """Hand a mail over to the machine's own mail system.

    Raises:
        Problem: it is not taken.
    """
    message = email.message.EmailMessage()
    message["To"], message["Subject"] = address, f"Signer: {', '.join(one.name for one in told)}"
    message.set_content("\n\n".join(one.text for one in told) + "\n")
    try:
        subprocess.run(
            ["/usr/sbin/sendmail", "-i", "--", address],
            input=message.as_bytes(),
            check=True,
            capture_output=True,
            timeout=SENT_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Problem(
            f"A warning could not be mailed: {error}. signer_activity_mail needs a mail system (/usr/sbin/sendmail),"
            " and signer_egress has to let it out"
        ) from error


def send_webhook(url: str, told: t.Sequence[Notice]) -> None:
    """Post the warnings as JSON: a list of objects with name and text. A redirection is not followed.

    Raises:
        Problem: it is not taken. The message does not have the URL, which may contain a secret.
    """
    parts = urllib.parse.urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=SENT_SECONDS)
    path = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
    try:
        connection.request(
            "POST", path, json.dumps([one._asdict() for one in told]), {"Content-Type": "application/json"}
        )
        status = connection.getresponse().status
        reason = "" if status in range(200, 300) else f"status {status}"
    except (OSError, http.client.HTTPException) as error:
        reason = type(error).__name__
    finally:
        connection.close()
    if reason:
        raise Problem(
            f"A warning could not be sent to {parts.hostname}: {reason}. signer_egress has to let it out, by an address"
        )


def send(settings: Settings, told: t.Sequence[Notice]) -> None:
    """Send warnings in every way that the tenant wants.

    Raises:
        Problem: one of them does not work; the others were tried.
    """
    problems = []
    ways: list[t.Callable[[], None]] = []
    if settings.mail:
        ways.append(lambda: send_mail(settings.mail, told))
    if settings.webhook_file:
        ways.append(lambda: send_webhook(Path(settings.webhook_file).read_text(encoding="utf-8").strip(), told))
    for way in ways:
        try:
            way()
        except Problem as problem:
            problems.append(str(problem))
    if problems:
        raise Problem("; ".join(problems))


# --- commands


def watch(settings: Settings) -> None:
    """Look once, keep it, and tell what is to be told.

    Raises:
        Problem: it could not look, or not tell. What could not be told is told at the next look.
    """
    now = time.time()
    before = read_seen() or Seen(since=now)
    after, told = look(before, ask_firewall(), now, settings)
    for one in told:
        print(one.text, flush=True)
    if settings.metrics_file:
        write(settings.metrics_file, metrics(after), 0o644)
    try:
        if told:
            send(settings, told)
    except Problem:
        after = replace(after, silence_told=before.silence_told, strangers_told=before.strangers_told)
        raise
    finally:
        write(STATE, json.dumps(asdict(after)), 0o600)


def main() -> int:
    """Run the command that is asked for."""
    parser = argparse.ArgumentParser(
        prog="signer-activity", description="Who asks this signer, and since when nobody has."
    )
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="for programs")
    shape.add_argument("--watch", action="store_true", help="for the unit: look, keep, warn")
    arguments = parser.parse_args()
    if os.geteuid():
        print("This needs root. Run it with sudo.", file=sys.stderr)
        return 1
    try:
        settings = read_settings()
        if arguments.watch:
            watch(settings)
            return 0
        seen, now = read_seen() or Seen(since=time.time()), time.time()
        if arguments.json:
            print(json.dumps({**asdict(seen), "silent": is_silent(seen, now, settings)}))
        else:
            print("\n".join(words(seen, now, settings)))
    except Problem as problem:
        print(f"signer-activity: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
