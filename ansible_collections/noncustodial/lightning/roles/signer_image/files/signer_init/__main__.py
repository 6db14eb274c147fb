# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""signer-init, signer-status, signer-revoke and signer-upgrade, the commands of a signer's image."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import resource
import sys
import textwrap
import typing as t
from dataclasses import asdict, fields
from pathlib import Path

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import agreement
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import LightningError, Refused

from . import move, revoke_command, status, steps, upgrade_command
from .container import Container, supervise
from .host import Machine
from .place import Place
from .settings import NO_TPM_SENTENCE, Settings
from .terminal import Stopped

_WIDTH_COLUMNS = 100


def main(argv: list[str], host: Machine | None = None) -> int:
    """Run one of the commands, and return its exit status: 0 it is done, 1 it is not, 3 the tenant has stopped."""
    arguments = _parser().parse_args(argv)
    # Seed and keys in memory stay out of core files. An lnd that is started from here, in a container, inherits that.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    host = host or (Container() if Container.is_this() else Machine(Place()))
    try:
        if arguments.command == "serve":
            return supervise(host.place)
        host.check_user()
        return _COMMANDS[arguments.command](host, arguments)
    except (Stopped, KeyboardInterrupt):
        print(f"\nStopped. Nothing is lost: signer-{arguments.command} continues where it stopped.", file=sys.stderr)
        return 3
    except LightningError as error:
        print(_filled(str(error)), file=sys.stderr)
        return 1


