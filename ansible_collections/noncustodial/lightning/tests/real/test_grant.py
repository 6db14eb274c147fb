# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that can be computed and calls that can be made with a grant on a real signer: the earlier grant had MuSig2
methods, the present one has none.
"""

from __future__ import annotations

import shutil
import typing as t
from pathlib import Path

import grpc
import pytest
import yaml

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import tls
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.errors import Denied
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import bip32, grant
from ansible_collections.noncustodial.lightning.tests.support import musig2, plays, psbt
from ansible_collections.noncustodial.lightning.tests.support.daemons import Bitcoind
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION
from ansible_collections.noncustodial.lightning.tests.support.signers import Signer, make_signer

pytestmark = pytest.mark.lnd

# The grant as it was baked before: ten methods of a watch-only lnd, and the version.
ELEVEN = (*grant.PERMISSIONS, *grant.MUSIG2_PERMISSIONS)
# Methods that lnd answers whatever the macaroon (lnd: rpcperms/interceptor.go, macaroonWhitelist). The first four make
# or open a wallet, and lnd refuses them once there is one; the others show how far it has started.
WITHOUT_MACAROON = {
    "/lnrpc.WalletUnlocker/GenSeed",
    "/lnrpc.WalletUnlocker/InitWallet",
    "/lnrpc.WalletUnlocker/UnlockWallet",
    "/lnrpc.WalletUnlocker/ChangePassword",
    "/lnrpc.State/SubscribeState",
    "/lnrpc.State/GetState",
}


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Signer]:
    made = make_signer(tmp_path_factory.mktemp("grants") / "acme")
    yield made
    made.lnd.stop()


def holder(signer: Signer, macaroon: bytes) -> Client:
    """Return a client with the macaroon of a holder."""
    return Client(Connection(signer.lnd.rpcserver, signer.lnd.credentials()[0], macaroon))


def account(signer: Signer, family: int) -> bip32.ExtendedPublicKey:
    """Return an account of Lightning keys, as it is in the bundle."""
    accounts = signer.lnd.module("lnd_accounts_info")["accounts"]
    return bip32.decode(
        next(one["extended_public_key"] for one in accounts if (one["purpose"], one["account"]) == (1017, family))
    )


def test_the_grant_of_before_gave_out_private_keys(signer: Signer) -> None:
    """Two calls for the key of the node. One key of a family is the account's, and so all of that family: here of the
    keys that hold channels.
    """
    funding = account(signer, 0)
    with holder(signer, signer.bake("eleven.macaroon", ELEVEN, 11).read_bytes()) as thief:
        node_key = musig2.stolen_key(thief, 6, 0, bytes.fromhex(signer.node_id))
        stolen = musig2.stolen_key(thief, 0, 3, bip32.derive(funding, 0, 3))
    assert musig2.public(node_key).hex() == signer.node_id
    whole = musig2.account_key(stolen, funding, 3)
    assert musig2.public(whole) == funding.key
    assert musig2.public(musig2.child_key(whole, funding, 12345)) == bip32.derive(funding, 0, 12345)


def test_the_grant_gives_out_no_private_key(signer: Signer) -> None:
    with holder(signer, signer.target().macaroon) as thief, pytest.raises(Denied, match="permission denied"):
        musig2.stolen_key(thief, 6, 0, bytes.fromhex(signer.node_id))


def test_who_gave_eleven_methods_is_not_given_four_beside_them(signer: Signer) -> None:
    """A rerun of the tenant's tools, which would leave the older macaroon good: it stops with the meaning of that, and
    goes on with another root key.
    """
    path = signer.bake("older.macaroon", ELEVEN, 14)
    before = path.read_bytes()
    rerun: dict[str, t.Any] = {"path": str(path), "permissions": list(grant.PERMISSIONS), "revoked": "refuse"}
    for check in (True, False):
        refused = signer.lnd.module("lnd_macaroon", check, root_key_id=14, **rerun)
        assert refused.get("failed") is True
        for word in (grant.KNOWN_KEYS_WARNING, "MuSig2Sign", "another root key, such as 15"):
            assert word in refused["msg"]
    assert path.read_bytes() == before
    with holder(signer, before) as thief:
        assert musig2.stolen_key(thief, 6, 0, bytes.fromhex(signer.node_id))
    narrower = signer.lnd.module("lnd_macaroon", root_key_id=15, **rerun)
    assert narrower["actions"] == ["bake"], narrower
    with holder(signer, path.read_bytes()) as thief, pytest.raises(Denied, match="permission denied"):
        musig2.stolen_key(thief, 6, 0, bytes.fromhex(signer.node_id))
    # The older one is good until its root key goes.
    assert signer.lnd.module("lnd_macaroon", state="absent", root_key_id=14)["actions"] == ["revoke"]
    with holder(signer, before) as thief, pytest.raises(Denied):
        musig2.stolen_key(thief, 6, 0, bytes.fromhex(signer.node_id))


def test_verify_names_who_was_onboarded_with_eleven_methods(signer: Signer, tmp_path: Path) -> None:
    """It checks the grant as it is sealed on the node's machine; here the grant is a file."""
    tasks = yaml.safe_load((COLLECTION / "roles/tenant/tasks/verify_watch_only.yml").read_text())
    module = "noncustodial.lightning.lnd_signer_check"
    (options,) = (task[module] for task in tasks if module in task)
    assert options.pop("macaroon_credential") == ("/etc/credstore.encrypted/lnd@{{ tenant_node.name }}.signer.macaroon")
    options["macaroon_file"] = "{{ tenant_node.config }}/grant"
    grants = {"acme": signer.bake("eleven.macaroon", ELEVEN, 11), "globex": signer.folder / "grant.macaroon"}
    hosts = {}
    for tenant, path in grants.items():
        config = tmp_path / tenant
        config.mkdir()
        shutil.copy(path, config / "grant")
        shutil.copy(signer.lnd.directory / "tls.cert", config / "signer.crt")
        hosts[tenant] = {
            "tenant_node": {"config": str(config), "name": tenant, "version": "0.21.3-beta"},
            "_tenant_onboarded": {"signer": f"localhost:{signer.port}", "node_id": signer.node_id},
        }
    played = plays.play(tmp_path, tasks, hosts)
    assert played.failed == {"acme"}, played.output
    assert "the macaroon grants more than is needed: uri:/signrpc.Signer/MuSig2" in played.text
    assert grant.KNOWN_KEYS_WARNING in played.text


