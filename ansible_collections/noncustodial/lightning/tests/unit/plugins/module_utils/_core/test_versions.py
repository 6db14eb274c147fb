# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of lnd: their forms and their order."""

from __future__ import annotations

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core import versions
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("0.21.1-beta", "0.21.3-beta"),
        ("0.9.9-beta", "0.21.0-beta"),
        ("0.21.3-beta.rc1", "0.21.3-beta"),
        ("0.21.3-beta.rc2", "v0.21.3-beta.rc10"),
        ("0.21.3-beta commit=v0.21.3-beta", "0.22.0-beta"),
    ],
)
def test_versions_are_compared(older: str, newer: str) -> None:
    assert versions.parse(older) < versions.parse(newer)
    assert versions.older(older, newer) is True
    assert versions.older(newer, older) is False
    assert versions.older(newer, newer) is False


def test_a_version_is_the_same_in_each_of_its_forms() -> None:
    assert (
        versions.parse("v0.21.3-beta") == versions.parse("0.21.3-beta commit=v0.21.3-beta") == versions.parse("0.21.3")
    )
    assert versions.plain("0.21.3-beta commit=") == "0.21.3-beta"


def test_the_name_of_a_build_of_ones_own_does_not_count() -> None:
    assert versions.older("0.21.3-beta-ours.2", "0.21.3-beta-ours.3") is False
    assert versions.older("0.21.3-beta.rc1-ours", "0.21.3-beta") is True


@pytest.mark.parametrize("text", ["", "bin"])
def test_nothing_is_older_than_what_is_no_version(text: str) -> None:
    assert versions.older("0.21.3-beta", text) is False


def test_what_is_no_version_is_not_newer_either() -> None:
    with pytest.raises(InvalidInput):
        versions.older("latest", "0.21.3-beta")


@pytest.mark.parametrize("text", ["", "latest", "0.21", "0.21.3-alpha", "0.21.3-beta; rm"])
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(InvalidInput):
        versions.parse(text)
