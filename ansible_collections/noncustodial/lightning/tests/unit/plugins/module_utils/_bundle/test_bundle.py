# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import datetime
import hashlib
import typing as t

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import account_keys, bundle
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import bip32, grant, macaroon
from ansible_collections.noncustodial.lightning.tests.support import bundles
from ansible_collections.noncustodial.lightning.tests.support.bundles import NOW, Edit, baked, forged, good, kit

XPRV = "xprv9s21ZrQH143K31xYSDQpPDxsXRTUcvj2iNHm5NUtrGiGG5e2DtALGdso3pGz6ssrdK4PFmM8NSpSBHNqPqm55Qn3LqFtT2emdEXVYsCzC2U"
OTHER_NODE = "02730866eb922fffea782996e8d0d478c23113e5b6d8c67c1321673df68eb909fd"


def judged(
    content: object, now: datetime.datetime = NOW, taken_up: bool = False, **changes: t.Any
) -> list[tuple[str, str]]:
    """Return path and text of each problem, against the kit with these changes."""
    return [
        (problem.path, problem.text)
        for problem in bundle.validate(content, bundle.Terms(kit(**changes), now, taken_up))
    ]


def set_field(name: str, value: t.Any) -> Edit:
    return lambda content: content.update({name: value})


def drop(name: str) -> Edit:
    return lambda content: content.pop(name)


def account(index: int, **values: t.Any) -> Edit:
    return lambda content: content["accounts"][index].update(values)


def swap(first: int, second: int) -> Edit:
    """Exchange the keys of two accounts."""

    def edit(content: dict[str, t.Any]) -> None:
        one, other = content["accounts"][first], content["accounts"][second]
        one["xpub"], other["xpub"] = other["xpub"], one["xpub"]

    return edit


def granted(**values: t.Any) -> Edit:
    return set_field("macaroon", baked(**values).encode().hex())


def xpub_of(index: int) -> str:
    return str(good()["accounts"][index]["xpub"])


def mainnet(path: str) -> str:
    return str(bundles.wallets()["mainnet"]["accounts"][path])


def test_a_good_bundle_has_no_problem() -> None:
    assert judged(good()) == []
    assert (
        judged(good(close_address="bcrt1q6rhpng9evdsfnn833a4f4vej0asu6dk5srld6x", endpoint="10.231.77.74:10009")) == []
    )


def test_there_are_259_accounts() -> None:
    for network in ("mainnet", "regtest"):
        assert len(account_keys.required_places(network)) == 259
    assert sorted(account_keys.required_places("regtest")) == sorted(
        (one["purpose"], one["coin_type"], one["account"]) for one in good()["accounts"]
    )
    assert (1017, 0, 6) in account_keys.required_places("mainnet")


