# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stages of the signer check that a real lnd does not cause at will: other listeners, odd certificates, a signer
with other answers.
"""

from __future__ import annotations

import dataclasses
import datetime
import socket
import ssl
import threading
import typing as t
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from ansible_collections.noncustodial.lightning.plugins.module_utils._check import (
    node_check,
    signer_check,
    signer_report,
    stages,
)
from ansible_collections.noncustodial.lightning.plugins.module_utils._core import document
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import grant, macaroon
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys.node_key import signed
from ansible_collections.noncustodial.lightning.plugins.modules import lnd_signer_check
from ansible_collections.noncustodial.lightning.tests.support.bundles import baked
from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import Call, Fails, ScriptedLnd

DAY = datetime.timedelta(days=1)
STATE, VERSION, BALANCE, MUSIG2, SIGN, SIGN_PSBT = (
    "lnrpc.State/GetState",
    "verrpc.Versioner/GetVersion",
    "lnrpc.Lightning/WalletBalance",
    "signrpc.Signer/MuSig2CreateSession",
    "signrpc.Signer/SignMessage",
    "walletrpc.WalletKit/SignPsbt",
)
DENIED = Fails("permission denied", "UNKNOWN")
NOW_VERSION = {"version": "0.21.3-beta"}
KEY = ec.generate_private_key(ec.SECP256K1())
NODE_ID = KEY.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint).hex()

Cert = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def make_certificate(days: int = 365, began: int = 1, name: str = "localhost", by: Cert | None = None) -> Cert:
    """Make a certificate and its key, of the form of lnd's own."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "signer" if by is None else "leaf")])
    now = document.now()
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by[0].subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - began * DAY)
        .not_valid_after(now + days * DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(by[1] if by else key, hashes.SHA256())
    )
    return made, key


def pem(certificate: Cert) -> str:
    return certificate[0].public_bytes(serialization.Encoding.PEM).decode()


def target(port: int, certificate: str, **changes: t.Any) -> signer_report.SignerTarget:
    values: dict[str, t.Any] = {
        "macaroon": baked().encode(),
        "node_id": NODE_ID,
        "timeout": 5.0,
        "samples": 2,
        **changes,
    }
    return signer_report.SignerTarget(endpoint=f"localhost:{port}", certificate=certificate, **values)


@pytest.fixture
def listener(tmp_path: Path) -> t.Iterator[t.Callable[[Cert | None], int]]:
    """A function that starts a listener that is not lnd: it takes connections, with TLS if it gets a certificate, else
    with a greeting in plain text.
    """
    sockets: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(certificate: Cert | None) -> int:
        context = None
        if certificate:
            secret = certificate[1].private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            (tmp_path / "chain").write_text(pem(certificate) + secret.decode())
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tmp_path / "chain")
        sockets.append(socket.create_server(("localhost", 0)))
        threads.append(threading.Thread(target=serve, args=(sockets[-1], context)))
        threads[-1].start()
        return int(sockets[-1].getsockname()[1])

    yield start
    for one in sockets:
        one.shutdown(socket.SHUT_RDWR)
        one.close()
    for thread in threads:
        thread.join()


def serve(listening: socket.socket, context: ssl.SSLContext | None) -> None:
    """Take connections until the socket is closed."""
    while True:
        try:
            connection, _address = listening.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(5)
            try:
                if context is None:
                    connection.sendall(b"220 mail.example.com\r\n")
                    connection.recv(4096)
                else:
                    with context.wrap_socket(connection, server_side=True) as secure:
                        secure.recv(4096)
            except OSError:
                continue  # the client has gone, as some of these tests want


def stage(report: signer_report.SignerReport, name: str) -> stages.Stage:
    return next(one for one in report.stages if one.name == name)


# --- before lnd is spoken to


def test_a_name_that_does_not_resolve() -> None:
    given = signer_report.SignerTarget(
        endpoint="signer.invalid:10009", certificate=pem(make_certificate()), macaroon=baked().encode(), node_id=NODE_ID
    )
    failed = signer_check.check(given).failed
    assert failed is not None
    assert (failed.name, failed.reason) == ("resolve", "name_not_resolved")


def test_no_answer_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def silence(*_arguments: t.Any, **_options: t.Any) -> t.NoReturn:
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", silence)
    failed = signer_check.check(target(1, pem(make_certificate()))).failed
    assert failed is not None
    assert (failed.name, failed.reason) == ("connect", "unreachable")
    assert "timed out" in failed.seen


