# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant's kit is judged alike wherever it is used: by the module lnd_kit, by the role signer, by the image's
signer-init and before a launch at AWS.
"""

from __future__ import annotations

import json
import os
import subprocess
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import agreement, bundle
from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import kit as kits
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import LightningError
from ansible_collections.noncustodial.lightning.tests.support import bundles
from ansible_collections.noncustodial.lightning.tests.support.aws import StandIn
from ansible_collections.noncustodial.lightning.tests.support.paths import ROOT
from ansible_collections.noncustodial.lightning.tests.support.signer_bench import Bench
from signer_init import kits as image_kits
from signer_init.settings import read_image


@dataclass(frozen=True)
class Case:
    """A kit for an lnd, and the words with which it is refused.

    Attributes:
        words: empty if the kit is accepted.
        changes: what differs in the kit from that of the tests' bundle.
        lnd_version: of the lnd that will use it.
        tenant: the tenant's own name.
        address: at which the provider dials the lnd.
        compared: the kit whose fingerprint the tenant has compared; None for this one.
    """

    words: str = ""
    changes: t.Mapping[str, t.Any] = field(default_factory=dict)
    lnd_version: str = "0.21.3-beta"
    tenant: str = ""
    address: str = "signer.example"
    compared: t.Mapping[str, t.Any] | None = None

    @property
    def kit(self) -> dict[str, t.Any]:
        return bundles.kit(**self.changes)

    @property
    def fingerprint(self) -> str:
        """The one that the tenant states; a kit that is none has no fingerprint."""
        found = self.kit if self.compared is None else self.compared
        return "" if kits.validate(found) else kits.fingerprint(found)


OLDER = "and this lnd is {0}, which is older. Nothing was changed"
NETWORK = "is neither an address nor a network of /16, of IPv6 /48, or narrower"
CASES = {
    "good": Case(),
    "older-kit": Case(changes={"lnd_version": "0.20.1-beta"}),
    "newer-kit": Case(OLDER.format("0.21.3-beta"), {"lnd_version": "0.21.4-beta"}),
    "candidate-for-release": Case(OLDER.format("0.21.3-beta.rc2"), lnd_version="0.21.3-beta.rc2"),
    "release-for-candidate": Case(changes={"lnd_version": "0.21.3-beta.rc2"}),
    "same-candidate": Case(changes={"lnd_version": "0.22.0-beta.rc2"}, lnd_version="0.22.0-beta.rc2"),
    "older-candidate": Case(
        OLDER.format("0.22.0-beta.rc1"), {"lnd_version": "0.22.0-beta.rc2"}, lnd_version="0.22.0-beta.rc1"
    ),
    "no-version": Case("is not a version such as 0.21.3-beta", lnd_version="newest"),
    "network": Case("The kit is for mainnet, and this lnd is on regtest", {"network": "mainnet"}),
    "tenant": Case("The kit is for the tenant acme, and this is globex's", tenant="globex"),
    "altered": Case(
        "and what was compared with the provider is", {"age_recipient": "age1" + "q" * 58}, compared=bundles.kit()
    ),
    "six": Case(changes={"provider_addresses": ["2001:db8::14", "fd00:1::/64"]}),
    "six-dialled": Case(changes={"provider_addresses": ["2001:db8::14"]}, address="2001:db8::7"),
    "six-from-four": Case("2001:db8::7 is IPv6, which is not reached from there", address="2001:db8::7"),
    "four-from-six": Case(
        "192.0.2.7 is IPv4, which is not reached from there",
        {"provider_addresses": ["2001:db8::14"]},
        address="192.0.2.7",
    ),
    "six-wide": Case("networks wider than /24, of IPv6 /64", {"provider_addresses": ["2001:db8::/56"]}),
    "six-widest": Case(NETWORK, {"provider_addresses": ["2001:db8::/47"]}),
    "six-link": Case("is link-local", {"provider_addresses": ["fe80::14"]}),
    "six-mapped": Case("write it as IPv4", {"provider_addresses": ["::ffff:c000:20e"]}),
    "wide": Case("you have not accepted networks wider than /24", {"provider_addresses": ["10.0.0.0/20"]}),
    "widest": Case(NETWORK, {"provider_addresses": ["10.0.0.0/15"]}),
    "a-name": Case(NETWORK, {"provider_addresses": ["provider.example"]}),
    "nobody": Case("is empty: nobody could dial", {"provider_addresses": []}),
    "many": Case("has 9 entries, more than 8", {"provider_addresses": [f"192.0.2.{number}" for number in range(9)]}),
    "tunnel": Case(changes=bundles.tunnelled_kit(), address=bundles.SIGNER_END),
    "beside-the-tunnel": Case(
        "the signer's end of the tunnel, and not signer.example", bundles.tunnelled_kit(), address="signer.example"
    ),
    "more-in-it": Case("password is not known", {"password": "hunter2"}),
}
# A machine that is launched at AWS has its address later, and only one of IPv4.
ONLY_IPV4 = "is IPv6, and the machine that is launched has only IPv4"
AT_LAUNCH = {"six": ONLY_IPV4, "six-dialled": ONLY_IPV4, "four-from-six": ONLY_IPV4, "six-from-four": ""}
# The image sets up no tunnel, and so no machine is launched for one.
NO_TUNNEL = dict.fromkeys(("tunnel", "beside-the-tunnel"), "sets up no tunnel. Nothing was changed")
each_case = pytest.mark.parametrize("name", CASES)


def judged(words: str, message: str) -> None:
    """Assert that a kit was accepted without a message, or refused with these words."""
    assert words in message if words else message == "", message


@each_case
def test_the_module(name: str, tmp_path: Path, module: t.Any) -> None:
    case = CASES[name]
    result = module(
        "lnd_kit",
        content=json.dumps(case.kit),
        source="kit.json",
        path=str(tmp_path / "desk"),
        tenant=case.tenant,
        fingerprint=case.fingerprint,
        network="regtest",
        lnd_version=case.lnd_version,
        address=case.address,
        tunnel=True,
        variables="signer",
    )
    judged(case.words, result["msg"] if result.get("failed") else "")


def messages_of_the_role(folder: Path) -> dict[str, str]:
    """Run the role's preflight for all cases, each on a host of its own; return the messages of those that fail."""
    (folder / "signing_key").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    hosts = {}
    for name, case in CASES.items():
        (folder / f"{name}.json").write_text(json.dumps(case.kit))
        hosts[name] = {
            "signer_kit": str(folder / f"{name}.json"),
            "signer_dir": str(folder / name),
            "signer_signing_key": str(folder / "signing_key"),
            "signer_bundle_dest": str(folder / "bundle.json"),
            "signer_tenant": case.tenant,
            "signer_kit_fingerprint": case.fingerprint,
            "signer_address": case.address,
            "lnd_version": case.lnd_version,
            "lnd_network": "regtest",
        }
    role = {"name": "noncustodial.lightning.signer", "tasks_from": "preflight"}
    play = {
        "hosts": "all",
        "connection": "local",
        "gather_facts": False,
        "tasks": [{"ansible.builtin.import_role": role}],
    }
    (folder / "play.yml").write_text(yaml.safe_dump([play]))
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
    done = subprocess.run(
        ["ansible-playbook", "-i", str(folder / "hosts.yml"), str(folder / "play.yml")],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"},
        capture_output=True,
        text=True,
        check=False,
    )
    told = json.loads(done.stdout[done.stdout.index("{") :])
    results = [one["hosts"] for part in told["plays"] for one in part["tasks"]]
    assert set(told["stats"]) == set(CASES), done.stdout + done.stderr
    return {
        name: "".join(str(one[name]["msg"]) for one in results if one.get(name, {}).get("failed")) for name in CASES
    }


