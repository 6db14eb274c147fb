# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles as a tenant would make them, whatever they hold: opened as the provider opens them, and sealed by the tenant's own key."""

from __future__ import annotations

import typing as t

from regtest import Regtest

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import age, document, envelope

Content = dict[str, t.Any]


def opened(regtest: Regtest, tenant: str) -> Content:
    """What a tenant's bundle holds, as its provider sees it."""
    outer = document.read((regtest.state / f"provider/bundles/{tenant}.json").read_bytes())
    inner = age.decrypt(outer["encrypted"], str(regtest.state / "provider/age_identity"))
    return t.cast("Content", document.read(inner)["bundle"])


def sealed(regtest: Regtest, tenant: str, content: Content, recipient: str | None = None) -> bytes:
    """A bundle that a tenant itself has signed."""
    to = recipient or (regtest.state / "provider/age_recipient").read_text().strip()
    return envelope.seal(content, to, str(regtest.state / tenant / "signing_key"))
