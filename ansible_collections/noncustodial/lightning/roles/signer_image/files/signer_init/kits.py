# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the kit before it is used: whether it is for this signer, and agreed with the provider."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import agreement, kit
from ansible_collections.noncustodial.lightning.plugins.module_utils._core import document
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput, Missing
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.files import read_file
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.printable import printable

from .host import Machine
from .place import Place
from .settings import Image
from .terminal import Terminal

Kit = t.Mapping[str, t.Any]

_KIT_CURE = "Save the file that your provider gave you as /etc/signer/kit.json, or name it: signer-init --kit FILE"


def read(place: Place, image: Image, path: Path | None = None) -> Kit:
    """Return the kit, if it is for this signer. Nothing is changed.

    Raises:
        Missing: there is none.
        InvalidInput: the file is not a kit.
        Refused: it is for another network, or for a newer lnd.
    """
    source = path or place.kit
    try:
        content = kit.read(str(source))
    except Missing as error:
        raise Missing(f"There is no kit yet ({source})", _KIT_CURE) from error
    check_version(content, image)
    kit.check_no_tunnel(content, "this image", f"Use a machine with Debian, or {kit.NO_TUNNEL_CURE}")
    _check_network(content, place)
    return content


_CURES = agreement.Cures(
    tenant="take another machine for the other tenant",
    widest="set the prefix length of the widest: signer-init --kit-widest N",
    fingerprint="run signer-init --kit-fingerprint FINGERPRINT, or run it over ssh -t and type the fingerprint",
)


def check_agreed(
    host: Machine, content: Kit, statement: agreement.Agreement, widest: int, *others: agreement.Agreement
) -> None:
    """Refuse a kit that is not the tenant's, lets in too many, or was not compared with the provider.

    Args:
        host: the machine, which may have a record of what was agreed.
        content: the kit.
        statement: the agreement that the tenant states now.
        widest: prefix length of the widest network that may be let in.
        others: agreements recorded elsewhere.

    Raises:
        Unconfirmed: it was not compared.
        Refused: it is another tenant's, or lets in too many addresses.
    """
    agreement.check(
        content,
        statement,
        [agreement.remembered(str(host.place.desk)), host.offered_agreement(), *others],
        widest,
        _CURES,
    )


def compare(terminal: Terminal, content: Kit, before: str) -> None:
    """Ask the tenant to type the fingerprint that the provider has stated, until it is that of the kit.

    Args:
        terminal: the tenant's terminal.
        content: the kit.
        before: the fingerprint of the kit that was compared before, or empty.

    Raises:
        Stopped: the tenant has stopped.
    """
    terminal.say(f"The kit is for {content['tenant']} on {content['network']}.")
    terminal.say(f"  It lets in    {', '.join(content['provider_addresses'])}")
    terminal.say(f"  fingerprint   {kit.fingerprint(content)}")
    if before:
        terminal.say(
            f"It is another kit than the one that was compared before, which has the fingerprint {printable(before)}."
        )
    terminal.say(
        "Whoever sent it could have altered it. Ask your provider for the fingerprint over another channel than that"
        " of the kit, such as"
    )
    terminal.say(
        "the call in which you read out that of your key for bundles. If it differs, stop: somebody else would read"
        " your"
        " bundle, or dial your signer."
    )
    while not kit.is_fingerprint(terminal.ask("  your provider's fingerprint (q stops): "), content):
        terminal.say("  That is not the fingerprint of this kit: it was mistyped, or the kit is not your provider's.")


def text(content: Kit) -> str:
    """Return the text in which the kit is stored: the compared content, and not what its file holds a moment later."""
    return json.dumps(content, indent=4) + "\n"


def check_version(content: Kit, image: Image) -> None:
    """Refuse a kit whose lnd is newer than this image's."""
    kit.check_lnd_version(
        content, image.lnd_version, "Ask your provider for its present image, and start from that one"
    )


def _check_network(content: Kit, place: Place) -> None:
    for network in place.networks():
        cure = f"Ask your provider for a kit for {network}, or take another machine for {content['network']}"
        kit.check_network(content, network, cure)


def outside(place: Place) -> Kit:
    """Return the part of the bundle that is not encrypted; empty if there is no whole bundle."""
    if not place.bundle.exists():
        return {}
    try:
        found = document.read(read_file(str(place.bundle), "the bundle"))
    except InvalidInput:
        # Cut or altered: it will be written anew.
        return {}
    return {name: value for name, value in found.items() if name != "encrypted"} if isinstance(found, dict) else {}
