# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import grant
from ansible_collections.noncustodial.lightning.tests.support.bundles import baked
from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import Call

IDS = "lnrpc.Lightning/ListMacaroonIDs"


def test_what_is_granted(scripted: t.Any, succeeds: t.Any, tmp_path: Path) -> None:
    made = baked(root_key_id=2, caveats=["ipaddr 192.0.2.14"])
    path = tmp_path / "grant"
    path.write_bytes(made.encode())
    given = {"path": str(path), "permissions": list(grant.PERMISSIONS)}
    call = Call(IDS, {"root_key_ids": [0, 1, 2]}, macaroon=True)
    lnd = scripted(call, call)
    found = succeeds("lnd_grant_info", **given, **lnd.options)
    assert (found["changed"], found["standing"], found["renewing"]) == (False, "live", True)
    assert (found["grant"]["root_key_id"], found["grant"]["caveats"]) == (2, ["ipaddr 192.0.2.14"])
    assert "taken_up" not in found
    assert made.encode().hex() not in str(found)
    found = succeeds("lnd_grant_info", receipt=grant.receipt(made), **given, **lnd.options)
    assert found["taken_up"] is True
