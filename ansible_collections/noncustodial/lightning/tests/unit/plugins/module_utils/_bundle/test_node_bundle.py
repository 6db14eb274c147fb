# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bundles of tenants that run their own nodes. Checks that are the same as for a signer's are in test_bundle.py and
test_envelope.py.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import bundle, envelope, node_bundle
from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import kit as kits
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.problems import Invalid
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import grant
from ansible_collections.noncustodial.lightning.tests.support import bundles
from ansible_collections.noncustodial.lightning.tests.support.bundles import NOW, baked, kit, make_keys

KINDS = {"external": node_bundle.EXTERNAL, "on_premises": node_bundle.ON_PREMISES}


def good(shape: str, **changes: t.Any) -> dict[str, t.Any]:
    """Return a bundle without a fault, except for the changes."""
    values = {
        **bundles.good(),
        "schema": KINDS[shape].schema,
        "macaroon": baked(grant.HUB_PERMISSIONS, root_key_id=31).encode().hex(),
        "p2p_address": "node.example.com:9735",
    }
    return {**{name: values[name] for name in KINDS[shape].fields}, **changes}


def terms(shape: str, **changes: t.Any) -> bundle.Terms:
    return bundle.Terms(kit(**changes), NOW, kind=KINDS[shape])


def judged(shape: str, content: object, **changes: t.Any) -> list[tuple[str, str]]:
    return [(problem.path, problem.text) for problem in bundle.validate(content, terms(shape, **changes))]


@pytest.mark.parametrize("shape", KINDS)
def test_a_good_one(shape: str) -> None:
    assert judged(shape, good(shape)) == []


def test_on_premises_grants_nothing() -> None:
    assert not {"macaroon", "endpoint", "certificate", "accounts"} & set(good("on_premises"))
    assert bundle.summary(good("on_premises"), node_bundle.ON_PREMISES) == {
        name: value for name, value in good("on_premises").items() if name not in ("schema", "version")
    }


def test_the_summary_holds_no_secret() -> None:
    summary = bundle.summary(good("external"), node_bundle.EXTERNAL)
    assert (summary["root_key_id"], summary["p2p_address"]) == (31, "node.example.com:9735")
    assert good("external")["macaroon"] not in str(summary)


WIDER = (*grant.HUB_PERMISSIONS, "uri:/lnrpc.Lightning/SendCoins")


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        (
            {"macaroon": baked(WIDER, 31).encode().hex()},
            "macaroon",
            "grants more than is needed: uri:/lnrpc.Lightning/SendCoins",
        ),
        (
            {"macaroon": baked(("offchain:write",), 31).encode().hex()},
            "macaroon",
            "grants more than is needed: offchain:write, and does not",
        ),
        ({"macaroon": baked(grant.PERMISSIONS, 31).encode().hex()}, "macaroon", "grants more than is needed"),
        (
            {"macaroon": baked(grant.HUB_PERMISSIONS[1:], 31).encode().hex()},
            "macaroon",
            f"does not grant {grant.HUB_PERMISSIONS[0]}",
        ),
        ({"macaroon": baked(grant.HUB_PERMISSIONS, 0).encode().hex()}, "macaroon", "root key id 0"),
        ({"macaroon": "0201"}, "macaroon", "cannot be decoded"),
        ({"endpoint": "elsewhere.example:10009"}, "certificate", "has not the dialled name elsewhere.example"),
        (
            {"certificate": 2 * bundles.good()["certificate"]},
            "certificate",
            "holds 2 certificates, and a hub takes one",
        ),
        ({"network": "mainnet"}, "network", "is 'mainnet', but the kit is for 'regtest'"),
        ({"tenant": "globex"}, "tenant", "but the kit is for 'acme'"),
        ({"p2p_address": "node.example.com"}, "p2p_address", "is not host:port"),
        ({"node_id": "02" + "G" * 64}, "node_id", "is not a compressed public key"),
        ({"lnd_version": "0.20.0-beta"}, "lnd_version", "older than the 0.21.3-beta that the provider's hub needs"),
        ({"expires": "2026-11-01T00:00:00Z"}, "expires", "the offer is no longer open"),
        ({"birthday": 1795371189}, "birthday", "is not known"),
    ],
)
def test_faults(changes: dict[str, t.Any], path: str, words: str) -> None:
    ((where, text),) = judged("external", good("external", **changes))
    assert (where, words in text) == (path, True), text


def test_a_peer_may_have_any_lnd() -> None:
    assert judged("on_premises", good("on_premises", lnd_version="0.18.0-beta")) == []
    assert judged("on_premises", good("on_premises", lnd_version="yes")) == [
        ("lnd_version", "is not a version such as 0.21.3-beta")
    ]


@pytest.mark.parametrize("shape", KINDS)
@pytest.mark.parametrize("expected", ["watch_only", *KINDS])
def test_a_bundle_of_another_shape(tmp_path: Path, shape: str, expected: str) -> None:
    """The inventory sets the tenant's shape; a bundle cannot make it another."""
    keys = make_keys(tmp_path / "keys")
    path = tmp_path / "bundle.json"
    content = good(shape, recipient=keys.recipient, kit_fingerprint=kits.fingerprint(kit(age_recipient=keys.recipient)))
    path.write_bytes(envelope.seal(content, keys.recipient, keys.signing_key_file))
    given = replace(terms(shape, age_recipient=keys.recipient), kind=node_bundle.KINDS[expected])
    provider = envelope.Provider(keys.identity, keys.signing_key)
    if shape == expected:
        assert envelope.open_file(str(path), provider, given) == content
        return
    with pytest.raises(Invalid) as error:
        envelope.open_file(str(path), provider, given)
    (problem,) = error.value.problems
    assert problem["path"] == "schema"
    assert "it is of a node of another shape" in problem["text"]
