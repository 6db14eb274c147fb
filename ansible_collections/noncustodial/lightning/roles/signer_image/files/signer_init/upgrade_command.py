# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""signer-upgrade: its subcommands and messages. Output for another program or machine goes to standard output, and most
messages to standard error.
"""

from __future__ import annotations

import argparse
import json
import sys
import typing as t
from pathlib import Path

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput, Refused
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.files import read_file

from . import move, onetime, package, status, upgrade
from .host import Machine
from .move import NOT_TAKEN_SENTENCE, Record
from .settings import NO_TPM_SENTENCE


def add(commands: t.Any) -> None:
    """Add signer-upgrade to the parser's commands."""
    parser = commands.add_parser(
        "upgrade",
        prog="signer-upgrade",
        description=(
            "Hands this signer over to a new machine. Each command may be stopped at any moment, and is then run again."
        ),
    )
    words = parser.add_subparsers(dest="word", required=True)
    receive = words.add_parser(
        "receive", help="on the new machine: show the one-time key to which the old one encrypts"
    )
    receive.add_argument(
        "--without-tpm", default="", metavar="SENTENCE", help=f"do without a TPM, in these words: '{NO_TPM_SENTENCE}'"
    )
    send = words.add_parser("send", help="on the old machine: stop for good, and write the package to standard output")
    send.add_argument("recipient", metavar="KEY", help="what receive has shown on the new machine")
    send.add_argument(
        "--instead",
        action="store_true",
        help="the machine to which an earlier package went is gone, or has declined it",
    )
    take = words.add_parser("take", help="on the new machine: become the signer in the package")
    take.add_argument("file", nargs="?", type=Path, help="the package; standard input if it is not given")
    take.add_argument("--node-id", metavar="ID", help="refuse the package of any other node")
    words.add_parser("decline", help="on the new machine: never take what was sent to it")
    resume = words.add_parser("resume", help="on the old machine: go on there after all")
    resume.add_argument("sentence", nargs="?", metavar="SENTENCE", help=f"'{NOT_TAKEN_SENTENCE}'")
    retire = words.add_parser("retire", help="on the old machine: remove what it still has")
    retire.add_argument("receipt", metavar="RECEIPT", help="what take has shown on the new machine")
    words.add_parser("status", help="how far it is, for programs")


def run(host: Machine, arguments: argparse.Namespace) -> None:
    """Run the given subcommand.

    Raises:
        LightningError, UnitError: it cannot be done; the message names the cure.
    """
    upgrade.check(host)
    _COMMANDS[arguments.word](host, arguments)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _receive(host: Machine, arguments: argparse.Namespace) -> None:
    key = upgrade.receive(host, arguments.without_tpm)
    print(key.recipient)
    _say(f"This machine waits for a signer. On the old one:\n  sudo signer-upgrade send {key.recipient} > package")


def _send(host: Machine, arguments: argparse.Namespace) -> None:
    if sys.stdout.isatty():
        raise Refused(
            "The package would be written to this terminal. Nothing was changed",
            "Redirect it: signer-upgrade send KEY > package",
        )
    record, sealed = upgrade.send(host, arguments.recipient, arguments.instead, _say)
    try:
        sys.stdout.write(sealed)
        sys.stdout.flush()
    except OSError as error:
        raise InvalidInput(
            f"The package could not be written: {error.strerror}. This signer stays stopped", "Run it again"
        ) from error
    _say(f"""
The package of the node {record.node_id} is written. On the new machine:
  sudo signer-upgrade take < package
Until it has taken it, nobody signs. As long as it has not, this machine can go on:
  sudo {move.RESUME_COMMAND}""")


def _take(host: Machine, arguments: argparse.Namespace) -> None:
    record = upgrade.take(host, _package(arguments.file), arguments.node_id, _say)
    print(f"""
This machine is the signer now.

  node     {record.node_id}
  receipt  {record.receipt}

Let your provider reach it as it has reached the old one: move the name or the address to this machine.
If it becomes another one, run signer-init --address NAME, and send the new bundle to your provider; the grant in it
stays the same. Once your node signs, on the old machine:
  sudo signer-upgrade retire {record.receipt}""")


def _package(file: Path | None) -> bytes:
    """Return the given package; refuse one that is larger than any package."""
    if file:
        return read_file(str(file), "the package")
    if sys.stdin.isatty():
        raise Refused(
            "The package is read from standard input, and that is this terminal. Nothing was changed",
            "Run signer-upgrade take < package",
        )
    found = sys.stdin.buffer.read(package.MAX_BYTES + 1)
    if len(found) > package.MAX_BYTES:
        raise InvalidInput(
            f"This is more than {package.MAX_BYTES >> 20} MiB, and no package. Nothing was changed", "See what it is"
        )
    return found


def _decline(host: Machine, _given: argparse.Namespace) -> None:
    upgrade.decline(host)
    print("What was sent to this machine cannot be taken any more. The old one may go on.")


def _resume(host: Machine, arguments: argparse.Namespace) -> None:
    record = upgrade.resume(host, arguments.sentence)
    print("Nothing was moved." if record is None else f"This machine is the signer {record.node_id} again.")


def _retire(host: Machine, arguments: argparse.Namespace) -> None:
    before = upgrade.retire(host, arguments.receipt)
    print("It was removed before." if before else "What this machine had of the signer is removed. End it.")


def _status(host: Machine, _given: argparse.Namespace) -> None:
    record, key = move.read(host.place), onetime.read(host)
    print(json.dumps({"state": status.upgrade(host), "recipient": key.recipient if key else "", **_shown(record)}))


def _shown(record: Record | None) -> dict[str, str]:
    if record is None:
        return {}
    return {"node_id": record.node_id, "receipt": record.receipt, "recipient": record.recipient}


_COMMANDS: t.Mapping[str, t.Callable[[Machine, argparse.Namespace], None]] = {
    "receive": _receive,
    "send": _send,
    "take": _take,
    "decline": _decline,
    "resume": _resume,
    "retire": _retire,
    "status": _status,
}
