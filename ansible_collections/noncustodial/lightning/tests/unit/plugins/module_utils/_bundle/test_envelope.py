# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bundle's file, made with the programs age and ssh-keygen, which people use too."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import bundle, envelope
from ansible_collections.noncustodial.lightning.plugins.module_utils._core import document
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.problems import Invalid
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import age, sshsig
from ansible_collections.noncustodial.lightning.tests.support import bundles
from ansible_collections.noncustodial.lightning.tests.support.bundles import NOW, Keys, kit, make_keys


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_keys(tmp_path_factory.mktemp("other"))


@pytest.fixture
def sealed(tmp_path: Path, keys: Keys) -> Path:
    """Return the file of a valid bundle."""
    path = tmp_path / "bundle.json"
    path.write_bytes(envelope.seal(good(keys), keys.recipient, keys.signing_key_file))
    return path


def good(keys: Keys, **changes: t.Any) -> dict[str, t.Any]:
    """Return a valid bundle for that provider."""
    return bundles.good(kit(age_recipient=keys.recipient), **changes)


def opened(path: Path, keys: Keys, taken_up: str | None = None, **changes: t.Any) -> dict[str, t.Any]:
    provider = envelope.Provider(keys.identity, keys.signing_key, taken_up)
    return envelope.open_file(str(path), provider, bundle.Terms(kit(age_recipient=keys.recipient, **changes), NOW))


def problems(path: Path, keys: Keys, **changes: t.Any) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as error:
        opened(path, keys, **changes)
    assert "Nothing was changed" in str(error.value)
    return [(one["path"], one["text"]) for one in error.value.problems]


