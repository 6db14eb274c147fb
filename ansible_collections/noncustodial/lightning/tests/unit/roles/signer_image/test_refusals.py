# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refusals before anything is changed: a kit that is not for this signer, settings with a fault, a machine without a
TPM.
"""

from __future__ import annotations

import io
import json
import shutil
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import agreement
from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle.kit import fingerprint
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import (
    InvalidInput,
    LightningError,
    Missing,
    Refused,
)
from ansible_collections.noncustodial.lightning.tests.support import bundles
from ansible_collections.noncustodial.lightning.tests.support.signer_bench import Bench
from signer_init import __main__ as commands
from signer_init import container, kits, pending, settings, status, steps
from signer_init.settings import NO_TPM_SENTENCE
from signer_init.terminal import Stopped, Terminal


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def taken(bench: Bench) -> kits.Kit:
    return kits.read(bench.place, settings.read_image(bench.place))


def test_a_kit(bench: Bench) -> None:
    bench.give_kit()
    assert taken(bench)["tenant"] == "acme"


def test_no_kit(bench: Bench) -> None:
    with pytest.raises(Missing, match=r"There is no kit yet .*signer-init --kit FILE"):
        taken(bench)


def test_a_kit_for_another_tenant_than_the_bundles(bench: Bench) -> None:
    """The bundle is of a release that did not record for whom the signer is."""
    bench.give_kit(tenant="globex")
    bench.place.bundle.write_text(json.dumps({"tenant": "acme", "encrypted": "x"}))
    with pytest.raises(Refused, match="for the tenant globex, and this is acme's"):
        agreed(bench, address="signer.example", seed_recipient=RECIPIENT)


@pytest.mark.parametrize("content", ["", "[]", '{"schema": "other"}', "\0"])
def test_what_is_no_kit(bench: Bench, content: str) -> None:
    bench.place.kit.write_text(content)
    with pytest.raises(InvalidInput, match="Ask the provider for a new kit"):
        taken(bench)


@pytest.mark.parametrize(
    ("chosen", "fault"),
    [
        ({"adress": "signer.example"}, "adress is not known"),
        ({"address": "https://signer.example"}, "is neither a name nor an address: 'https://signer.example'"),
        ({"address": 7}, "address is no text"),
        ({"port": "10009"}, "port is no number"),
        ({"port": 70000}, "port is not from 1 to 65535"),
        ({"admin_addresses": "192.0.2.0/24"}, "admin_addresses is no list"),
        ({"admin_addresses": ["192.0.2.0/24", "10.0.0.0/8; }"]}, r"admin_addresses\[1\] is neither"),
        ({"admin_addresses": []}, "nobody could log in again"),
        ({"bundle_valid_for": 0}, "bundle_valid_for is below 1"),
        ({"root_key_id": 0}, "root_key_id is below 1"),
        ({"root_key_id": True}, "root_key_id is no number"),
        ({"seed_recipient": "AGE-SECRET-KEY-1AAAA"}, "is refused: seed_recipient is a private key"),
        ({"seed_recipient": "ssh-rsa AAAA"}, "neither an age key"),
        ({"without_tpm": "yes"}, "is not the sentence"),
    ],
)
def test_settings_with_a_fault(bench: Bench, chosen: dict[str, t.Any], fault: str) -> None:
    bench.choose(**chosen)
    with pytest.raises(InvalidInput, match=fault):
        settings.read_settings(bench.place)


def test_the_command_line_wins_over_the_file(bench: Bench) -> None:
    bench.choose(address="old.example", root_key_id=4)
    made = settings.read_settings(bench.place, address="new.example", port=None)
    assert (made.address, made.port, made.root_key_id) == ("new.example", 10009, 4)


def test_settings_come_back_as_they_were_written(bench: Bench) -> None:
    made = settings.Settings(
        address="signer.example", admin_addresses=("192.0.2.0/24", "198.51.100.7"), without_tpm=NO_TPM_SENTENCE
    )
    settings.write_settings(bench.place, made)
    assert settings.read_settings(bench.place) == made
    assert bench.place.settings.stat().st_mode & 0o777 == 0o600
    assert "port" not in json.loads(bench.place.settings.read_text())


def agreed(bench: Bench, **chosen: t.Any) -> steps.Setup:
    return steps.agree(bench, steps.Request(settings=chosen))


RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"


def test_a_mistyped_key_for_the_seed_is_seen_before_anything_is_changed(bench: Bench) -> None:
    bench.give_kit()
    with pytest.raises(InvalidInput, match="Cannot encrypt to age1"):
        agreed(bench, address="signer.example", seed_recipient=RECIPIENT[:-1] + "q")


def test_who_administers_it_is_not_locked_out(bench: Bench) -> None:
    bench.give_kit()
    bench.login = "198.51.100.7 50022 203.0.113.74 22"
    request = steps.Request(
        settings={"address": "signer.example", "seed_recipient": RECIPIENT, "admin_addresses": ["192.0.2.0/24"]}
    )
    with pytest.raises(
        Refused, match=r"you come from 198\.51\.100\.7 to port 22, .* only to 192\.0\.2\.0/24\. Nothing was changed"
    ):
        steps.run(bench, request, lambda _text: None)
    assert bench.done == []
    assert not bench.place.settings.exists()
    steps.check_admin(bench, settings.Settings(admin_addresses=("192.0.2.0/24", "198.51.100.0/24")), "")


def test_no_tpm_is_refused_but_in_so_many_words(bench: Bench) -> None:
    bench.give_kit()
    bench.tpm = False
    with pytest.raises(Refused, match="has no TPM"):
        agreed(bench, address="signer.example", seed_recipient=RECIPIENT)
    assert (
        agreed(bench, address="signer.example", seed_recipient=RECIPIENT, without_tpm=NO_TPM_SENTENCE).network
        == "regtest"
    )


def test_who_has_a_tpm_does_not_do_without_it(bench: Bench) -> None:
    """A password that was sealed without a TPM stays so."""
    bench.give_kit()
    chosen = {"address": "signer.example", "seed_recipient": RECIPIENT, "without_tpm": NO_TPM_SENTENCE}
    assert agreed(bench, **chosen).settings.without_tpm == ""
    bench.place.password.parent.mkdir(parents=True)
    bench.place.password.touch()
    assert agreed(bench, **chosen).settings.without_tpm == NO_TPM_SENTENCE


@pytest.mark.parametrize(
    "chosen",
    [
        {"seed_recipient": "age1"},
        {"close_address": "bc1qnone"},
        {"address": "-"},
        {"address": "2001:db8::7"},
        {"without_tpm": "no"},
    ],
)
def test_nothing_is_changed_by_what_is_refused(bench: Bench, chosen: dict[str, str]) -> None:
    bench.give_kit()
    before = sorted(path for path in Path(bench.place.root).rglob("*"))
    with pytest.raises(LightningError):
        agreed(bench, **{"address": "signer.example", "seed_recipient": RECIPIENT, **chosen})
    assert sorted(path for path in Path(bench.place.root).rglob("*")) == before
    assert bench.done == []


def test_a_small_disk(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10 << 30, 10 << 30, 100 << 20))
    with pytest.raises(Refused, match="Only 100 MiB are free"):
        bench.check_space()


@pytest.mark.parametrize(
    ("wallet", "seed", "chosen", "bring_seed", "needed"),
    [
        (False, None, {}, False, True),
        (False, None, {"seed_recipient": RECIPIENT}, False, False),
        (False, None, {"seed_recipient": RECIPIENT}, True, True),
        (False, None, {"seed_recipient": RECIPIENT, "address": ""}, False, True),
        (True, None, {}, False, False),
        (True, False, {}, False, True),
        (False, True, {}, False, False),
    ],
)
@pytest.mark.usefixtures("systemd_creds")
def test_a_terminal_is_only_asked_for_where_something_is_shown_or_asked(
    bench: Bench, wallet: bool, seed: bool | None, chosen: dict[str, t.Any], bring_seed: bool, needed: bool
) -> None:
    """A seed is under way and confirmed or not, or there is none."""
    if wallet:
        bench.have_wallet()
    if seed is not None:
        pending.keep(bench, pending.Pending(words=("word",) * 24, network="regtest", birthday=1, confirmed=seed))
    made = settings.Settings(**{"address": "signer.example", **chosen})
    assert steps.needs_terminal(bench, bundles.kit(), made, bring_seed) is needed


# --- a kit that was not compared with the provider

COMMAND = {"address": "signer.example", "seed_recipient": RECIPIENT}
FINGERPRINT = fingerprint(bundles.kit())


def at_a_terminal(monkeypatch: pytest.MonkeyPatch, *lines: str) -> io.StringIO:
    """Give the tenant a terminal and type these lines; return what it shows."""
    shown = io.StringIO()
    monkeypatch.setattr(
        steps, "of_session", lambda: Terminal(io.StringIO("".join(f"{line}\n" for line in lines)), shown)
    )
    return shown


def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> Terminal:
        raise Refused("There is none")

    monkeypatch.setattr(steps, "of_session", none)


def compared(
    bench: Bench, said: agreement.Agreement | None = None, kit_file: Path | None = None, **chosen: t.Any
) -> steps.Setup:
    """Do the steps of signer-init before lnd is started."""
    found = steps.agree(
        bench, steps.Request(kit_file=kit_file, settings={**COMMAND, **chosen}, statement=said or agreement.Agreement())
    )
    steps.configure(found)
    return found


def test_a_kit_that_was_not_compared_opens_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.give_kit(compared=False)
    no_terminal(monkeypatch)
    with pytest.raises(
        agreement.Unconfirmed,
        match=rf"lets in 192\.0\.2\.14, has the fingerprint {FINGERPRINT}, which was not compared",
    ) as error:
        compared(bench)
    assert "signer-init --kit-fingerprint" in str(error.value)
    at_a_terminal(monkeypatch, "yes", "", "q")
    with pytest.raises(Stopped):
        compared(bench)
    assert bench.done == []
    assert not bench.place.settings.exists()
    status_kit = next(step for step in status.steps(status.read(bench)) if step.name == "kit")
    assert not status_kit.done
    assert FINGERPRINT in status_kit.text


def test_a_fingerprint_is_not_cut_by_the_end_of_a_line(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is compared letter by letter, and the command is copied."""
    bench.give_kit(compared=False)
    no_terminal(monkeypatch)
    assert commands.main(["init"], bench) == 1
    said = capsys.readouterr().err
    assert FINGERPRINT in said
    assert "--kit-fingerprint" in said


