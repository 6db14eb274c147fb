# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets: what verifiers are made of, what is read back, and what is never overwritten."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils import _secret

SECRET = "5f" * 32


class FakeCreds:
    """systemd-creds of a machine, with a key that can change."""

    def __init__(self) -> None:
        self.key = "A"
        self.commands: list[list[str]] = []

    def run(self, command: list[str], data: str) -> tuple[int, str, str]:
        self.commands.append(command)
        name = command[2].removeprefix("--name=")
        if command[1] == "encrypt":
            return 0, base64.b64encode(f"{self.key} {name} {data}".encode()).decode(), ""
        key, sealed_name, content = base64.b64decode(Path(command[3]).read_bytes()).decode().split(" ", 2)
        if (key, sealed_name) != (self.key, name):
            return 1, "", "Failed to decrypt: No message of desired type"
        return 0, content, ""


@pytest.fixture
def creds() -> FakeCreds:
    return FakeCreds()


def test_scram_is_what_postgresql_makes_of_the_same_salt(monkeypatch: pytest.MonkeyPatch) -> None:
    # The user, password and salt of RFC 7677's example.
    monkeypatch.setattr(_secret, "_salt", lambda _secret, _username: base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    assert _secret.scram_sha_256("user", "pencil") == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )


def test_rpcauth_is_checked_as_bitcoind_does() -> None:
    user, salt, digest = _secret.rpcauth("lnd_acme", SECRET).replace("$", ":").split(":")
    assert user == "lnd_acme"
    assert digest == hmac.new(salt.encode(), SECRET.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize("kind", ["scram-sha-256", "rpcauth"])
def test_a_verifier_is_stable_and_belongs_to_one_user_and_one_secret(kind: str) -> None:
    make = _secret.VERIFIERS[kind]
    assert make("acme", SECRET) == make("acme", SECRET)
    assert len({make("acme", SECRET), make("globex", SECRET), make("acme", SECRET[:-1] + "0")}) == 3
    assert SECRET not in str(make("acme", SECRET))


@pytest.mark.parametrize("encoding", ["hex", "base64url"])
@pytest.mark.parametrize("line", ["{secret}", "lnd_acme:{secret}", "*:*:db:user:{secret}", "{secret}\n"])
def test_what_was_filled_in_is_read_back(line: str, encoding: str) -> None:
    secret = _secret.make(encoding)
    assert _secret.extract(line, _secret.fill(line, secret)) == secret


@pytest.mark.parametrize(
    ("line", "content"),
    [
        ("lnd_acme:{secret}", f"lnd_globex:{SECRET}"),
        ("lnd_acme:{secret}", SECRET),
        ("{secret}", f"lnd_acme:{SECRET}"),
        ("{secret}", "short"),
        ("{secret}", ""),
        ("a:{secret}:b", f"a:{SECRET}"),
    ],
)
def test_another_form_is_not_taken_for_a_secret(line: str, content: str) -> None:
    assert _secret.extract(line, content) is None


def test_a_secret_is_made_once(creds: FakeCreds, tmp_path: Path) -> None:
    path = tmp_path / "store" / "lnd@acme.pgpass"
    sealed = _secret.Sealed(str(path), "pgpass", creds.run)
    secret, changed = _secret.ensure(sealed, "x:{secret}", "hex", False)
    assert changed
    assert secret is not None
    assert len(secret) == 64
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert _secret.ensure(sealed, "x:{secret}", "hex", False) == (secret, False)
    assert not any(secret in part for command in creds.commands for part in command)


def test_check_mode_makes_nothing(creds: FakeCreds, tmp_path: Path) -> None:
    path = tmp_path / "store" / "secret"
    assert _secret.ensure(_secret.Sealed(str(path), "n", creds.run), "{secret}", "hex", True) == (None, True)
    assert not path.parent.exists()
    assert creds.commands == []


def test_another_run_that_was_first_wins(creds: FakeCreds, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    sealed = _secret.Sealed(str(path), "n", creds.run)
    sealed.write(SECRET)
    sealed.write("0" * 64)
    assert sealed.read() == SECRET


def test_a_secret_of_another_machine_is_kept_and_named(creds: FakeCreds, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    sealed = _secret.Sealed(str(path), "n", creds.run)
    _secret.ensure(sealed, "{secret}", "hex", False)
    before = path.read_bytes()
    creds.key = "B"
    with pytest.raises(_secret.SecretError, match=r"another .*machine's key or TPM.*remove the file"):
        _secret.ensure(sealed, "{secret}", "hex", False)
    assert path.read_bytes() == before


def test_a_secret_in_another_form_is_kept_and_named(creds: FakeCreds, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    sealed = _secret.Sealed(str(path), "n", creds.run)
    secret, _changed = _secret.ensure(sealed, "acme:{secret}", "hex", False)
    before = path.read_bytes()
    with pytest.raises(_secret.SecretError, match="something else than the wanted format") as caught:
        _secret.ensure(sealed, "globex:{secret}", "hex", False)
    assert str(secret) not in str(caught.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("line", ["", "no place", "{secret}{secret}"])
def test_a_format_without_one_place_is_refused(line: str) -> None:
    with pytest.raises(_secret.SecretError, match="exactly once"):
        _secret.check_format(line)


def test_a_machine_that_cannot_seal_says_so(tmp_path: Path) -> None:
    sealed = _secret.Sealed(str(tmp_path / "secret"), "n", lambda _command, _data: (1, "", "no TPM, no key"))
    with pytest.raises(_secret.SecretError, match=r"cannot seal .*no TPM, no key"):
        sealed.write(SECRET)
    assert list(tmp_path.iterdir()) == []
