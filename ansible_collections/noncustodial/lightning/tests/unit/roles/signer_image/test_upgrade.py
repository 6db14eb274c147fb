# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The move of a signer from one machine to another, interrupted at every moment: nothing is lost, and there are never
two that sign.
"""

from __future__ import annotations

import gzip
import io
import json
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import agreement
from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle.kit import fingerprint
from ansible_collections.noncustodial.lightning.plugins.module_utils._core import files
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import (
    InvalidInput,
    LightningError,
    Refused,
)
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import age
from ansible_collections.noncustodial.lightning.plugins.module_utils._machine import config_files
from ansible_collections.noncustodial.lightning.tests.support import bundles
from ansible_collections.noncustodial.lightning.tests.support.certificates import make_certificate
from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import Call, ScriptedLnd
from ansible_collections.noncustodial.lightning.tests.support.signer_bench import GET, HAS_ONE, SERVES, Bench
from ansible_collections.noncustodial.lightning.tests.support.systemd_creds import SystemdCreds
from signer_init import __main__ as commands
from signer_init import move, node, onetime, package, status, steps, upgrade
from signer_init.move import NOT_TAKEN_SENTENCE, RETIRED, SENT, TAKEN, TAKING
from signer_init.place import Place
from signer_init.settings import NO_TPM_SENTENCE
from signer_init.terminal import Terminal

NODE = "02" + "ab" * 32
OTHER = "03" + "cd" * 32
PASSWORD = b"f" * 64
DATA = "data/chain/bitcoin/regtest"

INFO = Call(
    "lnrpc.Lightning/GetInfo", {"identity_pubkey": NODE, "version": "0.21.3-beta commit=v0.21.3-beta"}, macaroon=True
)
LOOKED_AT = [
    Call(GET, {"state": "SERVER_ACTIVE"}),
    INFO,
    Call("lnrpc.Lightning/ListMacaroonIDs", {"root_key_ids": [0, 1]}),
]
STARTS = [*HAS_ONE, *SERVES, INFO]

Lnd = t.Callable[..., ScriptedLnd]


class PowerCut(BaseException):
    """A power cut, after which nothing is done."""


@pytest.fixture
def old(tmp_path: Path, systemd_creds: SystemdCreds) -> Bench:
    """A signer as signer-init leaves it."""
    made = Bench(tmp_path / "old")
    made.give_kit()
    made.choose(address="localhost")
    made.have_wallet()
    made.keep_password(PASSWORD)
    place = made.place
    place.config.mkdir(parents=True)
    place.birthday.write_text("1795371189\n")
    made.have_signing_key("acme")
    for name, content in (("macaroons.db", b"root keys"), ("wallet.db", b"wallet"), ("empty", b"")):
        (place.lnddir / DATA / name).write_bytes(content)
        (place.lnddir / DATA / name).chmod(0o600)
    place.certificate.write_bytes(make_certificate()[0])
    (place.lnddir / "tls.key").write_text("key of the certificate")
    place.macaroon.write_bytes(b"grant")
    place.bundle.write_text(json.dumps({"tenant": "acme", "expires": "2026-12-15T00:00:00Z"}))
    return made


@pytest.fixture
def new(tmp_path: Path, systemd_creds: SystemdCreds) -> Bench:
    """A machine that was just started from the image."""
    return Bench(tmp_path / "new")


@pytest.fixture
def lnd(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Lnd]:
    """A function that puts an lnd in the place of a machine's."""
    started: list[ScriptedLnd] = []
    options: dict[Place, dict[str, t.Any]] = {}

    def make(bench: Bench, *script: Call) -> ScriptedLnd:
        server = ScriptedLnd(bench.place.lnddir, *script)
        options[bench.place] = server.options
        started.append(server)
        return server

    given = {"tlscertpath": None, "macaroonpath": None, "macaroon_credential": None}
    monkeypatch.setattr(node, "_options", lambda place, _network: {**given, **options[place]})
    yield make
    for server in started:
        server.stop()
    for server in started:
        server.verify()


def silent(_text: str) -> None:
    """Ignore the message: tests look at it where it matters."""


def send(old: Bench, lnd: Lnd, recipient: str) -> tuple[move.Record, bytes]:
    lnd(old, *LOOKED_AT)
    record, sealed = upgrade.send(old, recipient, False, silent)
    return record, sealed.encode()


