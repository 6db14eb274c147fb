# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A signer in a directory of the test, with the roles' own templates, for tests of the first-boot program."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import kit as kits
from ansible_collections.noncustodial.lightning.tests.support import bundles
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION
from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import Call
from signer_init.host import Machine
from signer_init.place import Place

ROLES = COLLECTION / "roles"

GET, SUBSCRIBE = "lnrpc.State/GetState", "lnrpc.State/SubscribeState"


def states(*names: str) -> list[dict[str, str]]:
    """Return the answers of SubscribeState."""
    return [{"state": name} for name in names]


SERVES = [
    Call(SUBSCRIBE, states("UNLOCKED", "RPC_ACTIVE")),
    Call(GET, {"state": "RPC_ACTIVE"}),
    Call(SUBSCRIBE, states("RPC_ACTIVE")),
]
"""What is asked of an lnd that starts with its wallet."""
HAS_ONE = [*SERVES, Call(GET, {"state": "RPC_ACTIVE"}), Call(SUBSCRIBE, states("RPC_ACTIVE"))]
"""And what is asked when that is all that was wanted."""


class Bench(Machine):
    """A machine that only has files; changes to units and firewall are only recorded."""

    tpm = True
    login = ""
    lnd: t.Callable[[], object] = staticmethod(lambda: None)

    def __init__(self, folder: Path) -> None:
        home = folder / "home"
        (home / "templates").mkdir(parents=True)
        (home / "image.json").write_text(
            json.dumps({"version": "0.21.3-beta-1", "lnd_version": "0.21.3-beta", "egress": []})
        )
        for role, name in (("lnd", "lnd.conf.j2"), ("signer", "nftables.conf.j2")):
            (home / "templates" / name).write_text((ROLES / role / "templates" / name).read_text())
        super().__init__(Place(root=str(folder / "root"), home=str(home)))
        self.place.desk.mkdir(parents=True)
        self.done: list[str] = []

    def check(self) -> None:
        """Check nothing: it is no real machine."""

    def connection(self) -> str:
        return self.login

    def has_tpm(self) -> bool:
        return self.tpm

    def active(self) -> bool:
        return True

    def _owner(self, group: str | None) -> tuple[str | None, str | None]:
        return None, None

    def _lnd_user(self) -> str | None:
        return None

    def fence(self) -> None:
        self.done.append("fence")

    def unfence(self) -> None:
        self.done.append("unfence")

    def apply_rules(self, content: str) -> None:
        self.done.append("rules")
        self.write(self.place.rules, content.encode(), None, 0o644)

    def run_lnd(self) -> None:
        self.done.append("run")
        self.lnd()

    def stop_lnd(self) -> None:
        self.done.append("stop")

    def kill_lnd(self) -> None:
        self.done.append("kill")

    def give_kit(self, compared: bool = True, **changes: t.Any) -> None:
        """Put a kit in its place, as the provider writes it, with the fingerprint that the provider has said beside
        it."""
        made = bundles.kit(**changes)
        self.place.kit.write_text(json.dumps(made, indent=4) + "\n")
        if compared:
            self.place.kit_fingerprint.write_text(f"{kits.fingerprint(made)}\n")

    def choose(self, **chosen: t.Any) -> None:
        """Write the tenant's settings."""
        self.place.settings.write_text(json.dumps(chosen))

    def have_wallet(self, network: str = "regtest") -> None:
        """Leave a file like lnd's wallet."""
        wallet = self.place.wallet(network)
        wallet.parent.mkdir(parents=True)
        wallet.touch()
