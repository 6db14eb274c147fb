# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to the wallet, interrupted at every moment: it then has not begun or goes on, and there is never a second
seed.
"""

from __future__ import annotations

import io
import os
import subprocess
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import (
    InvalidInput,
    LightningError,
    Refused,
)
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import wallet as module
from ansible_collections.noncustodial.lightning.plugins.module_utils._machine.unit import UnitError
from ansible_collections.noncustodial.lightning.tests.support.certificates import make_certificate
from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import Call, Fails, ScriptedLnd
from ansible_collections.noncustodial.lightning.tests.support.signer_bench import (
    GET,
    HAS_ONE,
    SERVES,
    SUBSCRIBE,
    Bench,
    states,
)
from ansible_collections.noncustodial.lightning.tests.support.systemd_creds import SystemdCreds
from signer_init import ceremony, container, host, node, pending, steps
from signer_init.place import Place
from signer_init.terminal import Stopped, Terminal

UNLOCKER = "lnrpc.WalletUnlocker"
WORDS = [f"mnemonicword{number}" for number in range(24)]
OTHERS = [f"otherword{number}" for number in range(24)]

SOMEBODY = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"

Lnd = t.Callable[..., ScriptedLnd]


NO_WALLET = [
    Call(SUBSCRIBE, states("NON_EXISTING")),
    Call(GET, {"state": "NON_EXISTING"}),
    Call(GET, {"state": "NON_EXISTING"}),
]
GENERATED = Call(f"{UNLOCKER}/GenSeed", {"cipher_seed_mnemonic": WORDS})


def made(words: list[str] = WORDS, before: t.Callable[[], object] | None = None) -> list[Call]:
    """Return InitWallet, and the calls that follow it."""
    init = Call(f"{UNLOCKER}/InitWallet", request={"cipher_seed_mnemonic": words}, before=before)
    return [init, Call(SUBSCRIBE, states("UNLOCKED")), Call(SUBSCRIBE, states("RPC_ACTIVE")), *SERVES]


@pytest.fixture
def bench(tmp_path: Path, systemd_creds: SystemdCreds) -> Bench:
    made = Bench(tmp_path)
    made.give_kit()
    made.have_password()
    made.place.config.mkdir(parents=True)
    return made


@pytest.fixture
def lnd(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Lnd]:
    """An lnd in the signer's place; one after the other, as after restarts."""
    started: list[ScriptedLnd] = []

    def make(*script: Call) -> ScriptedLnd:
        server = ScriptedLnd(bench.place.lnddir, *script)
        monkeypatch.setattr(
            node, "_options", lambda _place, _network: {"tlscertpath": None, "macaroonpath": None, **server.options}
        )
        started.append(server)
        return server

    yield make
    for server in started:
        server.stop()
    for server in started:
        server.verify()


@pytest.fixture
def recipient(tmp_path: Path) -> str:
    identity = tmp_path / "identity"
    subprocess.run(["age-keygen", "-o", str(identity)], check=True, capture_output=True)
    return subprocess.run(
        ["age-keygen", "-y", str(identity)], check=True, capture_output=True, text=True
    ).stdout.strip()


def typed(*lines: str) -> Terminal:
    return Terminal(io.StringIO("".join(f"{line}\n" for line in lines)), io.StringIO())


def agreed(bench: Bench, terminal: Terminal | None = None, bring_seed: bool = False, **chosen: t.Any) -> steps.Setup:
    """Return the inputs as agree() does, which has its own tests."""
    made = steps.agree(bench, steps.Request(settings={"address": "localhost", "seed_recipient": SOMEBODY, **chosen}))
    settings = made.settings if "seed_recipient" in chosen else replace(made.settings, seed_recipient="")
    return steps.Setup(
        host=bench, image=made.image, kit=made.kit, settings=settings, terminal=terminal, bring_seed=bring_seed
    )


def wallet(bench: Bench, *arguments: t.Any, **options: t.Any) -> list[str]:
    said: list[str] = []
    steps.have_wallet(agreed(bench, *arguments, **options), said.append)
    return said


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceremony, "_places", lambda: [0, 23])


RIGHT = ("", WORDS[0], WORDS[23])


@pytest.mark.usefixtures("asked")
def test_a_new_seed_is_confirmed_before_there_is_a_wallet_of_it(bench: Bench, lnd: Lnd) -> None:
    def confirmed() -> None:
        found = pending.read(bench)
        assert found is not None
        assert (found.confirmed, list(found.words)) == (True, WORDS)
        assert bench.place.birthday.read_text().strip() == str(found.birthday)

    lnd(*NO_WALLET, GENERATED, *made(before=confirmed))
    wallet(bench, typed(*RIGHT))
    assert not bench.place.pending_seed.exists()


