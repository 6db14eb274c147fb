# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import macaroon
from ansible_collections.noncustodial.lightning.tests.support.bundles import baked
from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import Call, Fails, ScriptedLnd
from ansible_collections.noncustodial.lightning.tests.support.systemd_creds import SystemdCreds

IDS, BAKE, CHECK = (
    "lnrpc.Lightning/ListMacaroonIDs",
    "lnrpc.Lightning/BakeMacaroon",
    "lnrpc.Lightning/CheckMacaroonPermissions",
)
METHODS, DELETE = "lnrpc.Lightning/ListPermissions", "lnrpc.Lightning/DeleteMacaroonID"
WANTED = ["info:read", "offchain:read"]
URI, NEW_URI = "uri:/verrpc.Versioner/GetVersion", "uri:/signrpc.Signer/OfTomorrow"

Scripted = t.Callable[..., ScriptedLnd]


def grant(*permissions: str, root_key_id: int = 7, caveats: tuple[str, ...] = ()) -> macaroon.Macaroon:
    return baked(permissions or WANTED, root_key_id, caveats)


def ids(*numbers: int) -> Call:
    return Call(IDS, {"root_key_ids": [0, *numbers]}, macaroon=True)


def bakes(made: macaroon.Macaroon) -> Call:
    return Call(BAKE, {"macaroon": made.encode().hex()}, request={"root_key_id": made.root_key_id})


def checks(found: macaroon.Macaroon, answer: t.Any = None) -> Call:
    """Return the call that checks a macaroon, which must contain the permissions: without them the node does not look
    at the signature.
    """
    permissions = [
        dict(zip(("entity", "action"), permission.split(":", 1), strict=True))
        for permission in sorted(found.permissions)
    ]
    return Call(CHECK, answer or {"valid": True}, request={"macaroon": found.encode(), "permissions": permissions})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "grant.macaroon"


def options(file: Path, **changes: t.Any) -> dict[str, t.Any]:
    return {"path": str(file), "permissions": WANTED, "root_key_id": 7, **changes}


def put(file: Path, found: macaroon.Macaroon, mode: int = 0o600) -> macaroon.Macaroon:
    file.write_bytes(found.encode())
    file.chmod(mode)
    return found


def test_bake(scripted: Scripted, succeeds: t.Any, file: Path) -> None:
    lnd = scripted(ids(), bakes(grant()), ids(7), checks(grant()))
    result = succeeds("lnd_macaroon", **options(file), **lnd.options)
    assert (result["changed"], result["actions"], result["permissions"], result["root_key_id"]) == (
        True,
        ["bake"],
        WANTED,
        7,
    )
    assert file.read_bytes() == grant().encode()
    assert os.stat(file).st_mode & 0o777 == 0o600
    assert grant().encode().hex() not in json.dumps(result)
    assert grant().signature.hex() not in json.dumps(result)


def test_caveats_are_added_here(scripted: Scripted, succeeds: t.Any, file: Path) -> None:
    caveats = ("ipaddr 192.0.2.7", "lnd-custom guard x")
    narrowed = grant().attenuated(*caveats)
    lnd = scripted(ids(), bakes(grant()), ids(7), checks(narrowed))
    assert succeeds("lnd_macaroon", **options(file, caveats=caveats), **lnd.options)["caveats"] == list(caveats)
    assert file.read_bytes() == narrowed.encode()


def test_check_mode(scripted: Scripted, succeeds: t.Any, file: Path) -> None:
    lnd = scripted(ids())
    result = succeeds("lnd_macaroon", check=True, **options(file), **lnd.options)
    assert (result["changed"], result["actions"], result["diff"]["after"]["permissions"]) == (True, ["bake"], WANTED)
    assert not file.exists()


def test_exact_file_is_left_alone(scripted: Scripted, succeeds: t.Any, file: Path) -> None:
    found = put(file, grant("offchain:read", "info:read"))
    lnd = scripted(ids(7), checks(found))
    assert succeeds("lnd_macaroon", **options(file), **lnd.options)["changed"] is False


def test_caveat_that_does_not_hold_here_is_no_reason_to_bake(scripted: Scripted, succeeds: t.Any, file: Path) -> None:
    found = put(file, grant(caveats=("ipaddr 192.0.2.7",)))
    said = Fails('caveat "ipaddr 192.0.2.7" not satisfied: macaroon locked to different IP address', "INVALID_ARGUMENT")
    lnd = scripted(ids(7), checks(found, said))
    assert succeeds("lnd_macaroon", **options(file, caveats=["ipaddr 192.0.2.7"]), **lnd.options)["changed"] is False


