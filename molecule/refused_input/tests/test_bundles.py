# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Onboarding with a wrong bundle is refused before anything is dialled, the cause is named, and nothing is changed.

Unit tests have every single fault of a bundle: tests/unit/plugins/module_utils/_bundle/test_bundle.py (accounts
that are missing, of another network, private; node id of another seed; certificate out of date or without the dialled
name), test_envelope.py (truncated, altered, expired, for another provider, signed by another). Here is seen that the
playbook stops there.
"""

from __future__ import annotations

import json
import subprocess
import typing as t
from pathlib import Path

import pytest
from bundles import of_another_seed, opened, sealed
from regtest import Regtest

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle.kit import fingerprint


def of_another_tenant(regtest: Regtest) -> bytes:
    return (regtest.state / "provider/bundles/globex.json").read_bytes()


def truncated(regtest: Regtest) -> bytes:
    return (regtest.state / "provider/bundles/acme.json").read_bytes()[:20000]


def altered(regtest: Regtest) -> bytes:
    outer = json.loads((regtest.state / "provider/bundles/acme.json").read_bytes())
    return json.dumps(outer | {"expires": "2099-01-01T00:00:00Z"}).encode()


def expired(regtest: Regtest) -> bytes:
    return sealed(regtest, "acme", opened(regtest, "acme") | {"expires": "2020-01-01T00:00:00Z"})


def another_recipient() -> str:
    """Return a new public key of age: that of another provider, or of a man in the middle."""
    identity = subprocess.run(["age-keygen"], capture_output=True, check=True, text=True).stdout
    return next(line.split(": ")[1] for line in identity.splitlines() if "public key" in line)


def for_another_provider(regtest: Regtest) -> bytes:
    recipient = another_recipient()
    return sealed(regtest, "acme", opened(regtest, "acme") | {"recipient": recipient}, recipient)


def encrypted_anew(regtest: Regtest) -> bytes:
    """Return a bundle that another recipient has read, and encrypted to this provider with the tenant's signature."""
    return sealed(regtest, "acme", opened(regtest, "acme") | {"recipient": another_recipient()})


def of_another_kit(regtest: Regtest) -> bytes:
    """Return a bundle for a kit with one address more, added by somebody who has altered it on its way."""
    kit = json.loads((regtest.state / "provider/kits/acme.json").read_text())
    added = kit | {"provider_addresses": [*kit["provider_addresses"], "203.0.113.66"]}
    return sealed(regtest, "acme", opened(regtest, "acme") | {"kit_fingerprint": fingerprint(added)})


def without_an_account(regtest: Regtest) -> bytes:
    acme = opened(regtest, "acme")
    return sealed(regtest, "acme", acme | {"accounts": [one for one in acme["accounts"] if one["account"] != 6]})


def accounts_of_another_seed(regtest: Regtest) -> bytes:
    return sealed(regtest, "acme", opened(regtest, "acme") | {"accounts": opened(regtest, "globex")["accounts"]})


def another_seed(regtest: Regtest) -> bytes:
    """Return a bundle of another seed; the node has its wallet."""
    return sealed(regtest, "acme", of_another_seed(regtest))


FAULTS: list[tuple[t.Callable[[Regtest], bytes], str]] = [
    (of_another_tenant, "tenant"),
    (truncated, "is not JSON: it was cut"),
    (altered, "the file was altered"),
    (expired, "expires"),
    (for_another_provider, "the bundle is for another provider"),
    (encrypted_anew, "the bundle was signed for another one"),
    (of_another_kit, "the tenant has another kit"),
    (without_an_account, "m/1017'/1'/6'"),
    (accounts_of_another_seed, "node_id"),
    (another_seed, "the wallet there is of another seed"),
]


def state(regtest: Regtest) -> str:
    """Return all of acme's node that onboarding could change."""
    node = regtest.sh(
        "nodes",
        "sha256sum /etc/lnd/acme/* /etc/credstore.encrypted/lnd@acme.* /etc/systemd/system/lnd@acme.service.d/*;"
        " systemctl show --property=MainPID,NRestarts lnd@acme.service lnd-lock@acme.service",
    )
    return node + (regtest.state / "provider/reports/acme.json").read_text()


@pytest.mark.parametrize(("fault", "words"), FAULTS, ids=[fault.__name__ for fault, _words in FAULTS])
def test_a_wrong_bundle(regtest: Regtest, tmp_path: Path, fault: t.Callable[[Regtest], bytes], words: str) -> None:
    bundle = tmp_path / "bundle.json"
    bundle.write_bytes(fault(regtest))
    before = state(regtest)
    run = regtest.play("onboard_tenant", "--limit=acme", f"--extra-vars=tenant_bundle={bundle}")
    assert run.status != 0
    assert words in run.text, run.output
    assert "Nothing was changed" in run.text, run.output
    assert not any(run.changed.values())
    assert state(regtest) == before


def test_another_seed_on_another_controller(regtest: Regtest, tmp_path: Path) -> None:
    """Without a report the node itself refuses it, and still asks its own signer."""
    bundle = tmp_path / "bundle.json"
    bundle.write_bytes(another_seed(regtest))
    before = state(regtest)
    run = regtest.play(
        "onboard_tenant", "--limit=acme", f"--extra-vars=tenant_bundle={bundle} tenant_report={tmp_path}/report.json"
    )
    assert run.status != 0
    assert "has a wallet of another seed: its node is" in run.text, run.output
    assert run.changed == {"acme": 0}
    assert state(regtest) == before
