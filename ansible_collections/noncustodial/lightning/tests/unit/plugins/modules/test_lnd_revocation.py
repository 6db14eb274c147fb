# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import fcntl
import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import grant
from ansible_collections.noncustodial.lightning.tests.support.bundles import baked
from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import Call, Fails, ScriptedLnd

REGISTER, IDS = "lnrpc.Lightning/RegisterRPCMiddleware", "lnrpc.Lightning/ListMacaroonIDs"
BAKE, DELETE = "lnrpc.Lightning/BakeMacaroon", "lnrpc.Lightning/DeleteMacaroonID"
SIGN = "signrpc.Signer/SignMessage"

# As lnd v0.21.3 answers.
NOT_ENABLED = Call(REGISTER, [Fails("RPC middleware not enabled in config")])
SEES = Call(
    REGISTER,
    [{"reg_complete": True}],
    request={"register": {"middleware_name": f"noncustodial.lightning {os.getpid()}", "read_only_mode": True}},
    macaroon=True,
)

Scripted = t.Callable[..., ScriptedLnd]
Run = t.Callable[..., dict[str, t.Any]]


def ids(*numbers: int) -> Call:
    return Call(IDS, {"root_key_ids": [0, *numbers]}, macaroon=True)


def deletes(number: int) -> Call:
    return Call(DELETE, {"deleted": True}, request={"root_key_id": number}, macaroon=True)


