# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done and what is next, told from what is on the disk and what lnd says. Nothing is changed."""

from __future__ import annotations

import typing as t
from contextlib import closing
from dataclasses import dataclass

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import agreement, baking, certificate, document, state
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import InvalidInput, LndError, Missing
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.kit import fingerprint

from . import handover, kits, node, pending
from .host import Machine
from .place import Place
from .settings import Image, Settings, read_image, read_settings

NONE, UNDER_WAY, CONFIRMED, FOREIGN = "none", "under_way", "confirmed", "foreign"
"""What there is of a seed that is on its way to its owner; a foreign one was sealed by another machine."""


# Bytes: well below what signer-init asks for, so that a disk that was large enough for it does not alarm at once.
_LOW_BYTES = 64 << 20


@dataclass(frozen=True)
class Found:
    """What was found.

    Attributes:
        image: what it is.
        chosen: the settings.
        kit: if it is there, for this signer, and was compared with the provider.
        kit_fault: why not, empty if it is only missing.
        sealed: how the wallet's password is kept; empty if it could not be.
        free: bytes on the disk that lnd can still write.
        has_firewall: whether the signer closes itself to others.
        closed: whether the firewall knows the kit.
        seed: one of NONE, UNDER_WAY, CONFIRMED, FOREIGN.
        wallet: whether lnd has a wallet, whole or not.
        had_wallet: whether there has been one.
        state: lnd's, or empty if it does not answer.
        silence: why it does not answer.
        node_id: of the wallet, once lnd serves.
        version: of the lnd that runs.
        certificate_ends: the day.
        bundle: its open part, empty if there is none.
        standing: how it stands with the grant, one of baking's; empty as long as lnd does not serve.
        root_key_id: of the grant, as it is or is to be.
        older: root keys of other grants, which are good too.
        fetching: the command that gets it.
        journal: the command that shows what lnd says.
        upgrade: how far the signer has gone from one machine to another; empty if it has not.
    """

    image: Image
    chosen: Settings
    kit: kits.Kit | None = None
    kit_fault: str = ""
    sealed: str = ""
    free: int = _LOW_BYTES
    has_firewall: bool = True
    closed: bool = False
    seed: str = NONE
    wallet: bool = False
    had_wallet: bool = False
    state: str = ""
    silence: str = ""
    node_id: str = ""
    version: str = ""
    certificate_ends: str = ""
    bundle: t.Mapping[str, t.Any] | None = None
    standing: str = ""
    root_key_id: int = 1
    older: t.Sequence[int] = ()
    fetching: str = ""
    journal: str = ""
    upgrade: str = ""


@dataclass(frozen=True)
class Step:
    """One step on the way.

    Attributes:
        name: of it.
        done: whether it is.
        text: what there is to say.
    """

    name: str
    done: bool
    text: str


# --- read


def read(host: Machine) -> Found:
    """Look at everything.

    Raises:
        InvalidInput: this is no signer's image, or its settings cannot be read.
    """
    place = host.place
    image, chosen = read_image(place), read_settings(place)
    kit, fault = _kit(host, image, chosen)
    networks = place.networks()
    network = networks[0] if networks else kit["network"] if kit else "mainnet"
    known: dict[str, t.Any] = {
        "image": image,
        "chosen": chosen,
        "kit": kit,
        "kit_fault": fault,
        "sealed": _sealed(host, chosen),
        "free": host.free(),
        "has_firewall": host.has_firewall,
        "fetching": host.fetching(place.bundle),
        "journal": host.journal,
        "closed": place.lnd_conf.exists(),
        "seed": _seed(host),
        "wallet": bool(networks),
        "had_wallet": place.birthday.exists(),
        "bundle": kits.outside(place),
        "upgrade": upgrade(host),
    }
    return Found(**known, **_lnd(host, network, chosen))


WAITING = "waiting"
"""Of a new machine: it has shown its one-time key. What a record says comes after that."""


def upgrade(host: Machine) -> str:
    """How far the signer has gone from one machine to another: WAITING, a state of handover's, or empty."""
    record = handover.read(host.place)
    return record.state if record else WAITING if host.place.one_time_key.exists() else ""


def _kit(host: Machine, image: Image, chosen: Settings) -> tuple[kits.Kit | None, str]:
    try:
        found = kits.read(host.place, image, None if host.place.kit.exists() else host.offered_kit())
        kits.check_agreed(host, found, agreement.Agreement(), chosen.kit_widest)
        return found, ""
    except Missing:
        return None, ""
    except LndError as error:
        return None, str(error)


def _seed(host: Machine) -> str:
    try:
        found = pending.read(host)
    except InvalidInput:
        return FOREIGN
    return NONE if found is None else CONFIRMED if found.confirmed else UNDER_WAY


def _sealed(host: Machine, chosen: Settings) -> str:
    if not host.keeps_passwords:
        return "by a password from outside this container"
    if chosen.without_tpm:
        return "sealed by a file on this disk, as you have accepted"
    return "sealed by this machine's TPM" if host.has_tpm() else ""


