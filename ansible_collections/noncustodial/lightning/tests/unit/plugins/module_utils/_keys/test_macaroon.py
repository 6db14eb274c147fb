# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import hmac

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import macaroon
from ansible_collections.noncustodial.lightning.tests.support.bundles import baked, field

PERMISSIONS = ["info:read", "uri:/verrpc.Versioner/GetVersion"]


def test_what_it_says() -> None:
    found = macaroon.decode(baked(PERMISSIONS, 7, ("time-before 2030-01-01T00:00:00Z", "ipaddr 192.0.2.7")).encode())
    assert found.permissions == frozenset(PERMISSIONS)
    assert found.root_key_id == 7
    assert found.caveats == ("time-before 2030-01-01T00:00:00Z", "ipaddr 192.0.2.7")
    assert found.location == b"lnd"


def test_several_actions_of_one_entity() -> None:
    operation = field(3, field(1, b"onchain") + field(2, b"read") + field(2, b"write"))
    made = macaroon.Macaroon(b"lnd", b"\x03" + field(1, b"\x11" * 16) + field(2, b"1") + operation, (), b"\x22" * 32)
    assert made.permissions == {"onchain:read", "onchain:write"}


def test_round_trip_of_a_long_caveat() -> None:
    made = baked(PERMISSIONS, 7, ("lnd-custom guard " + "x" * 300,))
    assert macaroon.decode(made.encode()) == made


def test_a_caveat_chains_the_signature() -> None:
    """libmacaroons: the new signature is the HMAC of the caveat under the old one."""
    first = hmac.new(baked().signature, b"ipaddr 192.0.2.7", hashlib.sha256).digest()
    second = hmac.new(first, b"time-before 2030-01-01T00:00:00Z", hashlib.sha256).digest()
    assert baked().attenuated("ipaddr 192.0.2.7", "time-before 2030-01-01T00:00:00Z").signature == second


def test_order_of_caveats_counts() -> None:
    assert baked().attenuated("ipaddr a", "ipaddr b").signature != baked().attenuated("ipaddr b", "ipaddr a").signature


def test_signature_is_not_shown() -> None:
    assert baked().signature.hex() not in repr(baked())
    assert repr(baked().signature) not in repr(baked())


WHOLE = baked(PERMISSIONS, 7, ("ipaddr 192.0.2.7",)).encode()


@pytest.mark.parametrize("length", range(len(WHOLE)))
def test_cut_anywhere(length: int) -> None:
    with pytest.raises(macaroon.Malformed):
        macaroon.decode(WHOLE[:length])


def identifier(storage_id: bytes = b"1", version: bytes = b"\x03") -> bytes:
    return macaroon.Macaroon(b"lnd", version + field(1, b"\x11" * 16) + field(2, storage_id), (), b"\x22" * 32).encode()


THIRD_PARTY = b"\x02" + b"\x02\x01x" + b"\x00" + b"\x02\x01c\x04\x01v\x00" + b"\x00" + b"\x06\x20" + b"\x22" * 32


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"MDAxMGxvY2F0aW9u", "does not begin"),
        (WHOLE.hex().encode(), "does not begin"),
        (WHOLE + b"x", "does not end with a signature"),
        (b"\x02\x01\x03lnd\x00\x00\x06\x20" + b"\x22" * 32, "no identifier"),
        (THIRD_PARTY, "third party"),
        (identifier(version=b"\x02"), "another version"),
        (identifier(b"x"), "not a number"),
        (identifier(b""), "not a number"),
    ],
)
def test_what_lnd_never_makes(data: bytes, why: str) -> None:
    with pytest.raises(macaroon.Malformed, match=why):
        macaroon.decode(data)
