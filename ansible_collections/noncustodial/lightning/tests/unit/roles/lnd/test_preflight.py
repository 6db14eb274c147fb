# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings that the role itself refuses before it touches a machine, for people who run it without the
playbooks."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.noncustodial.lightning.tests.support.plays import play, tasks_of

TAPROOT = {"protocol.simple-taproot-chans": False}


def test_what_the_role_refuses(tmp_path: Path) -> None:
    hosts = {
        "acme": {"lnd_shape": "watch_only", "lnd_config": TAPROOT},
        "globex": {"lnd_shape": "watch_only", "lnd_config": {"protocol.wumbo-channels": True}},
        "signer": {"lnd_shape": "signer", "lnd_config": {"CustomInit": [181]}},
        "gateway": {"lnd_shape": "own_keys", "lnd_config": TAPROOT},
        # Whoever reaches it could make its wallet, if that were lost.
        "field": {"lnd_shape": "own_keys", "lnd_config": {"WalletUnlockAllowCreate": True}},
        "lines": {"lnd_shape": "own_keys", "lnd_config": {"alias": "shop\nrpclisten=0.0.0.0:1"}},
    }
    common = {
        "lnd_bitcoind_host": "chain",
        "lnd_postgres_host": "database",
        "lnd_seed_recipient": "age1",
    }
    played = play(tmp_path, [tasks_of("lnd", "preflight")], hosts, variables=common)
    assert played.failed == set(hosts) - {"globex", "gateway"}, played.output
    for said in (
        "acme is watch_only, and lnd_config has protocol.simple-taproot-chans=False",
        "signer is signer, and lnd_config has CustomInit=181",
        "field: lnd_config has WalletUnlockAllowCreate.",
        "lines: a name or a value in lnd_config has several lines.",
    ):
        assert said in played.output