def test_an_encrypted_seed_is_with_its_owner_before_there_is_a_wallet_of_it(
    bench: Bench, lnd: Lnd, recipient: str, tmp_path: Path
) -> None:
    def handed_over() -> None:
        command = ["age", "-d", "-i", str(tmp_path / "identity"), str(bench.place.encrypted_seed)]
        assert (
            subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1].split() == WORDS
        )

    lnd(*NO_WALLET, GENERATED, *made(before=handed_over))
    wallet(bench, None, seed_recipient=recipient)


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("stopped_at", [(), ("",), ("", WORDS[0]), ("", "wrong", "wrong", "wrong", "q")])
def test_stopped_at_the_terminal_the_next_run_shows_the_same_words(
    bench: Bench, lnd: Lnd, stopped_at: tuple[str, ...]
) -> None:
    """GenSeed is called once."""
    lnd(*NO_WALLET, GENERATED)
    with pytest.raises(Stopped):
        wallet(bench, typed(*stopped_at))
    found = pending.read(bench)
    assert found is not None
    assert not found.confirmed
    lnd(*NO_WALLET, *made())
    wallet(bench, typed(*RIGHT))


@pytest.mark.usefixtures("asked")
def test_a_power_cut_after_the_confirmation(bench: Bench, lnd: Lnd) -> None:
    """Before or in InitWallet: nothing is asked again, and it is the same seed."""
    lnd(*NO_WALLET, GENERATED, Call(f"{UNLOCKER}/InitWallet", Fails("gone", "UNAVAILABLE")))
    with pytest.raises(LightningError):
        wallet(bench, typed(*RIGHT))
    lnd(*NO_WALLET, *made())
    wallet(bench, None)


def test_a_power_cut_between_wallet_and_the_end(bench: Bench, lnd: Lnd) -> None:
    """The wallet is whole; what was kept for its sake goes."""
    pending.keep(bench, pending.Pending(words=tuple(WORDS), network="regtest", birthday=1795371189, confirmed=True))
    bench.have_wallet()
    lnd(*HAS_ONE, *SERVES)
    wallet(bench, None)
    assert not bench.place.pending_seed.exists()


def test_an_lnd_that_may_have_been_asked_for_a_wallet_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If its caller was gone when the wallet was made, it serves nobody; the birthday is written before the call."""
    place = Place(root=str(tmp_path))
    files: list[str] = []
    monkeypatch.setattr("signer_init.host._unit.ensure_unit", lambda _run, _name, read, check_mode: files.extend(read))
    host.Machine(place).run_lnd()
    assert str(place.birthday) in files
    place.config.mkdir(parents=True)
    place.lnd_conf.write_text("norest=true\n")
    before = container._digest(place)
    assert container._digest(place) == before
    place.birthday.write_text("1795371189\n")
    assert container._digest(place) != before


# --- a stranger


STRANGERS = UnitError(
    "systemctl restart lnd@signer.service failed. Its last lines: [ERR] LTND: Shutting down:"
    f" {module.MASTER_KEY_ERROR_TEXT}"
)
"""What systemd says of an lnd that has a wallet of another password."""
PROVIDER, TAKES, LOOPBACK = "tcp dport 10009 accept", "wallet-unlock-allow-create=true", "rpclisten=127.0.0.1:10009"


def closed(bench: Bench) -> bool:
    """Return whether only this machine reaches lnd, according to its own settings and to the firewall."""
    conf, rules = bench.place.lnd_conf.read_text(), bench.place.rules.read_text()
    return LOOPBACK in conf and TAKES in conf and PROVIDER not in rules


def opened(bench: Bench) -> bool:
    """Return whether the provider reaches lnd, and it takes no wallet."""
    conf, rules = bench.place.lnd_conf.read_text(), bench.place.rules.read_text()
    return LOOPBACK not in conf and TAKES not in conf and PROVIDER in rules


def set_up(bench: Bench, *arguments: t.Any, **options: t.Any) -> None:
    """Do the steps of run() up to the wallet."""
    given = agreed(bench, *arguments, **options)
    steps.configure(given)
    steps.have_wallet(given, lambda _text: None)


def starts(bench: Bench, *outcomes: UnitError | None) -> None:
    """Set the outcomes of lnd's starts, one after the other."""
    left = iter(outcomes)

    def start() -> None:
        error = next(left)
        if error:
            raise error

    bench.lnd = start


