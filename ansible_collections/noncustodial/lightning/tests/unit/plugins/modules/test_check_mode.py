# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode on a machine that is not set up yet: modules that change something predict it at once, and those that only
read fail.
"""

from __future__ import annotations

import time
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils import basic

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import messages, tls
from ansible_collections.noncustodial.lightning.tests.support import bundles
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION
from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import ScriptedLnd

NODE = "02" + "ab" * 32
TOLD = "it can only be predicted that something changes"
CHANGES: dict[str, dict[str, t.Any]] = {
    "lnd_bundle": {
        "endpoint": "localhost:10009",
        **{
            name: f"/nowhere/{name}"
            for name in ("path", "kit_file", "macaroon_file", "birthday_file", "signing_key_file")
        },
    },
    "lnd_channel": {"channels": [{"peer": NODE, "capacity": 1000000}]},
    "lnd_channel_policy": {"all": True, "base_fee_msat": 0, "fee_rate_ppm": 1, "time_lock_delta": 80},
    "lnd_invoice": {"value_msat": 1000, "preimage": "ab" * 32},
    "lnd_macaroon": {"path": "/nowhere/grant", "permissions": ["info:read"], "root_key_id": 7},
    "lnd_payment": {"payment_request": "lnbcrt1", "fee_limit_msat": 0},
    "lnd_peer": {"pubkey": NODE, "host": "192.0.2.7:9735"},
    "lnd_wallet": {"wallet_password_file": "/nowhere/password", "seed_recipient": "age1", "seed_path": "/nowhere/seed"},
    "lnd_watch_wallet": {"accounts": bundles.accounts(), "birthday": 1, "wallet_password_file": "/nowhere/password"},
}
READS = ["lnd_accounts_info", "lnd_balance_info", "lnd_info", "lnd_state_info"]


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, str]:
    return {"lnddir": str(tmp_path / "nowhere"), "network": "regtest"}


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The list in which a module's warnings are collected; Ansible itself keeps the warnings of a whole process."""
    found: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "warn", lambda _self, text: found.append(text))
    return found


def test_every_module_that_changes_something_is_here() -> None:
    folder = COLLECTION / "plugins/modules"
    assert set(CHANGES) == {path.stem for path in folder.glob("lnd_*.py") if "module.ensure(" in path.read_text()}


@pytest.mark.parametrize("name", CHANGES)
def test_a_node_that_is_not_there_yet(succeeds: t.Any, warnings: list[str], nowhere: dict[str, str], name: str) -> None:
    began = time.monotonic()
    result = succeeds(name, check=True, **nowhere, **CHANGES[name])
    assert result["changed"] is True
    assert len(warnings) == 1
    assert TOLD in warnings[0]
    assert "tls.cert" in warnings[0]
    # Nothing is known of what would be done, so the result has no list; an empty one would mean that it is nothing.
    assert "actions" not in result
    assert time.monotonic() - began < 10, "it waited for what does not come"


@pytest.mark.parametrize("name", CHANGES)
def test_libraries_that_are_not_there_yet(
    monkeypatch: pytest.MonkeyPatch, succeeds: t.Any, warnings: list[str], nowhere: dict[str, str], name: str
) -> None:
    monkeypatch.setattr(tls, "IMPORT_ERROR", ImportError("grpc"))
    result = succeeds(name, check=True, **nowhere, **CHANGES[name])
    assert result["changed"] is True
    assert warnings == [f"In check mode {TOLD}, and not what. The Python library grpcio is not installed yet."]


@pytest.mark.parametrize("library", [tls, messages])
@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("name", READS)
def test_what_reads_needs_its_libraries(
    monkeypatch: pytest.MonkeyPatch, fails: t.Any, nowhere: dict[str, str], name: str, check: bool, library: t.Any
) -> None:
    monkeypatch.setattr(library, "IMPORT_ERROR", ImportError("none"))
    assert "Failed to import the required Python library" in fails(name, check=check, **nowhere)


@pytest.mark.parametrize("name", READS)
def test_what_reads_needs_its_node(fails: t.Any, nowhere: dict[str, str], name: str) -> None:
    assert "There is no file" in fails(name, check=True, **nowhere)


@pytest.mark.parametrize("name", ["lnd_macaroon", "lnd_peer"])
def test_without_check_mode_nothing_is_predicted(
    monkeypatch: pytest.MonkeyPatch, fails: t.Any, nowhere: dict[str, str], name: str
) -> None:
    assert "There is no file" in fails(name, **nowhere, **CHANGES[name])
    monkeypatch.setattr(tls, "IMPORT_ERROR", ImportError("grpc"))
    assert "Failed to import the required Python library" in fails(name, **nowhere, **CHANGES[name])


def test_wrong_options_fail_all_the_same(fails: t.Any, nowhere: dict[str, str]) -> None:
    assert "root_key_id 0" in fails(
        "lnd_macaroon", check=True, **nowhere, **{**CHANGES["lnd_macaroon"], "root_key_id": 0}
    )


def test_a_wallet_that_is_not_there_yet(
    scripted: t.Callable[..., ScriptedLnd], succeeds: t.Any, warnings: list[str]
) -> None:
    """The node waits for its wallet, and makes its macaroon only with it."""
    lnd = scripted(macaroon=False)
    assert succeeds("lnd_macaroon", check=True, **lnd.options, **CHANGES["lnd_macaroon"])["changed"] is True
    assert "admin.macaroon" in warnings[0]


def test_a_file_that_an_earlier_task_brings(
    scripted: t.Callable[..., ScriptedLnd], succeeds: t.Any, warnings: list[str]
) -> None:
    assert succeeds("lnd_bundle", check=True, **scripted().options, **CHANGES["lnd_bundle"])["changed"] is True
    assert "/nowhere/kit_file" in warnings[0]


def test_a_node_that_does_not_answer_fails(fails: t.Any, scripted: t.Callable[..., ScriptedLnd]) -> None:
    """It is there; whether anything would change cannot be seen, and something is wrong."""
    lnd = scripted()
    lnd.stop()
    assert "UNAVAILABLE" in fails("lnd_macaroon", check=True, **lnd.options, **CHANGES["lnd_macaroon"])
