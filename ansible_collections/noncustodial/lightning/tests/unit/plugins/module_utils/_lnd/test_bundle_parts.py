# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import (
    certificate,
    document,
    endpoint,
    grant,
    kit,
    problems,
    segwit,
    versions,
)
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import InvalidInput
from ansible_collections.noncustodial.lightning.tests.unit import bundles


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("0.21.1-beta", "0.21.3-beta"),
        ("0.9.9-beta", "0.21.0-beta"),
        ("0.21.3-beta.rc1", "0.21.3-beta"),
        ("0.21.3-beta.rc2", "v0.21.3-beta.rc10"),
        ("0.21.3-beta commit=v0.21.3-beta", "0.22.0-beta"),
    ],
)
def test_versions_are_compared(older: str, newer: str) -> None:
    assert versions.parse(older) < versions.parse(newer)
    assert versions.older(older, newer) is True
    assert versions.older(newer, older) is False
    assert versions.older(newer, newer) is False


def test_a_version_is_the_same_in_each_of_its_forms() -> None:
    assert versions.parse("v0.21.3-beta") == versions.parse("0.21.3-beta commit=v0.21.3-beta") == versions.parse("0.21.3")
    assert versions.plain("0.21.3-beta commit=") == "0.21.3-beta"


def test_the_name_of_a_build_of_ones_own_does_not_count() -> None:
    assert versions.older("0.21.3-beta-ours.2", "0.21.3-beta-ours.3") is False
    assert versions.older("0.21.3-beta.rc1-ours", "0.21.3-beta") is True


@pytest.mark.parametrize("text", ["", "bin"])
def test_nothing_is_older_than_what_is_no_version(text: str) -> None:
    assert versions.older("0.21.3-beta", text) is False


def test_what_is_no_version_is_not_newer_either() -> None:
    with pytest.raises(InvalidInput):
        versions.older("latest", "0.21.3-beta")


@pytest.mark.parametrize("text", ["", "latest", "0.21", "0.21.3-alpha", "0.21.3-beta; rm"])
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(InvalidInput):
        versions.parse(text)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("signer-acme:10009", "signer-acme", 10009),
        ("signer.example.com:443", "signer.example.com", 443),
        ("192.0.2.7:1", "192.0.2.7", 1),
        ("[2001:db8::7]:10009", "2001:db8::7", 10009),
    ],
)
def test_endpoints(text: str, host: str, port: int) -> None:
    assert endpoint.parse(text) == endpoint.Endpoint(host, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "signer",
        "signer:",
        ":10009",
        "signer:0",
        "signer:65536",
        "2001:db8::7:10009",
        "[signer]:1",
        "a b:1",
        "http://signer:1",
        "-a:1",
        "signer:1\n",
    ],
)
def test_what_is_no_endpoint(text: str) -> None:
    with pytest.raises(InvalidInput):
        endpoint.parse(text)