def said(signer: Signer, macaroon: bytes, methods: t.Iterable[str]) -> dict[str, str]:
    """Return lnd's answer to an empty request, method by method; nothing if it succeeds."""
    secured = tls.open_channel(signer.lnd.rpcserver, signer.lnd.credentials()[0])
    found: dict[str, str] = {}
    with secured:
        for method in methods:
            # Each is asked as a stream is; to lnd that is the same, and one that is served ends with its first answer.
            remote = secured.unary_stream(method, lambda request: request, lambda answer: answer)
            answers = remote(b"", timeout=10, metadata=tls.macaroon_metadata(macaroon))
            try:
                next(answers, None)
                found[method] = ""
            except grpc.RpcError as error:
                found[method] = str(error.details())
            finally:
                answers.cancel()
    return found


def paths(permissions: t.Iterable[str]) -> set[str]:
    """Return the methods that permissions name."""
    return {permission.removeprefix("uri:") for permission in permissions}


def test_and_no_other_method(signer: Signer) -> None:
    """Every method that this lnd has, with an empty request: the four are not denied, all others are."""
    with signer.admin() as admin:
        methods = set(admin.call("lnrpc.Lightning/ListPermissions").method_permissions)
    assert len(methods) > 150
    granted = paths(grant.PERMISSIONS)
    answers = said(signer, signer.target().macaroon, methods - WITHOUT_MACAROON)
    assert granted < set(answers)
    assert {method for method, text in answers.items() if text != "permission denied"} == granted
    # The proof that the check sees all of them: with the earlier grant, its further methods are not denied.
    wider = said(signer, signer.bake("eleven.macaroon", ELEVEN, 11).read_bytes(), paths(grant.MUSIG2_PERMISSIONS))
    assert paths(grant.MUSIG2_PERMISSIONS) <= set(answers)
    assert "permission denied" not in wider.values()


def test_what_lnd_answers_without_a_macaroon(signer: Signer) -> None:
    """It is how far it has started, and nothing else: a wallet that is there cannot be made or opened again."""
    answers = said(signer, b"", WITHOUT_MACAROON)
    assert {method for method, text in answers.items() if not text} == {
        "/lnrpc.State/GetState",
        "/lnrpc.State/SubscribeState",
    }
    assert {text for method, text in answers.items() if "WalletUnlocker" in method} == {
        "wallet already unlocked, WalletUnlocker service is no longer available"
    }


# --- what a revocation does not end


def test_a_signature_of_before_a_revocation_spends_after_it(signer: Signer) -> None:
    """One that covers no output (SIGHASH_NONE|ANYONECANPAY) is kept, and the coin goes to an address that was chosen
    after the grant had ended.
    """
    accounts = signer.lnd.module("lnd_accounts_info")["accounts"]
    coins = bip32.decode(
        next(one["extended_public_key"] for one in accounts if (one["purpose"], one["account"]) == (84, 0))
    )
    key = bip32.derive(coins, 0, 0).hex()
    macaroon = signer.bake("kept.macaroon", root_key_id=12).read_bytes()
    bitcoind = Bitcoind()
    try:
        coin = psbt.Coin(bitcoind, f"[00000000/84h/0h/0h/0/0]{key}", 0.5)
        first = coin.spent_to(bitcoind.call("getnewaddress"), {psbt.SIGHASH_TYPE: psbt.NONE_ANYONECANPAY})
        with holder(signer, macaroon) as thief:
            signed = thief.call("walletrpc.WalletKit/SignPsbt", funded_psbt=first).signed_psbt
            assert signer.lnd.module("lnd_macaroon", state="absent", root_key_id=12)["actions"] == ["revoke"]
            with pytest.raises(Denied):
                thief.call("walletrpc.WalletKit/SignPsbt", funded_psbt=first)
        chosen_later = bitcoind.call("getnewaddress")
        signature = {psbt.PARTIAL_SIG_TYPE + bytes.fromhex(key): psbt.signature(bitcoind, signed, key)}
        final = psbt.finalized(
            bitcoind, coin.spent_to(chosen_later, {psbt.SIGHASH_TYPE: psbt.NONE_ANYONECANPAY, **signature})
        )
        bitcoind.call("sendrawtransaction", final)
        bitcoind.mine(1)
        assert bitcoind.call("getreceivedbyaddress", chosen_later) == pytest.approx(0.4999)
    finally:
        bitcoind.stop()


def test_each_new_family_stays_in_the_signers_wallet(signer: Signer) -> None:
    """SignMessage takes any family of keys, and lnd makes each for good. No permission of lnd's limits that, so
    docs/security.md documents it.
    """

    def families() -> int:
        return len(signer.lnd.module("lnd_accounts_info")["accounts"])

    before = families()
    with holder(signer, signer.target().macaroon) as thief:
        for family in range(100_000, 100_200):
            thief.call("signrpc.Signer/SignMessage", msg=b"x", key_loc={"key_family": family, "key_index": 0})
    assert families() == before + 200
