# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wrong bundle of a tenant that runs its own node is refused before anything is changed. The tests that each cause is
named with its cure are in tests/unit/plugins/module_utils/_bundle/test_node_bundle.py, and for the live check
tests/unit/plugins/modules/test_lnd_node_check.py. An envelope that is cut, altered, expired or for another provider is
refused in the same place for every shape of tenant: refused_input.
"""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from bundles import opened, sealed
from regtest import Regtest

from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import grant

BOTH = "provider+provider_shapes"
BAKE = "lncli --network=regtest --lnddir=/var/lib/lnd/umbrella bakemacaroon --root_key_id=40 {}"


def baked(regtest: Regtest, *permissions: str) -> str:
    """Bake a macaroon of the tenant's node, and return it in hexadecimal."""
    return regtest.sh("umbrella", BAKE.format(" ".join(permissions))).strip()


def too_wide(regtest: Regtest) -> bytes:
    wide = baked(regtest, *grant.HUB_PERMISSIONS, "uri:/lnrpc.Lightning/SendCoins")
    return sealed(regtest, "umbrella", opened(regtest, "umbrella") | {"macaroon": wide})


def of_another_node(regtest: Regtest) -> bytes:
    """Return a bundle whose macaroon has only a hub's calls, but is of the provider's own node."""
    macaroon = regtest.unsealed("own", "lndhub@own-node", "macaroon").hex()
    return sealed(regtest, "umbrella", opened(regtest, "umbrella") | {"macaroon": macaroon})


def under_the_root_key(regtest: Regtest) -> bytes:
    plain = BAKE.replace("--root_key_id=40", "--root_key_id=0").format(" ".join(grant.HUB_PERMISSIONS))
    return sealed(
        regtest, "umbrella", opened(regtest, "umbrella") | {"macaroon": regtest.sh("umbrella", plain).strip()}
    )


def certificate_of_another(regtest: Regtest) -> bytes:
    other = regtest.sh("own", "cat /var/lib/lnd/own-node/tls.cert")
    return sealed(regtest, "umbrella", opened(regtest, "umbrella") | {"certificate": other})


def of_a_signer(regtest: Regtest) -> bytes:
    return (regtest.state / "provider/bundles/acme.json").read_bytes()


def another_node(regtest: Regtest) -> bytes:
    """Return a bundle of another node, to which the tenant has changed, while the hub's accounts are on the first."""
    return sealed(
        regtest,
        "umbrella",
        opened(regtest, "umbrella") | {"node_id": regtest.lncli("own-node", "getinfo")["identity_pubkey"]},
    )


FAULTS: list[tuple[t.Callable[[Regtest], bytes], str]] = [
    (too_wide, "macaroon grants more than is needed: uri:/lnrpc.Lightning/SendCoins"),
    (of_another_node, "fails at macaroon (macaroon_refused)"),
    (under_the_root_key, "root key id 0"),
    (certificate_of_another, "has not the dialled name umbrella"),
    (of_a_signer, "it is of a node of another shape"),
    (another_node, "that is another node"),
]


def state(regtest: Regtest) -> str:
    """Return all of umbrella's hub that onboarding could change."""
    hub = regtest.sh(
        "nodes",
        "find /etc/lndhub/umbrella /etc/systemd/system/lndhub*umbrella* -type f | sort | xargs sha256sum; sha256sum"
        " /etc/credstore.encrypted/lndhub@umbrella.*; systemctl show --property=MainPID,NRestarts"
        " lndhub@umbrella.service",
    )
    return hub + (regtest.state / "provider/reports/umbrella.json").read_text()


