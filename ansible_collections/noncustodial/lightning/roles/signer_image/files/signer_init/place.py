# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where everything lies on a signer. The paths are those of the roles lnd and signer, which may be run on an image's machine at any time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ansible_collections.noncustodial.lightning.plugins.module_utils._node import Node, node

NAME = "signer"
USER = "lnd-signer"
UNIT = "lnd@signer.service"


@dataclass(frozen=True)
class Place:
    """The files of one signer.

    Attributes:
        root: what the path of everything that is written begins with; empty on a machine.
        home: what the image brought: the program, the roles' templates, and the image's own description.
    """

    root: str = ""
    home: str = "/usr/lib/noncustodial-lightning/signer"

    @property
    def image(self) -> Path:
        """What the build has written down about the image."""
        return Path(self.home, "image.json")

    @property
    def templates(self) -> Path:
        """The roles' templates."""
        return Path(self.home, "templates")

    @property
    def desk(self) -> Path:
        """What passes between tenant and provider (role signer: signer_dir)."""
        return Path(self.root + "/etc/signer")

    @property
    def kit(self) -> Path:
        """What the provider gave."""
        return self.desk / "kit.json"

    @property
    def settings(self) -> Path:
        """What the tenant has chosen."""
        return self.desk / "settings.json"

    @property
    def signing_key(self) -> Path:
        """The tenant's key for bundles."""
        return self.desk / "signing_key"

    @property
    def macaroon(self) -> Path:
        """The provider's grant."""
        return self.desk / "provider.macaroon"

    @property
    def bundle(self) -> Path:
        """What goes to the provider."""
        return self.desk / "bundle.json"

    @property
    def cloud_init_off(self) -> Path:
        """With this file cloud-init does nothing when the machine starts (cloud-init's documentation, "How to disable cloud-init")."""
        return Path(self.root + "/etc/cloud/cloud-init.disabled")

    @property
    def upgrade(self) -> Path:
        """How far this signer has gone from one machine to another."""
        return self.desk / "upgrade.json"

    @property
    def config(self) -> Path:
        """Of lnd."""
        return Path(f"{self.root}/etc/lnd/{NAME}")

    @property
    def lnd_conf(self) -> Path:
        """lnd's settings."""
        return self.config / "lnd.conf"

    @property
    def birthday(self) -> Path:
        """When the wallet's seed was made."""
        return self.config / "birthday"

    @property
    def encrypted_seed(self) -> Path:
        """A seed that was handed over encrypted."""
        return self.config / "seed.age"

    @property
    def lnddir(self) -> Path:
        """lnd's directory."""
        return Path(f"{self.root}/var/lib/lnd/{NAME}")

    @property
    def certificate(self) -> Path:
        """lnd's certificate."""
        return self.lnddir / "tls.cert"

    @property
    def rules(self) -> Path:
        """The firewall."""
        return Path(self.root + "/etc/nftables.conf")

    @property
    def password(self) -> Path:
        """The wallet's password, sealed (role lnd: lnd_sealed)."""
        return Path(f"{self.root}/etc/credstore.encrypted/lnd@{NAME}.wallet-password")

    @property
    def pending_seed(self) -> Path:
        """A seed on its way to its owner, sealed. Not of the name of a unit's credential: no unit loads it."""
        return Path(self.root + "/etc/credstore.encrypted/signer-init.seed")

    @property
    def one_time_key(self) -> Path:
        """To which another machine encrypts its signer, sealed."""
        return Path(self.root + "/etc/credstore.encrypted/signer-upgrade.key")

    def wallet(self, network: str) -> Path:
        """lnd's own file of the wallet."""
        return self.lnddir / "data/chain/bitcoin" / network / "wallet.db"

    def networks(self) -> list[str]:
        """The networks for which there is a wallet, whole or not."""
        return sorted(path.parent.name for path in self.lnddir.glob("data/chain/bitcoin/*/wallet.db"))


def self_node(network: str) -> Node:
    """The signer as the roles see it."""
    return node(NAME, {"lnd_network": network, "lnd_shape": "signer"})