@pytest.mark.usefixtures("systemd_creds")
@pytest.mark.parametrize("typed", [True, False])
def test_a_kit_is_compared_once(bench: Bench, monkeypatch: pytest.MonkeyPatch, typed: bool) -> None:
    bench.give_kit(compared=False)
    shown = at_a_terminal(monkeypatch, "PN6X", FINGERPRINT.lower().replace("-", " "))
    compared(bench, agreement.Agreement() if typed else agreement.Agreement(fingerprint=FINGERPRINT))
    if typed:
        assert f"It lets in    192.0.2.14\n  fingerprint   {FINGERPRINT}" in shown.getvalue()
        assert "That is not the fingerprint of this kit" in shown.getvalue()
    else:
        assert shown.getvalue() == ""
    no_terminal(monkeypatch)
    compared(bench)
    # By another kit than that, a signer is set up neither by hand nor by itself.
    for changes in ({"provider_addresses": ["203.0.113.66"]}, {"age_recipient": RECIPIENT}):
        bench.give_kit(compared=False, **changes)
        with pytest.raises(agreement.Unconfirmed, match=f"and what was compared with the provider is {FINGERPRINT}"):
            compared(bench)
    shown = at_a_terminal(monkeypatch, "q")
    with pytest.raises(Stopped):
        compared(bench)
    assert (
        f"another kit than the one that was compared before, which has the fingerprint {FINGERPRINT}."
        in shown.getvalue()
    )
    other = fingerprint(bundles.kit(tenant="globex"))
    bench.give_kit(compared=False, tenant="globex")
    with pytest.raises(Refused, match="for the tenant globex, and this is acme's"):
        compared(bench, agreement.Agreement(fingerprint=other))
    with pytest.raises(Refused, match="for the tenant globex, and this is acme's"):
        compared(bench, agreement.Agreement("globex", other))


