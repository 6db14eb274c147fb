# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kits that a tenant accepts: compared with the provider, in the tenant's own name, and letting in few
addresses."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import kit as kits
from ansible_collections.noncustodial.lightning.tests.support import bundles

FINGERPRINT = kits.fingerprint(bundles.kit())


def options(folder: Path, kit: dict[str, t.Any] | None = None, **changes: t.Any) -> dict[str, t.Any]:
    common = {"source": "kits/acme.json", "path": str(folder / "desk"), "network": "regtest", "variables": "signer"}
    return {"content": json.dumps(kit or bundles.kit()), **common, **changes}


def test_it_is_taken_once_it_was_compared_and_not_asked_for_again(
    tmp_path: Path, succeeds: t.Any, fails: t.Any
) -> None:
    said = fails("lnd_kit", False, **options(tmp_path))
    assert (
        f"has the fingerprint {FINGERPRINT}, which was not compared with the provider yet. Nothing was changed" in said
    )
    assert "set signer_kit_fingerprint to it" in said
    assert "lets in 192.0.2.14" in said
    assert not (tmp_path / "desk").exists()
    predicted = succeeds("lnd_kit", True, **options(tmp_path, fingerprint=FINGERPRINT))
    assert predicted["changed"]
    assert not (tmp_path / "desk").exists()
    done = succeeds("lnd_kit", False, **options(tmp_path, fingerprint=f" {FINGERPRINT.lower().replace('-', ' ')} "))
    assert (done["changed"], done["fingerprint"], done["provider_addresses"]) == (True, FINGERPRINT, ["192.0.2.14"])
    assert json.loads((tmp_path / "desk/kit.json").read_text()) == bundles.kit()
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "desk", tmp_path / "desk/kit.json")] == [0o700, 0o600]
    for fingerprint in (FINGERPRINT, ""):
        assert not succeeds("lnd_kit", False, **options(tmp_path, fingerprint=fingerprint))["changed"]
    assert (
        succeeds("lnd_kit", False, **options(tmp_path, bundles.kit(lnd_version="0.22.0-beta")))["fingerprint"]
        == FINGERPRINT
    )


def test_a_tunnel_is_for_whom_it_is_set_up(tmp_path: Path, succeeds: t.Any, fails: t.Any) -> None:
    kit = bundles.tunnelled_kit()
    given = options(tmp_path, kit, fingerprint=kits.fingerprint(kit))
    said = fails("lnd_kit", False, **given)
    assert "which dials 192.0.2.14:51820 by WireGuard, and this playbook sets up no tunnel. Nothing was changed" in said
    assert not (tmp_path / "desk").exists()
    assert succeeds("lnd_kit", False, **given, tunnel=True)["tunnel"] == kit["tunnel"]


@pytest.mark.parametrize(
    ("changes", "given", "words"),
    [
        (
            {"provider_addresses": ["192.0.2.14", "203.0.113.66"]},
            {},
            f"and what was compared with the provider is {FINGERPRINT}",
        ),
        ({"age_recipient": "age1" + "q" * 58}, {}, f"and what was compared with the provider is {FINGERPRINT}"),
        (
            {"age_recipient": "age1" + "q" * 58},
            {"fingerprint": FINGERPRINT},
            f"and what was compared with the provider is {FINGERPRINT}",
        ),
        (
            {"tenant": "globex"},
            {"fingerprint": kits.fingerprint(bundles.kit(tenant="globex"))},
            "for the tenant globex, and this is acme's",
        ),
        ({"tenant": "globex"}, {"tenant": "globex"}, "for the tenant globex, and this is acme's"),
        ({}, {"tenant": "initech"}, "for the tenant acme, and this is initech's"),
        ({"network": "mainnet"}, {}, "is for mainnet, and this lnd is on regtest"),
        ({}, {"fingerprint": "\x1b[2J"}, "is \\x1b[2J. Nothing was changed"),
        ({}, {"widest": 8}, "8 is not a prefix length from 16 to 32"),
    ],
)
def test_another_kit_is_refused(
    tmp_path: Path, succeeds: t.Any, fails: t.Any, changes: dict[str, t.Any], given: dict[str, t.Any], words: str
) -> None:
    succeeds("lnd_kit", False, **options(tmp_path, fingerprint=FINGERPRINT))
    before = {path.name: path.read_bytes() for path in (tmp_path / "desk").iterdir()}
    assert words in fails("lnd_kit", False, **options(tmp_path, bundles.kit(**changes), **given))
    assert {path.name: path.read_bytes() for path in (tmp_path / "desk").iterdir()} == before


def test_another_tenants_kit_where_a_bundle_was_written_by_a_release_before(tmp_path: Path, fails: t.Any) -> None:
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk/bundle.json").write_text(json.dumps({"tenant": "acme", "encrypted": "x"}))
    globex = bundles.kit(tenant="globex")
    said = fails("lnd_kit", False, **options(tmp_path, globex, fingerprint=kits.fingerprint(globex)))
    assert "for the tenant globex, and this is acme's. Nothing was changed" in said


def test_who_is_let_in_is_bounded_unless_the_tenant_says_so(tmp_path: Path, succeeds: t.Any, fails: t.Any) -> None:
    wide = bundles.kit(provider_addresses=["192.0.2.14", "10.0.0.0/20"])
    fingerprint = kits.fingerprint(wide)
    said = fails("lnd_kit", False, **options(tmp_path, wide, fingerprint=fingerprint))
    assert (
        "would let in 10.0.0.0/20, and you have not accepted networks wider than /24, of IPv6 /64. Nothing was changed"
        in said
    )
    assert "set signer_kit_widest" in said
    assert succeeds("lnd_kit", False, **options(tmp_path, wide, fingerprint=fingerprint, widest=20))["changed"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"schema": "\x1b"}',
        "[" * 900 + "]" * 900,
        "x" * 20_000,
        json.dumps(bundles.kit(lnd_version="0.1.0 commit=\x1b[2J")),
    ],
)
def test_what_is_no_kit(tmp_path: Path, fails: t.Any, content: str) -> None:
    said = fails("lnd_kit", False, **options(tmp_path, content=content, fingerprint=FINGERPRINT))
    assert "Ask the provider for a new kit" in said
    assert "\x1b" not in said
    assert len(said) < 2000
