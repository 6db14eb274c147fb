"""The topology of the bench: a provider with one gateway, and a given number of tenants, each with a machine for its
signer.

Its machines and inventories are those of inventories/regtest, grown: what is generated here is only what depends on the
number of tenants. All is made and changed by the collection's own playbooks.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TOPOLOGY = "bench"
PREFIX = "10.231.79"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "noncustodial-lightning"
STATE = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "noncustodial-lightning" / TOPOLOGY

GATEWAY = f"{PREFIX}.12:9735"
NODES = f"{PREFIX}.14"
SIGNER_PORT = 10009


@dataclass(frozen=True)
class Tenant:
    """One tenant, numbered from 1."""

    number: int

    @property
    def name(self) -> str:
        return f"t{self.number:02}"

    @property
    def machine(self) -> str:
        return f"signer-{self.name}"

    @property
    def address(self) -> str:
        return f"{PREFIX}.{130 + self.number}"

    @property
    def rpc_port(self) -> int:
        return 10009 + self.number

    @property
    def desk(self) -> Path:
        return STATE / self.name


def write(path: Path, content: Any) -> Path:
    """Write a file of JSON, which is YAML too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n")
    return path


def link(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def machines(tenants: list[Tenant]) -> dict[str, Any]:
    """Return the machines for molecule/default/create.yml. All tenant nodes are on one machine, as in the demo."""
    provider = {name: f"{PREFIX}.{number}" for name, number in (("chain", 11), ("gateway", 12), ("own", 13))}
    return {
        "images": {"machine": "trixie", "chain": "trixie"},
        "networks": {"provider": f"{PREFIX}.0/26", "signers": f"{PREFIX}.128/25"},
        "machines": [
            *(
                {"name": name, "image": "chain" if name == "chain" else "machine", "networks": {"provider": at}}
                for name, at in provider.items()
            ),
            {"name": "nodes", "image": "machine", "networks": {"provider": NODES, "signers": f"{PREFIX}.130"}},
            *(
                {"name": tenant.machine, "image": "machine", "networks": {"signers": tenant.address}}
                for tenant in tenants
            ),
        ],
    }


def provider_hosts(tenants: list[Tenant]) -> dict[str, Any]:
    """Return the provider's inventory: that of the demo with other tenants, and a PostgreSQL with room for them all."""
    nodes = {
        tenant.name: {
            "ansible_host": NODES,
            "lnd_port_offset": tenant.number,
            "tenant_provider_addresses": [f"{PREFIX}.130"],
        }
        for tenant in tenants
    }
    return {
        "all": {
            "hosts": {
                "chain": {"ansible_host": f"{PREFIX}.11", "postgres_max_connections": 200 + 45 * len(tenants)},
                "gateway": {"ansible_host": f"{PREFIX}.12"},
                "own-node": {"ansible_host": f"{PREFIX}.13"},
                **nodes,
            },
            "children": {
                "bitcoind": {"hosts": {"chain": None}},
                "postgres": {"hosts": {"chain": None}},
                "gateways": {"hosts": {"gateway": None}},
                "own": {"hosts": {"own-node": None}},
                "tenants": {"hosts": dict.fromkeys(nodes)},
            },
        }
    }


def signer_hosts(tenants: list[Tenant]) -> dict[str, Any]:
    """Return the tenants' inventories in one: each signer on its own machine with its own tenant's keys."""
    desk = "{{ ncl_state }}/{{ tenant }}"
    kit = "ncl_state ~ '/provider/kits/' ~ tenant ~ '.json'"
    return {
        "all": {
            "children": {
                "signers": {
                    "hosts": {
                        tenant.machine: {"ansible_host": tenant.address, "tenant": tenant.name} for tenant in tenants
                    },
                    "vars": {
                        "lnd_name": "signer",
                        "lnd_network": "regtest",
                        "lnd_version": "0.21.3-beta",
                        "lnd_install_method": "copy",
                        "lnd_install_source": "{{ ncl_cache }}/lnd/v{{ lnd_version }}",
                        "lnd_tls_names": ["{{ inventory_hostname }}"],
                        "lnd_seed_recipient": (
                            f"{{{{ lookup('ansible.builtin.file', '{STATE}/' ~ tenant ~ '/age_recipient') }}}}"
                        ),
                        "signer_address": "{{ inventory_hostname }}",
                        "signer_kit": "{{ ncl_state }}/provider/kits/{{ tenant }}.json",
                        "signer_tenant": "{{ tenant }}",
                        "signer_kit_fingerprint": (
                            f"{{{{ lookup('ansible.builtin.file', {kit}) | from_json |"
                            " noncustodial.lightning.kit_fingerprint }}"
                        ),
                        "signer_bundle_dest": "{{ ncl_state }}/provider/bundles/{{ tenant }}.json",
                        "signer_signing_key": f"{desk}/signing_key",
                        "signer_admin_addresses": [f"{PREFIX}.0/24"],
                    },
                }
            }
        }
    }


def write_inventories(tenants: list[Tenant]) -> None:
    regtest = ROOT / "inventories/regtest"
    write(STATE / "machines.json", machines(tenants))
    write(STATE / "inventory/provider/hosts.json", provider_hosts(tenants))
    link(STATE / "inventory/provider/group_vars", regtest / "provider/group_vars")
    write(STATE / "inventory/signers/hosts.json", signer_hosts(tenants))
    for name in ("connection.yml", "topology.yml"):
        link(STATE / "inventory/signers/group_vars/all" / name, regtest / name)


def make_desks(tenants: list[Tenant]) -> None:
    """Make the keys that provider and tenants have before anything is deployed."""
    for name in ("kits", "bundles", "reports", "seeds"):
        (STATE / "provider" / name).mkdir(parents=True, exist_ok=True)
    for desk in (STATE / "provider", *(tenant.desk for tenant in tenants)):
        desk.mkdir(mode=0o700, exist_ok=True)
        run("age-keygen", "-o", desk / "age_identity")
        run("age-keygen", "-y", "-o", desk / "age_recipient", desk / "age_identity")
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", desk / "signing_key")


def run(*command: str | Path, given: str = "") -> str:
    """Run a command with the given standard input, and return its standard output; if it fails, its messages are
    shown."""
    done = subprocess.run(
        [str(part) for part in command], input=given, capture_output=True, text=True, cwd=ROOT, check=False
    )
    if done.returncode:
        # The output of a playbook from its first failure on, without the times of its tasks.
        said = re.sub(
            r".*?(?=\n\[ERROR\]|\nfatal: )", "", done.stdout.partition("PLAY RECAP")[0], count=1, flags=re.DOTALL
        )
        raise SystemExit(
            f"{' '.join(map(str, command))} failed ({done.returncode}):\n{said[-6000:]}\n{done.stderr[-6000:]}"
        )
    return done.stdout


def ssh(machine: str, command: str, given: str = "") -> str:
    return run("ssh", "-F", STATE / "ssh/config", machine, command, given=given)


def play(playbook: str, inventory: str, *arguments: str) -> tuple[float, str]:
    """Run a playbook to its end; return the seconds that it took and its output."""
    where = "localhost," if inventory == "localhost" else str(STATE / "inventory" / inventory)
    began = time.monotonic()
    said = run("ansible-playbook", "-i", where, playbook, *arguments)
    return time.monotonic() - began, said


def forget_connections() -> None:
    """Close all ssh connections, so that every measured run begins with none, as a person's does in the morning."""
    for socket in (STATE / "ssh/cp").iterdir():
        subprocess.run(["ssh", "-O", "exit", "-S", socket, "gone"], capture_output=True, check=False)