def take(new: Bench, sealed: bytes, node_id: str | None = None) -> move.Record:
    return upgrade.take(new, sealed, node_id, silent)


def content(bench: Bench) -> dict[str, bytes]:
    """Return the files that make a signer, without those that each machine makes of them."""
    place = bench.place
    paths = [
        place.lnddir / DATA / "wallet.db",
        place.lnddir / DATA / "macaroons.db",
        place.lnddir / DATA / "empty",
        place.certificate,
    ]
    paths += [place.lnddir / "tls.key", place.kit, place.signing_key, place.macaroon, place.bundle, place.birthday]
    found = {str(path.relative_to(place.root)): path.read_bytes() for path in paths}
    return {**found, "password": bench.password().read()}


# --- all the way


def test_from_one_machine_to_another(old: Bench, new: Bench, lnd: Lnd, systemd_creds: SystemdCreds) -> None:
    before = content(old)
    systemd_creds.machine("B")
    key = upgrade.receive(new, "")
    assert upgrade.receive(new, "") == key
    assert status.upgrade(new) == status.WAITING
    systemd_creds.machine("A")
    sent, sealed = send(old, lnd, key.recipient)
    assert old.done == ["fence"]
    assert not any(secret in gzip.compress(sealed) + sealed for secret in (PASSWORD, b"wallet", b"grant", b"root keys"))
    systemd_creds.machine("B")
    lnd(new, *STARTS)
    taken = take(new, sealed, NODE)
    assert (taken.state, taken.number, taken.receipt, taken.node_id) == (TAKEN, sent.number, sent.receipt, NODE)
    assert new.done == ["rules", "run", "run", "rules"]
    assert content(new) == before
    assert (new.place.lnddir / DATA / "wallet.db").stat().st_mode & 0o777 == 0o600
    assert new.place.signing_key.stat().st_mode & 0o777 == 0o600
    # The key was for once.
    assert not new.place.one_time_key.exists()
    assert take(new, sealed + b"\n") == taken
    with pytest.raises(Refused, match="already, and this is another package"):
        take(new, b"another")
    systemd_creds.machine("A")
    with pytest.raises(Refused, match="not the receipt"):
        upgrade.retire(old, "0" * 32)
    assert old.place.wallet("regtest").exists()
    assert not upgrade.retire(old, taken.receipt)
    assert not old.place.password.exists()
    assert [
        path.name for path in (*old.place.lnddir.glob("*"), *old.place.desk.glob("*"), *old.place.config.glob("*"))
    ] == ["upgrade.json"]
    assert upgrade.retire(old, taken.receipt)


