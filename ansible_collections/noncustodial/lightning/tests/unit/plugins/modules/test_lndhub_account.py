# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules lndhub_account and lndhub_account_info as a whole, against a scripted hub."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._hub import account
from ansible_collections.noncustodial.lightning.tests.support.scripted_hub import (
    ACCOUNT,
    ADMIN_TOKEN,
    NO_ACCOUNT,
    Request,
    ScriptedHub,
    reads,
)
from ansible_collections.noncustodial.lightning.tests.support.systemd_creds import SystemdCreds

Succeeds = t.Callable[..., dict[str, t.Any]]
Fails = t.Callable[..., str]
CREATE = Request("POST", "/v2/users", {"login": "shop", "password": ...})


@pytest.fixture
def scripted_hub(tmp_path: Path) -> t.Iterator[t.Callable[..., ScriptedHub]]:
    """A function that makes scripted hubs; at the test's end their scripts must be used up."""
    started: list[ScriptedHub] = []

    def make(*script: Request) -> ScriptedHub:
        started.append(ScriptedHub(tmp_path / f"hub{len(started)}", *script))
        return started[-1]

    yield make
    for hub in started:
        hub.stop()
    for hub in started:
        hub.verify()


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, str]:
    return {"credentials_file": str(tmp_path / "shop.json"), "qr_file": str(tmp_path / "shop.svg")}


Scripted = t.Callable[..., ScriptedHub]


def test_a_new_account_with_files(scripted_hub: Scripted, succeeds: Succeeds, paths: dict[str, str]) -> None:
    changed = Request("PUT", "/v2/admin/users", {"id": 7, "max_send_msat": 5})
    hub = scripted_hub(reads(), CREATE, reads(ACCOUNT), changed, reads({**ACCOUNT, "max_send_msat": 5}))
    result = succeeds("lndhub_account", **hub.options, login="shop", max_send_msat=5, deactivated=False, **paths)
    assert result["actions"] == ["write_credentials", "create", "update", "write_qr"]
    kept = json.loads(Path(paths["credentials_file"]).read_text())
    password = kept["password"]
    assert hub.bodies[1]["password"] == password
    assert kept == {"login": "shop", "password": password, "connection": f"lndhub://shop:{password}@{hub.url}"}
    assert result["account"]["max_send_msat"] == 5
    assert result["diff"]["before"] == {}
    for path in paths.values():
        assert Path(path).stat().st_mode & 0o777 == 0o600
    assert Path(paths["qr_file"]).read_text().startswith("<?xml")
    assert password not in json.dumps(result)
    assert ADMIN_TOKEN not in json.dumps(result)
    # Again, on a hub that has it: nothing.
    hub = scripted_hub(reads({**ACCOUNT, "max_send_msat": 5}))
    again = succeeds("lndhub_account", **hub.options, login="shop", max_send_msat=5, deactivated=False, **paths)
    assert (again["changed"], again["actions"]) == (False, [])
    assert again["diff"]["before"] == again["diff"]["after"]


def test_a_new_account_without_a_file_returns_its_password_once(scripted_hub: Scripted, succeeds: Succeeds) -> None:
    hub = scripted_hub(reads(), CREATE, reads(ACCOUNT))
    made = succeeds("lndhub_account", **hub.options, login="shop", wallet_url="https://wallets.example.org/")
    assert made["password"] == hub.bodies[1]["password"]
    assert made["connection"] == f"lndhub://shop:{made['password']}@https://wallets.example.org"
    hub = scripted_hub(reads(ACCOUNT))
    again = succeeds("lndhub_account", **hub.options, login="shop")
    assert not again["changed"]
    assert "password" not in again


def test_check_mode_tells_and_touches_nothing(
    scripted_hub: Scripted, succeeds: Succeeds, paths: dict[str, str]
) -> None:
    hub = scripted_hub(reads())
    result = succeeds("lndhub_account", check=True, **hub.options, login="shop", deactivated=True, **paths)
    assert (result["changed"], result["actions"]) == (True, ["write_credentials", "create", "update", "write_qr"])
    assert result["diff"]["after"] == {"login": "shop", "deactivated": True, **paths}
    assert not [path for path in paths.values() if Path(path).exists()]
    hub = scripted_hub(reads(ACCOUNT))
    assert succeeds("lndhub_account", check=True, **hub.options, login="shop", deactivated=True)["actions"] == [
        "update"
    ]


