# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import bundle, envelope
from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import kit as kits
from ansible_collections.noncustodial.lightning.plugins.module_utils._core import document
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.problems import Invalid
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import bundle_file
from ansible_collections.noncustodial.lightning.tests.support import bundles
from ansible_collections.noncustodial.lightning.tests.support.bundles import NOW, Keys, kit, make_keys

DAY = datetime.timedelta(days=1)


class Answer:
    """The value of a message."""

    def __init__(self, **values: t.Any) -> None:
        vars(self).update(values)


class Signer:
    """A signer with the fixture's answers; it has one account more, which the provider does not need."""

    def __init__(self, version: str = "0.21.3-beta commit=") -> None:
        self.version = version

    def call(self, name: str) -> Answer:
        if name == "lnrpc.Lightning/GetInfo":
            return Answer(identity_pubkey=bundles.wallets()["regtest"]["node_id"], version=self.version)
        assert name == "walletrpc.WalletKit/ListAccounts"
        accounts = {**bundles.wallets()["regtest"]["accounts"], "m/84'/0'/1'": "private business"}
        common = {"name": "default", "address_type": 1, "watch_only": False}
        return Answer(
            accounts=[
                Answer(derivation_path=path, extended_public_key=xpub, **common)
                for path, xpub in reversed(accounts.items())
            ]
        )


class Desk:
    """A tenant's machine: its files and its options."""

    def __init__(self, folder: Path) -> None:
        self.keys: Keys = make_keys(folder / "keys")
        self.files = {
            name: folder / name for name in ("bundle.json", "kit.json", "tls.cert", "grant.macaroon", "birthday")
        }
        self.files["kit.json"].write_bytes(document.canonical(kit(age_recipient=self.keys.recipient)))
        self.files["tls.cert"].write_text((bundles.FIXTURES / "signer.crt").read_text())
        self.files["grant.macaroon"].write_bytes(bundles.baked().encode())
        self.files["birthday"].write_text("1795371189\n")

    def desired(self, **changes: t.Any) -> bundle_file.WantedBundle:
        paths = {f"{what}_file": str(self.files[name]) for what, name in FILES.items()}
        values = {
            "path": str(self.files["bundle.json"]),
            "network": "regtest",
            "endpoint": "signer-acme:10009",
            "close_address": None,
            "valid_for": 14 * 86400,
        }
        return bundle_file.WantedBundle(
            **{**paths, "signing_key_file": self.keys.signing_key_file, **values, **changes}
        )

    def read(self, now: datetime.datetime = NOW, **changes: t.Any) -> bundle_file.Offer:
        return bundle_file.read_offer(t.cast(Client, Signer()), self.desired(**changes), now)

    def run(self, now: datetime.datetime = NOW, **changes: t.Any) -> bool:
        """Read, plan and apply as the module does; return whether anything was changed."""
        plan = bundle_file.plan_offer(self.read(now, **changes))
        for action in plan.actions:
            bundle_file.apply_offer(action, self.desired(**changes))
        assert not bundle_file.plan_offer(self.read(now, **changes)).changed
        return plan.changed

    def expires(self) -> str:
        return str(document.read(self.files["bundle.json"].read_bytes())["expires"])


FILES = {"kit": "kit.json", "certificate": "tls.cert", "macaroon": "grant.macaroon", "birthday": "birthday"}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_what_the_tenant_writes_the_provider_takes(desk: Desk) -> None:
    assert desk.run()
    provider = envelope.Provider(desk.keys.identity, desk.keys.signing_key)
    content = envelope.open_file(
        str(desk.files["bundle.json"]), provider, bundle.Terms(kits.read(str(desk.files["kit.json"])), NOW)
    )
    assert content == bundles.good(kit(age_recipient=desk.keys.recipient))
    assert desk.files["bundle.json"].stat().st_mode & 0o777 == 0o600


def test_a_second_run_changes_nothing(desk: Desk) -> None:
    desk.run()
    before = desk.files["bundle.json"].read_bytes()
    assert not desk.run(NOW + 3 * DAY)
    assert desk.files["bundle.json"].read_bytes() == before


def test_the_date_is_kept_while_it_lies_ahead(desk: Desk) -> None:
    desk.run()
    first = desk.expires()
    assert not desk.run(NOW + 13 * DAY, valid_for=30 * 86400)
    assert desk.expires() == first
    assert desk.run(NOW + 15 * DAY)
    assert desk.expires() == document.date_text(NOW + 29 * DAY)


def test_a_changed_offer_has_all_its_time(desk: Desk) -> None:
    desk.run()
    CHANGES["grant"](desk)
    assert desk.run(NOW + 13 * DAY)
    assert desk.expires() == document.date_text(NOW + 27 * DAY)
    assert not desk.run(NOW + 14 * DAY)


