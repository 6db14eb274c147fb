# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""signer-revoke: the end of every grant, with proof, as the playbook revoke.yml does it on other machines."""

from __future__ import annotations

import argparse
import time
import typing as t
from contextlib import closing

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import agreement
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import Refused
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import revocation

from . import kits, move, node, render
from .host import Machine
from .settings import read_image, read_settings

_CALL_TIMEOUT_SECONDS = 5.0
OPEN_SECONDS = 15.0
"""Seconds for which the provider's requests are still refused by lnd. The grant is worthless already; a node that was
cut off at the same time would take it for an outage of its signer.
"""


def add(commands: t.Any) -> None:
    """Add signer-revoke to the parser's commands."""
    parser = commands.add_parser(
        "revoke",
        prog="signer-revoke",
        description="Ends every grant, proves it, and closes the port. Your node gets no signature from then on.",
    )
    parser.add_argument(
        "--mode",
        required=True,
        choices=revocation.MODES,
        help="orderly first waits until your provider asks for no state of a channel; emergency does not wait",
    )
    parser.add_argument(
        "--confirm", metavar="TENANT", default="", help="your name as a tenant, by which you confirm it"
    )
    parser.add_argument(
        "--quiet-for", type=float, default=10.0, metavar="SECONDS", help="without such a request; by default 10"
    )
    parser.add_argument(
        "--limit", type=float, default=300.0, metavar="SECONDS", help="after which orderly waits no longer; 300"
    )


def run(host: Machine, arguments: argparse.Namespace) -> None:
    """Revoke every grant, print what was measured, and close the port.

    Raises:
        LightningError: there is nothing to revoke, it is not confirmed, or lnd does not answer; the message names what
            was done.
    """
    place = host.place
    tenant, networks = agreement.remembered(str(place.desk)).tenant, place.networks()
    move.check(host)
    if not networks:
        raise Refused("This signer has no wallet yet, so there is no grant. Nothing was changed", "Run signer-init")
    if not tenant or arguments.confirm != tenant:
        raise Refused(
            "This ends every grant of this signer, and its node gets no signature from then on. Nothing was changed",
            f"If that is what you want, add --confirm {tenant or 'TENANT, once signer-init has recorded your name'}",
        )
    desired = revocation.WantedRevocation(
        macaroon_file=str(place.macaroon), mode=arguments.mode, quiet_for=arguments.quiet_for, limit=arguments.limit
    )
    revocation.check(desired)
    try:
        with closing(node.connect(place, networks[0], timeout=_CALL_TIMEOUT_SECONDS)) as client:
            measured = revocation.revoke(client, desired)
    except revocation.NotRevoked:
        raise
    except Exception:
        # Nobody knows what such an lnd signs, or who has granted meanwhile.
        if arguments.mode == revocation.EMERGENCY:
            _shut(host)
        raise
    print("\n".join(measured["report"]), flush=True)
    if not host.has_firewall:
        print("port: a container has no firewall, so it is as it was; lnd refuses whoever comes. Close it in your own")
        return
    time.sleep(OPEN_SECONDS)
    _close(host)
    print("port: closed, also for connections that were open")


def _shut(host: Machine) -> None:
    try:
        host.kill_lnd()
    finally:
        # Also if lnd may still run.
        if host.has_firewall:
            _close(host)
    print(
        "lnd was killed, and nothing starts it again, so that nobody gets a signature; but its grants are not revoked."
        f" To revoke them, start it by {host.restart_command} and run signer-revoke again at once.",
        flush=True,
    )


def _close(host: Machine) -> None:
    place = host.place
    image, settings = read_image(place), read_settings(place)
    kit = kits.read(place, image)
    host.apply_rules(render.rules(place, kit, settings, image, serves=False, revoked=True))