def test_check_mode_before_anything_is_there(succeeds: Succeeds, tmp_path: Path) -> None:
    result = succeeds(
        "lndhub_account", check=True, url="https://localhost:1", admin_token_file=str(tmp_path / "none"), login="shop"
    )
    assert result["changed"]


def test_cut_short_after_the_file(scripted_hub: Scripted, succeeds: Succeeds, paths: dict[str, str]) -> None:
    """The file is there, the account is not: it is made with the password of the file."""
    Path(paths["credentials_file"]).write_bytes(account.credentials("shop", "the first password", "https://hub"))
    hub = scripted_hub(
        reads(), Request("POST", "/v2/users", {"login": "shop", "password": "the first password"}), reads(ACCOUNT)
    )
    result = succeeds("lndhub_account", **hub.options, login="shop", **paths)
    assert result["actions"] == ["create", "write_qr"]
    assert "the first password" in Path(paths["credentials_file"]).read_text()


def test_a_sealed_password(
    systemd_creds: SystemdCreds, scripted_hub: Scripted, succeeds: Succeeds, fails: Fails, tmp_path: Path
) -> None:
    """It is in no file in the clear, and in no answer; an interrupted run finds it."""
    sealed = {"credentials_file": str(tmp_path / "store/kiosk.hub_password"), "credential": "hub_password"}
    lost = Request("POST", "/v2/users", {"login": "shop", "password": ...}, 0)
    hub = scripted_hub(reads(), lost, reads())
    assert "gave no answer" in fails("lndhub_account", **hub.options, login="shop", **sealed)
    hub = scripted_hub(reads(), CREATE, reads(ACCOUNT))
    made = succeeds("lndhub_account", **hub.options, login="shop", **sealed)
    assert made["actions"] == ["create"]
    password = systemd_creds.content(Path(sealed["credentials_file"])).decode()
    assert hub.bodies[1]["password"] == password
    assert password not in json.dumps(made) + systemd_creds.log
    hub = scripted_hub(reads(ACCOUNT))
    assert not succeeds("lndhub_account", **hub.options, login="shop", **sealed)["changed"]
    # As after a move to another machine.
    systemd_creds.machine("B")
    hub = scripted_hub(reads(ACCOUNT))
    assert "cannot unseal" in fails("lndhub_account", **hub.options, login="shop", **sealed)


def test_a_sealed_admin_token(
    systemd_creds: SystemdCreds, scripted_hub: Scripted, succeeds: Succeeds, fails: Fails, tmp_path: Path
) -> None:
    store = tmp_path / "store/lndhub@acme.admin_token"
    succeeds("sealed_credential", path=str(store), name="admin_token", content=ADMIN_TOKEN)
    hub = scripted_hub(reads(ACCOUNT))
    options = {**hub.options, "admin_token_file": str(store)}
    del options["admin_token"]
    assert succeeds("lndhub_account_info", **options, admin_token_credential="admin_token", login="shop")["exists"]
    assert "cannot unseal" in fails(
        "lndhub_account_info", **options, admin_token_credential="metrics_token", login="shop"
    )
    assert ADMIN_TOKEN not in systemd_creds.log


@pytest.mark.parametrize("was_made", [True, False])
def test_a_lost_answer(scripted_hub: Scripted, succeeds: Succeeds, fails: Fails, was_made: bool) -> None:
    lost = Request("POST", "/v2/users", {"login": "shop", "password": ...}, 0)
    hub = scripted_hub(reads(), lost, reads(ACCOUNT if was_made else None), *([reads(ACCOUNT)] if was_made else []))
    if was_made:
        assert succeeds("lndhub_account", **hub.options, login="shop")["password"] == hub.bodies[1]["password"]
    else:
        assert "gave no answer" in fails("lndhub_account", **hub.options, login="shop")


def test_credentials_that_cannot_be_known(scripted_hub: Scripted, fails: Fails, paths: dict[str, str]) -> None:
    hub = scripted_hub(reads(ACCOUNT))
    assert "known to its user alone" in fails("lndhub_account", **hub.options, login="shop", **paths)
    assert not Path(paths["credentials_file"]).exists()


