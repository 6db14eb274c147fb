# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from contextlib import closing

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import grant
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import argspec, witness
from ansible_collections.noncustodial.lightning.tests.support.bundles import baked
from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import ADMIN, Call, Fails, ScriptedLnd

REGISTER = "lnrpc.Lightning/RegisterRPCMiddleware"
GRANT = baked(grant.PERMISSIONS, 1, ()).encode()
PSBT, VERSION = "/walletrpc.WalletKit/SignPsbt", "/verrpc.Versioner/GetVersion"


def request(number: int, method: str, macaroon: bytes = GRANT) -> dict[str, t.Any]:
    return {"msg_id": number, "request_id": number, "raw_macaroon": macaroon, "request": {"method_full_uri": method}}


def response(number: int, method: str, macaroon: bytes = GRANT, is_error: bool = False) -> dict[str, t.Any]:
    answer = {"method_full_uri": method, "is_error": is_error}
    return {"msg_id": 100 + number, "request_id": number, "raw_macaroon": macaroon, "response": answer}


@pytest.mark.parametrize(
    ("messages", "given", "unanswered"),
    [
        ([], 0, 0),
        ([request(1, PSBT), response(1, PSBT)], 1, 0),
        # Accepted, and not answered.
        ([request(1, PSBT)], 0, 1),
        ([request(1, PSBT), response(1, PSBT, is_error=True)], 0, 0),
        # It signs nothing.
        ([request(1, VERSION), response(1, VERSION)], 0, 0),
        # The tenant's own, and one that needs no macaroon.
        ([request(1, PSBT, ADMIN), response(1, PSBT, ADMIN)], 0, 0),
        ([request(1, "/lnrpc.State/GetState", b""), response(1, "/lnrpc.State/GetState", b"")], 0, 0),
    ],
)
def test_what_is_a_signature(
    scripted: t.Callable[..., ScriptedLnd], messages: list[dict[str, t.Any]], given: int, unanswered: int
) -> None:
    lnd = scripted(Call(REGISTER, [{"reg_complete": True}, *messages]))
    with closing(client(lnd)) as connected:
        with witness.watching(connected, 10.0) as seen:
            assert seen is not None
        assert (seen.given, seen.unanswered, seen.fault) == (given, unanswered, None)
        assert (seen.last is not None) is (given > 0)


def test_an_lnd_that_shows_its_calls_to_nobody(scripted: t.Callable[..., ScriptedLnd]) -> None:
    lnd = scripted(Call(REGISTER, [Fails("RPC middleware not enabled in config")]))
    with closing(client(lnd)) as connected, witness.watching(connected, 10.0) as seen:
        assert seen is None


def client(lnd: ScriptedLnd) -> Client:
    options = {"tlscertpath": None, "macaroonpath": None, "macaroon_credential": None}
    return Client(argspec.connection({**options, **lnd.options}))