def test_the_role(tmp_path: Path) -> None:
    messages = messages_of_the_role(tmp_path)
    for name, case in CASES.items():
        judged(case.words, messages[name])


@each_case
def test_the_image(name: str, tmp_path: Path) -> None:
    case, bench = CASES[name], Bench(tmp_path)
    bench.place.kit.write_text(json.dumps(case.kit))
    bench.place.image.write_text(json.dumps({"version": "1", "lnd_version": case.lnd_version, "egress": []}))
    bench.have_wallet("regtest")
    try:
        found = image_kits.read(bench.place, read_image(bench.place))
        kits.check_address(found, case.address, "")
        image_kits.check_agreed(bench, found, agreement.Agreement(case.tenant, case.fingerprint), 24)
    except LightningError as error:
        judged(NO_TUNNEL.get(name, case.words), str(error))
    else:
        judged(NO_TUNNEL.get(name, case.words), "")


@each_case
def test_a_launch(name: str, tmp_path: Path, aws: StandIn, module: t.Any) -> None:
    case = CASES[name]
    (tmp_path / "kit.json").write_text(json.dumps(case.kit))
    result = module(
        "signer_launch_info",
        **aws.options,
        kit=str(tmp_path / "kit.json"),
        kit_fingerprint=case.fingerprint,
        tenant=case.tenant,
        network="regtest",
        image_id=aws.image(f"Lightning signer 1.0.0, lnd {case.lnd_version}"),
        subnet_id=aws.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"],
        instance_type="t3.micro",
        admin_addresses=["198.51.100.7"],
    )
    judged((AT_LAUNCH | NO_TUNNEL).get(name, case.words), result["msg"] if result.get("failed") else "")


@pytest.mark.parametrize(
    "name", [name for name, case in CASES.items() if "candidate" in name or case.changes.get("lnd_version")]
)
def test_a_bundle_of_an_older_lnd(name: str) -> None:
    """The provider compares the version of the tenant's lnd in the same way."""
    case = CASES[name]
    given = bundles.good(case.kit, lnd_version=case.lnd_version)
    problems = [str(one) for one in bundle.validate(given, bundle.Terms(case.kit, bundles.NOW))]
    assert any("older than the node's" in one for one in problems) is ("which is older" in case.words)