@pytest.mark.usefixtures("asked")
def test_nobody_comes_in_before_the_wallet_is_shown_to_be_that_of_the_seed(bench: Bench, lnd: Lnd) -> None:
    """Neither when lnd starts nor when the wallet is made; and when lnd starts with it, it takes no other."""
    seen: list[str] = []

    def look() -> None:
        conf = bench.place.lnd_conf.read_text()
        seen.append(
            "closed"
            if closed(bench)
            else "proof"
            if TAKES not in conf and PROVIDER not in bench.place.rules.read_text()
            else "open"
        )

    bench.lnd = look
    lnd(*NO_WALLET, GENERATED, *made(before=look))
    set_up(bench, typed(*RIGHT))
    assert seen == ["closed", "closed", "proof"]
    assert opened(bench)


@pytest.mark.parametrize("kept", [True, False])
def test_a_strangers_wallet_is_refused(bench: Bench, lnd: Lnd, kept: bool) -> None:
    """It was made while lnd waited; at the next run lnd serves with it, until it is started without being allowed to
    take one.
    """
    if kept:
        pending.keep(bench, pending.Pending(words=tuple(WORDS), network="regtest", birthday=1795371189, confirmed=True))
    starts(bench, None, STRANGERS)
    lnd(*HAS_ONE)
    with pytest.raises(
        Refused,
        match=f"somebody else made it.*{bench.place.lnddir}/data.*{'with your seed' if kept else '--bring-seed'}",
    ):
        set_up(bench, typed())
    assert bench.place.pending_seed.exists() == kept
    assert PROVIDER not in bench.place.rules.read_text()
    assert bench.done[-2:] == ["run", "stop"]
    assert not bench.place.macaroon.exists()


@pytest.mark.usefixtures("asked")
def test_that_initwallet_was_answered_is_no_proof(bench: Bench, lnd: Lnd) -> None:
    """lnd takes one of two calls that come at the same time, and answers both."""
    starts(bench, None, STRANGERS)
    lnd(*NO_WALLET, GENERATED, *made()[: -len(SERVES)])
    with pytest.raises(Refused, match="somebody else made it"):
        set_up(bench, typed(*RIGHT))
    found = pending.read(bench)
    assert found is not None
    assert found.confirmed
    assert PROVIDER not in bench.place.rules.read_text()


@pytest.mark.usefixtures("asked")
def test_a_stranger_who_comes_first(bench: Bench, lnd: Lnd) -> None:
    exists = Call(f"{UNLOCKER}/InitWallet", Fails("wallet already exists"))
    lnd(*NO_WALLET, GENERATED, exists)
    with pytest.raises(Refused, match="has got a wallet meanwhile"):
        set_up(bench, typed(*RIGHT))
    assert bench.place.pending_seed.exists()
    assert closed(bench)


def test_a_strangers_wallet_is_not_set_aside_as_one_that_was_cut_off(bench: Bench) -> None:
    pending.keep(bench, pending.Pending(words=tuple(WORDS), network="regtest", birthday=1795371189, confirmed=True))
    bench.have_wallet()
    starts(bench, STRANGERS)
    with pytest.raises(Refused, match="somebody else made it"):
        set_up(bench, None)
    assert bench.place.wallet("regtest").exists()


def test_a_signer_that_serves_is_not_cut_off(bench: Bench, lnd: Lnd) -> None:
    """An upgrade or another run finds its wallet: the provider is let in all the time."""
    bench.have_wallet()
    seen: list[bool] = []
    bench.lnd = lambda: seen.append(opened(bench))
    lnd(*HAS_ONE, *SERVES)
    set_up(bench, None)
    assert seen == [True, True]


# --- cut off in the making


def test_a_half_made_wallet_is_set_aside_and_made_of_the_same_seed(bench: Bench, lnd: Lnd) -> None:
    pending.keep(bench, pending.Pending(words=tuple(WORDS), network="regtest", birthday=1795371189, confirmed=True))
    bench.have_wallet()
    broken = iter([UnitError("systemctl start lnd@signer.service failed"), None, None])

    def start() -> None:
        error = next(broken)
        if error:
            raise error

    bench.lnd = start
    lnd(*NO_WALLET, *made())
    said = wallet(bench, None)
    assert "the same seed is used again" in said[0]
    assert [path.name.partition("_")[0] for path in bench.place.lnddir.glob("data.incomplete_*")] == ["data.incomplete"]


