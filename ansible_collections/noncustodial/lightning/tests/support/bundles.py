# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A valid bundle for tests, from the data of throw-away wallets of a real lnd v0.21.2, so that each test contains only
the fault that it makes.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import subprocess
import typing as t
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import bundle
from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import kit as kits
from ansible_collections.noncustodial.lightning.plugins.module_utils._core import document
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import grant, macaroon

FIXTURES = Path(__file__).parent / "fixtures"
NOW = datetime.datetime(2026, 12, 1, tzinfo=datetime.UTC)

Edit = t.Callable[[dict[str, t.Any]], None]


@lru_cache(maxsize=1)
def wallets() -> dict[str, t.Any]:
    """Return node id and accounts by derivation path: all of a regtest wallet, five of a mainnet one."""
    return t.cast("dict[str, t.Any]", json.loads((FIXTURES / "wallets.json").read_text()))


def baked(
    permissions: t.Iterable[str] = grant.PERMISSIONS, root_key_id: int = 1, caveats: t.Iterable[str] = ()
) -> macaroon.Macaroon:
    """Return a macaroon in lnd's form; its signature is of no key."""
    operations = b"".join(
        field(3, field(1, entity.encode()) + field(2, action.encode()))
        for entity, _colon, action in (text.partition(":") for text in permissions)
    )
    identifier = b"\x03" + field(1, b"\x11" * 16) + field(2, str(root_key_id).encode()) + operations
    return macaroon.Macaroon(b"lnd", identifier, (), b"\x22" * 32).attenuated(*caveats)


def field(number: int, value: bytes) -> bytes:
    """Return a field of a protobuf message, shorter than 128 bytes."""
    return bytes([number << 3 | 2, len(value)]) + value


def accounts(network: str = "regtest") -> list[dict[str, t.Any]]:
    """Return the accounts of the fixture, as a bundle has them."""
    found = []
    for path, xpub in wallets()[network]["accounts"].items():
        purpose, coin_type, account = map(int, re.findall(r"\d+", path))
        found.append({"purpose": purpose, "coin_type": coin_type, "account": account, "xpub": xpub})
    return found


BASE58_LETTERS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def forged(xpub: str, at: int, part: bytes) -> str:
    """Return an extended public key with altered bytes and a right checksum: the parent's fingerprint is at 5, the
    chain code at 13 (BIP 32).
    """
    number = 0
    for letter in xpub:
        number = number * 58 + BASE58_LETTERS.index(letter)
    data = number.to_bytes(82, "big")[:78]
    data = data[:at] + part + data[at + len(part) :]
    number = int.from_bytes(data + hashlib.sha256(hashlib.sha256(data).digest()).digest()[:4], "big")
    text = ""
    while number:
        number, rest = divmod(number, 58)
        text = BASE58_LETTERS[rest] + text
    return text


def good(made_with: dict[str, t.Any] | None = None, **changes: t.Any) -> dict[str, t.Any]:
    """Return a bundle without a fault, except for the changes, for a kit: that of kit() unless another one is given."""
    of = made_with or kit()
    return {
        "schema": bundle.SCHEMA,
        "version": bundle.VERSION,
        "tenant": "acme",
        "network": "regtest",
        "recipient": of["age_recipient"],
        "kit_fingerprint": kits.fingerprint(of),
        "endpoint": "signer-acme:10009",
        "certificate": (FIXTURES / "signer.crt").read_text(),
        "macaroon": baked().encode().hex(),
        "accounts": accounts(),
        "node_id": wallets()["regtest"]["node_id"],
        "birthday": 1795371189,
        "lnd_version": "0.21.3-beta",
        "close_address": None,
        "expires": document.date_text(NOW + datetime.timedelta(days=14)),
        **changes,
    }


def kit(**changes: t.Any) -> dict[str, t.Any]:
    """Return the kit of that bundle."""
    return {
        "schema": "noncustodial.lightning/kit",
        "version": 1,
        "tenant": "acme",
        "network": "regtest",
        "lnd_version": "0.21.3-beta",
        "provider_addresses": ["192.0.2.14"],
        "age_recipient": "age1skyj5nxekkd4wxnud5257k8zadnj3taquxua0mu6jhxdpuwlpgzsyafzf2",
        **changes,
    }


# Two public keys of WireGuard, and the ends of a tunnel.
TUNNEL_KEY = "j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8="
OTHER_TUNNEL_KEY = "ZayTDfLGhzJ0HJApPkupiq773RL4VgnrJv3NoNIR1Qw="
PROVIDER_END, SIGNER_END = "fd00:1::1", "fd00:1::2"


def tunnelled_kit(**changes: t.Any) -> dict[str, t.Any]:
    """Return a kit for a signer behind a tunnel."""
    tunnel = {
        "endpoint": "192.0.2.14:51820",
        "public_key": TUNNEL_KEY,
        "provider_address": PROVIDER_END,
        "signer_address": SIGNER_END,
    }
    return kit(provider_addresses=[PROVIDER_END], tunnel=tunnel, **changes)


@dataclass(frozen=True)
class Keys:
    """The key pairs of a provider and a tenant, made for one test."""

    identity: str
    recipient: str
    signing_key_file: str
    signing_key: str


def make_keys(folder: Path) -> Keys:
    """Make new keys in a folder, with the same programs that people use."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["age-keygen", "-o", folder / "identity"], check=True, capture_output=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "acme", "-f", folder / "signing"], check=True)
    recipient = subprocess.run(
        ["age-keygen", "-y", folder / "identity"], check=True, capture_output=True, text=True
    ).stdout.strip()
    return Keys(
        str(folder / "identity"), recipient, str(folder / "signing"), (folder / "signing.pub").read_text().strip()
    )
