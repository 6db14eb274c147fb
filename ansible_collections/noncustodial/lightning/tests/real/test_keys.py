# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules for wallets and macaroons against a real lnd: a signer, a watch-only node of its accounts, and a wallet
restored from its seed.

The tests build on each other, in this order.
"""

from __future__ import annotations

import json
import os
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import account_keys
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import LightningError
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.errors import CaveatUnmet, Denied
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import grant, macaroon
from ansible_collections.noncustodial.lightning.tests.support.daemons import Lnd

pytestmark = pytest.mark.lnd

PASSWORD = "of-this-test-alone"
OTHER = "03" + "cd" * 32
CHAIN = "data/chain/bitcoin/regtest"
GRANT_KEY = 1

Values = dict[str, t.Any]


class Desk:
    """A signer with its surroundings. Every result of a module is kept, to look for secrets in all of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.results: list[Values] = []
        self.password = folder / "password"
        self.password.write_text(f"{PASSWORD}\n")
        self.identity = folder / "identity"
        subprocess.run(["age-keygen", "-o", str(self.identity)], check=True, capture_output=True)
        recipient = subprocess.run(
            ["age-keygen", "-y", str(self.identity)], check=True, capture_output=True, text=True
        ).stdout.strip()
        self.seed = {
            "seed_recipient": recipient,
            "seed_path": str(folder / "seed.age"),
            "birthday_path": str(folder / "birthday"),
        }
        self.nodes: dict[str, Lnd] = {}

    def node(self, name: str, *options: str) -> Lnd:
        """Return the lnd of that name; it is made and started when first requested."""
        if name not in self.nodes:
            self.nodes[name] = Lnd(self.folder / name, None, *options)
            self.nodes[name].start()
        return self.nodes[name]

    def run(self, node: Lnd, module: str, check: bool = False, **options: t.Any) -> Values:
        result = node.module(module, check, **options)
        self.results.append(result)
        return result

    def ok(self, node: Lnd, module: str, changed: bool, check: bool = False, **options: t.Any) -> Values:
        result = self.run(node, module, check, **options)
        assert not result.get("failed"), result["msg"]
        assert result["changed"] is changed
        return result

    def refused(self, node: Lnd, module: str, *words: str, **options: t.Any) -> None:
        result = self.run(node, module, **options)
        assert result.get("failed") is True
        for word in words:
            assert word in result["msg"]

    def words(self) -> list[str]:
        text = subprocess.run(
            ["age", "-d", "-i", str(self.identity), self.seed["seed_path"]], check=True, capture_output=True, text=True
        ).stdout
        return text.splitlines()[-1].split()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("keys"))
    try:
        yield made
    finally:
        for node in made.nodes.values():
            node.stop()


@pytest.fixture
def signer(desk: Desk) -> Lnd:
    return desk.node("signer", f"--wallet-unlock-password-file={desk.password}", "--wallet-unlock-allow-create")


def client(node: Lnd, token: bytes) -> Client:
    return Client(Connection(node.rpcserver, (node.directory / "tls.cert").read_bytes(), token, 20))


def wallet(desk: Desk, **changes: t.Any) -> Values:
    return {"wallet_password_file": str(desk.password), "auto_unlock": True, **desk.seed, **changes}


def test_starting_lnd_is_waited_for(desk: Desk, signer: Lnd) -> None:
    assert desk.ok(signer, "lnd_state_info", False, state="NON_EXISTING")["state"] == "NON_EXISTING"


def test_no_wallet_without_an_owner_of_the_seed(desk: Desk, signer: Lnd) -> None:
    desk.refused(signer, "lnd_wallet", "nobody to whom", wallet_password_file=str(desk.password))
    desk.refused(signer, "lnd_wallet", "Cannot write", **wallet(desk, seed_path="/nonexistent/seed.age"))
    desk.refused(
        signer,
        "lnd_wallet",
        "There is a seed for this node at /desk/seed.age",
        **wallet(desk, seed_copy="/desk/seed.age"),
    )
    assert desk.ok(signer, "lnd_wallet", True, check=True, **wallet(desk))["actions"] == ["create"]
    assert desk.ok(signer, "lnd_state_info", False)["state"] == "NON_EXISTING"
    assert not os.path.exists(desk.seed["seed_path"])


def test_create_then_unchanged(desk: Desk, signer: Lnd) -> None:
    made = desk.ok(signer, "lnd_wallet", True, **wallet(desk))
    assert (made["created"], made["state"]) == (True, "RPC_ACTIVE")
    assert made["node_id"] == desk.ok(signer, "lnd_info", False)["identity_pubkey"]
    again = desk.ok(signer, "lnd_wallet", False, **wallet(desk, node_id=made["node_id"], seed_copy="/desk/seed.age"))
    assert (again["created"], again["node_id"], again["birthday"]) == (False, made["node_id"], made["birthday"])
    desk.refused(signer, "lnd_wallet", made["node_id"], OTHER, **wallet(desk, node_id=OTHER))


