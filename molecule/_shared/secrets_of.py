# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that must not be found elsewhere: patterns of them, and the search for them."""

from __future__ import annotations

import base64
import re

from regtest import Regtest

# Extended private keys in base58, whosever they are.
PRIVATE_KEYS = [f"{letter}prv[1-9A-HJ-NP-Za-km-z]{{100}}" for letter in "xyztuv"]
# Where a machine keeps what is its own.
ROOTS = ["/etc", "/var", "/root", "/run", "/home", "/tmp", "/dev/shm"]  # noqa: S108


def of_seed(words: list[str]) -> list[str]:
    """Return patterns of some consecutive words of a seed, with anything between them."""
    return [r"[^a-z]{1,8}".join(words[start : start + 4]) for start in (0, 10, 20)]


def of_bytes(secret: bytes) -> list[str]:
    """Return patterns of a secret in the forms that software uses: raw, hexadecimal, base64."""
    as_it_is = "".join(f"\\x{byte:02x}" for byte in secret)
    return [as_it_is, secret.hex(), re.escape(base64.b64encode(secret).decode().rstrip("="))]


def of_tenant(regtest: Regtest, tenant: str) -> dict[str, list[str]]:
    """Return the secrets that must never leave a tenant: seed, password of the signer's wallet, its administrator's
    macaroon, any private key.
    """
    signer = f"signer-{tenant}"
    admin = regtest.ssh(signer, "cat", "/var/lib/lnd/signer/data/chain/bitcoin/regtest/admin.macaroon").stdout
    return {
        f"the seed of {tenant}": of_seed(regtest.seed(tenant, f"{tenant}/seed.age")),
        f"the wallet password of {signer}": of_bytes(regtest.unsealed(signer, "lnd@signer", "wallet-password")),
        f"the admin macaroon of {signer}": of_bytes(admin),
        "a private key": PRIVATE_KEYS,
    }


def found(
    regtest: Regtest, machine: str, needles: dict[str, list[str]], roots: list[str] | None = None
) -> dict[str, list[str]]:
    """Return the secrets that a machine holds, with their places."""
    answer = regtest.python(machine, "scan.py", roots=roots or ROOTS, needles=needles)
    if answer["scanned"] < 5:
        raise AssertionError(f"only {answer['scanned']} files were looked at on {machine}")
    return dict(answer["found"])
