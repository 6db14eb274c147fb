# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates in PEM."""

from __future__ import annotations

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core import endpoint
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import certificate
from ansible_collections.noncustodial.lightning.tests.support import bundles


def test_a_real_certificate() -> None:
    (one,) = certificate.read((bundles.FIXTURES / "signer.crt").read_text())
    assert [
        str(one.covers(endpoint.parse(f"{host}:1")))
        for host in ("signer-acme", "Signer-Acme.", "10.231.77.74", "[::1]", "globex", "10.231.77.75")
    ] == [
        "True",
        "True",
        "True",
        "True",
        "False",
        "False",
    ]
    assert f"{one.ends:%Y-%m-%d}" == "2028-01-16"
    assert len(one.fingerprint) == 64


@pytest.mark.parametrize(
    "pem", ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "{good}x", "{cut}"]
)
def test_what_is_no_certificate(pem: str) -> None:
    good = (bundles.FIXTURES / "signer.crt").read_text()
    with pytest.raises(InvalidInput):
        certificate.read(pem.format(good=good, cut=good[: len(good) // 2]))