def test_a_wrong_fingerprint_is_not_asked_for_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.give_kit()
    no_terminal(monkeypatch)
    with pytest.raises(agreement.Unconfirmed, match="and what was compared with the provider is WRONG"):
        compared(bench, agreement.Agreement(fingerprint="WRONG"))


def test_another_tenants_kit_on_a_new_signer(bench: Bench) -> None:
    bench.give_kit()
    with pytest.raises(Refused, match="for the tenant acme, and this is globex's"):
        compared(bench, agreement.Agreement("globex"))
    bench.place.tenant.write_text("initech\n")
    with pytest.raises(Refused, match="for the tenant acme, and this is initech's"):
        compared(bench)


@pytest.mark.usefixtures("systemd_creds")
def test_who_is_let_in_is_bounded(bench: Bench) -> None:
    bench.give_kit(provider_addresses=["10.0.0.0/20"])
    with pytest.raises(
        Refused, match=r"would let in 10\.0\.0\.0/20, and you have not accepted networks wider than /24"
    ):
        compared(bench)
    assert bench.done == []
    compared(bench, kit_widest=20)
    compared(bench)


@pytest.mark.usefixtures("systemd_creds")
def test_what_is_kept_is_what_was_compared(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kit's file may be in a place where others write."""
    kit_file = tmp_path / "kit.json"
    kit_file.write_text(json.dumps(bundles.kit()))
    altered = json.dumps(bundles.kit(provider_addresses=["203.0.113.66"]))
    monkeypatch.setattr(kits, "compare", lambda *_arguments: kit_file.write_text(altered))
    at_a_terminal(monkeypatch)
    compared(bench, kit_file=kit_file)
    assert json.loads(bench.place.kit.read_text()) == bundles.kit()
    assert "203.0.113.66" not in bench.place.rules.read_text()


def test_a_container_finds_the_fingerprint_beside_the_kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "_KIT", tmp_path / "kit.json")
    box = container.Container(bench_place := Bench(tmp_path).place)
    assert box.place is bench_place
    with pytest.raises(agreement.Unconfirmed):
        kits.check_agreed(box, bundles.kit(), agreement.Agreement(), 24)
    (tmp_path / "kit_fingerprint").write_text(FINGERPRINT)
    kits.check_agreed(box, bundles.kit(), agreement.Agreement(), 24)
    (tmp_path / "tenant").write_text("globex")
    with pytest.raises(Refused, match="this is globex's"):
        kits.check_agreed(box, bundles.kit(), agreement.Agreement(), 24)