def test_cloud_init_is_off_before_the_new_machine_has_a_key(new: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key opens the package, and with it the signer."""
    new.place.cloud_init_off.parent.mkdir(parents=True)
    made = onetime.make
    monkeypatch.setattr(
        onetime, "make", lambda *given: made(*given) if new.place.cloud_init_off.exists() else pytest.fail("too early")
    )
    upgrade.receive(new, "")
    assert new.place.one_time_key.exists()


def test_what_is_not_lnds_does_not_go_over(old: Bench, new: Bench, lnd: Lnd) -> None:
    """A file that was cut off while it was written is left out, and any other one is refused before the new machine has
    to refuse it.
    """
    key = upgrade.receive(new, "")
    (old.place.lnddir / DATA / ".wallet.db.x1").touch()
    _record, sealed = send(old, lnd, key.recipient)
    assert not [file.path for file in package.read(onetime.decrypt(key, sealed)).files if "/." in file.path]
    (old.place.lnddir / DATA / "a copy").touch()
    with pytest.raises(InvalidInput, match=r"path that no signer has: '.*/a copy'.*signer-upgrade resume"):
        upgrade.send(old, key.recipient, False, silent)


def test_what_is_secret_shows_nowhere(old: Bench, new: Bench, lnd: Lnd, systemd_creds: SystemdCreds) -> None:
    key = upgrade.receive(new, "")
    _record, sealed = send(old, lnd, key.recipient)
    opened = package.read(onetime.decrypt(key, sealed))
    assert opened.password == PASSWORD
    assert not any(text in repr(opened) + repr(key) for text in (PASSWORD.decode(), "root keys", key.identity))
    assert key.identity not in systemd_creds.log
    assert key.identity.encode() not in new.place.one_time_key.read_bytes()


# --- the kit


def package_of_before(old: Bench) -> None:
    """Turn the machine into one of an image that asked for no fingerprint and stored none."""
    old.place.kit_fingerprint.unlink()
    old.place.tenant.unlink(missing_ok=True)


def test_from_an_image_that_did_not_have_the_kit_compared(
    old: Bench, new: Bench, lnd: Lnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signer serves on, by the kit by which it has served; signer-init has it compared."""
    old.give_kit(provider_addresses=["10.0.0.0/20"])
    package_of_before(old)
    _record, sealed = send(old, lnd, upgrade.receive(new, "").recipient)
    lnd(new, *STARTS, *LOOKED_AT, *LOOKED_AT)
    said: list[str] = []
    assert upgrade.take(new, sealed, NODE, said.append).state == TAKEN
    told = fingerprint(bundles.kit(provider_addresses=["10.0.0.0/20"]))
    assert f"has the fingerprint {told}. The old machine did not have it compared" in said[-1]
    assert "10.0.0.0/20" in new.place.rules.read_text()
    assert not new.place.kit_fingerprint.exists()
    step = next(one for one in status.steps(status.read(new)) if one.name == "kit")
    assert (step.done, "networks wider than /24" in step.text) == (False, True)

    def none() -> Terminal:
        raise Refused("There is none")

    monkeypatch.setattr(steps, "of_session", none)
    with pytest.raises(agreement.Unconfirmed, match="which was not compared"):
        steps.agree(new, steps.Request(settings={"kit_widest": 20}))
    steps.configure(
        steps.agree(new, steps.Request(settings={"kit_widest": 20}, statement=agreement.Agreement(fingerprint=told)))
    )
    assert new.place.kit_fingerprint.read_text() == f"{told}\n"
    assert next(one for one in status.steps(status.read(new)) if one.name == "kit").done


@pytest.mark.parametrize("before", [True, False])
def test_another_kit_than_the_one_that_was_compared_does_not_come_in_a_package(
    old: Bench, new: Bench, lnd: Lnd, before: bool
) -> None:
    """It is refused whether the old machine or the new one has the other fingerprint."""
    other = fingerprint(bundles.kit(provider_addresses=["203.0.113.66"]))
    package_of_before(old)
    (old if before else new).place.kit_fingerprint.write_text(other)
    _record, sealed = send(old, lnd, upgrade.receive(new, "").recipient)
    with pytest.raises(agreement.Unconfirmed, match=f"and what was compared with the provider is {other}"):
        take(new, sealed)
    assert new.done == []
    assert not new.place.kit.exists()


def test_another_tenants_signer_does_not_come_in_a_package(old: Bench, new: Bench, lnd: Lnd) -> None:
    package_of_before(old)
    new.place.tenant.write_text("globex\n")
    _record, sealed = send(old, lnd, upgrade.receive(new, "").recipient)
    with pytest.raises(Refused, match="for the tenant acme, and this is globex's"):
        take(new, sealed)
    assert new.done == []


# --- cut off


class Cuts:
    """Interrupt the process at one of its writes.

    Args:
        monkeypatch: of the test.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._left = 0
        self.count = 0
        write = files.write_file

        def cut(*arguments: t.Any, **options: t.Any) -> None:
            self.count += 1
            self._left -= 1
            if self._left == 0:
                raise PowerCut
            write(*arguments, **options)

        monkeypatch.setattr(files, "write_file", cut)
        monkeypatch.setattr(config_files, "write_file", cut)

    def at(self, number: int) -> None:
        """Interrupt at the write of this number, from 1; at none for 0."""
        self._left = number


def test_the_taking_is_cut_off_anywhere(tmp_path: Path, old: Bench, lnd: Lnd, monkeypatch: pytest.MonkeyPatch) -> None:
    """It then has not begun or goes on, and until everything is there nothing of it is started."""
    cuts, before = Cuts(monkeypatch), content(old)
    first = Bench(tmp_path / "first")
    _record, sealed = send(old, lnd, upgrade.receive(first, "").recipient)
    lnd(first, *STARTS)
    cuts.count = 0
    take(first, sealed)
    writes, seen = cuts.count, set()
    for number in range(1, writes + 1):
        new = Bench(tmp_path / f"new{number}")
        sealed = upgrade.send(old, upgrade.receive(new, "").recipient, True, silent)[1].encode()
        cuts.at(number)
        with pytest.raises(PowerCut):
            take(new, sealed)
        cuts.at(0)
        seen.add(status.upgrade(new))
        assert "run" not in new.done
        if status.upgrade(new) == TAKING:
            with pytest.raises(Refused, match="signer-upgrade take"):
                move.check(new)
        lnd(new, *STARTS)
        take(new, sealed, NODE)
        assert content(new) == before
    assert seen == {status.WAITING, TAKING, TAKEN}


def test_the_sending_is_cut_off_before_lnd_is_stopped(
    old: Bench, new: Bench, lnd: Lnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing has left the machine; a repetition is the same move."""
    key = upgrade.receive(new, "")

    def cut() -> None:
        raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(old, "fence", cut)
        with pytest.raises(PowerCut):
            send(old, lnd, key.recipient)
    record = move.read(old.place)
    again, _sealed = upgrade.send(old, key.recipient, False, silent)
    assert again == record
    assert old.done == ["fence"]


def test_the_retiring_is_cut_off(old: Bench, new: Bench, lnd: Lnd, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signer of which a part is gone is never taken back into service."""
    record, _sealed = send(old, lnd, upgrade.receive(new, "").recipient)

    def cut() -> None:
        old.place.password.unlink()
        raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(old, "wipe", cut)
        with pytest.raises(PowerCut):
            upgrade.retire(old, record.receipt)
    with pytest.raises(Refused, match="was moved away from here"):
        upgrade.resume(old, NOT_TAKEN_SENTENCE)
    upgrade.retire(old, record.receipt)
    assert not old.place.wallet("regtest").exists()


# --- back


def test_back_on_the_old_machine_in_so_many_words(old: Bench, new: Bench, lnd: Lnd) -> None:
    assert upgrade.resume(old, None) is None
    key = upgrade.receive(new, "")
    _record, sealed = send(old, lnd, key.recipient)
    with pytest.raises(Refused, match="stays stopped"):
        move.check(old)
    for sentence in (None, "yes"):
        with pytest.raises(Refused, match=r"two machines would sign for one grant.*signer-upgrade decline there"):
            upgrade.resume(old, sentence)
    assert old.done == ["fence"]
    upgrade.decline(new)
    with pytest.raises(Refused, match="does not wait for a package"):
        take(new, sealed)
    assert upgrade.resume(old, NOT_TAKEN_SENTENCE) is not None
    assert old.done == ["fence", "unfence", "run"]
    move.check(old)


def test_who_has_taken_it_cannot_decline(old: Bench, new: Bench, lnd: Lnd) -> None:
    _record, sealed = send(old, lnd, upgrade.receive(new, "").recipient)
    lnd(new, *STARTS)
    take(new, sealed)
    with pytest.raises(Refused, match="has been moved to this machine already"):
        upgrade.decline(new)
    with pytest.raises(Refused, match="has been moved to this machine already"):
        upgrade.receive(new, "")


def test_what_was_half_laid_down_goes_when_it_is_declined(
    old: Bench, new: Bench, lnd: Lnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    _record, sealed = send(old, lnd, upgrade.receive(new, "").recipient)

    def cut(_content: bytes) -> None:
        raise PowerCut

    monkeypatch.setattr(new, "keep_password", cut)
    with pytest.raises(PowerCut):
        take(new, sealed)
    assert new.place.wallet("regtest").exists()
    (new.place.lnddir / DATA / "more").touch()
    with pytest.raises(PowerCut):
        take(new, sealed)
    assert not (new.place.lnddir / DATA / "more").exists()
    new.place.password.touch()
    with monkeypatch.context() as patch:
        patch.setattr(new, "wipe", lambda: cut(b""))
        with pytest.raises(PowerCut):
            upgrade.decline(new)
    with pytest.raises(Refused, match="which has declined it"):
        take(new, sealed)
    upgrade.decline(new)
    assert not new.place.networks()
    assert not new.place.signing_key.exists()
    assert move.read(new.place) is None


# --- refused


def test_a_second_machine_is_not_sent_to_by_mistake(old: Bench, new: Bench, tmp_path: Path, lnd: Lnd) -> None:
    first, _sealed = send(old, lnd, upgrade.receive(new, "").recipient)
    other = upgrade.receive(Bench(tmp_path / "other"), "")
    with pytest.raises(Refused, match=r"would be a second signer.*--instead"):
        upgrade.send(old, other.recipient, False, silent)
    second, _sealed_again = upgrade.send(old, other.recipient, True, silent)
    assert second.number != first.number
    # The receipt of the first does not end the old one any more.
    with pytest.raises(Refused, match="not the receipt"):
        upgrade.retire(old, first.receipt)


def test_on_the_wrong_machine(old: Bench, new: Bench, lnd: Lnd, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the new one is about to take it."""
    key = upgrade.receive(new, "")
    record, sealed = send(old, lnd, key.recipient)

    def cut(_content: bytes) -> None:
        raise PowerCut

    monkeypatch.setattr(new, "keep_password", cut)
    with pytest.raises(PowerCut):
        take(new, sealed)
    for refused_here in (
        lambda: upgrade.send(new, key.recipient, False, silent),
        lambda: upgrade.resume(new, NOT_TAKEN_SENTENCE),
        lambda: upgrade.retire(new, record.receipt),
    ):
        with pytest.raises(Refused, match=r"Run it on the old one|was not moved to another machine"):
            refused_here()
    for refused_there in (lambda: upgrade.receive(old, ""), lambda: upgrade.decline(old)):
        with pytest.raises(Refused, match="was moved away from here"):
            refused_there()
    assert new.done == []


@pytest.mark.parametrize("recipient", ["", "age1", "ssh-ed25519 AAAA", "AGE-SECRET-KEY-1" + "Q" * 58])
def test_only_a_new_machines_key_is_sent_to(old: Bench, recipient: str) -> None:
    with pytest.raises(InvalidInput, match="not the public key of a new machine") as refused:
        upgrade.send(old, recipient, False, silent)
    assert recipient not in str(refused.value) or len(recipient) < 5
    assert move.read(old.place) is None


def test_a_signer_that_does_not_serve_is_not_handed_over(old: Bench, new: Bench, lnd: Lnd) -> None:
    key = upgrade.receive(new, "")
    lnd(old, Call(GET, {"state": "LOCKED"}))
    with pytest.raises(Refused, match=r"does not serve.*journalctl"):
        upgrade.send(old, key.recipient, False, silent)
    assert (old.done, move.read(old.place)) == ([], None)


def test_without_a_tpm_it_receives_nothing_but_in_so_many_words(old: Bench, new: Bench, lnd: Lnd) -> None:
    new.tpm = False
    for sentence in ("", "yes"):
        with pytest.raises(LightningError, match=r"TPM|without_tpm"):
            upgrade.receive(new, sentence)
    assert not new.place.one_time_key.exists()
    _record, sealed = send(old, lnd, upgrade.receive(new, NO_TPM_SENTENCE).recipient)
    lnd(new, *STARTS)
    take(new, sealed)
    assert json.loads(new.place.settings.read_text())["without_tpm"] == NO_TPM_SENTENCE


@pytest.mark.parametrize("what", ["wallet", "birthday", "pending"])
def test_a_machine_that_has_a_signer_receives_none(new: Bench, what: str) -> None:
    path = {"wallet": new.place.wallet("regtest"), "birthday": new.place.birthday, "pending": new.place.pending_seed}[
        what
    ]
    path.parent.mkdir(parents=True)
    path.touch()
    with pytest.raises(Refused, match="has a signer of its own"):
        upgrade.receive(new, "")


def refused(new: Bench, sealed: bytes, match: str, node_id: str | None = None) -> None:
    before = sorted(Path(new.place.root).rglob("*"))
    with pytest.raises(LightningError, match=match):
        take(new, sealed, node_id)
    assert sorted(Path(new.place.root).rglob("*")) == before
    assert new.done == []


def test_a_package_that_must_not_come_here(old: Bench, new: Bench, tmp_path: Path, lnd: Lnd) -> None:
    """Nothing is changed by any of these, and the right one is taken afterwards."""
    key = upgrade.receive(new, "")
    other = upgrade.receive(Bench(tmp_path / "other"), "")
    _record, sealed = send(old, lnd, key.recipient)
    refused(new, age.encrypt(b"x", other.recipient).encode(), "for another machine")
    refused(new, sealed[:-200], "cut or altered")
    refused(new, sealed[:400] + bytes([sealed[400] ^ 1]) + sealed[401:], "cut or altered")
    refused(new, b"", "cut or altered")
    refused(new, sealed, f"not of {OTHER}", OTHER)
    new.give_kit(tenant="globex")
    refused(new, sealed, "kit of this machine is for globex")
    new.give_kit(network="mainnet")
    refused(new, sealed, "kit of this machine is for mainnet")
    new.give_kit()
    image = new.place.image.read_text()
    new.place.image.write_text(image.replace("0.21.3-beta", "0.21.1-beta"))
    refused(new, sealed, r"ran lnd 0\.21\.3-beta, and this image has 0\.21\.1-beta, which is older")
    new.place.image.write_text(image)
    new.have_wallet()
    refused(new, sealed, "has a signer of its own")
    new.place.wallet("regtest").unlink()
    lnd(new, *STARTS)
    assert take(new, sealed).state == TAKEN


def test_who_takes_it_is_not_locked_out(old: Bench, new: Bench, lnd: Lnd) -> None:
    """The networks are those chosen on the old machine; until then that one could be taken back into service."""
    old.choose(address="localhost", admin_addresses=["192.0.2.0/24"])
    _record, sealed = send(old, lnd, upgrade.receive(new, "").recipient)
    new.login = "203.0.113.9 50022 203.0.113.75 22"
    refused(new, sealed, r"you come from 203\.0\.113\.9 .* only to 192\.0\.2\.0/24\. Nothing was changed")
    assert move.read(new.place) is None
    new.login = "192.0.2.9 50022 203.0.113.75 22"
    lnd(new, *STARTS)
    assert take(new, sealed).state == TAKEN


def test_no_room_on_the_new_machine(old: Bench, new: Bench, lnd: Lnd, monkeypatch: pytest.MonkeyPatch) -> None:
    _record, sealed = send(old, lnd, upgrade.receive(new, "").recipient)
    monkeypatch.setattr(new, "check", new.check_space)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10 << 30, 10 << 30, 100 << 20))
        refused(new, sealed, "Only 100 MiB are free")
    lnd(new, *STARTS)
    assert take(new, sealed).state == TAKEN