def test_a_sealed_file(scripted: Scripted, succeeds: t.Any, file: Path, systemd_creds: SystemdCreds) -> None:
    """Baked into it, found there, and nowhere in the clear."""
    lnd = scripted(ids(), bakes(grant()), ids(7), checks(grant()), ids(7), checks(grant()))
    assert succeeds("lnd_macaroon", **options(file, credential="macaroon"), **lnd.options)["actions"] == ["bake"]
    assert systemd_creds.content(file) == grant().encode()
    assert grant().encode() not in file.read_bytes()
    assert grant().encode().hex() not in systemd_creds.log
    assert succeeds("lnd_macaroon", **options(file, credential="macaroon"), **lnd.options)["changed"] is False


def test_a_file_that_another_machine_has_sealed(
    scripted: Scripted, succeeds: t.Any, file: Path, systemd_creds: SystemdCreds
) -> None:
    lnd = scripted(ids(), bakes(grant()), ids(7), checks(grant()), ids(7), bakes(grant()), ids(7), checks(grant()))
    succeeds("lnd_macaroon", **options(file, credential="macaroon"), **lnd.options)
    systemd_creds.machine("B")
    assert succeeds("lnd_macaroon", **options(file, credential="macaroon"), **lnd.options)["actions"] == ["bake"]


@pytest.mark.parametrize(
    "present",
    [
        grant("info:read"),
        grant("info:read", "offchain:read", "onchain:write"),
        grant(caveats=("ipaddr 192.0.2.7",)),
        grant(root_key_id=8),
    ],
    ids=["too narrow", "too wide", "other caveats", "other root key"],
)
def test_anything_else_is_baked_anew(
    scripted: Scripted, succeeds: t.Any, file: Path, present: macaroon.Macaroon
) -> None:
    put(file, present)
    lnd = scripted(ids(7, 8), checks(present), bakes(grant()), ids(7, 8), checks(grant()))
    result = succeeds("lnd_macaroon", **options(file), **lnd.options)
    assert (result["actions"], result["diff"]["before"]["permissions"]) == (["bake"], sorted(present.permissions))


@pytest.mark.parametrize("content", [b"", b"not a macaroon", grant().encode()[:-1]], ids=["empty", "other", "cut"])
def test_unreadable_file_is_replaced(scripted: Scripted, succeeds: t.Any, file: Path, content: bytes) -> None:
    file.write_bytes(content)
    lnd = scripted(ids(7), bakes(grant()), ids(7), checks(grant()))
    assert succeeds("lnd_macaroon", **options(file), **lnd.options)["actions"] == ["bake"]


def test_revoked_macaroon_is_baked_anew(scripted: Scripted, succeeds: t.Any, file: Path) -> None:
    put(file, grant())
    lnd = scripted(ids(), bakes(grant()), ids(7), checks(grant()))
    assert succeeds("lnd_macaroon", **options(file), **lnd.options)["actions"] == ["bake"]


def test_revoked_macaroon_stays_revoked_if_asked(scripted: Scripted, fails: t.Any, file: Path) -> None:
    put(file, grant())
    assert "was revoked on this node" in fails(
        "lnd_macaroon", **options(file, revoked="refuse"), **scripted(ids()).options
    )


def test_the_root_key_in_the_file_is_kept_to(scripted: Scripted, succeeds: t.Any, file: Path) -> None:
    back = grant(root_key_id=9)
    put(file, back)
    lnd = scripted(ids(7, 9), checks(back))
    result = succeeds("lnd_macaroon", **options(file, revoked="refuse"), **lnd.options)
    assert (result["changed"], result["root_key_id"], result["other_root_key_ids"]) == (False, 9, [7])


def test_forged_macaroon_is_baked_anew(scripted: Scripted, succeeds: t.Any, file: Path) -> None:
    found = put(file, grant())
    said = Fails("verification failed: signature mismatch after caveat verification", "INVALID_ARGUMENT")
    lnd = scripted(ids(7), checks(found, said), bakes(grant()), ids(7), checks(grant()))
    assert succeeds("lnd_macaroon", **options(file), **lnd.options)["actions"] == ["bake"]


def test_readable_by_others_is_protected(scripted: Scripted, succeeds: t.Any, file: Path) -> None:
    found = put(file, grant(), 0o644)
    lnd = scripted(ids(7), checks(found), ids(7), checks(found))
    assert succeeds("lnd_macaroon", **options(file), **lnd.options)["actions"] == ["protect"]
    assert os.stat(file).st_mode & 0o777 == 0o600


