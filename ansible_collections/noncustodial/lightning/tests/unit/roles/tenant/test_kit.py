# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kit that the provider writes, without and with a tunnel."""

from __future__ import annotations

import json
from pathlib import Path

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import kit as kits
from ansible_collections.noncustodial.lightning.tests.support import bundles
from ansible_collections.noncustodial.lightning.tests.support.plays import play, tasks_of


def test_the_kit_is_one_that_a_tenant_takes(tmp_path: Path) -> None:
    tunnel = bundles.tunnelled_kit()["tunnel"]
    common = {
        "tenant_provider_recipient": bundles.kit()["age_recipient"],
        "tenant_provider_addresses": ["192.0.2.14"],
        "tenant_kit": f"{tmp_path}/{{{{ inventory_hostname }}}}.json",
        "lnd_shape": "watch_only",
    }
    played = play(
        tmp_path,
        [tasks_of("tenant", "kit")],
        {"acme": {}, "globex": {"tenant_tunnel": tunnel}},
        variables=common,
        groups={"gateways": ["acme"], "own": ["acme"]},
    )
    assert played.failed == set(), played.output
    acme, globex = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("acme", "globex"))
    assert kits.validate(acme) == kits.validate(globex) == []
    assert (acme["provider_addresses"], "tunnel" in acme) == (["192.0.2.14"], False)
    assert (globex["provider_addresses"], globex["tunnel"]) == ([bundles.PROVIDER_END], tunnel)
    assert all(kits.fingerprint(one) in played.text for one in (acme, globex))