def test_a_kit_that_wants_a_newer_lnd(old: Bench, new: Bench, lnd: Lnd) -> None:
    """A signer is never older than its node."""
    old.give_kit(lnd_version="0.21.1-beta")
    _record, sealed = send(old, lnd, upgrade.receive(new, "").recipient)
    old.give_kit(lnd_version="0.22.0-beta")
    made = onetime.read(new)
    assert made is not None
    with pytest.raises(Refused, match=r"kit is for lnd 0\.22\.0-beta"):
        take(new, upgrade.send(old, made.recipient, False, silent)[1].encode())
    lnd(new, *STARTS)
    assert take(new, sealed).state == TAKEN


def test_a_wallet_of_another_node_is_stopped_again(old: Bench, new: Bench, lnd: Lnd) -> None:
    _record, sealed = send(old, lnd, upgrade.receive(new, "").recipient)
    lnd(new, *STARTS[:-1], Call("lnrpc.Lightning/GetInfo", {"identity_pubkey": OTHER}))
    with pytest.raises(InvalidInput, match=r"lnd is stopped again.*decline here.*signer-upgrade resume"):
        take(new, sealed)
    assert new.done[-1] == "fence"
    upgrade.decline(new)
    assert not new.place.password.exists()
    assert not new.place.networks()
    with pytest.raises(Refused, match="was moved away from here"):
        upgrade.receive(new, "")