def refuses(number: int) -> Call:
    text = f"cannot retrieve macaroon: cannot get macaroon: root key with id {number} doesn't exist"
    return Call(SIGN, Fails(text), macaroon=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The signer's copy of its grant, of the root key 1."""
    path = tmp_path / "provider.macaroon"
    path.write_bytes(baked(grant.PERMISSIONS, 1, ()).encode())
    return path


def options(file: Path, **changes: t.Any) -> dict[str, t.Any]:
    return {"macaroon_file": str(file), "mode": "emergency", **changes}


def test_every_grant_is_revoked_and_that_is_proved(scripted: Scripted, module: Run, file: Path) -> None:
    """The present one is tried by the signer's copy, the other by a macaroon that is made for that."""
    other = baked(grant.PERMISSIONS, 2, ()).encode()
    lnd = scripted(
        NOT_ENABLED,
        ids(1, 2),
        Call(BAKE, {"macaroon": other.hex()}, request={"root_key_id": 2}, macaroon=True),
        deletes(1),
        deletes(2),
        refuses(1),
        refuses(2),
        ids(),
    )
    done = module("lnd_revocation", **lnd.options, **options(file))
    assert done["changed"]
    assert (done["root_key_ids"], done["root_key_ids_left"]) == ([1, 2], [0])
    assert [(one["root_key_id"], one["answer"].split()[-2:]) for one in done["refused"]] == [
        (1, ["doesn't", "exist"]),
        (2, ["doesn't", "exist"]),
    ]
    assert done["began"] <= done["revoking"] <= done["revoked"] <= done["refused"][0]["at"]
    assert (done["witnessed"], done["last_signature"]) == (False, None)
    assert "last signature: not seen" in "\n".join(done["report"])
    # It records the revocation.
    assert file.exists()


def test_what_is_revoked_is_not_revoked_again(scripted: Scripted, module: Run, file: Path) -> None:
    done = module("lnd_revocation", **scripted(NOT_ENABLED, ids()).options, **options(file))
    assert f"the grant 1 in {file} was revoked before. Nothing was changed" in done["msg"]
    assert "status" not in done


def test_a_signer_that_has_never_granted(scripted: Scripted, module: Run, tmp_path: Path) -> None:
    done = module("lnd_revocation", **scripted(NOT_ENABLED, ids()).options, **options(tmp_path / "none"))
    assert "there is no grant in" in done["msg"]


def test_without_the_signers_copy_it_is_revoked_nevertheless(scripted: Scripted, module: Run, tmp_path: Path) -> None:
    lnd = scripted(NOT_ENABLED, ids(1), Call(BAKE, Fails("no space left on device")), deletes(1), ids())
    done = module("lnd_revocation", **lnd.options, **options(tmp_path / "none"))
    assert done["root_key_ids_left"] == [0]
    assert "not tried: no macaroon of root key 1 could be made" in done["report"]


def test_of_two_at_once_one_is_refused(scripted: Scripted, module: Run, file: Path) -> None:
    with file.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = module("lnd_revocation", **scripted(NOT_ENABLED).options, **options(file))
    assert "Another revocation is at work on this signer. Nothing was changed by this one" in done["msg"]
    assert done["refusal"] == "nothing was changed"


def test_what_is_still_accepted_is_an_alarm(scripted: Scripted, module: Run, file: Path) -> None:
    lnd = scripted(NOT_ENABLED, ids(1), deletes(1), Call(SIGN, {"signature": b"s"}))
    done = module("lnd_revocation", **lnd.options, **options(file))
    assert "still accepts what was granted under root key 1" in done["msg"]
    assert "refusal" not in done


def test_a_caveat_that_is_not_met_here_proves_nothing(scripted: Scripted, module: Run, file: Path) -> None:
    """lnd checks caveats after the root key."""
    unmet = Fails('caveat "ipaddr 192.0.2.7" not satisfied: macaroon locked to different IP address')
    lnd = scripted(NOT_ENABLED, ids(1), deletes(1), Call(SIGN, unmet))
    done = module("lnd_revocation", **lnd.options, **options(file))
    assert "still accepts what was granted under root key 1" in done["msg"]


def test_a_grant_of_meanwhile_is_told(scripted: Scripted, module: Run, file: Path) -> None:
    lnd = scripted(NOT_ENABLED, ids(1), deletes(1), refuses(1), ids(3))
    done = module("lnd_revocation", **lnd.options, **options(file))
    assert "The root keys 0, 3 are there after all" in done["msg"]
    assert "refusal" not in done


def test_an_lnd_that_does_not_answer_has_refused_nothing(scripted: Scripted, module: Run, file: Path) -> None:
    """By that the playbook knows that lnd has to be stopped."""
    lnd = scripted(NOT_ENABLED, ids(1), Call(DELETE, Fails("down", "UNAVAILABLE")))
    done = module("lnd_revocation", **lnd.options, **options(file))
    assert (done["status"], "refusal" in done) == ("UNAVAILABLE", False)


def test_orderly_needs_a_witness(scripted: Scripted, module: Run, file: Path) -> None:
    done = module("lnd_revocation", **scripted(NOT_ENABLED, ids(1)).options, **options(file, mode="orderly"))
    assert "rpcmiddleware.enable" in done["msg"]
    assert "Nothing was changed" in done["msg"]


def test_orderly_waits_until_the_signer_is_quiet(scripted: Scripted, module: Run, file: Path) -> None:
    lnd = scripted(SEES, ids(1), ids(1), deletes(1), refuses(1), ids())
    done = module("lnd_revocation", **lnd.options, **options(file, mode="orderly", quiet_for=1, limit=30))
    assert done["waited"]["quiet"] is True
    assert 1 <= done["waited"]["seconds"] < 10
    assert (done["witnessed"], done["signatures"], done["last_signature"]) == (True, 0, None)


@pytest.mark.parametrize("times", [{"quiet_for": 0.5}, {"quiet_for": 20, "limit": 10}, {"limit": 90000}])
def test_times_that_make_no_sense(scripted: Scripted, module: Run, file: Path, times: dict[str, float]) -> None:
    done = module("lnd_revocation", **scripted().options, **options(file, mode="orderly", **times))
    assert "Set quiet_for to 1 or more, and limit between that and 86400" in done["msg"]


def test_check_mode_revokes_nothing(scripted: Scripted, module: Run, file: Path) -> None:
    done = module("lnd_revocation", check=True, **scripted(ids(1)).options, **options(file))
    assert done["changed"]
    assert done["root_key_ids"] == [1]