# Each fault: what is done to a good bundle, and the path and the words of its problem.
FAULTS: dict[str, tuple[Edit, str, str]] = {
    "field missing": (drop("endpoint"), "endpoint", "is missing"),
    "field unknown": (set_field("seed", "abandon ability"), "seed", "is not known"),
    "field of another type": (set_field("birthday", "yesterday"), "birthday", "is of a wrong type: text"),
    "true for a number": (set_field("birthday", True), "birthday", "is of a wrong type: true or false"),
    "other schema": (set_field("version", 3), "schema", "is not noncustodial.lightning/bundle version 2"),
    "of a release before": (set_field("version", 1), "schema", "The tenant has to upgrade its collection or image"),
    "for another provider": (set_field("recipient", "age1" + "q" * 58), "recipient", "the bundle was signed for another one"),
    "of another kit": (set_field("kit_fingerprint", "AAAA"), "kit_fingerprint", "is 'AAAA', and that of the kit here"),
    "other tenant": (set_field("tenant", "globex"), "tenant", "is 'globex', but the kit is for 'acme'"),
    "other network": (set_field("network", "signet"), "network", "is 'signet', but the kit is for 'regtest'"),
    "no endpoint": (set_field("endpoint", "signer-acme"), "endpoint", "is not host:port"),
    "certificate cut": (lambda content: content.update(certificate=content["certificate"][:200]), "certificate", "is not a PEM file"),
    "certificate without the name": (set_field("endpoint", "signer.example.com:10009"), "certificate", "has not the dialled name signer.example.com"),
    "certificate without the address": (set_field("endpoint", "192.0.2.200:10009"), "certificate", "has not the dialled address 192.0.2.200"),
    "macaroon no hex": (set_field("macaroon", "xyz"), "macaroon", "is not hexadecimal"),
    "macaroon cut": (lambda content: content.update(macaroon=content["macaroon"][:60]), "macaroon", "cannot be decoded"),
    "grant too wide": (granted(permissions=(*grant.PERMISSIONS, "onchain:write")), "macaroon", "grants more than is needed: onchain:write"),
    "grant of eleven methods": (
        granted(permissions=(*grant.PERMISSIONS, *grant.MUSIG2_PERMISSIONS)),
        "macaroon",
        f"uri:/signrpc.Signer/MuSig2Sign. {grant.KNOWN_KEYS_WARNING}",
    ),
    "grant too narrow": (granted(permissions=grant.PERMISSIONS[1:]), "macaroon", "does not grant uri:/walletrpc.WalletKit/SignPsbt"),
    "grant under root key 0": (granted(root_key_id=0), "macaroon", "root key id 0"),
    "node id no key": (set_field("node_id", "04" + "11" * 32), "node_id", "is not a compressed public key"),
    "node id of another seed": (set_field("node_id", OTHER_NODE), "node_id", "of another seed"),
    "birthday before bitcoin": (set_field("birthday", 0), "birthday", "no time in seconds since 1970"),
    "birthday in milliseconds": (set_field("birthday", 1795371189000), "birthday", "and now. By the clock of this machine it is 20"),
    "lnd older": (set_field("lnd_version", "0.20.0-beta"), "lnd_version", "older than the node's 0.21.3-beta"),
    "lnd unknown": (set_field("lnd_version", "mine"), "lnd_version", "is not a version"),
    "close address of another network": (
        set_field("close_address", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"), "close_address", "of another network",
    ),
    "expired": (set_field("expires", "2026-11-30T23:59:59Z"), "expires", "must write a new bundle. By the clock of this machine it is 20"),
    "no date": (set_field("expires", "soon"), "expires", "is not a date"),
    "account missing": (lambda content: content["accounts"].pop(9), "accounts", "lack m/1017'/1'/6'"),
    "accounts missing": (lambda content: content.update(accounts=content["accounts"][:200]), "accounts", "lack m/1017'/1'/197' to m/1017'/1'/255'"),
    "no account": (set_field("accounts", []), "accounts", "lack m/49'/0'/0', m/84'/0'/0', m/86'/0'/0', m/1017'/1'/0' to m/1017'/1'/255'"),
    "account twice": (lambda content: content["accounts"].append(dict(content["accounts"][4])), "accounts[259]", "is there twice, first as accounts[4]"),
    "account not wanted": (
        lambda content: content["accounts"].append({"purpose": 84, "coin_type": 0, "account": 1, "xpub": xpub_of(1)}), "accounts[259]", "is none that a node",
    ),
    "account no object": (lambda content: content["accounts"].append("x"), "accounts[259]", "is text, not an object"),
    "account without key": (lambda content: content["accounts"][12].pop("xpub"), "accounts[12].xpub", "is missing"),
    "account with another field": (account(12, seed="x"), "accounts[12].seed", "is not known"),
    "key altered": (account(12, xpub=xpub_of(12)[:-1] + "1"), "accounts[12].xpub", "has a wrong checksum"),
    "key of mainnet": (account(1, xpub=mainnet("m/84'/0'/0'")), "accounts[1].xpub", "is of another network: zpub"),
    "key at the wrong place": (swap(10, 11), "accounts[10].xpub", "has child number 8' in place of 7'"),
    "key twice": (account(0, xpub=xpub_of(2)), "accounts[2].xpub", "has the key of m/49'/0'/0'"),
    "chain code twice": (
        account(12, xpub=forged(xpub_of(12), 13, bip32.decode(xpub_of(3)).chain_code)), "accounts[12].xpub", "has the chain code of m/1017'/1'/0'",
    ),
    "private key as account": (account(12, xpub=XPRV), "accounts[12].xpub", "holds a private key"),
    "private key elsewhere": (set_field("lnd_version", XPRV), "lnd_version", "holds a private key"),
    "private key of TLS": (set_field("certificate", "-----BEGIN EC PRIVATE KEY-----"), "certificate", "holds a private key"),
    "private key as a name": (set_field(XPRV, 1), "", "holds a private key as a name"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_told_with_its_path(fault: str) -> None:
    edit, path, words = FAULTS[fault]
    content = good()
    edit(content)
    found = judged(content)
    assert any(where == path and words in text for where, text in found), found
    assert XPRV not in str(found)


def test_a_public_key_that_happens_to_hold_the_letters_of_a_private_one() -> None:
    content = good()
    content["accounts"][12]["xpub"] = xpub_of(12)[:50] + XPRV[:40] + xpub_of(12)[90:]
    assert judged(content) == [("accounts[12].xpub", "(m/1017'/1'/9') has a wrong checksum: it was altered or cut")]


def test_all_faults_are_told_at_once() -> None:
    content = good(
        tenant="globex", endpoint="other:1", lnd_version="0.1.0-beta", birthday=0, expires="2020-01-01T00:00:00Z"
    )
    content["accounts"].pop(3)
    content["accounts"][7]["xpub"] = "x0"
    paths = [path for path, _text in judged(content)]
    assert sorted(paths) == [
        "accounts",
        "accounts[7].xpub",
        "birthday",
        "certificate",
        "expires",
        "lnd_version",
        "tenant",
    ]


@pytest.mark.parametrize("content", [None, [], "bundle", 7])
def test_what_is_no_object_at_all(content: object) -> None:
    assert [path for path, _text in judged(content)] == [""]


def test_a_certificate_out_of_date() -> None:
    later = datetime.datetime(2028, 2, 1, tzinfo=datetime.UTC)
    assert judged(good(expires="2028-03-01T00:00:00Z"), now=later) == [
        ("certificate", "has expired on 2028-01-16 19:07 UTC")
    ]


def test_accounts_of_another_seed_behind_a_right_node_id() -> None:
    """One of lnd's own accounts was replaced by one of another wallet: it has another parent."""
    content = good()
    raw = (
        bytearray.fromhex("043587cf03")
        + bytes.fromhex("deadbeef")
        + (5 | 1 << 31).to_bytes(4, "big")
        + bytes(32)
        + bytes.fromhex(OTHER_NODE)
    )
    content["accounts"][8]["xpub"] = base58check(bytes(raw))
    assert judged(content) == [("accounts[8].xpub", "(m/1017'/1'/5') is of another seed than m/1017'/1'/6'")]


def test_a_key_of_another_depth() -> None:
    raw = bytes.fromhex("043587cf04deadbeef") + (5 | 1 << 31).to_bytes(4, "big") + bytes(32) + bytes.fromhex(OTHER_NODE)
    content = good()
    content["accounts"][8]["xpub"] = base58check(raw)
    assert judged(content) == [("accounts[8].xpub", "(m/1017'/1'/5') has depth 4 in place of 3")]


def test_an_offer_that_was_taken_up_is_not_judged_by_its_date() -> None:
    content = good(expires="2026-11-01T00:00:00Z", lnd_version="0.21.0-beta")
    assert [path for path, _text in judged(content)] == ["lnd_version", "expires"]
    assert judged(content, taken_up=True) == []


def test_a_bundle_for_another_network_is_not_called_wrong_in_each_part() -> None:
    assert [path for path, _text in judged(good(), network="mainnet")] == ["network", "kit_fingerprint"]


def test_accounts_of_mainnet() -> None:
    """The five of the real mainnet wallet; only the others are missing."""
    content = good(
        kit(network="mainnet"),
        network="mainnet",
        accounts=bundles.accounts("mainnet"),
        node_id=bundles.wallets()["mainnet"]["node_id"],
    )
    found = judged(content, network="mainnet")
    assert found == [("accounts", "lack m/1017'/0'/1' to m/1017'/0'/5', m/1017'/0'/7' to m/1017'/0'/255'")]


def test_the_summary_holds_no_secret() -> None:
    content = good(macaroon=baked(caveats=["iprange 192.0.2.0/24"]).encode().hex())
    summary = bundle.summary(content, bundle.WATCH_ONLY)
    assert (summary["root_key_id"], summary["caveats"], summary["certificate_expires"]) == (
        1,
        ["iprange 192.0.2.0/24"],
        "2028-01-16T19:07:39Z",
    )
    assert content["macaroon"] not in str(summary)
    assert macaroon.decode(bytes.fromhex(content["macaroon"])).signature.hex() not in str(summary)
    assert xpub_of(0) not in str(summary)


def test_a_grant_that_is_over() -> None:
    ended = good(macaroon=baked(caveats=["time-before 2026-11-30T00:00:00Z"]).encode().hex())
    [(path, text)] = judged(ended)
    assert (path, "grants until 2026-11-30T00:00:00Z, which is over. By the clock" in text) == ("macaroon", True)
    assert judged(good(macaroon=baked(caveats=["time-before 2027-11-30T00:00:00Z"]).encode().hex())) == []


def test_validation_changes_nothing() -> None:
    content = good()
    before = copy.deepcopy(content)
    judged(content)
    assert content == before


def base58check(data: bytes) -> str:
    """Return the text of an extended key."""
    number = int.from_bytes(data + hashlib.sha256(hashlib.sha256(data).digest()).digest()[:4], "big")
    text = ""
    while number:
        number, digit = divmod(number, 58)
        text = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[digit] + text
    return text
