# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets: the making of verifiers, reading secrets back, and secrets that are never overwritten."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.noncustodial.lightning.plugins.module_utils._machine import secret as _secret
from ansible_collections.noncustodial.lightning.tests.support.systemd_creds import SystemdCreds

SECRET = "5f" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store" / "lnd@acme.pgpass"


def test_scram_is_what_postgresql_makes_of_the_same_salt(monkeypatch: pytest.MonkeyPatch) -> None:
    # The user, password and salt of RFC 7677's example.
    monkeypatch.setattr(_secret, "_salt", lambda _secret, _username: base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    assert (
        _secret.scram_sha_256("user", "pencil")
        == "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
        ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
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


def ensure(path: Path, line: str = "acme:{secret}", check_mode: bool = False) -> tuple[str | None, bool]:
    return _secret.ensure(str(path), "pgpass", line, "hex", check_mode)


def test_a_secret_is_made_once(systemd_creds: SystemdCreds, path: Path) -> None:
    secret, changed = ensure(path)
    assert changed
    assert secret is not None
    assert len(secret) == 64
    assert ensure(path) == (secret, False)
    assert secret not in systemd_creds.log


def test_check_mode_makes_nothing(systemd_creds: SystemdCreds, path: Path) -> None:
    assert ensure(path, check_mode=True) == (None, True)
    assert not path.parent.exists()
    assert systemd_creds.log == ""


def test_a_secret_of_another_machine_is_kept_and_named(systemd_creds: SystemdCreds, path: Path) -> None:
    ensure(path)
    before = path.read_bytes()
    systemd_creds.machine("B")
    with pytest.raises(InvalidInput, match=r"cannot unseal .*left as it is.*remove the file"):
        ensure(path)
    assert path.read_bytes() == before


@pytest.mark.usefixtures("systemd_creds")
def test_a_secret_in_another_form_is_kept_and_named(path: Path) -> None:
    secret, _changed = ensure(path)
    before = path.read_bytes()
    with pytest.raises(InvalidInput, match="something else than the wanted format") as caught:
        ensure(path, "globex:{secret}")
    assert str(secret) not in str(caught.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("line", ["", "no place", "{secret}{secret}"])
def test_a_format_without_one_place_is_refused(line: str) -> None:
    with pytest.raises(InvalidInput, match="exactly once"):
        _secret.check_format(line)
