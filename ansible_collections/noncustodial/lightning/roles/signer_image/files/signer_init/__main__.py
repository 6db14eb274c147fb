# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""signer-init, signer-status and signer-upgrade, the commands of a signer's image."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import sys
import textwrap
import typing as t
from dataclasses import asdict, fields
from pathlib import Path

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import agreement
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import LndError, Refused
from ansible_collections.noncustodial.lightning.plugins.module_utils._unit import UnitError

from . import handover, status, steps, upgrade_command
from .container import Container, supervise
from .host import Machine
from .place import Place
from .settings import NO_TPM, Settings
from .terminal import Stopped

_WIDTH = 100


def main(arguments: list[str], host: Machine | None = None) -> int:
    """Run one of the commands; gives the exit status: 0 it is done, 1 it is not, 3 the tenant has stopped."""
    given = _parser().parse_args(arguments)
    host = host or (Container() if Container.is_this() else Machine(Place()))
    try:
        if given.command == "serve":
            return supervise(host.place)
        host.check_user()
        return _COMMANDS[given.command](host, given)
    except (Stopped, KeyboardInterrupt):
        print(f"\nStopped. Nothing is lost: signer-{given.command} goes on where it was.", file=sys.stderr)
        return 3
    except (LndError, UnitError) as error:
        print(textwrap.fill(str(error), _WIDTH), file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="signer", description="A Lightning signer: keys for a node that a provider runs.")
    commands = parser.add_subparsers(dest="command", required=True)
    init = commands.add_parser(
        "init",
        prog="signer-init",
        description="From the first login to the bundle for the provider. It may be stopped at any moment, and goes on when it is run again.",
    )
    init.add_argument("--kit", type=Path, metavar="FILE", help="the kit that your provider gave you, if it is not /etc/signer/kit.json")
    init.add_argument(
        "--kit-fingerprint",
        metavar="FINGERPRINT",
        default="",
        help="of the kit, as your provider says it by another way than the one by which the kit came; without it, it is asked for",
    )
    init.add_argument("--tenant", metavar="NAME", default="", help="your name as a tenant; a kit for another one is refused")
    init.add_argument(
        "--kit-widest", type=int, metavar="N", help="prefix length of the widest network that the kit may let in; by default 24"
    )
    init.add_argument("--address", metavar="NAME", help="name or IPv4 address by which the provider dials this machine")
    init.add_argument("--port", type=int, help="port by which it dials, if something forwards another one than 10009")
    init.add_argument(
        "--admin", dest="admin_addresses", action="append", metavar="NETWORK", help="network from which ssh is open; may be repeated"
    )
    seeds = init.add_mutually_exclusive_group()
    seeds.add_argument(
        "--seed-recipient", metavar="KEY", help="encrypt the seed to this age key (age1…) or ssh-ed25519 key; nothing is shown"
    )
    seeds.add_argument("--bring-seed", action="store_true", help="use a seed that you have, in place of a new one")
    init.add_argument("--close-address", metavar="ADDRESS", help="SegWit address for the coins of closed channels")
    init.add_argument("--root-key-id", type=int, metavar="N", help="number of the provider's grant; another one after you have revoked it")
    init.add_argument("--without-tpm", metavar="SENTENCE", help=f"do without a TPM, in these words: '{NO_TPM}'")
    show = commands.add_parser(
        "status", prog="signer-status", description="What is done, and what is next. Ends with 0 if nothing is missing."
    )
    show.add_argument("--json", action="store_true", help="for programs")
    upgrade_command.add(commands)
    commands.add_parser("serve", prog="signer-container", description="Runs lnd in a container, once signer-init has configured it.")
    return parser


def _init(host: Machine, given: argparse.Namespace) -> int:
    chosen = {field.name: getattr(given, field.name, None) for field in fields(Settings)}
    with _alone(host.place):
        handover.check(host)
        said = agreement.Agreement(given.tenant, given.kit_fingerprint)
        found = steps.run(host, steps.Request(given.kit, given.bring_seed, chosen, said), lambda text: print(text, flush=True))
    print(_handing_over(host, found))
    return 0


@contextlib.contextmanager
def _alone(place: Place) -> t.Iterator[None]:
    """One run at a time.

    Raises:
        Refused: another one goes on.
    """
    try:
        file = place.image.open("rb")
    except FileNotFoundError as error:
        raise Refused("This machine was not started from a signer's image", "Start from the image of your provider") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused(
                "Another signer-init or signer-upgrade is at work on this machine",
                "Go on there, or end it first; over ssh, one whose connection was lost ends by itself within six minutes",
            ) from error
        yield


def _handing_over(host: Machine, found: t.Mapping[str, t.Any]) -> str:
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
This signer is ready. It starts and unlocks by itself from now on; there is nothing to look after.

  node     {found["node_id"]}
  bundle   {place.bundle}, to be taken up until {found["expires"]}
{seed}
Two things go to your provider:

1. Once, by a way that it can trust, such as a call: your key for bundles, by which it knows that a bundle is yours:
  {public}
2. The bundle. It is encrypted to the provider and signed with that key, so that any way will do:
  {host.fetching(place.bundle)} > bundle.json

If a firewall or a cloud's security group stands before this machine, open port 10009 there to the provider's addresses
in the kit, and to nobody else. signer-status tells at any time how things stand."""


def _upgrade(host: Machine, given: argparse.Namespace) -> int:
    with _alone(host.place):
        upgrade_command.run(host, given)
    return 0


def _status(host: Machine, given: argparse.Namespace) -> int:
    found = status.read(host)
    told, following = status.steps(found), status.following(found)
    done = all(step.done for step in told)
    if given.json:
        print(
            json.dumps(
                {"done": done, "next": following, "state": found.state, "node_id": found.node_id, "steps": [asdict(one) for one in told]}
            )
        )
    else:
        print(f"Signer, image {found.image.version}, lnd {found.image.lnd_version}\n")
        for step in told:
            print(
                textwrap.fill(
                    f"{step.name:<9} {step.text}", _WIDTH, initial_indent="  [x] " if step.done else "  [ ] ", subsequent_indent=" " * 16
                )
            )
        print("\n" + textwrap.fill(f"Next: {following}", _WIDTH))
    return 0 if done else 1


_COMMANDS: t.Mapping[str, t.Callable[[Machine, argparse.Namespace], int]] = {"init": _init, "status": _status, "upgrade": _upgrade}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
