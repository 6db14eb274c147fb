# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import Call, Fails

NEW = "lnrpc.Lightning/NewAddress"


@pytest.mark.parametrize(("kind", "lnds"), [("p2wkh", "UNUSED_WITNESS_PUBKEY_HASH"), ("p2tr", "UNUSED_TAPROOT_PUBKEY")])
@pytest.mark.parametrize("check", [False, True])
def test_asks_for_an_unused_address(scripted: t.Any, succeeds: t.Any, kind: str, lnds: str, check: bool) -> None:
    lnd = scripted(Call(NEW, {"address": "bcrt1q0"}, {"type": lnds}, macaroon=True))
    result = succeeds("lnd_address", check, type=kind, **lnd.options)
    assert (result["address"], result["changed"]) == ("bcrt1q0", False)


def test_a_locked_wallet(scripted: t.Any, fails: t.Any) -> None:
    lnd = scripted(Call(NEW, Fails("wallet locked, unlock it to enable full RPC access")))
    assert "Unlock the wallet" in fails("lnd_address", **lnd.options)


def test_unknown_kind(fails: t.Any) -> None:
    assert "value of type must be one of" in fails("lnd_address", type="p2pkh")