def test_a_shorter_offer_is_written_anew(desk: Desk) -> None:
    desk.run()
    assert desk.run(valid_for=3600)
    assert desk.expires() == document.date_text(NOW + datetime.timedelta(hours=1))


def other_keys(desk: Desk) -> None:
    desk.keys = make_keys(desk.files["kit.json"].parent / "new")
    desk.files["kit.json"].write_bytes(document.canonical(kit(age_recipient=desk.keys.recipient)))


def new_kit(desk: Desk) -> None:
    recipient = make_keys(desk.files["kit.json"].parent / "provider").recipient
    desk.files["kit.json"].write_bytes(document.canonical(kit(age_recipient=recipient)))


CHANGES: dict[str, t.Callable[[Desk], object]] = {
    "grant": lambda desk: desk.files["grant.macaroon"].write_bytes(bundles.baked(root_key_id=2).encode()),
    "birthday": lambda desk: desk.files["birthday"].write_text("1795371000"),
    "keys": other_keys,
    "provider": new_kit,
    "cut": lambda desk: desk.files["bundle.json"].write_bytes(desk.files["bundle.json"].read_bytes()[:1000]),
    "cut inside": (
        lambda desk: desk.files["bundle.json"].write_text(
            desk.files["bundle.json"].read_text().replace("-----END AGE", "")
        )
    ),
    "gone": lambda desk: desk.files["bundle.json"].unlink(),
    "open to others": lambda desk: desk.files["bundle.json"].chmod(0o644),
    "another file": lambda desk: desk.files["bundle.json"].write_text("[]"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen_without_decrypting(desk: Desk, change: str) -> None:
    desk.run()
    CHANGES[change](desk)
    assert desk.run()


def test_a_diff_and_a_plan_without_secrets(desk: Desk) -> None:
    plan = bundle_file.plan_offer(desk.read())
    shown = f"{plan.before} {plan.after}"
    assert plan.before == {"mode": None}
    assert plan.after["mode"] == "0600"
    assert bundles.good()["macaroon"] not in shown
    assert bundles.accounts()[0]["xpub"] not in shown


def test_reading_writes_nothing(desk: Desk) -> None:
    folder = desk.files["kit.json"].parent
    before = sorted(os.listdir(folder))
    desk.read()
    assert sorted(os.listdir(folder)) == before


def test_a_bundle_that_would_be_refused_is_not_written(desk: Desk) -> None:
    desk.files["grant.macaroon"].write_bytes(bundles.baked(permissions=("onchain:write",)).encode())
    with pytest.raises(Invalid) as error:
        desk.read(endpoint="elsewhere:1", network="mainnet")
    assert "Nothing was written" in str(error.value)
    assert {"macaroon", "certificate", "network"} <= {problem["path"] for problem in error.value.problems}
    assert not desk.files["bundle.json"].exists()


def test_a_signer_older_than_the_kit_says(desk: Desk) -> None:
    with pytest.raises(Invalid, match=r"lnd_version is 0\.20\.0-beta, older"):
        bundle_file.read_offer(t.cast(Client, Signer("0.20.0-beta commit=x")), desk.desired(), NOW)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("kit.json", b"{", "is not JSON"),
        ("kit.json", b'{"schema": "x"}', "tenant is missing"),
        ("birthday", b"yesterday", "is not a number of seconds"),
        ("birthday", b"\xff", "is not text"),
        ("grant.macaroon", b"0201", "macaroon cannot be decoded"),
        ("tls.cert", b"", "certificate is not a PEM file"),
    ],
)
def test_files_that_are_wrong(desk: Desk, name: str, content: bytes, words: str) -> None:
    desk.files[name].write_bytes(content)
    with pytest.raises(InvalidInput, match=words):
        desk.read()


@pytest.mark.parametrize("name", ["kit.json", "tls.cert", "grant.macaroon", "birthday"])
def test_files_that_are_not_there(desk: Desk, name: str) -> None:
    desk.files[name].unlink()
    with pytest.raises(InvalidInput, match=name):
        desk.read()


def test_the_key_of_a_tunnel(desk: Desk, tmp_path: Path) -> None:
    """The tests' certificate has no address of a tunnel."""
    desk.files["kit.json"].write_bytes(document.canonical(bundles.tunnelled_kit(age_recipient=desk.keys.recipient)))
    endpoint, key = f"[{bundles.SIGNER_END}]:10009", tmp_path / "signer_tunnel.pub"
    with pytest.raises(InvalidInput, match="tunnel_key_file is not set"):
        desk.read(endpoint=endpoint)
    for text, paths in ((f"{bundles.OTHER_TUNNEL_KEY}\n", []), ("\n", ["tunnel_public_key"])):
        key.write_text(text)
        with pytest.raises(Invalid) as caught:
            desk.read(endpoint=endpoint, tunnel_key_file=str(key))
        assert [one["path"] for one in caught.value.problems] == [*paths, "certificate"]
