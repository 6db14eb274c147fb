# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role installs all that the program needs, and both agree with the roles whose state they make."""

from __future__ import annotations

import configparser
import re
import typing as t
from pathlib import Path

import jinja2
import pytest
import yaml

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import macaroon_file
from ansible_collections.noncustodial.lightning.tests.support import bundles
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION
from ansible_collections.noncustodial.lightning.tests.support.signer_bench import Bench
from signer_init import render
from signer_init.place import Place
from signer_init.settings import Image, Settings, parse_settings

ROLE = COLLECTION / "roles/signer_image"


def load(role: str, file: str) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", yaml.safe_load((COLLECTION / "roles" / role / file).read_text()))


def test_the_lnd_is_that_of_the_role_lnd() -> None:
    ours, its = load("signer_image", "defaults/main.yml"), load("lnd", "defaults/main.yml")
    for name in ("version", "architecture", "release_signers", "release_fingerprints"):
        assert ours[f"signer_image_lnd_{name}"] == its[f"lnd_{name}"], name
    assert ours["signer_image_lnd_release_url"] == its["lnd_release_url"].replace(
        "lnd_version", "signer_image_lnd_version"
    )


def test_the_packages_are_those_of_the_role_lnd() -> None:
    """The role, run on an image's machine, must install nothing."""
    task = next(one for one in load_tasks("lnd", "tasks/install.yml") if "_common_packages" in one.get("vars", {}))
    ours = load("signer_image", "vars/main.yml")
    assert set(task["vars"]["_common_packages"]) <= {
        *ours["signer_image_packages"],
        *ours["signer_image_machine_packages"],
    }


def test_the_settings_have_the_defaults_of_the_role_signer() -> None:
    ours, its = Settings(), load("signer", "defaults/main.yml")
    for name in ("port", "close_address", "bundle_valid_for", "root_key_id", "kit_widest"):
        assert getattr(ours, name) == its[f"signer_{name}"], name


@pytest.mark.parametrize(
    ("address", "networks"),
    [
        ("signer.example", ["0.0.0.0/0"]),
        ("192.0.2.74", ["0.0.0.0/0"]),
        ("2001:db8::74", ["0.0.0.0/0", "::/0"]),
    ],
)
def test_ssh_is_open_by_ipv6_only_to_a_signer_with_ipv6(tmp_path: Path, address: str, networks: list[str]) -> None:
    """The role and the program have the same default. A signer that was there before IPv6 is opened no wider."""
    default = load("signer", "defaults/main.yml")["signer_admin_addresses"].strip("{} ")
    assert jinja2.Environment(autoescape=True).compile_expression(default)(signer_address=address) == networks
    ours = parse_settings("settings", {"address": address}, {})
    rules = render.rules(Bench(tmp_path).place, bundles.kit(), ours, Image("1", "0.21.3-beta", ()), serves=True)
    assert re.findall(r"saddr (\S+) tcp dport 22 accept", rules) == networks


@pytest.mark.parametrize("number", [-1, 0, 1, 7])
@pytest.mark.parametrize("role", ["signer", "handover"])
def test_a_root_key_is_refused_alike(role: str, number: int) -> None:
    """The roles refuse it before anything is made, without lnd; the program with its settings."""
    (condition,) = [
        task["ansible.builtin.assert"]["that"]
        for task in load_tasks(role, "tasks/preflight.yml")
        if f"{role}_root_key_id" in task.get("ansible.builtin.assert", {}).get("that", "")
    ]
    holds = jinja2.Environment(autoescape=True).compile_expression(condition)(**{f"{role}_root_key_id": str(number)})
    assert holds is (number >= macaroon_file.LEAST_ROOT_KEY_ID)