# The addresses are from BIP 173 and BIP 350, but for the last, which bitcoind made on regtest.
@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "mainnet"),
        ("tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7", "testnet"),
        ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", "mainnet"),
        ("tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c", "signet"),
        ("bcrt1q6rhpng9evdsfnn833a4f4vej0asu6dk5srld6x", "regtest"),
    ],
)
def test_addresses(address: str, network: str) -> None:
    segwit.check(address, network)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7", "another network"),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", "checksum"),
        ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd", "checksum"),
        ("bc1qW508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "not a SegWit"),
        ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "not a SegWit"),
        ("bc1gmk9yu", "not a SegWit"),
        # BIP 350's own examples; of the first lnd would make a P2WPKH address.
        ("bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y", "a kind that lnd cannot pay to"),
        ("BC1SW50QGDZ25J", "a kind that lnd cannot pay to"),
        ("bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs", "a kind that lnd cannot pay to"),
        ("", "not a SegWit"),
    ],
)
def test_addresses_that_are_refused(address: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        segwit.check(address, "mainnet")


def test_a_real_certificate() -> None:
    (one,) = certificate.read((bundles.FIXTURES / "signer.crt").read_text())
    assert [
        str(one.covers(endpoint.parse(f"{host}:1")))
        for host in ("signer-acme", "Signer-Acme.", "10.231.77.74", "[::1]", "globex", "10.231.77.75")
    ] == [
        "True",
        "True",
        "True",
        "True",
        "False",
        "False",
    ]
    assert f"{one.ends:%Y-%m-%d}" == "2028-01-16"
    assert len(one.fingerprint) == 64


@pytest.mark.parametrize("pem", ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "{good}x", "{cut}"])
def test_what_is_no_certificate(pem: str) -> None:
    good = (bundles.FIXTURES / "signer.crt").read_text()
    with pytest.raises(InvalidInput):
        certificate.read(pem.format(good=good, cut=good[: len(good) // 2]))


@pytest.mark.parametrize(
    ("permissions", "root_key_id", "reasons"),
    [
        (grant.PERMISSIONS, 1, []),
        (reversed(grant.PERMISSIONS), 7, []),
        ((*grant.PERMISSIONS, "onchain:write"), 1, ["grant_too_wide"]),
        ((*grant.PERMISSIONS, "uri:/lnrpc.Lightning/SendCoins"), 1, ["grant_too_wide"]),
        (grant.PERMISSIONS[1:], 1, ["grant_too_narrow"]),
        (grant.PERMISSIONS, 0, ["grant_root_key_zero"]),
        (("message:write", "onchain:write", "signer:generate"), 0, ["grant_too_wide", "grant_too_narrow", "grant_root_key_zero"]),
    ],
)
def test_the_grant(permissions: t.Iterable[str], root_key_id: int, reasons: list[str]) -> None:
    assert [flaw.reason for flaw in grant.flaws(bundles.baked(permissions, root_key_id))] == reasons


@pytest.mark.parametrize(
    ("more", "cure"),
    [
        (grant.MUSIG2, grant.KEYS_MAY_BE_KNOWN),
        *(((method,), grant.KEYS_MAY_BE_KNOWN) for method in grant.MUSIG2),
        (("signer:generate",), grant.KEYS_MAY_BE_KNOWN),
        (("macaroon:generate",), grant.KEYS_MAY_BE_KNOWN),
        (("uri:/lnrpc.Lightning/BakeMacaroon",), grant.KEYS_MAY_BE_KNOWN),
        (("onchain:write",), ""),
        (("uri:/signrpc.Signer/SignOutputRaw",), ""),
    ],
)
def test_what_gives_out_keys_says_so(more: tuple[str, ...], cure: str) -> None:
    (flaw,) = grant.flaws(bundles.baked((*grant.PERMISSIONS, *more)))
    assert (flaw.reason, flaw.cure) == (grant.TOO_WIDE, cure)


@pytest.mark.parametrize("text", ["", "{", '{"a": 1, "a": 2}', '{"a": NaN}', "[" * 100_000, b"\xff", "1" * 5000])
def test_json_that_is_refused(text: str) -> None:
    with pytest.raises(document.NotJson):
        document.read(text)


def test_canonical_json_is_one_form() -> None:
    assert document.canonical({"b": ["ä"], "a": None}) == b'{"a":null,"b":["\\u00e4"]}'


@pytest.mark.parametrize("text", ["", "2026-12-06", "2026-12-06T18:00:00", "2026-12-06T18:00:00+01:00", "2026-13-06T18:00:00Z"])
def test_dates_that_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        document.date(text)


def test_a_name_that_no_document_uses_is_not_repeated() -> None:
    found = problems.check_fields({"a\x1b[31mb": 1}, {"a": int})
    assert "\x1b" not in "".join(map(str, found))


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"schema": "noncustodial.lightning/bundle"}, "schema"),
        ({"version": 2}, "schema"),
        ({"version": True}, "version"),
        ({"tenant": "Acme & Co"}, "tenant"),
        ({"network": "litecoin"}, "network"),
        ({"age_recipient": "age1short"}, "age_recipient"),
        ({"age_recipient": "AGE-SECRET-KEY-1"}, "age_recipient"),
        ({"lnd_version": "latest"}, "lnd_version"),
        ({"provider_addresses": ["192.0.2.0/24", "gateway"]}, "provider_addresses[1]"),
        ({"provider_addresses": "192.0.2.1"}, "provider_addresses"),
        ({"provider_addresses": []}, "provider_addresses"),
        ({"provider_addresses": [3221225985]}, "provider_addresses[0]"),
        ({"provider_addresses": ["192.0.2.1 } tcp dport 22 accept #"]}, "provider_addresses[0]"),
        ({"provider_addresses": ["192.0.2.1\n"]}, "provider_addresses[0]"),
        ({"provider_addresses": ["192.0.2.256"]}, "provider_addresses[0]"),
        ({"provider_addresses": ["2001:db8::1"]}, "provider_addresses[0]"),
        ({"provider_addresses": ["0.0.0.0/0"]}, "provider_addresses[0]"),
        ({"provider_addresses": ["10.0.0.0/15"]}, "provider_addresses[0]"),
        ({"provider_addresses": [f"192.0.2.{number}" for number in range(9)]}, "provider_addresses"),
        ({"lnd_version": "0.21.3-beta commit=\x1b[2J"}, "lnd_version"),
        ({"seed": "abandon"}, "seed"),
    ],
)
def test_kits_that_are_refused(changes: dict[str, t.Any], path: str) -> None:
    assert kit.validate(bundles.kit()) == []
    assert [problem.path for problem in kit.validate(bundles.kit(**changes))] == [path]


def test_addresses_of_a_provider() -> None:
    assert kit.validate(bundles.kit(provider_addresses=["192.0.2.1", "192.0.2.14/24", "10.0.0.0/16", "198.51.100.7/32"])) == []


def test_the_fingerprint_of_a_kit_is_of_whom_it_lets_in_and_who_reads() -> None:
    """The text is written down here, because both sides may run different releases."""
    assert kit.fingerprint(bundles.kit()) == "PN6X-BHBQ-OZCM-UFZQ-CHU2-3LVT-PIEW-63MZ"
    assert kit.fingerprint(bundles.kit(lnd_version="0.99.0-beta")) == kit.fingerprint(bundles.kit())
    others = {
        "tenant": "globex",
        "network": "mainnet",
        "provider_addresses": ["192.0.2.14", "192.0.2.15"],
        "age_recipient": "age1" + "q" * 58,
    }
    assert len({kit.fingerprint(bundles.kit(**{name: value})) for name, value in others.items()} | {kit.fingerprint(bundles.kit())}) == 5


@pytest.mark.parametrize("text", ["", "PN6X", "PN6X-BHBQ-OZCM-UFZQ-CHU2-3LVT-PIEW-63MY", "PN6X-BHBQ-OZCM-UFZQ-CHU2-3LVT-PIEW-63MZ-AAAA"])
def test_what_is_not_the_fingerprint(text: str) -> None:
    assert not kit.is_fingerprint(text, bundles.kit())
    assert kit.is_fingerprint("pn6xbhbq ozcmufzq-chu23lvt piew63mz", bundles.kit())


@pytest.mark.parametrize("text", ['"\\ud800"', '{"\\ud800": 1}', "1e999", "[" * 17 + "]" * 17])
def test_json_that_could_not_be_written_again(text: str) -> None:
    with pytest.raises(document.NotJson):
        document.read(text)
