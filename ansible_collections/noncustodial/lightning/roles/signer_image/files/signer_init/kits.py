# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kit, before anything is done with it: whether it is for this signer."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import agreement, document, kit, versions
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import InvalidInput, Missing, Refused
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.files import read_file

from .host import Machine
from .place import Place
from .settings import Image
from .terminal import Terminal

Kit = t.Mapping[str, t.Any]

_HOW = "Save the file that your provider gave you as /etc/signer/kit.json, or say where it is: signer-init --kit FILE"


def read(place: Place, image: Image, path: Path | None = None) -> Kit:
    """The kit, if it is one for this signer. Nothing is changed.

    Raises:
        Missing: there is none.
        InvalidInput: it is not a kit.
        Refused: it is for another network or lnd.
    """
    source = path or place.kit
    try:
        found = kit.read(str(source))
    except Missing as error:
        raise Missing(f"There is no kit yet ({source})", _HOW) from error
    check_version(found, image)
    _check_network(found, place)
    return found


_CURES = agreement.Cures(
    tenant="Ask your provider for your own kit, or take another machine for the other tenant",
    widest="Ask your provider for the addresses that dial. If so many are meant, say the prefix length of the widest: signer-init --kit-widest N",
    fingerprint=(
        "Compare it with the one that your provider has, by the way by which your signing key goes, such as a call, and not by the one by which the kit "
        "came. If they are the same: signer-init --kit-fingerprint FINGERPRINT, or run it over ssh -t and type it"
    ),
)


def check_agreed(host: Machine, found: Kit, said: agreement.Agreement, widest: int, *others: agreement.Agreement) -> None:
    """Refuse a kit that is not the tenant's, lets in too many, or was not compared with the provider.

    Args:
        host: the machine, which may remember what was agreed.
        found: the kit.
        said: what the tenant says now.
        widest: prefix length of the widest network that is let in.
        others: what stands elsewhere.

    Raises:
        Unconfirmed: it was not compared.
        Refused: it is another tenant's, or lets in too many.
    """
    agreement.check(found, said, [agreement.remembered(str(host.place.desk)), host.offered_agreement(), *others], widest, _CURES)


def compare(terminal: Terminal, found: Kit) -> None:
    """Have the tenant type the fingerprint that the provider says.

    Raises:
        Stopped: the tenant does not.
    """
    terminal.say(f"The kit is for {found['tenant']} on {found['network']}.")
    terminal.say(f"  It lets in    {', '.join(found['provider_addresses'])}")
    terminal.say(f"  fingerprint   {kit.fingerprint(found)}")
    terminal.say(
        "Whoever sent it could have altered it. Have your provider say the fingerprint by another way than the one by which the kit came, such as"
    )
    terminal.say(
        "the call in which you say yours of the key for bundles. If it differs, stop: another one would read your bundle, or dial your signer."
    )
    while not kit.is_fingerprint(terminal.ask("  the fingerprint that your provider says (q stops): "), found):
        terminal.say("  That is not the fingerprint of this kit: it was mistyped, or the kit is not your provider's.")


def text(found: Kit) -> bytes:
    """The kit as it is kept: what was compared, and not what its file holds a moment later."""
    return json.dumps(found, indent=4).encode() + b"\n"


def check_version(found: Kit, image: Image) -> None:
    """A signer is never older than its node."""
    if versions.parse(image.lnd_version) < versions.parse(found["lnd_version"]):
        raise Refused(
            f"The kit is for lnd {found['lnd_version']}, and this image has {image.lnd_version}, which is older. Nothing was changed",
            "Ask your provider for its present image, and start from that one",
        )


def _check_network(found: Kit, place: Place) -> None:
    others = [network for network in place.networks() if network != found["network"]]
    if others:
        raise Refused(
            f"The kit is for {found['network']}, and this signer's wallet is on {others[0]}. Nothing was changed",
            f"Ask your provider for a kit for {others[0]}, or take another machine for {found['network']}",
        )


def outside(place: Place) -> Kit:
    """The open part of the bundle; empty if there is none yet."""
    if not place.bundle.exists():
        return {}
    try:
        found = document.read(read_file(str(place.bundle), "the bundle"))
    except InvalidInput:
        # Cut or altered: it will be written anew.
        return {}
    return {name: value for name, value in found.items() if name != "encrypted"} if isinstance(found, dict) else {}
