# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles with any content, as a tenant could make them: opened as the provider opens them, and sealed with the
tenant's own key.
"""

from __future__ import annotations

import typing as t

from regtest import Regtest

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import envelope
from ansible_collections.noncustodial.lightning.plugins.module_utils._core import document
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import age

Content = dict[str, t.Any]


def opened(regtest: Regtest, tenant: str) -> Content:
    """Return the content of a tenant's bundle, as its provider sees it."""
    outer = document.read((regtest.state / f"provider/bundles/{tenant}.json").read_bytes())
    inner = age.decrypt(outer["encrypted"], str(regtest.state / "provider/age_identity"))
    return t.cast("Content", document.read(inner)["bundle"])


def of_another_seed(regtest: Regtest) -> Content:
    """Return globex's offer under acme's name: valid in itself, for this provider and of its kit, and the signer
    answers.
    """
    acme = opened(regtest, "acme")
    return opened(regtest, "globex") | {name: acme[name] for name in ("tenant", "kit_fingerprint")}


def sealed(regtest: Regtest, tenant: str, content: Content, recipient: str | None = None) -> bytes:
    """Return a bundle that a tenant itself has signed."""
    to = recipient or (regtest.state / "provider/age_recipient").read_text().strip()
    return envelope.seal(content, to, str(regtest.state / tenant / "signing_key"))