def packed(key: onetime.Key, value: object) -> bytes:
    return age.encrypt(gzip.compress(json.dumps(value).encode()), key.recipient).encode()


@pytest.mark.parametrize(
    ("edit", "fault"),
    [
        (lambda value: value.update(schema="other"), "schema is 'other'"),
        (lambda value: value.pop("receipt"), "receipt is missing"),
        (lambda value: value.update(more=1), "more is not known"),
        (lambda value: value.update(wallet_password="short"), "wallet_password is shorter"),
        (lambda value: value["files"].pop(0), "files lack 'lnd/data/chain/bitcoin/regtest/macaroons.db'|no signer has"),
        (lambda value: value["files"].append(value["files"][0]), "files have '.*' twice"),
        (lambda value: value["files"][0].update(path="lnd/data/../../../etc/passwd"), "path that no signer has"),
        (lambda value: value["files"][0].update(path="/etc/passwd"), "path that no signer has"),
        (lambda value: value["files"][0].update(path="desk/upgrade.json"), "path that no signer has"),
        (lambda value: value["files"][0].update(path="lnd/data/.hidden"), "path that no signer has"),
        (lambda value: value["files"][0].update(mode=0o4755), "writable by others"),
        (lambda value: value["files"][0].update(mode=0o666), "writable by others"),
        (lambda value: value["files"][0].update(content="%"), "is not base64"),
        (lambda value: value.update(network="mainnet"), "files lack 'lnd/data/chain/bitcoin/mainnet/wallet.db'"),
        (lambda value: value.update(tenant="globex"), "not for the tenant and the network of the package"),
    ],
)
def test_a_package_with_a_fault(
    old: Bench, new: Bench, lnd: Lnd, edit: t.Callable[[dict[str, t.Any]], object], fault: str
) -> None:
    """Anybody who knows the recipient can encrypt to it."""
    key = upgrade.receive(new, "")
    _record, sealed = send(old, lnd, key.recipient)
    value = json.loads(gzip.decompress(onetime.decrypt(key, sealed)))
    value["files"].sort(key=lambda one: str(one["path"]) != f"lnd/{DATA}/macaroons.db")
    edit(value)
    refused(new, packed(key, value), fault)


