# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps that are done and the one that is next, according to the disk and to lnd. Nothing is changed."""

from __future__ import annotations

import typing as t
from contextlib import closing
from dataclasses import dataclass

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import agreement
from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle.kit import fingerprint
from ansible_collections.noncustodial.lightning.plugins.module_utils._core import document
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import (
    InvalidInput,
    LightningError,
    Missing,
)
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import state
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import grant
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import macaroon_file

from . import kits, move, node, pending
from .host import Machine
from .place import Place
from .settings import Image, Settings, read_image, read_settings

NONE, UNDER_WAY, CONFIRMED, FOREIGN = "none", "under_way", "confirmed", "foreign"
"""States of a seed that its owner does not have yet; a foreign one was sealed by another machine."""


# Bytes: well below what signer-init requires, so that a disk that was large enough for it does not cause an alarm at
# once.
_LOW_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerStatus:
    """The state of a signer, as it was read.

    Attributes:
        image: the image's description.
        settings: the settings.
        kit: the kit, if it is there, is for this signer, and was compared with the provider; else None.
        kit_fault: the reason for None; empty if the kit is only missing.
        sealed: the way in which the wallet's password is sealed; empty if it cannot be.
        free: bytes on the disk that lnd can still write.
        has_firewall: whether the signer has a firewall of its own.
        closed: whether the firewall has been set up for the kit.
        seed: one of NONE, UNDER_WAY, CONFIRMED, FOREIGN.
        wallet: whether lnd has a wallet, whole or not.
        had_wallet: whether there has been one.
        state: lnd's state, or empty if it does not answer.
        silence: the reason why it does not answer.
        node_id: id of the wallet's node, once lnd serves.
        version: version of the lnd that runs.
        certificate_ends: the day on which the certificate ends.
        bundle: the part of the bundle that is not encrypted; empty if there is none.
        standing: standing of the grant, one of those in macaroon_file; empty as long as lnd does not serve.
        root_key_id: number of the grant, as it is or is to be.
        older: root keys of other grants, which are valid too.
        wider: the flaw of a grant that allows more than a provider needs; None if it does not.
        fetching: the command that gets the bundle.
        journal: the command that shows lnd's log.
        upgrade: state of the signer's move from one machine to another; empty if it has not begun.
    """

    image: Image
    settings: Settings
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
    wider: grant.Flaw | None = None
    fetching: str = ""
    journal: str = ""
    upgrade: str = ""


@dataclass(frozen=True)
class Step:
    """One step of the setup.

    Attributes:
        name: its name.
        done: whether it is done.
        text: the details for the tenant.
    """

    name: str
    done: bool
    text: str


# --- read


