# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kit, before anything is done with it: whether it is for this signer."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import document, kit, versions
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import InvalidInput, Missing, Refused
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.files import read_file

from .place import Place
from .settings import Image

Kit = t.Mapping[str, t.Any]

_HOW = "Save the file that your provider gave you as /etc/signer/kit.json, or say where it is: signer-init --kit FILE"


def read(place: Place, image: Image, path: Path | None = None) -> Kit:
    """The kit, if it is one for this signer. Nothing is changed.

    Raises:
        Missing: there is none.
        InvalidInput: it is not a kit.
        Refused: it is for another network, tenant or lnd.
    """
    source = path or place.kit
    try:
        found = kit.read(str(source))
    except Missing as error:
        raise Missing(f"There is no kit yet ({source})", _HOW) from error
    check_version(found, image)
    _check_network(found, place)
    _check_tenant(found, place)
    return found


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


def _check_tenant(found: Kit, place: Place) -> None:
    former = outside(place).get("tenant", found["tenant"])
    if former != found["tenant"]:
        raise Refused(
            f"The kit is for the tenant {found['tenant']}, and this signer has written its bundle for {former}. Nothing was changed",
            f"Ask your provider for the kit of {former}, or take another machine for {found['tenant']}",
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