def test_restarted_lnd_opens_its_wallet_itself(desk: Desk, signer: Lnd) -> None:
    signer.stop()
    signer.start()
    assert desk.ok(signer, "lnd_wallet", False, **wallet(desk, wait_for="SERVER_ACTIVE"))["state"] == "SERVER_ACTIVE"


def test_grant(desk: Desk, signer: Lnd) -> None:
    file = desk.folder / "signer.macaroon"
    options: Values = {"path": str(file), "permissions": list(grant.PERMISSIONS), "root_key_id": GRANT_KEY}
    assert desk.ok(signer, "lnd_macaroon", True, check=True, **options)["actions"] == ["bake"]
    assert not file.exists()
    desk.ok(signer, "lnd_macaroon", True, **options)
    desk.ok(signer, "lnd_macaroon", False, **options)
    baked = file.read_bytes()
    decoded = macaroon.decode(baked)
    assert (decoded.encode(), decoded.permissions, decoded.root_key_id) == (
        baked,
        frozenset(grant.PERMISSIONS),
        GRANT_KEY,
    )
    assert not grant.flaws(decoded)
    with client(signer, baked) as holder:
        assert holder.call("verrpc.Versioner/GetVersion").version
        for name in (
            "lnrpc.Lightning/SendCoins",
            "lnrpc.Lightning/BakeMacaroon",
            "walletrpc.WalletKit/ListAccounts",
            "lnrpc.Lightning/WalletBalance",
        ):
            with pytest.raises(Denied, match="permission denied"):
                holder.call(name)


def test_caveats_of_ours_are_lnds(desk: Desk, signer: Lnd) -> None:
    """Caveats added here without the node are checked by the node; a caveat that cannot hold here and now is no reason
    to bake anew.
    """
    made = macaroon.decode((desk.folder / "signer.macaroon").read_bytes())
    with client(signer, made.attenuated("time-before 2100-01-01T00:00:00Z", "ipaddr 127.0.0.1").encode()) as holder:
        holder.call("verrpc.Versioner/GetVersion")
    for caveat in ("time-before 2020-01-01T00:00:00Z", "ipaddr 192.0.2.7", "lnd-custom guard x"):
        with client(signer, made.attenuated(caveat).encode()) as holder, pytest.raises(CaveatUnmet):
            holder.call("verrpc.Versioner/GetVersion")
    with (
        client(signer, macaroon.Macaroon(made.location, made.identifier, (), b"\x22" * 32).encode()) as forger,
        pytest.raises(Denied),
    ):
        forger.call("verrpc.Versioner/GetVersion")
    options: Values = {
        "path": str(desk.folder / "bound"),
        "permissions": ["info:read"],
        "root_key_id": 9,
        "caveats": ["ipaddr 192.0.2.7"],
    }
    desk.ok(signer, "lnd_macaroon", True, **options)
    desk.ok(signer, "lnd_macaroon", False, **options)


def test_unknown_method(desk: Desk, signer: Lnd) -> None:
    options: Values = {
        "path": str(desk.folder / "new"),
        "permissions": ["info:read", "uri:/signrpc.Signer/OfTomorrow"],
        "root_key_id": 8,
    }
    desk.refused(signer, "lnd_macaroon", "/signrpc.Signer/OfTomorrow", **options)
    assert desk.ok(signer, "lnd_macaroon", True, unknown_uris="drop", **options)["permissions"] == ["info:read"]


def offer(desk: Desk, signer: Lnd) -> Values:
    """Return the tenant's offer: accounts, birthday, node id."""
    accounts = desk.ok(signer, "lnd_accounts_info", False)["accounts"]
    return {
        "accounts": [
            {**{name: one[name] for name in ("purpose", "coin_type", "account")}, "xpub": one["extended_public_key"]}
            for one in accounts
        ],
        "birthday": int((desk.folder / "birthday").read_text()),
        "node_id": desk.ok(signer, "lnd_info", False)["identity_pubkey"],
    }


def test_accounts_are_what_a_watch_only_node_wants(desk: Desk, signer: Lnd) -> None:
    given = offer(desk, signer)
    assert len(given["accounts"]) == len(account_keys.required_places("regtest"))
    assert account_keys.account_problems(given["accounts"], "regtest", given["node_id"]) == []


def test_watch_wallet(desk: Desk, signer: Lnd) -> None:
    tenant = desk.node(
        "tenant",
        f"--wallet-unlock-password-file={desk.password}",
        "--wallet-unlock-allow-create",
        "--remotesigner.enable",
        f"--remotesigner.rpchost={signer.rpcserver}",
        f"--remotesigner.tlscertpath={signer.directory}/tls.cert",
        f"--remotesigner.macaroonpath={desk.folder}/signer.macaroon",
    )
    options: Values = {**offer(desk, signer), "wallet_password_file": str(desk.password), "auto_unlock": True}
    desk.refused(tenant, "lnd_watch_wallet", "accounts lack", **{**options, "accounts": options["accounts"][:-1]})
    assert desk.ok(tenant, "lnd_watch_wallet", True, check=True, **options)["actions"] == ["create"]
    assert desk.ok(tenant, "lnd_state_info", False)["state"] == "NON_EXISTING"
    assert desk.ok(tenant, "lnd_watch_wallet", True, **options)["created"] is True
    assert desk.ok(tenant, "lnd_watch_wallet", False, **options)["node_id"] == options["node_id"]
    accounts = desk.ok(tenant, "lnd_accounts_info", False)["accounts"]
    assert all(account["watch_only"] for account in accounts)


