# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.noncustodial.lightning.plugins.filter.grant_caveats import FilterModule
from ansible_collections.noncustodial.lightning.plugins.module_utils._core import document
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import caveats

grant_caveats = FilterModule().filters()["grant_caveats"]


def test_addresses_and_an_end() -> None:
    before = document.now()
    address, end = grant_caveats(["192.0.2.14"], valid_for=3600)
    assert address == "ipaddr 192.0.2.14"
    moment = caveats.end([end])
    assert moment is not None
    # To the second.
    assert moment >= before + datetime.timedelta(seconds=3599)
    assert moment <= document.now() + datetime.timedelta(seconds=3600)


def test_none() -> None:
    assert grant_caveats([]) == []
    assert grant_caveats(["2001:db8::7"], "0") == ["ipaddr 2001:db8::7"]


def test_a_wider_network_that_the_tenant_accepts() -> None:
    assert grant_caveats(["192.0.2.7", "192.0.3.7"], widest="23") == ["iprange 192.0.2.0/23"]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"addresses": ["192.0.2.7", "192.0.3.7"]}, "leave the grant unbound"),
        ({"addresses": [], "valid_for": -1}, "cannot end before it begins"),
    ],
)
def test_refused(given: dict[str, t.Any], text: str) -> None:
    with pytest.raises(AnsibleFilterError, match=text):
        grant_caveats(**given)