@pytest.mark.parametrize(
    "kept", [None, pending.Pending(words=tuple(WORDS), network="regtest", birthday=1795371189, confirmed=False)]
)
def test_a_wallet_that_does_not_open_is_never_set_aside_without_its_seed(
    bench: Bench, kept: pending.Pending | None
) -> None:
    if kept:
        pending.keep(bench, kept)
    bench.have_wallet()

    def start() -> None:
        raise UnitError("systemctl start lnd@signer.service failed")

    bench.lnd = start
    with pytest.raises(UnitError):
        wallet(bench, typed())
    assert bench.place.wallet("regtest").exists()


def test_a_wallet_that_is_there_is_left_alone(bench: Bench, lnd: Lnd) -> None:
    bench.have_wallet()
    lnd(*HAS_ONE, *SERVES)
    assert wallet(bench, None) == []


def test_a_wallet_that_is_gone_is_not_replaced_by_another(bench: Bench, lnd: Lnd) -> None:
    bench.place.birthday.write_text("1795371189\n")
    lnd(*NO_WALLET)
    with pytest.raises(Refused, match=r"it is gone.*--bring-seed"):
        wallet(bench, typed())


def test_a_brought_seed(bench: Bench, lnd: Lnd) -> None:
    lnd(*NO_WALLET, *made(OTHERS))
    wallet(bench, typed(" ".join(OTHERS), "2025-03-01"), bring_seed=True)
    assert bench.place.birthday.read_text() == "1740787200\n"


def test_words_that_are_no_seed_leave_nothing(bench: Bench, lnd: Lnd) -> None:
    """lnd refuses them, and they are asked for again."""
    refused = Call(f"{UNLOCKER}/InitWallet", Fails(f"word {WORDS[3]} isn't a part of default word list (index=3)"))
    lnd(*NO_WALLET, refused, Call(GET, {"state": "NON_EXISTING"}), *made(OTHERS))
    terminal = typed(" ".join(WORDS), "2025-03-01", " ".join(OTHERS), "2025-03-02")
    wallet(bench, terminal, bring_seed=True)
    shown = t.cast("io.StringIO", terminal._writer).getvalue()
    # On the screen on which they are typed again: the first one is hidden behind it.
    *_before, second = shown.split("\033[?1049h")
    assert "isn't a part of default word list (word 4 of 24)" in second
    assert "Please try again" in second
    assert WORDS[3] not in shown
    assert bench.place.birthday.read_text() == "1740873600\n"


def test_a_copy_of_the_disk_has_no_seed(bench: Bench, systemd_creds: SystemdCreds) -> None:
    pending.keep(bench, pending.Pending(words=tuple(WORDS), network="regtest", birthday=1795371189))
    assert not any(word.encode() in bench.place.pending_seed.read_bytes() for word in WORDS)
    systemd_creds.machine("B")
    with pytest.raises(InvalidInput, match="cannot unseal"):
        pending.read(bench)


def test_a_seed_shows_in_no_representation() -> None:
    assert not any(word in repr(pending.Pending(words=tuple(WORDS), network="regtest", birthday=1)) for word in WORDS)


def test_cloud_init_is_off_before_there_is_a_seed(bench: Bench) -> None:
    """It would execute what the next seed disk contains. A container has none, and nothing is made for it there."""
    steps.configure(agreed(bench))
    assert not bench.place.cloud_init_off.exists()
    bench.place.cloud_init_off.parent.mkdir(parents=True)
    steps.configure(agreed(bench))
    assert bench.place.cloud_init_off.exists()
    assert "run" not in bench.done


# --- lnd's directory is lnd's

LNDS_USER = 4001


def a_link(path: Path) -> None:
    """Have the path lead to a certificate of root's."""
    elsewhere = path.parents[1] / "roots.crt"
    elsewhere.write_bytes(make_certificate()[0])
    path.symlink_to(elsewhere)


@pytest.mark.parametrize("plant", [a_link, os.mkfifo])
def test_root_reads_nothing_of_others_in_the_place_of_lnds_certificate(
    bench: Bench, plant: t.Callable[[Path], None]
) -> None:
    """At a pipe, the next run of signer-init would wait for ever."""
    bench.place.lnddir.mkdir(parents=True)
    os.chown(bench.place.lnddir, LNDS_USER, LNDS_USER)
    plant(bench.place.certificate)
    with pytest.raises(InvalidInput, match=r"lnd's certificate .*Nothing"):
        steps.configure(agreed(bench))