def test_restore_is_the_same_node(desk: Desk, signer: Lnd) -> None:
    restored = desk.node("restored")
    mnemonic = desk.folder / "mnemonic"
    locked: Values = {"wallet_password_file": str(desk.password)}
    mnemonic.write_text(" ".join([*desk.words()[:-1], "notaword"]))
    window = f"{mnemonic}.recovery_window"
    given: Values = {"mnemonic_file": str(mnemonic), "recovery_window": 10, "recovery_window_path": window}
    desk.refused(restored, "lnd_wallet", "isn't a part of default word list", **locked, **given)
    mnemonic.write_text(" ".join(desk.words()))
    node_id = desk.ok(signer, "lnd_info", False)["identity_pubkey"]
    assert desk.ok(restored, "lnd_wallet", True, **locked, **given)["node_id"] == node_id
    restored.stop()
    restored.start()
    wrong = desk.folder / "wrong"
    wrong.write_text("another-password")
    desk.refused(restored, "lnd_wallet", "Check the file or the credential", wallet_password_file=str(wrong))
    assert desk.ok(restored, "lnd_wallet", False, state="present")["state"] == "LOCKED"
    assert desk.ok(restored, "lnd_wallet", True, check=True, **locked)["actions"] == ["unlock"]
    assert desk.ok(restored, "lnd_wallet", True, **locked, node_id=node_id)["actions"] == ["unlock"]
    # lnd has no wallet to be opened any more: that it is open is success.
    desk.ok(restored, "lnd_wallet", False, **locked, node_id=node_id)


def test_revocation(desk: Desk, signer: Lnd) -> None:
    file = desk.folder / "signer.macaroon"
    token = file.read_bytes()
    options: Values = {"state": "absent", "path": str(file), "root_key_id": GRANT_KEY}
    assert desk.ok(signer, "lnd_macaroon", True, check=True, **options)["actions"] == ["revoke", "remove"]
    with client(signer, token) as holder:
        holder.call("verrpc.Versioner/GetVersion")
        desk.ok(signer, "lnd_macaroon", True, **options)
        with pytest.raises(Denied, match="root key with id 1 doesn't exist"):
            holder.call("verrpc.Versioner/GetVersion")
    desk.ok(signer, "lnd_macaroon", False, **options)
    with (
        client(signer, (signer.directory / CHAIN / "admin.macaroon").read_bytes()) as admin,
        pytest.raises(LightningError, match="cannot be deleted"),
    ):
        admin.call("lnrpc.Lightning/DeleteMacaroonID", root_key_id=0)


def test_no_secret_was_shown(desk: Desk) -> None:
    """No seed, no password, no macaroon and, of the watch-only wallet, no account is in any result, with its options
    and diffs.
    """
    words = " ".join(desk.words())
    shown = json.dumps(desk.results)
    assert words not in shown
    assert json.dumps(words.split())[1:-1] not in shown
    assert PASSWORD not in shown
    assert "notaword" not in shown
    assert (desk.folder / "signer" / CHAIN / "admin.macaroon").read_bytes().hex() not in shown
    sealed = [
        json.dumps(result)
        for result in desk.results
        if "birthday" in result.get("invocation", {}).get("module_args", {})
        and "accounts" in result["invocation"]["module_args"]
    ]
    assert sealed
    assert not any("tpub" in text or "vpub" in text for text in sealed)


# Under these names an lnd's wallet keeps its master key and the keys of its coin types, encrypted (btcwallet:
# waddrmgr/db.go). Watch-only, it has neither.
KEPT_BUCKETS = b"mhdpriv", b"ctpriv"


def holding(folder: Path, *wanted: bytes) -> set[bytes]:
    """Return those of these secrets that are in a file of the folder."""
    contents = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert contents
    return {one for one in wanted if any(one in content for content in contents)}


def test_nothing_of_the_seed_is_on_the_tenants_node(desk: Desk, tmp_path: Path) -> None:
    """The same search finds on the signer what an lnd keeps of a seed, and words in a file that has them."""
    words = " ".join(desk.words()).encode()
    (tmp_path / "planted").write_bytes(b"x" * 100 + words + b"x")
    assert holding(tmp_path, words) == {words}
    assert holding(desk.folder / "signer", *KEPT_BUCKETS) == set(KEPT_BUCKETS)
    assert holding(desk.folder / "tenant", words, *KEPT_BUCKETS) == set()
