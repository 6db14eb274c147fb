# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles that were forwarded or made by an attacker: they become nobody's node, show nothing raw, and cost neither
time nor space.
"""

from __future__ import annotations

import datetime
import json
import re
import time
import typing as t
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import bundle, envelope
from ansible_collections.noncustodial.lightning.plugins.module_utils._core import document
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import LightningError
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import age, sshsig
from ansible_collections.noncustodial.lightning.tests.support import bundles
from ansible_collections.noncustodial.lightning.tests.support.bundles import NOW, Keys, kit, make_keys

ESCAPE = "\x1b]0;owned\x07\x1b[2J"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """The keys of the provider and of its tenant."""
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """The keys of another provider, who may be a man in the middle."""
    return make_keys(tmp_path_factory.mktemp("other"))


def opened(data: bytes, folder: Path, provider: Keys, tenant: Keys) -> dict[str, t.Any]:
    """Open a file as a provider does, with its own kit and the tenant's pinned key."""
    path = folder / "bundle.json"
    path.write_bytes(data)
    return envelope.open_file(
        str(path),
        envelope.Provider(provider.identity, tenant.signing_key),
        bundle.Terms(kit(age_recipient=provider.recipient), NOW),
    )


def refused(data: bytes, folder: Path, provider: Keys, tenant: Keys) -> str:
    """Return the reason of the refusal; it comes within limits of time and length, and in characters that any screen
    has.
    """
    began = time.process_time()
    with pytest.raises(LightningError) as error:
        opened(data, folder, provider, tenant)
    said = str(error.value) + json.dumps(getattr(error.value, "problems", []), ensure_ascii=False)
    assert time.process_time() - began < 5
    assert len(said) < 100_000
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e]", said), ascii(said)
    return said


def taken_out(data: bytes, reader: Keys) -> bytes:
    """Return what a bundle's reader sees: the bundle, and the tenant's signature."""
    return age.decrypt(json.loads(data)["encrypted"], reader.identity)


def put_in(inner: bytes, reader: Keys) -> bytes:
    """Return the same for another reader, in a file whose outside is right for that one. Anybody can make it."""
    content = json.loads(inner)["bundle"]
    outer = {
        **envelope.outside(content, reader.recipient, "ssh-ed25519 x"),
        "encrypted": age.encrypt(inner, reader.recipient),
    }
    return json.dumps(outer).encode()


def signed(content: t.Mapping[str, t.Any], signer: Keys) -> bytes:
    return document.canonical(
        {"bundle": content, "signature": sshsig.sign(document.canonical(content), signer.signing_key_file)}
    )


def test_a_bundle_for_another_provider_is_not_forwarded(tmp_path: Path, keys: Keys, other: Keys) -> None:
    """The tenant is also the other one's, under the same name, and with the same key."""
    theirs = bundles.good(kit(age_recipient=other.recipient))
    sealed = envelope.seal(theirs, other.recipient, keys.signing_key_file)
    assert opened(sealed, tmp_path, other, keys) == theirs
    assert "the bundle is for another provider" in refused(sealed, tmp_path, keys, keys)
    assert "recipient" in refused(put_in(taken_out(sealed, other), keys), tmp_path, keys, keys)
    ours = bundles.good(kit(age_recipient=keys.recipient))
    assert opened(put_in(signed(ours, keys), keys), tmp_path, keys, keys) == ours


def test_a_bundle_that_a_man_in_the_middle_has_read_and_encrypted_anew(tmp_path: Path, keys: Keys, other: Keys) -> None:
    """He swapped the recipient, so that he reads the bundle, and added his address, from which the signer's firewall
    lets him in.
    """
    swapped = kit(age_recipient=other.recipient, provider_addresses=["192.0.2.14", "203.0.113.66"])
    sealed = envelope.seal(bundles.good(swapped), other.recipient, keys.signing_key_file)
    said = refused(put_in(taken_out(sealed, other), keys), tmp_path, keys, keys)
    assert "recipient is " in said
    assert "the bundle was signed for another one" in said
    assert "kit_fingerprint is " in said


def test_a_bundle_of_a_kit_with_another_address(tmp_path: Path, keys: Keys) -> None:
    """He reads nothing; but the signer would let him in."""
    added = kit(age_recipient=keys.recipient, provider_addresses=["192.0.2.14", "203.0.113.66"])
    sealed = envelope.seal(bundles.good(added), keys.recipient, keys.signing_key_file)
    assert "the tenant has another kit" in refused(sealed, tmp_path, keys, keys)