def _filled(text: str, first: str = "", others: str = "") -> str:
    """Return a text in lines. Options of a command and the fingerprint of a kit have hyphens, and are not broken at
    them.
    """
    return textwrap.fill(text, _WIDTH_COLUMNS, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="signer", description="A Lightning signer: keys for a node that a provider runs."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    init = commands.add_parser(
        "init",
        prog="signer-init",
        description=(
            "From the first login to the bundle for the provider. It can be stopped at any moment, and continues"
            " when it is run again."
        ),
    )
    init.add_argument(
        "--kit",
        type=Path,
        metavar="FILE",
        help="the kit that your provider gave you, if it is not /etc/signer/kit.json",
    )
    init.add_argument(
        "--kit-fingerprint",
        metavar="FINGERPRINT",
        default="",
        help=(
            "of the kit, as your provider states it over another channel than that of the kit; without it, you are"
            " asked for it"
        ),
    )
    init.add_argument(
        "--tenant", metavar="NAME", default="", help="your name as a tenant; a kit for another one is refused"
    )
    init.add_argument(
        "--kit-widest",
        type=int,
        metavar="N",
        help="prefix length of the widest network that the kit may let in; by default 24",
    )
    init.add_argument("--address", metavar="NAME", help="name or address by which the provider dials this machine")
    init.add_argument("--port", type=int, help="port by which it dials, if something forwards another one than 10009")
    init.add_argument(
        "--admin",
        dest="admin_addresses",
        action="append",
        metavar="NETWORK",
        help="network from which ssh is open; may be repeated; by default all of IPv4, and of IPv6 if --address is one",
    )
    seeds = init.add_mutually_exclusive_group()
    seeds.add_argument(
        "--seed-recipient",
        metavar="KEY",
        help="encrypt the seed to this age key (age1…) or ssh-ed25519 key; nothing is shown",
    )
    seeds.add_argument("--bring-seed", action="store_true", help="use a seed that you have, in place of a new one")
    init.add_argument("--close-address", metavar="ADDRESS", help="SegWit address for the coins of closed channels")
    init.add_argument(
        "--root-key-id",
        type=int,
        metavar="N",
        help="number of the provider's grant; another one after you have revoked it",
    )
    init.add_argument(
        "--without-tpm", metavar="SENTENCE", help=f"do without a TPM, in these words: '{NO_TPM_SENTENCE}'"
    )
    show = commands.add_parser(
        "status", prog="signer-status", description="What is done, and what is next. Ends with 0 if nothing is missing."
    )
    show.add_argument("--json", action="store_true", help="for programs")
    revoke_command.add(commands)
    upgrade_command.add(commands)
    commands.add_parser(
        "serve", prog="signer-container", description="Runs lnd in a container, once signer-init has configured it."
    )
    return parser


def _init(host: Machine, arguments: argparse.Namespace) -> int:
    settings = {field.name: getattr(arguments, field.name, None) for field in fields(Settings)}
    with _alone(host.place):
        move.check(host)
        statement = agreement.Agreement(arguments.tenant, arguments.kit_fingerprint)
        request = steps.Request(
            kit_file=arguments.kit, bring_seed=arguments.bring_seed, settings=settings, statement=statement
        )
        bundle = steps.run(host, request, lambda text: print(text, flush=True))
    print(_ready_text(host, bundle))
    return 0


@contextlib.contextmanager
def _alone(place: Place) -> t.Iterator[None]:
    """Hold the lock by which only one run goes on at a time.

    Raises:
        Refused: another run goes on, or this is no signer's image.
    """
    try:
        file = place.image.open("rb")
    except FileNotFoundError as error:
        raise Refused(
            "This machine was not started from a signer's image", "Start from the image of your provider"
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused(
                "Another signer-init or signer-upgrade is at work on this machine",
                "Continue there, or end it first; one whose ssh connection was lost ends within six minutes",
            ) from error
        yield


def _ready_text(host: Machine, bundle: t.Mapping[str, t.Any]) -> str:
    place = host.place
    public = place.signing_key.with_suffix(".pub").read_text().strip()
    seed = (
        f"""
Fetch your encrypted seed and keep it, with its key elsewhere:
  {host.fetching(place.encrypted_seed)} > seed.age
"""
        if place.encrypted_seed.exists()
        else ""
    )
    return f"""
This signer is ready. From now on it starts and unlocks without you.

  node     {bundle["node_id"]}
  bundle   {place.bundle}, to be taken up until {bundle["expires"]}
{seed}
Send two things to your provider:

1. Once, over a channel that it can trust, such as a call: your key for bundles, with which it checks your bundles:
  {public}
2. The bundle. It is encrypted to the provider and signed with that key, so any channel will do:
  {host.fetching(place.bundle)} > bundle.json

If a firewall or a cloud's security group stands before this machine, open port 10009 there to the provider's addresses
in the kit, and to nobody else. signer-status shows the state at any time."""


def _revoke(host: Machine, arguments: argparse.Namespace) -> int:
    # Not held up by a signer-init that waits for somebody; of two revocations one is refused.
    revoke_command.run(host, arguments)
    return 0


def _upgrade(host: Machine, arguments: argparse.Namespace) -> int:
    with _alone(host.place):
        upgrade_command.run(host, arguments)
    return 0


def _status(host: Machine, arguments: argparse.Namespace) -> int:
    signer = status.read(host)
    its_steps, following = status.steps(signer), status.following(signer)
    done = all(step.done for step in its_steps)
    if arguments.json:
        print(
            json.dumps(
                {
                    "done": done,
                    "next": following,
                    "state": signer.state,
                    "node_id": signer.node_id,
                    "steps": [asdict(one) for one in its_steps],
                }
            )
        )
    else:
        print(f"Signer, image {signer.image.version}, lnd {signer.image.lnd_version}\n")
        for step in its_steps:
            print(_filled(f"{step.name:<9} {step.text}", "  [x] " if step.done else "  [ ] ", " " * 16))
        print("\n" + _filled(f"Next: {following}"))
    return 0 if done else 1


_COMMANDS: t.Mapping[str, t.Callable[[Machine, argparse.Namespace], int]] = {
    "init": _init,
    "revoke": _revoke,
    "status": _status,
    "upgrade": _upgrade,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
