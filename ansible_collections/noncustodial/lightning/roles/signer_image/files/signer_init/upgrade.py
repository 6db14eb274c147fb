# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The move of a signer from an old machine to a new one, with everything that its provider relies on.

The order makes sure that two never sign: the old machine's lnd is stopped for good before anything of the signer leaves
it, and the new machine's is not started before everything is there. Each step may be interrupted, and is then repeated.
"""

from __future__ import annotations

import hashlib
import secrets
import typing as t
from contextlib import closing
from dataclasses import replace

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import agreement, kit
from ansible_collections.noncustodial.lightning.plugins.module_utils._core import document
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput, Refused
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.files import read_file
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.problems import Invalid, Problem

from . import kits, move, node, onetime, package, status, steps
from .host import Machine
from .move import NOT_TAKEN_SENTENCE, RETIRED, SENT, TAKEN, TAKING, Record
from .package import Package
from .settings import Settings, parse_settings, read_image
from .steps import Say


def check(host: Machine) -> None:
    """Refuse a container, which does not need this.

    Raises:
        Refused: it is a container.
    """
    if not host.keeps_passwords:
        raise Refused(
            "A container has nothing to move: its volume has it all. Nothing was changed",
            "Start the new image on that volume",
        )


# --- on the new machine


def receive(host: Machine, without_tpm: str) -> onetime.Key:
    """Return the key to which the old machine encrypts; it stays the same until a package is taken.

    Raises:
        LightningError: this machine cannot become the signer. Nothing was changed.
    """
    host.check()
    key, record = onetime.read(host), move.read(host.place)
    if record is not None and record.state != TAKING:
        raise _not_new(record)
    if key is not None:
        return key
    _check_empty(host)
    settings = Settings(without_tpm="" if host.has_tpm() else without_tpm)
    steps.check_tpm(host, settings, "signer-upgrade receive")
    # Before there is a key that opens a signer.
    host.end_cloud_init()
    return onetime.make(host, settings.without_tpm)


def _not_new(record: Record) -> Refused:
    done = {
        TAKEN: "has been moved to this machine already",
        TAKING: "was about to be moved to this machine, which has declined it",
        SENT: "was moved away from here",
        RETIRED: "was moved away from here",
    }
    return Refused(
        f"The signer {record.node_id} {done[record.state]}. Nothing was changed",
        "A signer is moved to a new machine of the image",
    )


def _not_old() -> Refused:
    return Refused("This machine is the new one. Nothing was changed", "Run it on the old one")


def _check_empty(host: Machine) -> None:
    place = host.place
    if place.networks() or place.birthday.exists() or place.pending_seed.exists():
        raise Refused(
            "This machine has a signer of its own, or the beginning of one. Nothing was changed",
            "A signer is moved to a new machine of the image, on which signer-init has not been run",
        )


def take(host: Machine, sealed: bytes, node_id: str | None, say: Say) -> Record:
    """Become the signer that is in a package.

    Args:
        host: this machine.
        sealed: the package.
        node_id: id of the node that it must be; None for any.
        say: shows a message to the tenant.

    Raises:
        LightningError, UnitError: it cannot be done; the message states whether anything was changed.
    """
    key, record = onetime.read(host), move.read(host.place)
    digest = hashlib.sha256(sealed.strip()).hexdigest()
    if key is None:
        return _taken_before(record, digest)
    content = package.read(onetime.decrypt(key, sealed))
    _check_package(host, content, record, node_id)
    steps.check_tpm(host, Settings(without_tpm=key.without_tpm), "signer-upgrade receive")
    host.check()
    laid_down = record is not None and record.state == TAKEN
    record = Record(
        state=TAKING,
        number=content.number,
        node_id=content.node_id,
        lnd_version=content.lnd_version,
        receipt=content.receipt,
        recipient=key.recipient,
        package=digest,
    )
    if not laid_down:
        move.write(host, record)
        package.lay_down(host, content)
    record = replace(record, state=TAKEN)
    move.write(host, record)
    say(f"The signer {record.node_id} is here as a whole.")
    _start(host, record, key, say)
    onetime.forget(host)
    return record


def _taken_before(record: Record | None, digest: str) -> Record:
    if record is None:
        raise Refused(
            "This machine does not wait for a package. Nothing was changed", "Begin with signer-upgrade receive"
        )
    if record.state != TAKEN:
        raise _not_new(record)
    if record.package != digest:
        raise Refused(
            f"The signer {record.node_id} has been moved to this machine already, and this is another package."
            " Nothing was changed",
            "Nothing is to be done for that signer; for another one, take a new machine",
        )
    return record


def _check_package(host: Machine, content: Package, record: Record | None, node_id: str | None) -> None:
    """Refuse a package that this machine must not take. Nothing is changed."""
    image = read_image(host.place)
    if record is None:
        _check_empty(host)
    elif record.state not in (TAKING, TAKEN):
        raise _not_new(record)
    elif (record.number, record.node_id) != (content.number, content.node_id):
        raise Refused(
            f"This machine is about to become the signer {record.node_id}, and this is another package than before."
            " Nothing was changed",
            "Bring one of the same move, or drop what there is of that one: signer-upgrade decline",
        )
    if node_id not in (None, content.node_id):
        raise Refused(
            f"The package is of the signer {content.node_id}, not of {node_id}. Nothing was changed",
            "See where it comes from",
        )
    package.check_version(content, image)
    settings = parse_settings("The settings in the package", _document(content, "desk/settings.json"), {})
    steps.check_admin(
        host,
        settings,
        f"Log in from there, and run it again. Or take the old machine back into service ({move.RESUME_COMMAND}),"
        " choose other networks there (signer-init --admin NETWORK), and move it anew",
    )
    theirs = _kit(content)
    kits.check_version(theirs, image)
    if host.place.kit.exists() and record is None:
        ours = kits.read(host.place, image)
        for name in ("tenant", "network"):
            if ours[name] != theirs[name]:
                raise Refused(
                    f"The kit of this machine is for {ours[name]}, and the package has a signer for {theirs[name]}."
                    " Nothing was changed",
                    "Bring the package to the machine that is meant",
                )
    recorded = package.agreed(content)
    if recorded.fingerprint or _compared(host):
        kits.check_agreed(host, theirs, agreement.Agreement(), settings.kit_widest, recorded)
    else:
        # The old image is one from before kits were compared. Its signer serves with this kit, and goes on: whoever
        # could forge the package could also forge a fingerprint.
        kits.check_agreed(
            host, theirs, agreement.Agreement(recorded.tenant, kit.fingerprint(theirs)), kit.WIDEST_PREFIX_LENGTH
        )


def _compared(host: Machine) -> bool:
    return bool(agreement.remembered(str(host.place.desk)).fingerprint)


def _document(content: Package, path: str) -> t.Any:
    try:
        return document.read(content.content(path))
    except document.NotJson as error:
        raise Invalid("The package", [Problem(path, error.what)], "Nothing was changed") from error


def _kit(content: Package) -> kits.Kit:
    its_kit = _document(content, "desk/kit.json")
    problems = kit.validate(its_kit)
    if not problems and (its_kit["tenant"], its_kit["network"]) != (content.tenant, content.network):
        problems = [Problem("", "is not for the tenant and the network of the package")]
    if kit.has_tunnel(its_kit):
        problems.append(Problem("tunnel", "is there, and this image sets up no tunnel"))
    if problems:
        raise Invalid("The kit in the package", problems, "Nothing was changed")
    return t.cast("kits.Kit", its_kit)


def _start(host: Machine, record: Record, key: onetime.Key, say: Say) -> None:
    """Configure and start lnd as signer-init does, and check that it is that node. The bundle is not made anew: the
    provider has it.
    """
    before = read_file(str(host.place.certificate), "lnd's certificate")
    compared = _compared(host)
    setup = steps.agree(host, steps.Request(settings={"without_tpm": key.without_tpm}, served=not compared))
    steps.configure(setup)
    steps.have_wallet(setup, say)
    with closing(node.connect(host.place, setup.network)) as client:
        node_id = client.call("lnrpc.Lightning/GetInfo").identity_pubkey
    if node_id != record.node_id:
        host.fence()
        raise InvalidInput(
            f"The wallet is that of the node {node_id}, and the package was for {record.node_id}. lnd is stopped again,"
            " and stays so",
            f"Run signer-upgrade decline here, and take the old machine back into service there: {move.RESUME_COMMAND}",
        )
    if read_file(str(host.place.certificate), "lnd's certificate") != before:
        say(
            "lnd has a new certificate, because the old one had expired. Run signer-init, and send the new"
            " bundle to your provider."
        )
    if not compared:
        say(
            f"The kit for {agreement.description(setup.kit)} has the fingerprint {kit.fingerprint(setup.kit)}. The"
            " old machine did not have it compared: do that now with your provider, by running signer-init."
        )


def decline(host: Machine) -> None:
    """Make sure that this machine never takes what was sent to it, so that the old machine may go on.

    Raises:
        Refused: the signer was taken completely.
    """
    record = move.read(host.place)
    if record is None:
        onetime.forget(host)
    elif record.state == TAKING:
        onetime.forget(host)
        host.wipe()
        move.forget(host)
    elif record.state == TAKEN and onetime.read(host) is not None:
        # It is all here, and lnd may have been started: this machine will never be the signer.
        host.fence()
        host.wipe()
        move.write(host, replace(record, state=RETIRED))
        onetime.forget(host)
    else:
        raise _not_new(record)


# --- on the old machine


def send(host: Machine, recipient: str, instead: bool, say: Say) -> tuple[Record, str]:
    """Stop this signer for good, and return the record of the move and the package.

    Args:
        host: this machine.
        recipient: the one-time key of the new machine.
        instead: whether that is another machine than the one to which an earlier package went.
        say: shows a message to the tenant.

    Raises:
        LightningError: it cannot be moved; if it was not stopped yet nothing was changed, else it stays stopped.
    """
    onetime.check_recipient(recipient)
    record = move.read(host.place)
    if record is None or record.state == TAKEN:
        record = _begin(host, recipient)
    elif record.state != SENT:
        raise _not_new(record) if record.state == RETIRED else _not_old()
    elif record.recipient != recipient:
        if not instead:
            raise Refused(
                f"This signer was moved to the machine with the key {record.recipient}. If that has taken it,"
                " another one would be a second signer. Nothing was changed",
                "Run signer-upgrade decline there, or be sure that it is gone; then run it here with --instead",
            )
        record = _new(record.node_id, record.lnd_version, recipient)
    move.write(host, record)
    host.fence()
    say("lnd is stopped, and stays so when this machine starts again.")
    return record, package.seal(package.collect(host, record), recipient)


def _begin(host: Machine, recipient: str) -> Record:
    """Return the record of a new move. Refuse a signer that does not serve: its node id cannot be read."""
    signer = status.read(host)
    if signer.seed != status.NONE or not signer.wallet or not signer.node_id:
        raise Refused(
            "This signer does not serve, so that it cannot be moved. Nothing was changed",
            f"See signer-status. {status.following(signer)}",
        )
    return _new(signer.node_id, signer.version, recipient)


def _new(node_id: str, lnd_version: str, recipient: str) -> Record:
    return Record(
        state=SENT,
        number=secrets.token_hex(16),
        node_id=node_id,
        lnd_version=lnd_version,
        receipt=secrets.token_hex(16),
        recipient=recipient,
    )


def resume(host: Machine, sentence: str | None) -> Record | None:
    """Take the old machine back into service; return the record of the move that was undone, or None if there was none.

    Raises:
        Refused: the tenant has not stated that no other machine will sign.
    """
    record = move.read(host.place)
    if record is None:
        return None
    if record.state != SENT:
        raise _not_new(record) if record.state != TAKING else _not_old()
    if sentence != NOT_TAKEN_SENTENCE:
        raise Refused(
            f"If the new machine, with the key {record.recipient}, has taken this signer or still can, two machines"
            " would sign for one grant, and revoking on one would not revoke on the other. Nothing was changed",
            f"Run signer-upgrade decline there, or be sure that it is gone; then here: {move.RESUME_COMMAND}",
        )
    host.unfence()
    host.run_lnd()
    move.forget(host)
    return record


def retire(host: Machine, receipt: str) -> bool:
    """Remove the signer's files from the old machine; return whether that had been done before.

    Raises:
        Refused: the receipt does not prove that the new machine has the signer.
    """
    record = move.read(host.place)
    if record is None or record.state not in (SENT, RETIRED):
        raise Refused(
            "This signer was not moved to another machine. Nothing was changed",
            "Begin with signer-upgrade receive on the new one",
        )
    if not secrets.compare_digest(record.receipt.encode(), receipt.encode()):
        raise Refused(
            "That is not the receipt of the new machine. Nothing was changed",
            "Use the receipt that signer-upgrade take or signer-upgrade status shows there",
        )
    before = record.state == RETIRED
    # Before the first file goes: a signer of which something is missing is not taken back into service.
    move.write(host, replace(record, state=RETIRED))
    host.fence()
    host.wipe()
    return before
