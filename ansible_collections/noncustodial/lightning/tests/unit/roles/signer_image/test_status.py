# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The next step that signer-status names, in every state."""

from __future__ import annotations

import datetime
import typing as t

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core import document
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import grant
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import macaroon_file
from ansible_collections.noncustodial.lightning.tests.support import bundles
from signer_init import status
from signer_init.container import Container
from signer_init.host import Machine
from signer_init.settings import Image, Settings

IMAGE = Image("0.21.3-beta-1", "0.21.3-beta", ())
NODE = "02" + "ab" * 32


def test_a_container_has_no_firewall_to_tell_of() -> None:
    assert "firewall" in [step.name for step in status.steps(found())]
    assert "firewall" not in [step.name for step in status.steps(found(has_firewall=False))]


def found(**changes: t.Any) -> status.SignerStatus:
    """Return a signer that is complete, except for the changes."""
    whole: dict[str, t.Any] = {
        "image": IMAGE,
        "settings": Settings(address="signer.example"),
        "kit": bundles.kit(),
        "sealed": "sealed by this machine's TPM",
        "closed": True,
        "wallet": True,
        "had_wallet": True,
        "state": "SERVER_ACTIVE",
        "node_id": NODE,
        "version": "0.21.3-beta",
        "bundle": {"expires": document.date_text(document.now() + datetime.timedelta(days=14))},
    }
    return status.SignerStatus(**{**whole, **changes})


def open_steps(one: status.SignerStatus) -> list[str]:
    return [step.name for step in status.steps(one) if not step.done]


def test_each_kind_of_machine_names_its_own_log() -> None:
    assert (Machine.journal, Container.journal) == (
        "journalctl --unit lnd@signer.service",
        "podman logs THIS-CONTAINER",
    )


def test_nothing_is_missing() -> None:
    assert open_steps(found()) == []
    assert status.following(found()).startswith("Send the bundle to your provider")


FRESH: dict[str, t.Any] = {
    "settings": Settings(),
    "closed": False,
    "wallet": False,
    "had_wallet": False,
    "state": "",
    "silence": "it has not been started yet",
    "node_id": "",
    "bundle": None,
}


@pytest.mark.parametrize(
    ("changes", "missing", "following"),
    [
        ({**FRESH, "kit": None}, ["kit", "address", "firewall", "seed", "lnd", "bundle"], "signer-init --kit FILE"),
        (
            {**FRESH, "kit": None, "kit_fault": "It is for lnd 9."},
            ["kit", "address", "firewall", "seed", "lnd", "bundle"],
            "It is for lnd 9.",
        ),
        (FRESH, ["address", "firewall", "seed", "lnd", "bundle"], "Run signer-init"),
        ({**FRESH, "sealed": ""}, ["address", "keys", "firewall", "seed", "lnd", "bundle"], "Run signer-init"),
        (
            {"wallet": False, "seed": status.UNDER_WAY, "node_id": "", "bundle": None},
            ["seed", "lnd", "bundle"],
            "Run signer-init; it continues",
        ),
        (
            {"wallet": False, "seed": status.CONFIRMED, "node_id": "", "bundle": None},
            ["seed", "lnd", "bundle"],
            "Run signer-init; it continues",
        ),
        (
            {"seed": status.CONFIRMED, "node_id": "", "bundle": None},
            ["seed", "lnd", "bundle"],
            "Run signer-init; it continues",
        ),
        ({"seed": status.FOREIGN, "node_id": "", "bundle": None}, ["seed", "lnd", "bundle"], "bring your seed"),
        (
            {"node_id": "", "state": "LOCKED", "journal": "podman logs THIS-CONTAINER"},
            ["lnd"],
            "podman logs THIS-CONTAINER",
        ),
        ({"node_id": "", "state": "", "wallet": False, "bundle": None}, ["seed", "lnd", "bundle"], "--bring-seed"),
        ({"bundle": None}, ["bundle"], "Run signer-init"),
        ({"free": 3 << 20}, ["disk"], "Free space on this machine's disk"),
        ({"free": 3 << 20, "node_id": ""}, ["disk", "lnd"], "Free space on this machine's disk"),
        ({"standing": macaroon_file.REVOKED}, ["bundle"], "signer-init --root-key-id 2"),
        ({"standing": macaroon_file.REVOKED, "root_key_id": 4}, ["bundle"], "signer-init --root-key-id 5"),
        # signer-init --root-key-id 2 was cut off before it had made that grant.
        (
            {"standing": macaroon_file.DUE, "root_key_id": 2},
            ["bundle"],
            "Run signer-init; it continues where it stopped",
        ),
        ({"standing": macaroon_file.LIVE, "older": [1]}, [], "Send the bundle to your provider"),
        (
            {"wider": grant.Flaw(grant.TOO_WIDE_REASON, "grants more", grant.KNOWN_KEYS_WARNING)},
            ["bundle"],
            "the tenant must make a new seed",
        ),
        (
            {"wider": grant.Flaw(grant.TOO_WIDE_REASON, "grants more"), "root_key_id": 3},
            ["bundle"],
            "--root-key-id 4; once your provider has",
        ),
        ({"bundle": {"expires": "2020-01-01T00:00:00Z"}}, [], "signer-init writes a new one"),
    ],
)
def test_what_is_missing_and_what_is_next(changes: dict[str, t.Any], missing: list[str], following: str) -> None:
    one = found(**changes)
    assert open_steps(one) == missing
    assert following in status.following(one)


ELEVEN = (*grant.PERMISSIONS, *grant.MUSIG2_PERMISSIONS)


@pytest.mark.parametrize(
    ("permissions", "standing", "cure"),
    [
        (grant.PERMISSIONS, macaroon_file.LIVE, None),
        (grant.PERMISSIONS[1:], macaroon_file.LIVE, None),
        ((*grant.PERMISSIONS, "info:read"), macaroon_file.LIVE, ""),
        (ELEVEN, macaroon_file.LIVE, grant.KNOWN_KEYS_WARNING),
        # The other steps show what was revoked or is to be made anew.
        (ELEVEN, macaroon_file.REVOKED, None),
        (ELEVEN, macaroon_file.DUE, None),
    ],
)
def test_a_grant_that_allows_more_than_is_needed(permissions: tuple[str, ...], standing: str, cure: str | None) -> None:
    present = macaroon_file.MacaroonState(
        root_key_ids=frozenset({0, 1}), exists=True, macaroon=bundles.baked(permissions)
    )
    flaw = status.wider(standing, present)
    assert (flaw.cure if flaw else None) == cure
    if cure:
        assert "MuSig2Sign" in {step.name: step.text for step in status.steps(found(wider=flaw))}["bundle"]
