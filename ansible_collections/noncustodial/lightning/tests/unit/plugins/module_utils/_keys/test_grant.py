# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flaws of a grant."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import grant
from ansible_collections.noncustodial.lightning.tests.support import bundles


@pytest.mark.parametrize(
    ("permissions", "root_key_id", "reasons"),
    [
        (grant.PERMISSIONS, 1, []),
        (reversed(grant.PERMISSIONS), 7, []),
        ((*grant.PERMISSIONS, "onchain:write"), 1, ["grant_too_wide"]),
        ((*grant.PERMISSIONS, "uri:/lnrpc.Lightning/SendCoins"), 1, ["grant_too_wide"]),
        (grant.PERMISSIONS[1:], 1, ["grant_too_narrow"]),
        (grant.PERMISSIONS, 0, ["grant_root_key_zero"]),
        (
            ("message:write", "onchain:write", "signer:generate"),
            0,
            ["grant_too_wide", "grant_too_narrow", "grant_root_key_zero"],
        ),
    ],
)
def test_the_grant(permissions: t.Iterable[str], root_key_id: int, reasons: list[str]) -> None:
    assert [flaw.reason for flaw in grant.flaws(bundles.baked(permissions, root_key_id))] == reasons


@pytest.mark.parametrize(
    ("more", "cure"),
    [
        (grant.MUSIG2_PERMISSIONS, grant.KNOWN_KEYS_WARNING),
        *(((method,), grant.KNOWN_KEYS_WARNING) for method in grant.MUSIG2_PERMISSIONS),
        (("signer:generate",), grant.KNOWN_KEYS_WARNING),
        (("macaroon:generate",), grant.KNOWN_KEYS_WARNING),
        (("uri:/lnrpc.Lightning/BakeMacaroon",), grant.KNOWN_KEYS_WARNING),
        (("onchain:write",), ""),
        (("uri:/signrpc.Signer/SignOutputRaw",), ""),
    ],
)
def test_what_gives_out_keys_says_so(more: tuple[str, ...], cure: str) -> None:
    (flaw,) = grant.flaws(bundles.baked((*grant.PERMISSIONS, *more)))
    assert (flaw.reason, flaw.cure) == (grant.TOO_WIDE_REASON, cure)
