# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The provider's desk, which receives a signer's bundle."""

from __future__ import annotations

import json
import subprocess
import typing as t
from pathlib import Path

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import bundle, envelope
from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import kit as kits
from ansible_collections.noncustodial.lightning.plugins.module_utils._core import document
from ansible_collections.noncustodial.lightning.tests.support.daemons import run_module

VERSION = "0.21.3-beta"
BUNDLE_FILE = "/etc/signer/bundle.json"

Values = dict[str, t.Any]


class Provider:
    """The provider's desk: its age identity, and the kits that it hands out.

    Args:
        folder: of its files.
        addresses: from which it dials.
    """

    def __init__(self, folder: Path, addresses: list[str]) -> None:
        self.folder, self.addresses = folder, addresses
        self.identity, self.recipient = age_key(folder, "identity")

    def kit(self, tenant: str, **changes: t.Any) -> Values:
        """Return the kit that a tenant gets."""
        return {
            "schema": "noncustodial.lightning/kit",
            "version": 1,
            "tenant": tenant,
            "network": "regtest",
            "lnd_version": VERSION,
            "provider_addresses": self.addresses,
            "age_recipient": self.recipient,
            **changes,
        }

    def open(self, read: t.Callable[[str], bytes], tenant: str, **changes: t.Any) -> Values:
        """Open the bundle of a signer, after every check that needs no connection, for its kit with these changes."""
        path = self.folder / f"{tenant}.json"
        path.write_bytes(read(BUNDLE_FILE))
        key = read("/etc/signer/signing_key.pub").decode()
        terms = bundle.Terms(self.kit(tenant, **changes), document.now())
        return envelope.open_file(str(path), envelope.Provider(str(self.identity), key), terms)

    def check(self, endpoint: str, opened: Values) -> list[Values]:
        """Check the signer; each stage must pass, and the last ones have a message signed by the node's key. Return the
        stages.
        """
        (self.folder / "signer.crt").write_text(opened["certificate"])
        (self.folder / "macaroon").write_bytes(bytes.fromhex(opened["macaroon"]))
        result = run_module(
            "lnd_signer_check",
            endpoint=endpoint,
            node_id=opened["node_id"],
            node_version=VERSION,
            certificate_file=str(self.folder / "signer.crt"),
            macaroon_file=str(self.folder / "macaroon"),
        )
        assert not result.get("failed"), result["msg"]
        return t.cast("list[Values]", result["stages"])


class Owner:
    """The tenant, who has its seed encrypted to a key of its own.

    Args:
        folder: of its files.
    """

    def __init__(self, folder: Path) -> None:
        self._identity, self.recipient = age_key(folder, "owner")

    def words(self, read: t.Callable[[str], bytes]) -> list[str]:
        """Return the seed from the file on the signer that only its owner can open."""
        command = ["age", "-d", "-i", str(self._identity)]
        opened = subprocess.run(
            command, input=read("/etc/lnd/signer/seed.age"), check=True, capture_output=True
        ).stdout.decode()
        return opened.splitlines()[-1].split()


def age_key(folder: Path, name: str) -> tuple[Path, str]:
    """Return an identity of age, and its public half."""
    identity = folder / name
    subprocess.run(["age-keygen", "-o", str(identity)], check=True, capture_output=True)
    return (
        identity,
        subprocess.run(["age-keygen", "-y", str(identity)], check=True, capture_output=True, text=True).stdout.strip(),
    )


OBEYED_FILE = "/var/lib/obeyed"
ORDERS_METADATA = {"user-data": f"#cloud-config\nbootcmd: [[touch, {OBEYED_FILE}]]\n"}
"""What somebody writes on a seed disk, or sets as user data in the cloud's account, who wants to be root on the
machine.
"""


def user_data(kit: Values | None = None, key: str = "@KEY@") -> dict[str, str]:
    """Return the seed of a machine: its administrator's key, and the kit if it comes with that, with the fingerprint
    that its provider states.
    """
    config: Values = {"ssh_authorized_keys": [key]} if key else {}
    if kit:
        files = {"kit.json": json.dumps(kit), "kit_fingerprint": kits.fingerprint(kit)}
        config["write_files"] = [
            {"path": f"/etc/signer/{name}", "permissions": "0600", "content": text} for name, text in files.items()
        ]
    return {"user-data": f"#cloud-config\n{json.dumps(config)}\n"}