@pytest.mark.parametrize(("fault", "words"), FAULTS, ids=[fault.__name__ for fault, _words in FAULTS])
def test_a_wrong_bundle(regtest: Regtest, tmp_path: Path, fault: t.Callable[[Regtest], bytes], words: str) -> None:
    bundle = tmp_path / "bundle.json"
    bundle.write_bytes(fault(regtest))
    before = state(regtest)
    run = regtest.play("onboard_tenant", "--limit=umbrella", f"--extra-vars=tenant_bundle={bundle}", inventory=BOTH)
    assert run.status != 0
    assert words in run.text, run.output
    assert not any(run.changed.values()), run.output
    assert state(regtest) == before


def test_another_node_on_another_controller(regtest: Regtest, tmp_path: Path) -> None:
    """Without a report, the node that answers there shows it, and so does the hub itself."""
    bundle = tmp_path / "bundle.json"
    bundle.write_bytes(another_node(regtest))
    before = state(regtest)
    options = f"--extra-vars=tenant_bundle={bundle} tenant_report={tmp_path}/report.json"
    run = regtest.play("onboard_tenant", "--limit=umbrella", options, inventory=BOTH)
    assert run.status != 0
    assert "fails at node (node_differs)" in run.text, run.output
    assert not any(run.changed.values()), run.output
    assert state(regtest) == before


def test_the_hub_keeps_to_its_node(regtest: Regtest, tmp_path: Path) -> None:
    """All of the bundle is right and the node answers, but this hub has promised what lies in another's channels."""
    regtest.sh(
        "nodes", f"cp -p /etc/lndhub/umbrella/node_id /root/node_id; echo {'02' * 33} > /etc/lndhub/umbrella/node_id"
    )
    try:
        before = state(regtest)
        options = f"--extra-vars=tenant_report={tmp_path}/report.json"
        run = regtest.play("onboard_tenant", "--limit=umbrella", options, inventory=BOTH)
        assert run.status != 0
        assert f"keeps its accounts on the node {'02' * 33}" in run.text, run.output
        assert state(regtest) == before
    finally:
        regtest.sh("nodes", "mv /root/node_id /etc/lndhub/umbrella/node_id")


WRONG = [
    ({"lnd_port_offset": 3}, "umbrella is external and has an lnd_port_offset"),
    ({"lnd_shape": "on_premises"}, "umbrella is on_premises and in the group hubs"),
    ({"signer_address": "signer"}, "has signer_address. A tenant that runs its own node has no signer"),
]


@pytest.mark.parametrize(("variables", "words"), WRONG)
def test_a_wrong_inventory(regtest: Regtest, tmp_path: Path, variables: dict[str, t.Any], words: str) -> None:
    """One more inventory, which contradicts the others."""
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": {"umbrella": variables}}}))
    run = regtest.play("provision_tenant", "--limit=umbrella", f"--inventory={tmp_path}/hosts.json", inventory=BOTH)
    assert run.status != 0
    assert "Nothing was changed. The inventory does not work" in run.text
    assert words in run.text, run.output


@pytest.mark.parametrize(
    "conf", ["rpclisten=127.0.0.1:10009\nwallet-unlock-allow-create=true\n", "rpclisten=0.0.0.0:10009\n"]
)
def test_a_node_whose_wallet_is_not_shown_to_be_its_own(regtest: Regtest, conf: str) -> None:
    """One that still takes a wallet, and one that has not been started by what is on disk: nothing is granted on it."""
    assert (
        regtest.ssh(
            "umbrella", "sh", "-c", "mkdir /etc/lnd/late && cat > /etc/lnd/late/lnd.conf", data=conf.encode()
        ).returncode
        == 0
    )
    before = regtest.sh("umbrella", "sha256sum /etc/handover/*")
    try:
        run = regtest.play("handover", "--extra-vars=lnd_name=late", inventory="umbrella")
    finally:
        regtest.sh("umbrella", "rm -r /etc/lnd/late")
    assert run.status != 0
    assert "It is not shown that the wallet of late is its own" in run.text, run.output
    assert run.changed == {"umbrella": 0}
    assert regtest.sh("umbrella", "sha256sum /etc/handover/*") == before
