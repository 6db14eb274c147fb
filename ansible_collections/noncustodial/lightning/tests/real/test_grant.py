# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be computed and done with a grant on a real signer: with the one of before, which had MuSig2 methods, and with the one of now."""

from __future__ import annotations

import typing as t

import grpc
import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import bip32, channel, grant
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.client import Client, Connection
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import Denied
from ansible_collections.noncustodial.lightning.tests.real import musig2, psbt
from ansible_collections.noncustodial.lightning.tests.real.daemons import Bitcoind
from ansible_collections.noncustodial.lightning.tests.real.test_signer import Signer, make_signer

pytestmark = pytest.mark.lnd

# The grant as it was baked before: ten methods of a watch-only lnd, and the version.
ELEVEN = (*grant.PERMISSIONS, *grant.MUSIG2)
# Methods that lnd answers whatever the macaroon (lnd: rpcperms/interceptor.go, macaroonWhitelist). The first four make or open a wallet, and lnd
# refuses them once there is one; the others say how far it has started.
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
    """Whoever holds a macaroon."""
    return Client(Connection(signer.lnd.rpcserver, signer.lnd.credentials()[0], macaroon))


def account(signer: Signer, family: int) -> bip32.ExtendedPublicKey:
    """An account of Lightning keys, as it is in the bundle."""
    accounts = signer.lnd.module("lnd_accounts_info")["accounts"]
    return bip32.decode(next(one["extended_public_key"] for one in accounts if (one["purpose"], one["account"]) == (1017, family)))


def test_the_grant_of_before_gave_out_private_keys(signer: Signer) -> None:
    """Two calls for the key of the node. One key of a family is the account's, and so all of that family: here of the keys that hold channels."""
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


def said(signer: Signer, macaroon: bytes, methods: t.Iterable[str]) -> dict[str, str]:
    """What lnd says to an empty request, method by method; nothing if it answers."""
    secured = channel.open_channel(signer.lnd.rpcserver, signer.lnd.credentials()[0])
    found = {}
    with secured:
        for method in methods:
            # Each is asked as a stream is; to lnd that is the same, and one that is served ends with its first answer.
            remote = secured.unary_stream(method, lambda request: request, lambda answer: answer)
            answers = remote(b"", timeout=10, metadata=channel.macaroon_metadata(macaroon))
            try:
                next(answers, None)
                found[method] = ""
            except grpc.RpcError as error:
                found[method] = error.details()
            finally:
                answers.cancel()
    return found


def paths(permissions: t.Iterable[str]) -> set[str]:
    """The methods that permissions name."""
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
    # That all of them can be told so: with the grant of before, what it had besides is not denied.
    wider = said(signer, signer.bake("eleven.macaroon", ELEVEN, 11).read_bytes(), paths(grant.MUSIG2))
    assert paths(grant.MUSIG2) <= set(answers)
    assert "permission denied" not in wider.values()


def test_what_lnd_answers_without_a_macaroon(signer: Signer) -> None:
    """It is how far it has started, and nothing else: a wallet that is there cannot be made or opened again."""
    answers = said(signer, b"", WITHOUT_MACAROON)
    assert {method for method, text in answers.items() if not text} == {"/lnrpc.State/GetState", "/lnrpc.State/SubscribeState"}
    assert {text for method, text in answers.items() if "WalletUnlocker" in method} == {
        "wallet already unlocked, WalletUnlocker service is no longer available"
    }


# --- what a revocation does not end


def test_a_signature_of_before_a_revocation_spends_after_it(signer: Signer) -> None:
    """One that covers no output (SIGHASH_NONE|ANYONECANPAY) is kept, and the coin goes to an address that was chosen after the grant had ended."""
    accounts = signer.lnd.module("lnd_accounts_info")["accounts"]
    coins = bip32.decode(next(one["extended_public_key"] for one in accounts if (one["purpose"], one["account"]) == (84, 0)))
    key = bip32.derive(coins, 0, 0).hex()
    macaroon = signer.bake("kept.macaroon", root_key_id=12).read_bytes()
    bitcoind = Bitcoind()
    try:
        coin = psbt.Coin(bitcoind, f"[00000000/84h/0h/0h/0/0]{key}", 0.5)
        first = coin.spent_to(bitcoind.call("getnewaddress"), {psbt.SIGHASH: psbt.NONE_ANYONECANPAY})
        with holder(signer, macaroon) as thief:
            signed = thief.call("walletrpc.WalletKit/SignPsbt", funded_psbt=first).signed_psbt
            assert signer.lnd.module("lnd_macaroon", state="absent", root_key_id=12)["actions"] == ["revoke"]
            with pytest.raises(Denied):
                thief.call("walletrpc.WalletKit/SignPsbt", funded_psbt=first)
        chosen_later = bitcoind.call("getnewaddress")
        signature = {psbt.PARTIAL_SIG + bytes.fromhex(key): psbt.signature(bitcoind, signed, key)}
        final = psbt.finalized(bitcoind, coin.spent_to(chosen_later, {psbt.SIGHASH: psbt.NONE_ANYONECANPAY, **signature}))
        bitcoind.call("sendrawtransaction", final)
        bitcoind.mine(1)
        assert bitcoind.call("getreceivedbyaddress", chosen_later) == pytest.approx(0.4999)
    finally:
        bitcoind.stop()


def test_each_new_family_stays_in_the_signers_wallet(signer: Signer) -> None:
    """SignMessage takes any family of keys, and lnd makes each for good. No permission of lnd's bounds that, so it is said in docs/security.md."""

    def families() -> int:
        return len(signer.lnd.module("lnd_accounts_info")["accounts"])

    before = families()
    with holder(signer, signer.target().macaroon) as thief:
        for family in range(100_000, 100_200):
            thief.call("signrpc.Signer/SignMessage", msg=b"x", key_loc={"key_family": family, "key_index": 0})
    assert families() == before + 200
