# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of WireGuard."""

from __future__ import annotations

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import wireguard

# The bytes from 0 to 31, and what `wg pubkey` makes of them.
PRIVATE = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
PUBLIC = "j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8="


def test_the_public_key_is_that_of_wg() -> None:
    assert wireguard.public_key(PRIVATE) == PUBLIC
    wireguard.check_public_key(PUBLIC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        PUBLIC + "\n",
        PUBLIC.rstrip("="),
        # The same 32 bytes, written otherwise.
        PUBLIC[:-2] + "9=",
        PUBLIC[:20] + "\n" + PUBLIC[20:],
        "A" * 43 + "=",
        "AAAA" * 10,
        PUBLIC.replace("j", "é"),
    ],
)
def test_no_public_keys(text: str) -> None:
    with pytest.raises(InvalidInput):
        wireguard.check_public_key(text)


def test_a_private_key_is_not_repeated() -> None:
    with pytest.raises(InvalidInput) as caught:
        wireguard.public_key("c2VjcmV0")
    assert "c2VjcmV0" not in str(caught.value)