def _lnd(host: Machine, network: str, chosen: Settings) -> dict[str, t.Any]:
    """What lnd says, in as far as it runs and serves."""
    place = host.place
    if not place.certificate.exists():
        return {"silence": "it has not been started yet"}
    if not host.active():
        return {"silence": f"it is down, see {host.journal}"}
    try:
        with closing(node.connect(place, network, macaroon=False)) as client:
            now = state.read_state(client)
        found: dict[str, t.Any] = {"state": now, "certificate_ends": f"{_ends(place):%Y-%m-%d}"}
        if state.reached(now, "RPC_ACTIVE"):
            with closing(node.connect(place, network)) as client:
                info = client.call("lnrpc.Lightning/GetInfo")
                ids = client.call("lnrpc.Lightning/ListMacaroonIDs").root_key_ids
            found |= {"node_id": info.identity_pubkey, "version": info.version.partition(" ")[0]}
            wanted = node.granted(place, chosen)
            present = baking.read_kept(wanted, frozenset(ids))
            found |= {"standing": baking.standing(wanted, present), "older": baking.others(wanted, present)}
            found |= {"root_key_id": baking.newest(wanted, present).root_key_id}
    except LndError as error:
        return {"silence": str(error)}
    return found


def _ends(place: Place) -> t.Any:
    return max(one.ends for one in certificate.read(place.certificate.read_text()))


# --- tell


def steps(found: Found) -> list[Step]:
    """The way from the first login to a signer that needs nothing more."""
    kit = found.kit
    serves = bool(found.node_id)
    return [
        Step(
            "kit",
            kit is not None,
            f"{kit['tenant']} on {kit['network']}, fingerprint {fingerprint(kit)}" if kit else found.kit_fault or "not there yet",
        ),
        Step(
            "address",
            bool(found.chosen.address),
            f"{found.chosen.address}:{found.chosen.port}" if found.chosen.address else "not chosen yet",
        ),
        Step("keys", bool(found.sealed), found.sealed or "there is no TPM to seal them to"),
        _disk(found),
        *([_firewall(found)] if found.has_firewall else []),
        Step(
            "seed",
            found.seed == NONE and found.wallet,
            _SEED[found.seed] if found.seed != NONE else "yours alone" if found.wallet else "none yet",
        ),
        Step("lnd", serves, f"{found.version}, node {found.node_id}" if serves else found.silence or f"its state is {found.state}"),
        Step("bundle", bool(found.bundle) and found.standing not in (baking.REVOKED, baking.DUE), _bundle(found)),
    ]


_SEED = {
    UNDER_WAY: "on its way to you: it was shown, or is about to be, and is not confirmed",
    CONFIRMED: "you have confirmed it; its wallet is not there yet",
    FOREIGN: "sealed by another machine: this is a copy of a disk",
}


def _disk(found: Found) -> Step:
    text = f"{found.free >> 20} MiB are free"
    if found.free >= _LOW_BYTES:
        return Step("disk", True, text)
    # Signing writes nothing. lnd writes a backup of its channels, of which a signer has none, when it starts.
    return Step("disk", False, f"only {text}: lnd signs as long as it runs, and may not start again")


def _firewall(found: Found) -> Step:
    if found.closed and found.kit:
        provider = f"for the provider {', '.join(found.kit['provider_addresses'])}{'' if found.wallet and found.seed == NONE else ' once there is a wallet'}"
        return Step("firewall", True, f"{provider}; for ssh {', '.join(found.chosen.admin_addresses)}")
    return Step("firewall", found.closed, "ssh alone is open")


def _bundle(found: Found) -> str:
    if found.standing == baking.REVOKED:
        return "you have revoked the grant that it holds"
    if found.bundle and found.standing == baking.DUE:
        return f"the grant {found.root_key_id}, which it is to hold, is not made yet"
    if not found.bundle:
        return "not written yet"
    # Of a grant that was made while an earlier one was good.
    further = (
        f"; what was granted under root key {', '.join(map(str, found.older))} is good too, until you revoke it" if found.older else ""
    )
    return f"for the provider to take up until {found.bundle['expires']}{further}"


_UPGRADE = {
    WAITING: "Bring the package of the old machine: signer-upgrade take < package",
    handover.TAKING: "A signer is being handed over to this machine; go on: signer-upgrade take < package",
    handover.SENT: "This signer was handed over, and lnd stays stopped. With the receipt of the new machine: signer-upgrade retire RECEIPT",
    handover.RETIRED: "This signer is on another machine now. End this one",
}


def following(found: Found) -> str:
    """What is to be done next."""
    if found.upgrade in _UPGRADE:
        return _UPGRADE[found.upgrade]
    if found.kit is None:
        return found.kit_fault or "Bring the kit that your provider gave you: signer-init --kit FILE"
    if found.seed == FOREIGN:
        return "Start anew from the image, and bring your seed: signer-init --bring-seed"
    if found.standing == baking.REVOKED:
        return f"Nothing, if that is as you want it; otherwise: signer-init --root-key-id {found.root_key_id + 1}"
    if found.free < _LOW_BYTES:
        return f"Make room on this machine's disk, or give it a larger one; {'lnd then starts by itself' if found.wallet else 'then run signer-init'}"
    if found.wallet and found.seed == NONE and not found.node_id:
        return f"See why lnd does not serve: {found.journal}"
    if not found.wallet and found.seed == NONE and found.had_wallet:
        return "The wallet is gone. Bring the seed that you wrote down: signer-init --bring-seed"
    if not all(step.done for step in steps(found)):
        return "Run signer-init; it goes on where it was"
    if document.date(t.cast("t.Mapping[str, str]", found.bundle)["expires"]) <= document.now():
        return "Nothing if your provider has taken the bundle up; otherwise signer-init writes a new one"
    return f"Give the bundle to your provider, if it does not have it: {found.fetching}"