def test_something_without_tls(listener: t.Callable[[Cert | None], int]) -> None:
    report = signer_check.check(target(listener(None), pem(make_certificate())))
    assert (stage(report, "connect").status, stage(report, "tls").reason) == ("ok", "not_tls")


@pytest.mark.parametrize(
    ("days", "began", "reason"),
    [(-1, 30, "certificate_expired"), (30, -1, "certificate_expired"), (10, 1, "certificate_ends_soon"), (90, 1, "ok")],
)
def test_the_dates_of_a_certificate(
    listener: t.Callable[[Cert | None], int], days: int, began: int, reason: str
) -> None:
    certificate = make_certificate(days, began)
    found = stage(signer_check.check(target(listener(certificate), pem(certificate), timeout=1.0)), "tls")
    assert (found.reason, found.status) == (reason, signer_report.REASONS[reason][0])


def test_a_certificate_for_another_name(listener: t.Callable[[Cert | None], int]) -> None:
    certificate = make_certificate(name="signer.example.com")
    found = stage(signer_check.check(target(listener(certificate), pem(certificate))), "tls")
    assert found.reason == "certificate_name"
    assert "it has signer.example.com" in found.seen
    # lnd adds no name to a certificate that is there.
    assert all(
        part in found.cure
        for part in (
            "lnd_tls_names",
            "remove its tls.cert and tls.key",
            "run its playbook again",
            "hand over a new bundle",
        )
    )


def test_a_certificate_that_the_pinned_one_has_signed(listener: t.Callable[[Cert | None], int]) -> None:
    """lnd's own certificates could sign others; only they themselves are pinned."""
    pinned = make_certificate()
    found = stage(signer_check.check(target(listener(make_certificate(by=pinned)), pem(pinned))), "tls")
    assert found.reason == "certificate_differs"


# --- an lnd that answers otherwise


def scripted_target(lnd: ScriptedLnd, **changes: t.Any) -> signer_report.SignerTarget:
    return target(lnd.port, (lnd.folder / "tls.cert").read_text(), **changes)


def signature(message: bytes) -> bytes:
    return KEY.sign(message, ec.ECDSA(hashes.SHA256()))


DENIES = (Call(BALANCE, DENIED), Call(MUSIG2, DENIED))
GOOD = (Call(STATE, {"state": "SERVER_ACTIVE"}, macaroon=False), Call(VERSION, NOW_VERSION), *DENIES)


@pytest.mark.parametrize(("days", "reason"), [(13, "grant_ends_soon"), (15, "ok")])
def test_a_grant_that_ends(scripted: t.Callable[..., ScriptedLnd], days: int, reason: str) -> None:
    """It is reported from two weeks before, as no more than a warning; here the stage after it fails."""
    end = document.now() + datetime.timedelta(days=days)
    ending = baked(caveats=[f"time-before {end:%Y-%m-%dT%H:%M:%SZ}"]).encode()
    lnd = scripted(*GOOD[:2], Call(BALANCE, {"total_balance": 1}))
    report = signer_check.check(scripted_target(lnd, macaroon=ending))
    found = stage(report, "macaroon")
    assert (found.reason, found.status) == (reason, signer_report.REASONS[reason][0])
    assert report.failed is not None
    assert report.failed.name == "grant"


@pytest.mark.parametrize(
    ("script", "name", "reason"),
    [
        ([Call(STATE, {"state": "UNLOCKED"})], "wallet", "wallet_starting"),
        ([Call(STATE, {"state": "WAITING_TO_START"})], "wallet", "wallet_starting"),
        ([Call(STATE, Fails("unknown service", "UNIMPLEMENTED"))], "wallet", "call_failed"),
        (
            [GOOD[0], Call(VERSION, Fails("verification failed: signature mismatch after caveat verification"))],
            "macaroon",
            "macaroon_refused",
        ),
        (
            [GOOD[0], Call(VERSION, Fails('caveat "ipaddr 1" not satisfied: macaroon locked to different IP address'))],
            "macaroon",
            "caveat_unmet",
        ),
        ([GOOD[0], Call(VERSION, Fails("shutting down", "UNAVAILABLE"))], "macaroon", "call_failed"),
        ([*GOOD[:2], Call(BALANCE, {"total_balance": 1})], "grant", "grant_not_enforced"),
        ([*GOOD[:2], Call(BALANCE, Fails("wallet is not ready"))], "grant", "grant_not_enforced"),
        ([*GOOD[:2], Call(BALANCE, Fails("gone", "UNAVAILABLE"))], "grant", "call_failed"),
        (
            [*GOOD[:3], Call(MUSIG2, Fails("error parsing version: unknown MuSig2 version"))],
            "grant",
            "grant_not_enforced",
        ),
        ([*GOOD, Call(SIGN, Fails("can't sign the hash: no key"))], "key", "key_unsigned"),
        ([*GOOD, Call(SIGN, {"signature": b"no signature"})], "key", "key_differs"),
        ([*GOOD, Call(SIGN, {"signature": signature(b"an older challenge")})], "key", "key_differs"),
        ([*GOOD, Call(SIGN, Fails("gone", "UNAVAILABLE"))], "key", "call_failed"),
    ],
)
def test_a_signer_that_fails(
    scripted: t.Callable[..., ScriptedLnd], script: list[Call], name: str, reason: str
) -> None:
    failed = signer_check.check(scripted_target(scripted(*script))).failed
    assert failed is not None
    assert (failed.name, failed.reason) == (name, reason)


