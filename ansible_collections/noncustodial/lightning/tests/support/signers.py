# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant's signer: an lnd without a chain, with its grant, and the files of the desk that made its bundle."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import account_keys
from ansible_collections.noncustodial.lightning.plugins.module_utils._check import signer_report
from ansible_collections.noncustodial.lightning.plugins.module_utils._core import endpoint
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import grant
from ansible_collections.noncustodial.lightning.tests.support.bundles import Keys, kit, make_keys
from ansible_collections.noncustodial.lightning.tests.support.daemons import Lnd, run_module


@dataclass
class Signer:
    """A tenant's machine: a signer with its grant, and a provider's desk beside it."""

    lnd: Lnd
    folder: Path
    keys: Keys
    node_id: str
    listed: list[dict[str, t.Any]] = field(default_factory=list)

    def bake(
        self,
        name: str,
        permissions: t.Iterable[str] = grant.PERMISSIONS,
        root_key_id: int = 1,
        caveats: t.Iterable[str] = (),
    ) -> Path:
        """Bake a macaroon into a file."""
        path = self.folder / name
        done = self.lnd.module(
            "lnd_macaroon",
            path=str(path),
            permissions=list(permissions),
            root_key_id=root_key_id,
            caveats=list(caveats),
        )
        assert not done.get("failed"), done["msg"]
        return path

    def bundle(self, check: bool = False, **changes: t.Any) -> dict[str, t.Any]:
        """Run lnd_bundle as the tenant does."""
        options = {
            "path": str(self.folder / "bundle.json"),
            "kit_file": str(self.folder / "kit.json"),
            "endpoint": f"localhost:{self.port}",
            "macaroon_file": str(self.folder / "grant.macaroon"),
            "birthday_file": str(self.folder / "birthday"),
            "signing_key_file": self.keys.signing_key_file,
            **changes,
        }
        return self.lnd.module("lnd_bundle", check, **options)

    def bundle_info(self, **changes: t.Any) -> dict[str, t.Any]:
        """Run lnd_bundle_info as the provider does."""
        options = {
            "path": str(self.folder / "bundle.json"),
            "kit_file": str(self.folder / "kit.json"),
            "identity_file": self.keys.identity,
            "signing_key": self.keys.signing_key,
            **changes,
        }
        return run_module("lnd_bundle_info", **options)

    def target(self, **changes: t.Any) -> signer_report.SignerTarget:
        """Return the correct options for the signer, except for the changes."""
        values = {
            "endpoint": f"localhost:{self.port}",
            "certificate": (self.lnd.directory / "tls.cert").read_text(),
            "macaroon": (self.folder / "grant.macaroon").read_bytes(),
            "node_id": self.node_id,
            "keys": account_keys.account_keys(self.accounts()),
            "node_version": "0.21.3-beta",
            "timeout": 5.0,
            "samples": 3,
        }
        return signer_report.SignerTarget(**{**values, **changes})

    def accounts(self) -> list[dict[str, t.Any]]:
        """Return its accounts, as in a bundle."""
        if not self.listed:
            found = self.lnd.module("lnd_accounts_info")["accounts"]
            steps = ("purpose", "coin_type", "account")
            self.listed += [
                {**{name: one[name] for name in steps}, "xpub": one["extended_public_key"]} for one in found
            ]
        return self.listed

    @property
    def port(self) -> int:
        return endpoint.parse(self.lnd.rpcserver).port

    def admin(self) -> Client:
        """Return a connection with all rights."""
        certificate, secret = self.lnd.credentials()
        return Client(Connection(self.lnd.rpcserver, certificate, secret))


def make_signer(folder: Path, *options: str) -> Signer:
    folder.mkdir()
    keys = make_keys(folder / "keys")
    lnd = Lnd(folder / "lnd", None, *options)
    lnd.start()
    (folder / "password").write_text("of-this-test-alone")
    done = lnd.module(
        "lnd_wallet",
        wallet_password_file=str(folder / "password"),
        seed_recipient=keys.recipient,
        seed_path=str(folder / "seed.age"),
        birthday_path=str(folder / "birthday"),
        wait_for="SERVER_ACTIVE",
    )
    if done.get("failed"):
        lnd.stop()
        raise AssertionError(done["msg"])
    made = Signer(lnd, folder, keys, done["node_id"])
    made.bake("grant.macaroon")
    (folder / "kit.json").write_text(json.dumps(kit(age_recipient=keys.recipient)))
    return made