def test_another_accounts_file_is_left_alone(scripted_hub: Scripted, fails: Fails, paths: dict[str, str]) -> None:
    Path(paths["credentials_file"]).write_text('{"login": "other", "password": "x"}')
    hub = scripted_hub(reads(), reads())
    assert "It was left as it is" in fails("lndhub_account", **hub.options, login="shop", **paths)
    Path(paths["credentials_file"]).write_text("nothing of the kind")
    assert "It was left as it is" in fails("lndhub_account", **hub.options, login="shop", **paths)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"max_send_msat": -1}, "max_send_msat is negative"),
        ({"qr_file": "shop.gif"}, "neither .svg nor .png"),
        ({"wallet_url": "http://hub"}, "no https://host:port"),
    ],
)
def test_wrong_options(scripted_hub: Scripted, fails: Fails, options: dict[str, t.Any], text: str) -> None:
    assert text in fails("lndhub_account", **scripted_hub(reads()).options, login="shop", **options)


def test_no_way_without_tls(fails: Fails) -> None:
    for url in ("http://hub", "hub:443", "https://", "https://a:b@hub", "https://hub/path"):
        assert "no https://host:port" in fails("lndhub_account_info", url=url, admin_token="x", login="shop")


def test_another_certificate_is_not_trusted(scripted_hub: Scripted, fails: Fails) -> None:
    hub, other = scripted_hub(), scripted_hub()
    text = fails("lndhub_account_info", **{**hub.options, "ca_path": str(other.certificate)}, login="shop")
    assert "gave no answer" in text
    assert "ca_path" in text


@pytest.mark.parametrize(
    ("status", "answer", "text"),
    [
        (403, NO_ACCOUNT, "Check the admin token"),
        (503, {"error": True, "code": 7, "message": "the hub is being checked"}, "lndhub reconcile"),
        (500, NO_ACCOUNT, "journal"),
        (302, NO_ACCOUNT, "answered 302"),
    ],
)
def test_refusals_say_what_to_do(scripted_hub: Scripted, fails: Fails, status: int, answer: t.Any, text: str) -> None:
    hub = scripted_hub(Request("GET", "/v2/admin/users/shop", None, status, answer))
    assert text in fails("lndhub_account_info", **hub.options, login="shop")


@pytest.mark.parametrize(
    "answer", [{"error": True, "code": 6, "message": "the database does not answer"}, ["busy"], "busy"]
)
def test_only_a_closed_ledger_is_to_be_reconciled(scripted_hub: Scripted, fails: Fails, answer: t.Any) -> None:
    hub = scripted_hub(Request("GET", "/v2/admin/users/shop", None, 503, answer))
    text = fails("lndhub_account_info", **hub.options, login="shop")
    assert "reconcile" not in text
    assert "journal" in text


def test_something_else_answers(scripted_hub: Scripted, fails: Fails) -> None:
    hub = scripted_hub(Request("GET", "/v2/admin/users/shop", None, 200, ["no", "account"]))
    assert "no hub" in fails("lndhub_account_info", **hub.options, login="shop")


def test_info(scripted_hub: Scripted, succeeds: Succeeds, tmp_path: Path) -> None:
    hub = scripted_hub(reads(ACCOUNT), reads())
    (tmp_path / "token").write_text(f"{ADMIN_TOKEN}\n")
    options = {**hub.options, "admin_token_file": str(tmp_path / "token")}
    del options["admin_token"]
    result = succeeds("lndhub_account_info", **options, login="shop")
    assert (result["changed"], result["exists"], result["account"]) == (False, True, ACCOUNT)
    result = succeeds("lndhub_account_info", **options, login="shop")
    assert (result["exists"], "account" in result) == (False, False)


def test_a_qr_code_needs_its_library(
    monkeypatch: pytest.MonkeyPatch, fails: Fails, scripted_hub: Scripted, paths: dict[str, str]
) -> None:
    """Before anything is made."""
    monkeypatch.setattr(account, "IMPORT_ERROR", ImportError("segno"))
    assert "segno" in fails("lndhub_account", **scripted_hub().options, login="shop", **paths)


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_a_qr_code_says_the_connection(kind: str) -> None:
    """The same text has the same code, and another text another."""
    text = account.connection("shop", "x" * 32, "https://hub.example.org")
    made = account.qr_code(text, f"a.{kind}")
    assert made.startswith(b"<?xml" if kind == "svg" else b"\x89PNG")
    assert made == account.qr_code(text, f"b.{kind}")
    assert made != account.qr_code(f"{text}1", f"a.{kind}")