def signing(lnd_box: list[ScriptedLnd]) -> Call:
    """Return an answer with the signature of the requested message."""
    answer: dict[str, bytes] = {}

    def sign() -> None:
        answer["signature"] = signature(lnd_box[0].requests[-1].msg)

    return Call(SIGN, answer, request={"key_loc": {"key_family": 6, "key_index": 0}}, before=sign)


@pytest.mark.parametrize(
    ("version", "reason"),
    [("0.20.3-beta commit=x", "version_older"), ("0.21.3-beta.rc1", "version_older"), ("custom", "version_unknown")],
)
def test_versions(scripted: t.Callable[..., ScriptedLnd], version: str, reason: str) -> None:
    box: list[ScriptedLnd] = []
    box.append(scripted(GOOD[0], Call(VERSION, {"version": version}), *DENIES, signing(box)))
    failed = signer_check.check(scripted_target(box[0], node_version="0.21.3-beta")).failed
    assert failed is not None
    assert (failed.name, failed.reason) == ("version", reason)


@pytest.mark.parametrize(
    ("answer", "reason", "seen"),
    [
        (Fails("error signing PSBT: no key"), "accounts_unsigned", "no key"),
        (Fails("gone", "UNAVAILABLE"), "call_failed", "gone"),
        ({"signed_psbt": b"psbt"}, "accounts_unsigned", "the answer does not begin as a PSBT"),
        (
            {"signed_psbt": b"psbt\xff\0\0\0\0\0\0"},
            "accounts_differ",
            "m/84'/0'/0'/0/0, m/84'/0'/1'/0/0, m/84'/0'/2'/0/0 and 1 more",
        ),
    ],
)
def test_a_signer_that_lacks_keys(
    scripted: t.Callable[..., ScriptedLnd], answer: t.Any, reason: str, seen: str
) -> None:
    box: list[ScriptedLnd] = []
    box.append(scripted(*GOOD, signing(box), Call(SIGN_PSBT, answer)))
    failed = signer_check.check(
        scripted_target(box[0], keys={f"m/84'/0'/{index}'/0/0": NODE_ID for index in range(4)})
    ).failed
    assert failed is not None
    assert (failed.name, failed.reason) == ("accounts", reason)
    assert seen in failed.seen


def test_without_keys_the_accounts_are_not_asked_for(scripted: t.Callable[..., ScriptedLnd]) -> None:
    """The gate of a node that was onboarded before has no keys: it goes on, with a warning."""
    box: list[ScriptedLnd] = []
    box.append(scripted(GOOD[0], Call(VERSION, {"version": "0.1.0-beta"}), *DENIES, signing(box)))
    report = signer_check.check(scripted_target(box[0], node_version="0.21.3-beta"))
    assert (stage(report, "accounts").status, stage(report, "accounts").reason) == ("warn", "accounts_unasked")
    assert stage(report, "version").reason == "version_older"


def test_every_challenge_is_fresh(scripted: t.Callable[..., ScriptedLnd]) -> None:
    challenges = []
    for _time in range(2):
        box: list[ScriptedLnd] = []
        box.append(scripted(GOOD[0], Call(VERSION, {"version": "0.1.0-beta"}), *DENIES, signing(box)))
        signer_check.check(scripted_target(box[0], node_version="0.21.3-beta"))
        challenges.append(box[0].requests[-1].msg)
    assert challenges[0] != challenges[1]
    assert all(one.startswith(b"noncustodial.lightning signer check ") for one in challenges)


# --- an earlier grant, which had MuSig2 methods


