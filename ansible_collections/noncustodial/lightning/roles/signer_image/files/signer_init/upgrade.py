# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A signer goes from an old machine to a new one, with all that its provider knows of it.

The order is what keeps two from signing: the old one's lnd is stopped for good before anything of it leaves the machine, and the new one's is not
started before all of it is there. Each step can be cut off, and is then done again.
"""

from __future__ import annotations

import hashlib
import secrets
import typing as t
from contextlib import closing
from dataclasses import replace

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import agreement, document, kit
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import InvalidInput, Refused
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.files import read_file
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.problems import Invalid, Problem

from . import handover, kits, node, onetime, package, status, steps
from .handover import NOT_TAKEN, RETIRED, SENT, TAKEN, TAKING, Record
from .host import Machine
from .package import Package
from .settings import Settings, parse_settings, read_image
from .steps import Say


def check(host: Machine) -> None:
    """Refuse where there are no two machines.

    Raises:
        Refused: it is a container.
    """
    if not host.keeps_passwords:
        raise Refused(
            "A container has nothing to hand over: its volume has it all. Nothing was changed", "Start the new image on that volume"
        )


# --- on the new machine


def receive(host: Machine, without_tpm: str) -> onetime.Key:
    """The key to which the old machine encrypts; the same one until a package is taken.

    Raises:
        LndError: this machine cannot become the signer. Nothing was changed.
    """
    host.check()
    key, record = onetime.read(host), handover.read(host.place)
    if record is not None and record.state != TAKING:
        raise _not_new(record)
    if key is not None:
        return key
    _check_empty(host)
    chosen = Settings(without_tpm="" if host.has_tpm() else without_tpm)
    steps.check_tpm(host, chosen, "signer-upgrade receive")
    return onetime.make(host, chosen.without_tpm)


def _not_new(record: Record) -> Refused:
    done = {
        TAKEN: "has been handed over to this machine already",
        TAKING: "was about to be handed over to this machine, which has declined it",
        SENT: "was handed over from here",
        RETIRED: "was handed over from here",
    }
    return Refused(
        f"The signer {record.node_id} {done[record.state]}. Nothing was changed", "A signer is handed over to a new machine of the image"
    )


def _not_old() -> Refused:
    return Refused("This machine is the new one. Nothing was changed", "Say it on the old one")


def _check_empty(host: Machine) -> None:
    place = host.place
    if place.networks() or place.birthday.exists() or place.pending_seed.exists():
        raise Refused(
            "This machine has a signer of its own, or the beginning of one. Nothing was changed",
            "A signer is handed over to a new machine of the image, on which signer-init has not been run",
        )


def take(host: Machine, sealed: bytes, node_id: str | None, say: Say) -> Record:
    """Become the signer that is in a package.

    Args:
        host: this machine.
        sealed: the package.
        node_id: which signer it must be, if that is known.
        say: tells the tenant.

    Raises:
        LndError, UnitError: it cannot; the text says whether anything was changed.
    """
    key, record = onetime.read(host), handover.read(host.place)
    digest = hashlib.sha256(sealed.strip()).hexdigest()
    if key is None:
        return _taken_before(record, digest)
    content = package.read(onetime.decrypt(key, sealed))
    _check_package(host, content, record, node_id)
    steps.check_tpm(host, Settings(without_tpm=key.without_tpm), "signer-upgrade receive")
    host.check()
    laid_down = record is not None and record.state == TAKEN
    record = Record(TAKING, content.number, content.node_id, content.lnd_version, content.receipt, key.recipient, digest)
    if not laid_down:
        handover.write(host, record)
        package.lay_down(host, content)
    record = replace(record, state=TAKEN)
    handover.write(host, record)
    say(f"The signer {record.node_id} is here as a whole.")
    _start(host, record, key, say)
    onetime.forget(host)
    return record


def _taken_before(record: Record | None, digest: str) -> Record:
    if record is None:
        raise Refused("This machine does not wait for a package. Nothing was changed", "Begin with signer-upgrade receive")
    if record.state != TAKEN:
        raise _not_new(record)
    if record.package != digest:
        raise Refused(
            f"The signer {record.node_id} has been handed over to this machine already, and this is another package. Nothing was changed",
            "Nothing is to be done for that signer; for another one, take a new machine",
        )
    return record


def _check_package(host: Machine, content: Package, record: Record | None, node_id: str | None) -> None:
    """Refuse what must not come here. Nothing is changed."""
    image = read_image(host.place)
    if record is None:
        _check_empty(host)
    elif record.state not in (TAKING, TAKEN):
        raise _not_new(record)
    elif (record.number, record.node_id) != (content.number, content.node_id):
        raise Refused(
            f"This machine is about to become the signer {record.node_id}, and this is another package than before. Nothing was changed",
            "Bring one of the same handing-over, or drop what there is of that one: signer-upgrade decline",
        )
    if node_id not in (None, content.node_id):
        raise Refused(f"The package is of the signer {content.node_id}, not of {node_id}. Nothing was changed", "See where it comes from")
    package.check_version(content, image)
    chosen = parse_settings("The settings in the package", _document(content, "desk/settings.json"), {})
    steps.check_admin(
        host,
        chosen,
        f"Log in from there, and say it again. Or take the old machine back into service ({handover.BACK}), choose other networks there "
        "(signer-init --admin NETWORK), and hand it over anew",
    )
    theirs = _kit(content)
    kits.check_version(theirs, image)
    if host.place.kit.exists() and record is None:
        ours = kits.read(host.place, image)
        for name in ("tenant", "network"):
            if ours[name] != theirs[name]:
                raise Refused(
                    f"The kit of this machine is for {ours[name]}, and the package has a signer for {theirs[name]}. Nothing was changed",
                    "Bring the package to the machine that is meant",
                )
    kits.check_agreed(host, theirs, agreement.Agreement(), chosen.kit_widest, package.agreed(content))


def _document(content: Package, path: str) -> t.Any:
    try:
        return document.read(content.content(path))
    except document.NotJson as error:
        raise Invalid("The package", [Problem(path, error.what)], "Nothing was changed") from error


def _kit(content: Package) -> kits.Kit:
    found = _document(content, "desk/kit.json")
    problems = kit.validate(found)
    if not problems and (found["tenant"], found["network"]) != (content.tenant, content.network):
        problems = [Problem("", "is not for the tenant and the network of the package")]
    if problems:
        raise Invalid("The kit in the package", problems, "Nothing was changed")
    return t.cast("kits.Kit", found)


def _start(host: Machine, record: Record, key: onetime.Key, say: Say) -> None:
    """Have lnd serve as that node, configured as signer-init does it. The bundle stays as it is: the provider has it."""
    before = read_file(str(host.place.certificate), "lnd's certificate")
    agreed = steps.agree(host, steps.Request(chosen={"without_tpm": key.without_tpm}))
    steps.configure(agreed)
    steps.have_wallet(agreed, say)
    with closing(node.connect(host.place, agreed.network)) as client:
        found = client.call("lnrpc.Lightning/GetInfo").identity_pubkey
    if found != record.node_id:
        host.fence()
        raise InvalidInput(
            f"The wallet is that of the node {found}, and the package was for {record.node_id}. lnd is stopped again, and stays so",
            f"Say signer-upgrade decline here, and take the old machine back into service there: {handover.BACK}",
        )
    if read_file(str(host.place.certificate), "lnd's certificate") != before:
        say(
            "lnd has a new certificate, because the old one had come to its end. Run signer-init, and give the new bundle to your provider."
        )


def decline(host: Machine) -> None:
    """Never take what was sent here, so that the old machine may go on.

    Raises:
        Refused: it was taken to the end.
    """
    record = handover.read(host.place)
    if record is None:
        onetime.forget(host)
    elif record.state == TAKING:
        onetime.forget(host)
        host.wipe()
        handover.forget(host)
    elif record.state == TAKEN and onetime.read(host) is not None:
        # It is all here, and lnd may have been started: this machine will never be the signer.
        host.fence()
        host.wipe()
        handover.write(host, replace(record, state=RETIRED))
        onetime.forget(host)
    else:
        raise _not_new(record)


# --- on the old machine


def send(host: Machine, recipient: str, instead: bool, say: Say) -> tuple[Record, str]:
    """Stop this signer for good, and give the package of it.

    Args:
        host: this machine.
        recipient: the one-time key of the new one.
        instead: whether that is another machine than the one to which an earlier package went.
        say: tells the tenant.

    Raises:
        LndError: it cannot be handed over; before it was stopped nothing was changed, and afterwards it stays stopped.
    """
    onetime.check_recipient(recipient)
    record = handover.read(host.place)
    if record is None or record.state == TAKEN:
        record = _begin(host, recipient)
    elif record.state != SENT:
        raise _not_new(record) if record.state == RETIRED else _not_old()
    elif record.recipient != recipient:
        if not instead:
            raise Refused(
                f"This signer was handed over to the machine with the key {record.recipient}. If that has taken it, another one would be a second signer. "
                "Nothing was changed",
                "Say signer-upgrade decline there, or be sure that it is gone; then say --instead here",
            )
        record = _new(record.node_id, record.lnd_version, recipient)
    handover.write(host, record)
    host.fence()
    say("lnd is stopped, and stays so when this machine starts again.")
    return record, package.seal(package.collect(host, record), recipient)


def _begin(host: Machine, recipient: str) -> Record:
    """What is handed over is a signer that serves: only then can be told which one it is."""
    found = status.read(host)
    if found.seed != status.NONE or not found.wallet or not found.node_id:
        raise Refused(
            "This signer does not serve, so that it cannot be handed over. Nothing was changed",
            f"See signer-status. {status.following(found)}",
        )
    return _new(found.node_id, found.version, recipient)


def _new(node_id: str, lnd_version: str, recipient: str) -> Record:
    return Record(SENT, secrets.token_hex(16), node_id, lnd_version, secrets.token_hex(16), recipient)


def resume(host: Machine, sentence: str | None) -> Record | None:
    """Take the old machine back into service; gives what was undone.

    Raises:
        Refused: the tenant has not said that no other one will sign.
    """
    record = handover.read(host.place)
    if record is None:
        return None
    if record.state != SENT:
        raise _not_new(record) if record.state != TAKING else _not_old()
    if sentence != NOT_TAKEN:
        raise Refused(
            f"If the new machine, with the key {record.recipient}, has taken this signer or still can, two machines would sign for one grant, and revoking "
            "on one would not revoke on the other. Nothing was changed",
            f"Say signer-upgrade decline there, or be sure that it is gone; then here: {handover.BACK}",
        )
    host.unfence()
    host.run_lnd()
    handover.forget(host)
    return record


def retire(host: Machine, receipt: str) -> bool:
    """Remove what the old machine still has; gives whether it had been done before.

    Raises:
        Refused: it is not shown that the new machine has it.
    """
    record = handover.read(host.place)
    if record is None or record.state not in (SENT, RETIRED):
        raise Refused(
            "This signer was not handed over to another machine. Nothing was changed", "Begin with signer-upgrade receive on the new one"
        )
    if not secrets.compare_digest(record.receipt.encode(), receipt.encode()):
        raise Refused(
            "That is not the receipt of the new machine. Nothing was changed",
            "Give what signer-upgrade take, or signer-upgrade status, shows there",
        )
    before = record.state == RETIRED
    # Before the first file goes: a signer of which something is missing is not taken back into service.
    handover.write(host, replace(record, state=RETIRED))
    host.fence()
    host.wipe()
    return before