def test_cloud_init_is_switched_off_alike(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.place.cloud_init_off.parent.mkdir(parents=True)
    bench.end_cloud_init()
    task = load_tasks("signer", "tasks/cloud_init.yml")[1]
    (file,) = task["noncustodial.lightning.config_files"]["files"]
    assert file["path"] == str(Place().cloud_init_off)
    assert file["content"] == bench.place.cloud_init_off.read_text()


def load_tasks(role: str, file: str) -> list[dict[str, t.Any]]:
    return t.cast("list[dict[str, t.Any]]", yaml.safe_load((COLLECTION / "roles" / role / file).read_text()))


def test_an_address_and_a_name_are_told_apart(tmp_path: Path) -> None:
    place = Bench(tmp_path).place
    named = render.lnd_conf(place, bundles.kit(), Settings(address="signer.example"), True, "/run/credentials/x")
    assert "\ntlsextradomain=signer.example\n" in named
    assert "\nbitcoin.regtest=true\n" in named
    assert "\nbitcoin.node=nochainbackend\n" in named
    assert "\nwallet-unlock-password-file=/run/credentials/x/wallet-password\n" in named
    for address in ("192.0.2.7", "2001:db8::7"):
        numbered = render.lnd_conf(place, bundles.kit(network="mainnet"), Settings(address=address), True, "/x")
        assert f"\ntlsextraip={address}\n" in numbered
        assert "tlsextradomain" not in numbered


def test_lnd_listens_to_its_own_machine_or_takes_no_wallet(tmp_path: Path) -> None:
    """Never both; of a signer, and of a node whose inventory sets more addresses."""
    place = Bench(tmp_path).place
    takes = "wallet-unlock-allow-create=true"

    def listens(conf: str) -> list[str]:
        return [
            line for line in conf.splitlines() if re.search("listen(ers)?=", line.lower()) and line != "nolisten=true"
        ]

    waits, serves = (
        render.lnd_conf(place, bundles.kit(), Settings(address="signer.example"), made, "/x") for made in (False, True)
    )
    assert (takes in waits, listens(waits)) == (True, ["rpclisten=127.0.0.1:10009"])
    assert (takes in serves, listens(serves)) == (False, ["rpclisten=0.0.0.0:10009"])
    six = bundles.kit(provider_addresses=["2001:db8::14"])
    both = render.lnd_conf(place, six, Settings(address="2001:db8::7"), True, "/x")
    assert listens(both) == ["rpclisten=0.0.0.0:10009", "rpclisten=[::]:10009"]
    node = {
        **NODE,
        "lnd_config": {"RPCListen": ["192.0.2.1:1", "192.0.2.1:2"], "restlisten": "0.0.0.0:8080", "norest": False},
    }
    # lnd takes the names of its fields too.
    node["lnd_config"]["RawRPCListeners"] = "0.0.0.0:10009"
    waits, serves = (render_node({**node, "lnd_has_wallet": made}) for made in (False, True))
    assert (takes in waits, listens(waits), "norest=false" in waits) == (True, ["rpclisten=127.0.0.1:10010"], True)
    assert (takes in serves, len(listens(serves))) == (False, 5)
    assert "RPCListen=192.0.2.1:2" in serves


NODE: dict[str, t.Any] = {
    "lnd_name": "acme",
    "lnd_alias": "acme",
    "lnd_shape": "own_keys",
    "lnd_self": {
        "rpc_port": 10010,
        "config": "/etc/lnd/acme",
        "database": "lnd_acme",
        "p2p_port": 9735,
        "p2p_host": "acme:9735",
    },
    "lnd_network": "regtest",
    "lnd_rpc_listen": ["0.0.0.0"],  # as a node has it that its tenant runs  # noqa: S104
    "lnd_p2p_listen": [],
    "lnd_bootstrap": False,
    "lnd_credentials": "/run/credentials/x",
    "lnd_tls_names": [],
    "lnd_on_chain": True,
    "lnd_bitcoind_address": "chain",
    "lnd_bitcoind_rpc_port": 1,
    "lnd_bitcoind_zmq_block_port": 2,
    "lnd_bitcoind_zmq_tx_port": 3,
    "lnd_postgres_address": "database",
    "lnd_postgres_maxconnections": 20,
}


def render_node(variables: dict[str, t.Any]) -> str:
    """Return lnd.conf as the role lnd makes it of these variables."""
    environment = render.environment(COLLECTION / "roles/lnd/templates")
    return environment.get_template("lnd.conf.j2").render(**variables)


def test_the_firewall_lets_in_whom_kit_and_tenant_name(tmp_path: Path) -> None:
    kit = bundles.kit(provider_addresses=["192.0.2.14", "198.51.100.0/24", "2001:db8::14"])
    image = Image("1", "0.21.3-beta", ("udp dport 53 accept",))
    place, chosen = Bench(tmp_path).place, Settings(admin_addresses=("203.0.113.0/24", "2001:db8:7::/64"))
    closed = render.rules(place, kit, chosen, image, serves=False)
    rules = render.rules(place, kit, chosen, image, serves=True)
    provider = "".join(
        f"        {saddr} tcp dport 10009 accept\n"
        for saddr in ("ip saddr 192.0.2.14", "ip saddr 198.51.100.0/24", "ip6 saddr 2001:db8::14")
    )
    lnds_own = '        meta skuid "lnd-signer" oif lo tcp dport 10009 accept\n        meta skuid "lnd-signer" drop\n'
    assert provider in rules
    assert rules.index(lnds_own) < rules.index("oif lo accept")
    without = re.sub(r" *# lnd dials nobody.*\n *#.*\n", "", rules.replace(provider, "").replace(lnds_own, ""))
    assert closed == without
    assert (
        "        ip saddr 203.0.113.0/24 tcp dport 22 accept\n        ip6 saddr 2001:db8:7::/64 tcp dport 22" in rules
    )
    assert "        udp dport 53 accept\n" in rules
    assert rules.count("policy drop") == 3


def rendered(name: str) -> str:
    template = jinja2.Template(
        (ROLE / "templates" / f"{name}.j2").read_text(), trim_blocks=True, keep_trailing_newline=True
    )
    return str(template.render(signer_image_version="0.21.3-beta-1"))


def test_a_pod_may_do_nothing_but_its_work() -> None:
    workload, service, policy = yaml.safe_load_all(rendered("signer.yaml"))
    pod = workload["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert workload["spec"]["replicas"] == 1
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["securityContext"]["runAsNonRoot"]
    assert not pod["automountServiceAccountToken"]
    assert {one["mountPath"] for one in container["volumeMounts"]} == {
        "/data",
        "/tmp",  # noqa: S108
        "/etc/signer",
        "/run/secrets",
    }
    assert service["spec"]["externalTrafficPolicy"] == "Local"
    assert (policy["spec"]["policyTypes"], policy["spec"]["egress"]) == (["Ingress", "Egress"], [])


def test_the_container_of_podman_is_as_the_one_that_is_tested() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(rendered("signer.container"))
    container = unit["Container"]
    assert (container["ReadOnly"], container["DropCapability"], container["NoNewPrivileges"]) == ("true", "all", "true")
    assert container["Image"] == "localhost/noncustodial-lightning-signer:0.21.3-beta-1"
    assert (unit["Service"]["MemoryMax"], unit["Service"]["MemorySwapMax"]) == ("1G", "0")