ELEVEN = baked((*grant.PERMISSIONS, *grant.MUSIG2_PERMISSIONS)).encode()


def test_a_grant_by_which_keys_can_be_computed(scripted: t.Callable[..., ScriptedLnd]) -> None:
    failed = signer_check.check(scripted_target(scripted(*GOOD[:2]), macaroon=ELEVEN)).failed
    assert failed is not None
    assert (failed.name, failed.reason) == ("grant", grant.TOO_WIDE_REASON)
    assert "signrpc.Signer/MuSig2Sign" in failed.seen
    assert all(
        part in failed.cure
        for part in ("private keys", "Revoking does not help", "close the channels", "new seed", "new bundle")
    )


def test_a_node_is_not_stopped_by_it(
    scripted: t.Callable[..., ScriptedLnd], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The start gate reports it and goes on: the node has to run to close its channels, and a stop takes nothing from
    anybody who had the grant.
    """
    box: list[ScriptedLnd] = []
    # What follows the grant: the challenge, four questions for the clock, and one signature for the latency.
    box.append(scripted(*GOOD[:2], signing(box), *[GOOD[1]] * 4, signing(box)))
    (tmp_path / "grant").write_bytes(ELEVEN)
    config = {"endpoint": f"localhost:{box[0].port}", "certificate_file": str(box[0].folder / "tls.cert"), "samples": 1}
    (tmp_path / "config").write_text(
        document.canonical({**config, "macaroon_file": str(tmp_path / "grant"), "node_id": NODE_ID}).decode()
    )
    assert signer_check.main([str(tmp_path / "config")]) == 0
    lines = {line.split()[1]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["grant"].split()[:3] == ["warn", "grant", grant.TOO_WIDE_REASON]
    assert "Revoking does not help" in lines["grant"]
    assert lines["key"].startswith("ok")


@pytest.mark.parametrize(
    "given",
    [
        baked((*grant.PERMISSIONS, *grant.MUSIG2_PERMISSIONS), 0),
        baked((*grant.PERMISSIONS[1:], *grant.MUSIG2_PERMISSIONS)),
    ],
)
def test_a_node_is_stopped_by_what_is_wrong_besides(
    scripted: t.Callable[..., ScriptedLnd], given: macaroon.Macaroon
) -> None:
    target = dataclasses.replace(scripted_target(scripted(*GOOD[:2]), macaroon=given.encode()), wider_passes=True)
    failed = signer_check.check(target).failed
    assert failed is not None
    assert failed.name == "grant"


# --- the report


def test_an_unusable_target_is_an_error_of_its_own() -> None:
    with pytest.raises(InvalidInput):
        signer_check.check(
            signer_report.SignerTarget(
                endpoint="nowhere", certificate=pem(make_certificate()), macaroon=b"", node_id=NODE_ID
            )
        )
    with pytest.raises(InvalidInput):
        signer_check.check(
            signer_report.SignerTarget(
                endpoint="localhost:1", certificate="no certificate", macaroon=b"", node_id=NODE_ID
            )
        )
    with pytest.raises(InvalidInput, match="is no derivation path"):
        signer_check.check(target(1, pem(make_certificate()), keys={"m": NODE_ID}))


def test_every_reason_is_documented_and_says_what_to_do() -> None:
    for reason, (status, cure) in signer_report.REASONS.items():
        assert bool(cure) is (status in (stages.WARN, stages.FAIL)), reason
        if cure:
            assert f"C({reason})" in lnd_signer_check.DOCUMENTATION, reason
    assert {grant.TOO_WIDE_REASON, grant.TOO_NARROW_REASON, grant.ROOT_KEY_ZERO_REASON} <= set(signer_report.REASONS)


def test_a_reason_means_the_same_in_both_checks() -> None:
    both = set(signer_report.REASONS) & set(node_check.REASONS)
    assert {"unreachable", "macaroon_refused", "call_failed"} <= both
    assert {one: signer_report.REASONS[one] for one in both} == {one: node_check.REASONS[one] for one in both}


def test_der_is_what_a_signature_is() -> None:
    """lnd v0.21.3 returns DER; its fixed-size form of 64 bytes is no signature here."""
    der = signature(b"x")
    halves = b"".join(part.to_bytes(32, "big") for part in utils.decode_dss_signature(der))
    assert signed(NODE_ID, b"x", der)
    assert not signed(NODE_ID, b"y", der)
    assert not signed(NODE_ID, b"x", halves)
    with pytest.raises(InvalidInput):
        signed("02" + "00" * 32, b"x", der)
