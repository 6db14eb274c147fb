# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The walls that browser tests visit: those that a file names, wherever they serve, or else two new ones on real
lnds."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.noncustodial.lightning.tests.support.daemons import Lnd, Postgres, until
from ansible_collections.noncustodial.lightning.tests.support.hubs import Process, Setting, Wallet, baked
from ansible_collections.noncustodial.lightning.tests.support.pairs import Pair
from ansible_collections.noncustodial.lightning.tests.support.walls import Visitor, Wall

LOCAL_SITE = "acme"


@dataclass(frozen=True)
class Site:
    """A wall & wallet, and a customer's account there.

    Attributes:
        url: https://, without a path.
        login, password: of an account with 2,000 sat or more.
        ca_file: PEM certificates by which its own is verified; empty: those of the system.
        signup: whether its pages make accounts.
        article: the name of one that it sells, for 500 sat at most; empty: it sells none.
    """

    name: str
    url: str
    login: str
    password: str
    ca_file: str = ""
    signup: bool = False
    article: str = ""

    def visitor(self) -> Visitor:
        """Return a visitor without a browser."""
        return Visitor(self.url, Path(self.ca_file) if self.ca_file else None)


def deployed() -> list[Site]:
    """Return the walls in the file that the environment variable WALLS names: a list of objects with the attributes of
    Site.
    """
    path = os.environ.get("WALLS")
    if not path:
        return []
    found = [Site(**one) for one in json.loads(Path(path).read_text())]
    assert len(found) >= 2, f"{path}: customers pay each other, so there must be two walls or more"
    return found


class Local:
    """Two walls, each on a hub of one of two real lnds, with channels between these.

    Attributes:
        pair: the lnds; acme's wall is that of the inner one.
        hubs, walls: by name.
        customers: accounts with money, by name.
    """

    def __init__(self, folder: Path, postgres: Postgres) -> None:
        self.folder, self.postgres = folder, postgres
        (folder / "pair").mkdir()
        self.pair = Pair(folder / "pair")
        self.hubs: dict[str, Process] = {}
        self.walls: dict[str, Wall] = {}
        self.customers: dict[str, Wallet] = {}

    def start(self) -> None:
        """Start all of it, with a balance for both customers."""
        self.pair.connect()
        for name, lnd in ((LOCAL_SITE, self.pair.inner), ("world", self.pair.outer)):
            self._serve(name, lnd)
        acme, world = self.customers[LOCAL_SITE], self.customers["world"]
        assert self.pair.pay(acme.invoice(200_000, "wages")) == ""
        until("the deposit", lambda: acme.msat == 200_000_000)
        assert acme.pay(world.invoice(50_000, "rent"))["payment_error"] == ""
        until("the deposit", lambda: world.msat == 50_000_000)

    def _serve(self, name: str, lnd: Lnd) -> None:
        certificate, _admin = lnd.credentials()
        setting = Setting(self.folder / f"hub-{name}", self.postgres, lnd.rpcserver, certificate, baked(lnd)).migrate()
        hub = self.hubs[name] = setting.start()
        public = f"{name}.example:8443"
        options = {"hub": {"public_url": f"https://{public}"}, "service": {"name": name, "title": f"Wallet of {name}"}}
        self.walls[name] = Wall(self.folder / f"wall-{name}", hub.url, hub.user(), options).start()
        self.customers[name] = hub.user()

    def sites(self) -> list[Site]:
        """Return the walls in the form of those of a file."""
        return [
            Site(
                name,
                wall.url,
                customer.login,
                customer.password,
                str(wall.front.certificate),
                signup=True,
                article="signer",
            )
            for (name, wall), customer in zip(self.walls.items(), self.customers.values(), strict=True)
        ]

    def stop(self) -> None:
        """Stop all of it."""
        for wall in self.walls.values():
            wall.close()
        for hub in self.hubs.values():
            hub.stop()
        self.pair.stop()