def read(host: Machine) -> SignerStatus:
    """Read the state of the signer.

    Raises:
        InvalidInput: this is no signer's image, or its settings cannot be read.
    """
    place = host.place
    image, settings = read_image(place), read_settings(place)
    kit, fault = _kit(host, image, settings)
    networks = place.networks()
    network = networks[0] if networks else kit["network"] if kit else "mainnet"
    known: dict[str, t.Any] = {
        "image": image,
        "settings": settings,
        "kit": kit,
        "kit_fault": fault,
        "sealed": _sealed(host, settings),
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
    return SignerStatus(**known, **_lnd(host, network, settings))


WAITING = "waiting"
"""The state of a new machine that has shown its one-time key. The states of a record come after it."""


def upgrade(host: Machine) -> str:
    """Return the state of the signer's move from one machine to another: WAITING, a state of its record, or empty."""
    record = move.read(host.place)
    return record.state if record else WAITING if host.place.one_time_key.exists() else ""


def _kit(host: Machine, image: Image, settings: Settings) -> tuple[kits.Kit | None, str]:
    try:
        found = kits.read(host.place, image, None if host.place.kit.exists() else host.offered_kit())
        kits.check_agreed(host, found, agreement.Agreement(), settings.kit_widest)
        return found, ""
    except Missing:
        return None, ""
    except LightningError as error:
        return None, str(error)


def _seed(host: Machine) -> str:
    try:
        found = pending.read(host)
    except InvalidInput:
        return FOREIGN
    return NONE if found is None else CONFIRMED if found.confirmed else UNDER_WAY


def _sealed(host: Machine, settings: Settings) -> str:
    if not host.keeps_passwords:
        return "by a password from outside this container"
    if settings.without_tpm:
        return "sealed by a file on this disk, as you have accepted"
    return "sealed by this machine's TPM" if host.has_tpm() else ""


def _lnd(host: Machine, network: str, settings: Settings) -> dict[str, t.Any]:
    """Return the fields of SignerStatus that lnd reports, as far as it runs and serves."""
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
            wanted = node.granted(place, settings)
            present = macaroon_file.read_kept(wanted, frozenset(ids))
            found |= {
                "standing": macaroon_file.standing(wanted, present),
                "older": macaroon_file.others(wanted, present),
            }
            found |= {
                "root_key_id": macaroon_file.newest(wanted, present).root_key_id,
                "wider": wider(found["standing"], present),
            }
    except LightningError as error:
        return {"silence": str(error)}
    return found


def wider(standing: str, present: macaroon_file.MacaroonState) -> grant.Flaw | None:
    """Return the flaw of a valid grant that allows more than is needed; None if it does not."""
    if standing != macaroon_file.LIVE or present.macaroon is None:
        return None
    return next((flaw for flaw in grant.flaws(present.macaroon) if flaw.reason == grant.TOO_WIDE_REASON), None)


def _ends(place: Place) -> t.Any:
    return max(one.ends for one in node.certificates(place))


# --- report


def steps(signer: SignerStatus) -> list[Step]:
    """Return the steps from the first login to a signer that is complete."""
    kit = signer.kit
    serves = bool(signer.node_id)
    return [
        Step(
            "kit",
            kit is not None,
            (
                f"{kit['tenant']} on {kit['network']}, fingerprint {fingerprint(kit)}"
                if kit
                else signer.kit_fault or "not there yet"
            ),
        ),
        Step(
            "address",
            bool(signer.settings.address),
            signer.settings.endpoint if signer.settings.address else "not chosen yet",
        ),
        Step("keys", bool(signer.sealed), signer.sealed or "there is no TPM to seal them to"),
        _disk(signer),
        *([_firewall(signer)] if signer.has_firewall else []),
        Step(
            "seed",
            signer.seed == NONE and signer.wallet,
            _SEED_TEXTS[signer.seed] if signer.seed != NONE else "only you have it" if signer.wallet else "none yet",
        ),
        Step(
            "lnd",
            serves,
            f"{signer.version}, node {signer.node_id}" if serves else signer.silence or f"its state is {signer.state}",
        ),
        Step(
            "bundle",
            bool(signer.bundle)
            and signer.standing not in (macaroon_file.REVOKED, macaroon_file.DUE)
            and not signer.wider,
            _bundle(signer),
        ),
    ]


_SEED_TEXTS = {
    UNDER_WAY: "not confirmed: it was shown to you, or is about to be",
    CONFIRMED: "you have confirmed it; its wallet is not there yet",
    FOREIGN: "sealed by another machine: this is a copy of a disk",
}


def _disk(signer: SignerStatus) -> Step:
    text = f"{signer.free >> 20} MiB are free"
    if signer.free >= _LOW_BYTES:
        return Step("disk", True, text)
    # Signing writes nothing. lnd writes a backup of its channels, of which a signer has none, when it starts.
    return Step("disk", False, f"only {text}: lnd signs as long as it runs, and may not start again")


def _firewall(signer: SignerStatus) -> Step:
    if signer.closed and signer.kit:
        when = "" if signer.wallet and signer.seed == NONE else " once there is a wallet"
        provider = f"for the provider {', '.join(signer.kit['provider_addresses'])}{when}"
        return Step("firewall", True, f"{provider}; for ssh {', '.join(signer.settings.ssh_networks)}")
    return Step("firewall", signer.closed, "as it was left: see the kit" if signer.closed else "only ssh is open")


def _bundle(signer: SignerStatus) -> str:
    if signer.standing == macaroon_file.REVOKED:
        return "you have revoked the grant that it holds"
    if signer.wider:
        return f"the grant {signer.root_key_id} {signer.wider.text}"
    if signer.bundle and signer.standing == macaroon_file.DUE:
        return f"the grant {signer.root_key_id}, which it is to hold, is not made yet"
    if not signer.bundle:
        return "not written yet"
    # The present grant was made while an earlier one was valid.
    further = (
        f"; what was granted under root key {', '.join(map(str, signer.older))} is valid too, until you revoke it"
        if signer.older
        else ""
    )
    return f"for the provider to take up until {signer.bundle['expires']}{further}"


_UPGRADE_TEXTS = {
    WAITING: "Bring the package of the old machine: signer-upgrade take < package",
    move.TAKING: "A signer is being moved to this machine; go on: signer-upgrade take < package",
    move.SENT: (
        "This signer was moved, and lnd stays stopped. With the receipt of the new machine: signer-upgrade retire"
        " RECEIPT"
    ),
    move.RETIRED: "This signer is on another machine now. End this one",
}


def following(signer: SignerStatus) -> str:
    """Return the advice for the tenant's next step."""
    if signer.upgrade in _UPGRADE_TEXTS:
        return _UPGRADE_TEXTS[signer.upgrade]
    if signer.kit is None:
        return signer.kit_fault or "Bring the kit that your provider gave you: signer-init --kit FILE"
    if signer.seed == FOREIGN:
        return "Start anew from the image, and bring your seed: signer-init --bring-seed"
    if signer.standing == macaroon_file.REVOKED:
        return f"Nothing, if that is as you want it; otherwise: signer-init --root-key-id {signer.root_key_id + 1}"
    if signer.wider and signer.wider.cure:
        return f"{signer.wider.cure}. See: Grants of eleven methods, on the page about security"
    if signer.wider:
        return (
            f"signer-init --root-key-id {signer.root_key_id + 1}; once your provider has taken that bundle up, revoke"
            f" the grant {signer.root_key_id}"
        )
    if signer.free < _LOW_BYTES:
        return (
            "Free space on this machine's disk, or enlarge it;"
            f" {'lnd then starts' if signer.wallet else 'then run signer-init'}"
        )
    if signer.wallet and signer.seed == NONE and not signer.node_id:
        return f"See why lnd does not serve: {signer.journal}"
    if not signer.wallet and signer.seed == NONE and signer.had_wallet:
        return "The wallet is gone. Bring the seed that you wrote down: signer-init --bring-seed"
    if not all(step.done for step in steps(signer)):
        return "Run signer-init; it continues where it stopped"
    if document.date(t.cast("t.Mapping[str, str]", signer.bundle)["expires"]) <= document.now():
        return "Nothing if your provider has taken the bundle up; otherwise signer-init writes a new one"
    return f"Send the bundle to your provider, if it does not have it: {signer.fetching}"