@pytest.mark.parametrize(
    "opened",
    [b"", b"not packed", gzip.compress(b"{"), gzip.compress(b"[]")[:-4], gzip.compress(b"\0" * (65 << 20))],
    # Names of their own: gzip writes the time into what it makes.
    ids=["empty", "not packed", "no JSON", "cut", "too large"],
)
def test_what_is_no_package(new: Bench, opened: bytes) -> None:
    key = upgrade.receive(new, "")
    refused(new, age.encrypt(opened, key.recipient).encode(), "The package is refused")


def test_a_record_that_is_damaged(new: Bench) -> None:
    for text in ("", "[]", '{"state": "sent"}'):
        new.place.upgrade.write_text(text)
        with pytest.raises(InvalidInput, match="is not what signer-upgrade writes"):
            move.read(new.place)


def test_a_container_has_nothing_to_hand_over(new: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new, "keeps_passwords", False)
    with pytest.raises(Refused, match="new image on that volume"):
        upgrade.check(new)


# --- the command


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bench, "check_user", lambda _self: None)


@pytest.mark.usefixtures("as_root")
def test_the_commands(
    old: Bench, new: Bench, lnd: Lnd, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Standard output has only the input of the next command."""

    def upgrade_on(bench: Bench, *words: str) -> str:
        assert commands.main(["upgrade", *words], bench) == 0
        return capfd.readouterr().out

    recipient = upgrade_on(new, "receive").strip()
    assert json.loads(upgrade_on(new, "status")) == {"state": "waiting", "recipient": recipient}
    lnd(old, *LOOKED_AT)
    sealed = upgrade_on(old, "send", recipient)
    assert age.is_whole(sealed)
    told = json.loads(upgrade_on(old, "status"))
    assert (told["state"], told["recipient"], told["node_id"]) == (SENT, recipient, NODE)
    lnd(new, *STARTS)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(sealed.encode())))
    assert f"receipt  {told['receipt']}" in upgrade_on(new, "take", "--node-id", NODE)
    assert "is removed" in upgrade_on(old, "retire", told["receipt"])
    assert json.loads(upgrade_on(old, "status"))["state"] == RETIRED
    assert commands.main(["init"], old) == 1
    assert "was moved to another machine" in " ".join(capfd.readouterr().err.split())


@pytest.mark.usefixtures("as_root")
def test_two_at_once(new: Bench) -> None:
    """Another run holds the machine."""
    program = (
        f"import fcntl, sys; f = open({str(new.place.image)!r}); fcntl.flock(f, fcntl.LOCK_EX); print(1, flush=True);"
        " sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert commands.main(["upgrade", "receive"], new) == 1
        other.communicate()
    assert commands.main(["upgrade", "receive"], new) == 0
