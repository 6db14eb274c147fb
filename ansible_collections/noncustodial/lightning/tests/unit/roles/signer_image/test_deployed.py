# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role brings is what the program needs, and both agree with the roles whose state they make."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

import jinja2
import yaml

from ansible_collections.noncustodial.lightning.tests.unit import bundles
from ansible_collections.noncustodial.lightning.tests.unit.roles.signer_image.bench import Bench
from signer_init import render
from signer_init.settings import Image, Settings

COLLECTION = Path(__file__).parents[4]
ROLE = COLLECTION / "roles/signer_image"
CORE = "ansible_collections/noncustodial/lightning/plugins/module_utils"


def load(role: str, file: str) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", yaml.safe_load((COLLECTION / "roles" / role / file).read_text()))


def test_the_files_that_are_brought_are_enough(tmp_path: Path) -> None:
    """Everything can be imported with them alone, and none of them is left over."""
    brought = load("signer_image", "vars/main.yml")
    shutil.copytree(ROLE / "files/signer_init", tmp_path / "signer_init")
    for name in [*brought["signer_image_core_files"], *(f"_lnd/{name}" for name in brought["signer_image_lnd_files"])]:
        target = tmp_path / CORE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(COLLECTION / "plugins/module_utils" / name, target)
    program = (
        "import signer_init.__main__, sys; print(*(m.__file__ for m in sys.modules.values() if getattr(m, '__file__', None)), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-BPs", "-c", program],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    left = {str(path) for path in (tmp_path / CORE).rglob("*.py")} - set(done.stdout.splitlines())
    assert left == set()


def test_the_lnd_is_that_of_the_role_lnd() -> None:
    ours, its = load("signer_image", "defaults/main.yml"), load("lnd", "defaults/main.yml")
    for name in ("version", "architecture", "release_signers", "release_fingerprints"):
        assert ours[f"signer_image_lnd_{name}"] == its[f"lnd_{name}"], name
    assert ours["signer_image_lnd_release_url"] == its["lnd_release_url"].replace("lnd_version", "signer_image_lnd_version")


def test_the_packages_are_those_of_the_role_lnd() -> None:
    """So that the role, run on an image's machine, installs nothing."""
    task = next(one for one in load_tasks("lnd", "tasks/install.yml") if "_common_packages" in one.get("vars", {}))
    ours = load("signer_image", "vars/main.yml")
    assert set(task["vars"]["_common_packages"]) <= {*ours["signer_image_packages"], *ours["signer_image_machine_packages"]}


def load_tasks(role: str, file: str) -> list[dict[str, t.Any]]:
    return t.cast("list[dict[str, t.Any]]", yaml.safe_load((COLLECTION / "roles" / role / file).read_text()))


def test_an_address_and_a_name_are_told_apart(tmp_path: Path) -> None:
    place = Bench(tmp_path).place
    named = render.lnd_conf(place, "regtest", Settings(address="signer.example"), True, "/run/credentials/x")
    assert "\ntlsextradomain=signer.example\n" in named
    assert "\nbitcoin.regtest=true\n" in named
    assert "\nbitcoin.node=nochainbackend\n" in named
    assert "\nwallet-unlock-password-file=/run/credentials/x/wallet-password\n" in named
    numbered = render.lnd_conf(place, "mainnet", Settings(address="192.0.2.7"), True, "/run/credentials/x")
    assert "\ntlsextraip=192.0.2.7\n" in numbered
    assert "tlsextradomain" not in numbered


def test_lnd_listens_to_its_own_machine_or_takes_no_wallet(tmp_path: Path) -> None:
    """Never both; of a signer, and of a node whose inventory has more to say of where it listens."""
    place = Bench(tmp_path).place
    takes = "wallet-unlock-allow-create=true"

    def listens(conf: str) -> list[str]:
        return [line for line in conf.splitlines() if "listen=" in line.lower() and line != "nolisten=true"]

    waits, serves = (render.lnd_conf(place, "regtest", Settings(address="signer.example"), made, "/x") for made in (False, True))
    assert (takes in waits, listens(waits)) == (True, ["rpclisten=127.0.0.1:10009"])
    assert (takes in serves, listens(serves)) == (False, ["rpclisten=0.0.0.0:10009"])
    node = {**NODE, "lnd_config": {"RPCListen": ["192.0.2.1:1", "192.0.2.1:2"], "restlisten": "0.0.0.0:8080", "norest": False}}
    waits, serves = (render_node({**node, "lnd_has_wallet": made}) for made in (False, True))
    assert (takes in waits, listens(waits), "norest=false" in waits) == (True, ["rpclisten=127.0.0.1:10010"], True)
    assert (takes in serves, len(listens(serves))) == (False, 4)
    assert "RPCListen=192.0.2.1:2" in serves


NODE: dict[str, t.Any] = {
    "ansible_managed": "",
    "lnd_name": "acme",
    "lnd_alias": "acme",
    "lnd_shape": "own_keys",
    "lnd_self": {"rpc_port": 10010, "config": "/etc/lnd/acme", "database": "lnd_acme", "p2p_port": 9735, "p2p_host": "acme:9735"},
    "lnd_network": "regtest",
    "lnd_rpc_listen": ["0.0.0.0"],  # noqa: S104  # as a node has it that its tenant runs
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
    """lnd.conf as the role lnd makes it of these variables."""
    environment = render.environment(COLLECTION / "roles/lnd/templates")
    return environment.get_template("lnd.conf.j2").render(**variables)


def test_the_firewall_lets_in_whom_kit_and_tenant_name(tmp_path: Path) -> None:
    kit = bundles.kit(provider_addresses=["192.0.2.14", "198.51.100.0/24"])
    image = Image("1", "0.21.3-beta", ("udp dport 53 accept",))
    place, chosen = Bench(tmp_path).place, Settings(admin_addresses=("203.0.113.0/24",))
    closed = render.rules(place, kit, chosen, image, serves=False)
    rules = render.rules(place, kit, chosen, image, serves=True)
    provider = "        ip saddr { 192.0.2.14, 198.51.100.0/24 } tcp dport 10009 accept\n"
    assert provider in rules
    assert closed == rules.replace(provider, "")
    assert "ip saddr { 203.0.113.0/24 } tcp dport 22 accept" in rules
    assert "        udp dport 53 accept\n" in rules
    assert rules.count("policy drop") == 3


def rendered(name: str) -> str:
    template = jinja2.Template((ROLE / "templates" / f"{name}.j2").read_text(), trim_blocks=True, keep_trailing_newline=True)
    return template.render(ansible_managed="", signer_image_version="0.21.3-beta-1")


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
    assert {one["mountPath"] for one in container["volumeMounts"]} == {"/data", "/tmp", "/etc/signer", "/run/secrets"}  # noqa: S108
    assert service["spec"]["externalTrafficPolicy"] == "Local"
    assert (policy["spec"]["policyTypes"], policy["spec"]["egress"]) == (["Ingress", "Egress"], [])


def test_the_container_of_podman_is_as_the_one_that_is_tested() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(rendered("signer.container"))
    container = unit["Container"]
    assert (container["ReadOnly"], container["DropCapability"], container["NoNewPrivileges"]) == ("true", "all", "true")
    assert container["Image"] == "localhost/noncustodial-lightning-signer:0.21.3-beta-1"