# What the inside of a file can be, of whoever has a kit: the bundle, as text.
ANYBODYS: dict[str, t.Callable[[dict[str, t.Any]], str]] = {
    "deep": (
        lambda good: json.dumps({**good, "endpoint": 0}).replace('"endpoint": 0', f'"endpoint": {"[" * 900}{"]" * 900}')
    ),
    "half a character": lambda good: json.dumps({**good, "tenant": "\ud800"}),
    "half a character as a name": lambda good: json.dumps({**good, "\ud800": 1}),
    "too great a number": lambda good: json.dumps(good).replace("1795371189", "1e999"),
    "an escape": lambda good: json.dumps(
        {**good, "endpoint": ESCAPE, "expires": ESCAPE, "lnd_version": f"0.1.0-beta commit={ESCAPE}"}
    ),
    "long base58": lambda good: json.dumps(
        {**good, "accounts": [{**one, "xpub": "z" * 100_000} for one in good["accounts"][:1]]}
    ),
    "unknown fields": lambda good: json.dumps({"tenant": "acme", **{f"f{number}": 1 for number in range(9000)}}),
    "a certificate of names": lambda good: json.dumps(
        {**good, "certificate": certificate([ESCAPE.replace("\x1b", "\x1b" * 9)])}
    ),
}


@pytest.mark.parametrize("kind", ANYBODYS)
def test_what_anybody_can_make(tmp_path: Path, keys: Keys, other: Keys, kind: str) -> None:
    """Nothing in it is looked at, because the tenant has not signed it."""
    text = ANYBODYS[kind](bundles.good(kit(age_recipient=keys.recipient)))
    inner = f'{{"bundle":{text},"signature":"{"x" * 100}"}}'.encode()
    outer = envelope.outside(bundles.good(kit(age_recipient=keys.recipient)), keys.recipient, other.signing_key)
    said = refused(
        json.dumps({**outer, "encrypted": age.encrypt(inner, keys.recipient)}).encode(), tmp_path, keys, keys
    )
    assert re.search(r"encrypted is not JSON|is refused: signature ", said), said


@pytest.mark.parametrize(
    "outside",
    [
        {"tenant": ESCAPE},
        {"tenant": "\ud800"},
        {"encrypted": "\ud800"},
        {"encrypted": f"age-encryption.org/v1\n-> {ESCAPE}\n"},
        {"schema": ESCAPE},
        {"version": 10**4000},
        {f"\x1b[{number}m": 1 for number in range(9000)},
    ],
)
def test_an_outside_that_anybody_can_make(tmp_path: Path, keys: Keys, outside: dict[str, t.Any]) -> None:
    sealed = envelope.seal(bundles.good(kit(age_recipient=keys.recipient)), keys.recipient, keys.signing_key_file)
    refused(json.dumps({**json.loads(sealed), **outside}).encode(), tmp_path, keys, keys)


def certificate(names: list[str]) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "lnd")])
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 1)
        .not_valid_before(datetime.datetime(2026, 1, 1))
        .not_valid_after(datetime.datetime(2030, 1, 1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName._init_without_validation(name) for name in names]), False
        )
    )
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


# And what the tenant itself may sign.
SIGNED: dict[str, tuple[t.Callable[[dict[str, t.Any]], t.Any], str]] = {
    "names in its certificate": (lambda good: {"certificate": certificate([ESCAPE])}, "has not the dialled name"),
    "many names in its certificate": (
        lambda good: {"certificate": certificate([f"name{n}" for n in range(3000)])},
        "certificate has ",
    ),
    "a version with more": (
        lambda good: {"lnd_version": f"0.1.0-beta commit={ESCAPE}"},
        "lnd_version is not a version",
    ),
    "permissions": (
        lambda good: {"macaroon": bundles.baked([f"{ESCAPE}:read"]).encode().hex()},
        "grants more than is needed: ",
    ),
    "a long macaroon": (lambda good: {"macaroon": "00" * 50_000}, "macaroon has 100000 characters"),
    "long base58": (
        lambda good: {
            "accounts": [
                {**one, "xpub": "z" * 90_000} if not index else one for index, one in enumerate(good["accounts"])
            ]
        },
        "longer than any extended public key",
    ),
    "great numbers": (
        lambda good: {"birthday": 10**4000, "accounts": [{**good["accounts"][0], "account": 10**4000}] * 20},
        "birthday is ",
    ),
    "many accounts": (lambda good: {"accounts": [{}] * 5000}, "accounts are 5000"),
    "a date": (lambda good: {"expires": ESCAPE}, "expires is not a date"),
}


@pytest.mark.parametrize("kind", SIGNED)
def test_what_a_hostile_tenant_signs(tmp_path: Path, keys: Keys, kind: str) -> None:
    change, words = SIGNED[kind]
    good = bundles.good(kit(age_recipient=keys.recipient))
    said = refused(envelope.seal({**good, **change(good)}, keys.recipient, keys.signing_key_file), tmp_path, keys, keys)
    assert words in said, said


def test_conditions_of_a_grant_are_shown_in_printable_characters(tmp_path: Path, keys: Keys) -> None:
    made_for = kit(age_recipient=keys.recipient)
    content = bundles.good(made_for, macaroon=bundles.baked(caveats=[f"lnd-custom {ESCAPE}"]).encode().hex())
    sealed = envelope.seal(content, keys.recipient, keys.signing_key_file)
    summary = bundle.summary(opened(sealed, tmp_path, keys, keys), bundle.WATCH_ONLY)
    assert summary["caveats"] == ["lnd-custom \\x1b]0;owned\\x07\\x1b[2J"]
