# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service as its operator sees it: its check, its log, its memory."""

from __future__ import annotations

import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import free_port
from ansible_collections.noncustodial.lightning.tests.support.hubs import Process, Wallet
from ansible_collections.noncustodial.lightning.tests.support.walls import Wall

pytestmark = pytest.mark.database


def test_secrets_stay_out_of_the_log_and_memory_is_small(wall: Wall, alice: Wallet) -> None:
    with wall.visitor() as visitor:
        visitor.login(alice)
        visitor.post("/login", {"login": alice.login, "password": "a wrong password"})
    log = wall.log.read_text()
    assert not [
        secret
        for secret in (alice.password, "a wrong password", (wall.credentials / "hub_password").read_text().strip())
        if secret in log
    ]
    assert wall.rss_mb() < 80


def test_check(wall: Wall, hub: Process, tmp_path_factory: pytest.TempPathFactory) -> None:
    good = wall.run("check")
    assert (good.returncode, good.stdout) == (0, "hub: ok\narticle channels.html: ok\narticle signer.md: ok\n")
    away = Wall(tmp_path_factory.mktemp("wall"), f"http://127.0.0.1:{free_port()}", hub.user())
    try:
        (away.articles / "signer.md").write_text("nothing")
        bad = away.run("check")
        assert bad.returncode == 1
        assert "hub: " in bad.stderr
        assert "signer.md" in bad.stderr
        away.options["hub"]["ca_file"] = "/nowhere"
        assert "hub: /nowhere" in away.run("check").stderr
    finally:
        away.close()
