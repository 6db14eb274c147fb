# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput, Missing
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import messages
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.errors import TimedOut, Unreachable
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import credential, macaroon
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import argspec
from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import ADMIN, Call, ScriptedLnd
from ansible_collections.noncustodial.lightning.tests.support.systemd_creds import SystemdCreds

INFO, STATE = "lnrpc.Lightning/GetInfo", "lnrpc.State/SubscribeState"


def client(lnd: ScriptedLnd, timeout: float = 10, macaroon: bool = True) -> Client:
    certificate = (lnd.folder / "tls.cert").read_bytes()
    return Client(Connection(f"localhost:{lnd.port}", certificate, ADMIN if macaroon else None, timeout))


def test_macaroon_is_sent_only_where_there_is_one(scripted: t.Any) -> None:
    lnd = scripted(Call(INFO, macaroon=True), Call(INFO, macaroon=False), Call(INFO, macaroon=True))
    with client(lnd) as with_one, client(lnd, macaroon=False) as without:
        with_one.call(INFO)
        without.call(INFO)
        without.authorised(ADMIN).call(INFO)


def test_deadline(scripted: t.Any) -> None:
    hold = threading.Event()
    lnd = scripted(Call(INFO, before=lambda: hold.wait(10)))
    with client(lnd, timeout=0.2) as caller, pytest.raises(TimedOut, match="GetInfo"):
        caller.call(INFO)
    hold.set()


def test_deadline_of_a_stream(scripted: t.Any) -> None:
    hold = threading.Event()
    lnd = scripted(Call(STATE, [], before=lambda: hold.wait(10)))
    with client(lnd) as caller, pytest.raises(TimedOut):
        list(caller.stream(STATE, timeout=0.2))
    hold.set()


def test_nothing_listens(scripted: t.Any) -> None:
    lnd = scripted()
    lnd.stop()
    with client(lnd) as caller, pytest.raises(Unreachable):
        caller.call(INFO)


def test_a_name_that_the_certificate_has_not(scripted: t.Any) -> None:
    lnd = scripted()
    certificate = (lnd.folder / "tls.cert").read_bytes()
    with Client(Connection(f"127.0.0.1:{lnd.port}", certificate)) as caller, pytest.raises(Unreachable):
        caller.call(INFO)


def params(folder: Path, **changes: t.Any) -> dict[str, t.Any]:
    defaults = {name: option.get("default") for name, option in argspec.CONNECTION_SPEC.items()}
    return {**defaults, "lnddir": str(folder), "network": "regtest", **changes}


def test_paths_are_lnds_own(scripted: t.Any) -> None:
    found = argspec.connection(params(scripted().folder))
    assert found.macaroon == ADMIN
    assert b"BEGIN CERTIFICATE" in found.certificate


def test_given_paths(scripted: t.Any, tmp_path: Path) -> None:
    lnd, other = scripted(), tmp_path / "other.macaroon"
    granted = macaroon.decode(ADMIN).attenuated("time-before 2030-01-01T00:00:00Z").encode()
    other.write_bytes(granted)
    assert (
        argspec.connection(params(tmp_path, tlscertpath=str(lnd.folder / "tls.cert"), macaroonpath=str(other))).macaroon
        == granted
    )


def test_a_sealed_macaroon(scripted: t.Any, tmp_path: Path, systemd_creds: SystemdCreds) -> None:
    """A sealed macaroon takes the place of a file in the clear, and only under its name."""
    lnd, sealed = scripted(), tmp_path / "sealed"
    credential.seal(str(sealed), "macaroon", b"granted")
    given = {"tlscertpath": str(lnd.folder / "tls.cert"), "macaroonpath": str(tmp_path / "none")}
    assert argspec.connection(params(tmp_path, **given, macaroon_credential=str(sealed))).macaroon == b"granted"
    credential.seal(str(sealed), "another", b"granted")
    with pytest.raises(InvalidInput, match="under the name macaroon"):
        argspec.connection(params(tmp_path, **given, macaroon_credential=str(sealed)))
    with pytest.raises(Missing, match="the sealed macaroon"):
        argspec.connection(params(tmp_path, **given, macaroon_credential=str(tmp_path / "none")))


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(Missing, match=r"tls\.cert"):
        argspec.connection(params(tmp_path))
    (tmp_path / "tls.cert").write_text("-----BEGIN CERTIFICATE-----\nAAAA")
    with pytest.raises(Missing, match="no complete"):
        argspec.connection(params(tmp_path))


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is no regular file") as caught:
        argspec.connection(params(tmp_path, tlscertpath=str(tmp_path)))
    assert not isinstance(caught.value, Missing)


def test_plain_has_every_field() -> None:
    answer = messages.message("lnrpc.ListMacaroonIDsResponse")(root_key_ids=[1, 2])
    assert messages.plain(answer) == {"root_key_ids": [1, 2]}
    state = messages.message("lnrpc.GetStateResponse")(state="LOCKED")
    assert messages.plain(state) == {"state": "LOCKED"}