def test_lnds_own_macaroon_is_never_replaced(scripted: Scripted, fails: t.Any, file: Path) -> None:
    found = put(file, grant("info:read", root_key_id=0))
    lnd = scripted(ids(), checks(found))
    assert "is not replaced" in fails("lnd_macaroon", **options(file), **lnd.options)
    assert file.read_bytes() == found.encode()


class TestUnknownMethods:
    METHOD_LIST: t.ClassVar[dict[str, t.Any]] = {"method_permissions": {"/verrpc.Versioner/GetVersion": {}}}

    def test_named(self, scripted: Scripted, fails: t.Any, file: Path) -> None:
        lnd = scripted(ids(), Call(METHODS, self.METHOD_LIST))
        assert "no method /signrpc.Signer/OfTomorrow" in fails(
            "lnd_macaroon", **options(file, permissions=[URI, NEW_URI]), **lnd.options
        )

    def test_dropped(self, scripted: Scripted, succeeds: t.Any, file: Path) -> None:
        known = Call(METHODS, self.METHOD_LIST)
        lnd = scripted(ids(), known, bakes(grant(URI)), ids(7), known, checks(grant(URI)))
        result = succeeds(
            "lnd_macaroon", **options(file, permissions=[URI, NEW_URI], unknown_uris="drop"), **lnd.options
        )
        assert (result["permissions"], result["dropped"]) == ([URI], [NEW_URI])

    def test_nothing_left(self, scripted: Scripted, fails: t.Any, file: Path) -> None:
        lnd = scripted(ids(), Call(METHODS, self.METHOD_LIST))
        assert "no permission" in fails(
            "lnd_macaroon", **options(file, permissions=[NEW_URI], unknown_uris="drop"), **lnd.options
        )


class TestRevoke:
    def test_key_and_file(self, scripted: Scripted, succeeds: t.Any, file: Path) -> None:
        found = put(file, grant())
        lnd = scripted(ids(7), checks(found), Call(DELETE, {"deleted": True}, request={"root_key_id": 7}), ids())
        assert succeeds("lnd_macaroon", state="absent", path=str(file), root_key_id=7, **lnd.options)["actions"] == [
            "revoke",
            "remove",
        ]
        assert not file.exists()

    def test_again(self, scripted: Scripted, succeeds: t.Any, file: Path) -> None:
        lnd = scripted(ids(8))
        assert (
            succeeds("lnd_macaroon", state="absent", path=str(file), root_key_id=7, **lnd.options)["changed"] is False
        )

    def test_where_the_file_is_elsewhere(self, scripted: Scripted, succeeds: t.Any) -> None:
        lnd = scripted(ids(7), Call(DELETE, {"deleted": True}), ids())
        assert succeeds("lnd_macaroon", state="absent", root_key_id=7, **lnd.options)["actions"] == ["revoke"]

    def test_check_mode(self, scripted: Scripted, succeeds: t.Any, file: Path) -> None:
        found = put(file, grant())
        lnd = scripted(ids(7), checks(found))
        assert (
            succeeds("lnd_macaroon", check=True, state="absent", path=str(file), root_key_id=7, **lnd.options)[
                "changed"
            ]
            is True
        )
        assert file.exists()


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"root_key_id": 0}, "cannot be deleted"),
        ({"root_key_id": 0, "state": "absent"}, "cannot be deleted"),
        ({"root_key_id": -1}, "Give a number of 1 or more"),
        ({"permissions": ["info"]}, "'info' is not a permission"),
        ({"permissions": ["uri:lnrpc.Lightning/GetInfo"]}, "is not a permission"),
        ({"caveats": ["ip 192.0.2.7"]}, "lnd knows no caveat"),
        ({"permissions": None}, "missing"),
        ({"path": None}, "missing"),
    ],
)
def test_refused_before_any_connection(fails: t.Any, file: Path, changes: dict[str, t.Any], word: str) -> None:
    given = {name: value for name, value in options(file, **changes).items() if value is not None}
    assert word in fails("lnd_macaroon", rpcserver="localhost:1", lnddir="/nonexistent", **given)


def test_unknown_owner(scripted: Scripted, fails: t.Any, file: Path) -> None:
    lnd = scripted(ids(), bakes(grant()))
    assert "Cannot write" in fails("lnd_macaroon", **options(file, owner="nobody-of-that-name"), **lnd.options)
    assert list(file.parent.glob(".grant*")) == []
