# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The paths of all files on a signer. They are those of the roles lnd and signer, which may be run on an image's
machine at any time.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import agreement
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.networks import NETWORKS
from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.node import InventoryNode, node

NAME = "signer"
USER = "lnd-signer"
UNIT = "lnd@signer.service"


def self_node(network: str) -> InventoryNode:
    """Return the signer as the roles describe it."""
    return node(NAME, {"lnd_network": network, "lnd_shape": "signer"})


# For what is the same on every network.
_SELF = self_node("mainnet")


@dataclass(frozen=True)
class Place:
    """The files of one signer.

    Attributes:
        root: the beginning of all paths that are written to; empty on a machine.
        home: the directory with the image's files: the program, the roles' templates, and the image's own description.
    """

    root: str = ""
    home: str = "/usr/lib/noncustodial-lightning/signer"

    @property
    def image(self) -> Path:
        """The build's description of the image."""
        return Path(self.home, "image.json")

    @property
    def templates(self) -> Path:
        """The roles' templates."""
        return Path(self.home, "templates")

    @property
    def desk(self) -> Path:
        """The directory of files that pass between tenant and provider (role signer: signer_dir)."""
        return Path(self.root + "/etc/signer")

    @property
    def kit(self) -> Path:
        """The kit that the provider gave."""
        return self.desk / agreement.KIT_FILE

    @property
    def kit_fingerprint(self) -> Path:
        """The fingerprint of the kit that was compared with the provider."""
        return self.desk / agreement.FINGERPRINT_FILE

    @property
    def tenant(self) -> Path:
        """The tenant whose signer this is."""
        return self.desk / agreement.TENANT_FILE

    @property
    def settings(self) -> Path:
        """The settings that the tenant has chosen."""
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
        """The bundle, which goes to the provider."""
        return self.desk / "bundle.json"

    @property
    def cloud_init_off(self) -> Path:
        """The file that disables cloud-init when the machine starts (cloud-init's documentation, "How to disable
        cloud-init").
        """
        return Path(self.root + "/etc/cloud/cloud-init.disabled")

    @property
    def upgrade(self) -> Path:
        """The record of the signer's move from one machine to another."""
        return self.desk / "upgrade.json"

    @property
    def config(self) -> Path:
        """The directory of lnd's configuration."""
        return Path(self.root + _SELF.config)

    @property
    def lnd_conf(self) -> Path:
        """lnd's settings."""
        return self.config / "lnd.conf"

    @property
    def birthday(self) -> Path:
        """The time at which the wallet's seed was made."""
        return self.config / "birthday"

    @property
    def encrypted_seed(self) -> Path:
        """The seed, if it was handed over encrypted."""
        return self.config / "seed.age"

    @property
    def lnddir(self) -> Path:
        """lnd's directory."""
        return Path(self.root + _SELF.lnddir)

    @property
    def certificate(self) -> Path:
        """lnd's certificate."""
        return self.lnddir / "tls.cert"

    @property
    def rules(self) -> Path:
        """The firewall's rules."""
        return Path(self.root + "/etc/nftables.conf")

    @property
    def password(self) -> Path:
        """The wallet's password, sealed (role lnd: lnd_sealed)."""
        return Path(f"{self.root}{_SELF.sealed}.wallet-password")

    @property
    def pending_seed(self) -> Path:
        """A seed that its owner does not have yet, sealed. It has not the name of a unit's credential: no unit loads
        it.
        """
        return Path(self.root + "/etc/credstore.encrypted/signer-init.seed")

    @property
    def one_time_key(self) -> Path:
        """The key to which another machine encrypts its signer, sealed."""
        return Path(self.root + "/etc/credstore.encrypted/signer-upgrade.key")

    def wallet(self, network: str) -> Path:
        """Return the path of lnd's own file of the wallet."""
        return Path(self.root + self_node(network).chain_directory, "wallet.db")

    def networks(self) -> list[str]:
        """Return the networks for which there is a wallet, whole or not."""
        return [network for network in NETWORKS if self.wallet(network).exists()]