def edit(path: Path, **changes: t.Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def reseal(path: Path, keys: Keys, content: dict[str, t.Any], signature: str) -> None:
    """Seal a file anew, as somebody can who knows the provider's public key, but not the tenant's private one."""
    inner = document.canonical({"bundle": content, "signature": signature})
    edit(path, sha256=envelope.digest(content), encrypted=age.encrypt(inner, keys.recipient))


def test_there_and_back(sealed: Path, keys: Keys) -> None:
    assert opened(sealed, keys) == good(keys)


def test_the_outside_shows_neither_macaroon_nor_accounts(sealed: Path, keys: Keys) -> None:
    outer = json.loads(sealed.read_text())
    assert set(outer) == set(envelope.FIELDS)
    assert good(keys)["macaroon"] not in sealed.read_text()
    assert good(keys)["accounts"][0]["xpub"] not in sealed.read_text()


@pytest.mark.parametrize("kept", [0, 1, 300, 0.5, -1, -40])
def test_truncated(sealed: Path, keys: Keys, kept: float) -> None:
    text = sealed.read_text().rstrip()
    sealed.write_text(text[: int(len(text) * kept) if isinstance(kept, float) else kept])
    assert problems(sealed, keys) == [("", "is not JSON: it was cut, altered, or is another file")]


def test_a_cut_armor_in_whole_json(sealed: Path, keys: Keys) -> None:
    edit(sealed, encrypted=json.loads(sealed.read_text())["encrypted"][:-100])
    ((path, text),) = problems(sealed, keys)
    assert path == "encrypted"
    assert "cut or altered" in text


def test_altered_in_the_encrypted_part(sealed: Path, keys: Keys) -> None:
    armor = json.loads(sealed.read_text())["encrypted"]
    place = len(armor) // 2
    edit(sealed, encrypted=armor[:place] + ("A" if armor[place] != "A" else "B") + armor[place + 1 :])
    ((path, text),) = problems(sealed, keys)
    assert path == "encrypted"
    assert "cannot be decrypted" in text


def test_altered_outside(sealed: Path, keys: Keys) -> None:
    edit(sealed, expires="2030-01-01T00:00:00Z", sha256="00" * 32)
    assert [path for path, _text in problems(sealed, keys)] == ["sha256", "expires"]


def test_altered_inside_by_another(sealed: Path, keys: Keys, other: Keys) -> None:
    """Anyone can encrypt to the provider; only the tenant's key signs."""
    signature = sshsig.sign(document.canonical(good(keys)), keys.signing_key_file)
    reseal(sealed, keys, good(keys, close_address="bcrt1q6rhpng9evdsfnn833a4f4vej0asu6dk5srld6x"), signature)
    ((path, text),) = problems(sealed, keys)
    assert path == "signature"
    assert "altered, or another key signed it" in text


@pytest.mark.parametrize("signature", ["", "x", "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n"])
def test_no_signature(sealed: Path, keys: Keys, signature: str) -> None:
    reseal(sealed, keys, good(keys), signature)
    assert [path for path, _text in problems(sealed, keys)] == ["signature"]


def test_signed_by_another_key(tmp_path: Path, keys: Keys, other: Keys) -> None:
    path = tmp_path / "bundle.json"
    path.write_bytes(envelope.seal(good(keys), keys.recipient, other.signing_key_file))
    assert [where for where, _text in problems(path, keys)] == ["signature"]


def test_a_signature_for_another_purpose(sealed: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sshsig, "NAMESPACE", "git")
        signature = sshsig.sign(document.canonical(good(keys)), keys.signing_key_file)
    reseal(sealed, keys, good(keys), signature)
    assert [path for path, _text in problems(sealed, keys)] == ["signature"]


def test_for_another_provider(tmp_path: Path, keys: Keys, other: Keys) -> None:
    path = tmp_path / "bundle.json"
    path.write_bytes(envelope.seal(good(keys), other.recipient, keys.signing_key_file))
    assert problems(path, keys) == [
        ("recipient", "is not the public key of this provider's age identity: the bundle is for another provider")
    ]


def test_a_recipient_that_was_only_renamed(tmp_path: Path, keys: Keys, other: Keys) -> None:
    path = tmp_path / "bundle.json"
    path.write_bytes(envelope.seal(good(keys), other.recipient, keys.signing_key_file))
    edit(path, recipient=keys.recipient)
    ((where, text),) = problems(path, keys)
    assert where == "encrypted"
    assert "another reader" in text


def test_of_another_kit(sealed: Path, keys: Keys) -> None:
    found = problems(sealed, keys, tenant="globex", network="mainnet")
    assert [path for path, _text in found] == ["tenant", "network"]
    assert [path for path, _text in problems(sealed, keys, provider_addresses=["192.0.2.15"])] == ["kit_fingerprint"]


def test_expired(sealed: Path, tmp_path: Path, keys: Keys) -> None:
    late = good(keys, expires="2026-11-30T00:00:00Z")
    path = tmp_path / "late.json"
    path.write_bytes(envelope.seal(late, keys.recipient, keys.signing_key_file))
    assert [where for where, _text in problems(path, keys)] == ["expires"]
    assert opened(path, keys, taken_up=envelope.digest(late)) == late
    assert [where for where, _text in problems(path, keys, taken_up=envelope.digest(good(keys)))] == ["expires"]


def test_the_faults_inside_are_told_only_under_the_tenants_signature(sealed: Path, keys: Keys) -> None:
    content = good(keys, birthday=0, lnd_version="0.1.0-beta")
    reseal(sealed, keys, content, "")
    assert [path for path, _text in problems(sealed, keys)] == ["signature"]
    reseal(sealed, keys, content, sshsig.sign(document.canonical(content), keys.signing_key_file))
    assert [path for path, _text in problems(sealed, keys)] == ["birthday", "lnd_version"]


@pytest.mark.parametrize("text", ["[]", "{}", '{"schema": 1}', '"bundle"'])
def test_other_files(sealed: Path, keys: Keys, text: str) -> None:
    sealed.write_text(text)
    assert problems(sealed, keys)


def test_a_file_larger_than_any_bundle(sealed: Path, keys: Keys) -> None:
    sealed.write_text(" " * (1 << 21))
    with pytest.raises(InvalidInput, match="has more than 262144 bytes"):
        opened(sealed, keys)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ssh-rsa AAAAB3NzaC1yc2E",
        "ssh-ed25519 AAAA",
        "cert-authority ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPazMArB25KlQ/9fZL6dUEQ7Au6L+QYKsI6Ibsf1uwWg",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPazMArB25KlQ/9fZL6dUEQ7Au6L+QYKsI6Ibsf1uwWg a\n* ssh-ed25519 AAAA",
    ],
)
def test_a_pinned_key_that_is_none(sealed: Path, keys: Keys, line: str) -> None:
    provider = envelope.Provider(keys.identity, line)
    with pytest.raises(InvalidInput, match="not one line with an ssh-ed25519 public key"):
        envelope.open_file(str(sealed), provider, bundle.Terms(kit(), NOW))


def test_an_identity_that_cannot_be_used(sealed: Path, keys: Keys) -> None:
    with pytest.raises(InvalidInput, match="Cannot use the age identity"):
        opened(sealed, Keys(str(sealed), keys.recipient, "", keys.signing_key))


def test_a_signing_key_that_others_can_read_is_not_used(tmp_path: Path, keys: Keys) -> None:
    loose = tmp_path / "key"
    loose.write_text(Path(keys.signing_key_file).read_text())
    loose.chmod(0o644)
    with pytest.raises(InvalidInput, match="Cannot use the signing key"):
        sshsig.public_key_of(str(loose))


def test_programs_that_are_not_there(sealed: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InvalidInput, match="Install the package age"):
        opened(sealed, keys)
