# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tunnels of two signers without an inbound port, made by the roles on three machines: a provider's, on which the
nodes of two tenants are, and the two tenants'. The kernel of a test host may have no WireGuard, so it is wireguard-go.
"""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import kit as kits
from ansible_collections.noncustodial.lightning.tests.support import bundles
from ansible_collections.noncustodial.lightning.tests.support.daemons import chain_image, until
from ansible_collections.noncustodial.lightning.tests.support.image_containers import Network
from ansible_collections.noncustodial.lightning.tests.support.plays import Played, play

pytestmark = pytest.mark.chain

TENANTS = ("acme", "globex")
LNDS_PORT, OTHER_PORT = 10009, 8080
INIT = "mount --make-rshared /; exec /lib/systemd/systemd"
# An address of a signer's machine that is not the tunnel's.
INNER = "fd00:aaaa::7"

LISTEN = """
import socket, sys, time
held = [socket.create_server(("::", int(port)), family=socket.AF_INET6, dualstack_ipv6=True) for port in sys.argv[1:]]
print("ready", flush=True)
time.sleep(600)
"""
# Each attempt is one process, because a packet is of the user who has made the socket.
CONNECT = """
import os, pwd, socket, sys
children = []
for text in sys.argv[1:]:
    user, host, port = text.split()
    child = os.fork()
    if child:
        children.append((child, text))
        continue
    os.setuid(pwd.getpwnam(user).pw_uid)
    try:
        socket.create_connection((host, int(port)), 2).close()
    except OSError:
        os._exit(1)
    os._exit(0)
for child, text in children:
    if os.waitpid(child, 0)[1] == 0:
        print(text, flush=True)
"""


class Machine:
    """A machine with systemd, as a container.

    Args:
        network: the network on which all are.
        users: users of lnds.
    """

    def __init__(self, network: Network, *users: str) -> None:
        self.name, self.address = f"ncl-real-{uuid.uuid4().hex[:8]}", network.address()
        subprocess.run(
            [
                *("podman", "run", "--detach", "--name", self.name, "--systemd=always"),
                *("--network", network.name, "--ip", self.address, "--device", "/dev/net/tun"),
                # The worst case: a machine that forwards for other reasons.
                *("--sysctl", "net.ipv6.conf.all.disable_ipv6=0", "--sysctl", "net.ipv6.conf.all.forwarding=1"),
                "--cap-add=SYS_ADMIN,NET_ADMIN,MKNOD,SYS_PTRACE,AUDIT_WRITE",
                *("--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined"),
                *(chain_image(), "/bin/sh", "-ec", INIT),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        until("systemd", lambda: self._run("systemctl", "is-system-running").stdout in ("running\n", "degraded\n"), 120)
        for user in users:
            self.run("useradd", "--system", "--no-create-home", user)
        self._listening = subprocess.Popen(
            ["podman", "exec", self.name, "python3", "-c", LISTEN, str(LNDS_PORT), str(OTHER_PORT)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._listening.stdout is not None
        assert self._listening.stdout.readline() == "ready\n"

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["podman", "exec", self.name, *command], check=False, capture_output=True, text=True)

    def run(self, *command: str) -> str:
        """Run a command as root, and return its output."""
        done = self._run(*command)
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout

    def succeeds(self, *command: str) -> bool:
        """Return whether a command succeeds."""
        return self._run(*command).returncode == 0

    def opened(self, *attempts: tuple[str, str, int]) -> set[tuple[str, str, int]]:
        """Return the users, destinations and ports to which connections could be opened."""
        lines = self.run("python3", "-c", CONNECT, *(f"{user} {host} {port}" for user, host, port in attempts))
        return {(user, host, int(port)) for user, host, port in map(str.split, lines.splitlines())}

    def end(self) -> None:
        """Remove it."""
        subprocess.run(["podman", "rm", "--force", "--time", "0", self.name], check=True, stdout=subprocess.DEVNULL)
        self._listening.communicate()


class Site:
    """The three machines, with what the roles have made of them.

    Args:
        folder: for kits and plays.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._network = folder, Network()
        wanted = [[f"lnd-{tenant}" for tenant in TENANTS], *[["lnd-signer"]] * len(TENANTS)]
        with ThreadPoolExecutor() as pool:
            made = [*pool.map(lambda users: Machine(self._network, *users), wanted)]
        self.provider, self.signers = made[0], dict(zip(TENANTS, made[1:], strict=True))

    def end(self) -> None:
        """Remove all."""
        for machine in (self.provider, *self.signers.values()):
            machine.end()
        self._network.remove()

    def kit(self, tenant: str) -> dict[str, t.Any]:
        """Return a tenant's kit."""
        return t.cast("dict[str, t.Any]", json.loads((self._folder / f"{tenant}.json").read_text()))

    def end_of(self, tenant: str) -> str:
        """Return the address of a signer's end."""
        return str(self.kit(tenant)["tunnel"]["signer_address"])

    def interface(self, tenant: str) -> str:
        """Return the name of a tenant's interface at the provider."""
        address = self.kit(tenant)["tunnel"]["provider_address"]
        route = json.loads(self.provider.run("ip", "-json", "-6", "address", "show", "to", address))
        return str(next(one["ifname"] for one in route if one))

    def play(self, *tasks: dict[str, t.Any], tenants: t.Sequence[str] = TENANTS) -> Played:
        """Run tasks for tenants' hosts at the provider and for their signers."""
        hosts: dict[str, t.Any] = {}
        for number, tenant in enumerate(tenants):
            kit_file = str(self._folder / f"{tenant}.json")
            hosts[tenant] = {
                "ansible_host": self.provider.name,
                "signer_tunnel_endpoint": f"{self.provider.address}:{51820 + number}",
                "signer_tunnel_recipient": bundles.kit()["age_recipient"],
                "signer_tunnel_kit": kit_file,
                "kit_common": bundles.kit(tenant=tenant),
            }
            hosts[f"signer-{tenant}"] = {
                "ansible_host": self.signers[tenant].name,
                "lnd_name": "signer",
                "signer_tunnel_kit": kit_file,
                "signer_kit": kit_file,
                # The tenant administers its machine from anywhere, but not through the tunnel.
                "signer_admin_addresses": ["0.0.0.0/0", "::/0"],
                "signer_ssh_port": OTHER_PORT,
                "signer_serves": True,
            }
        variables = {
            "ansible_connection": "containers.podman.podman",
            "ansible_python_interpreter": "/usr/bin/python3",
            "signer_tunnel_userspace": True,
        }
        groups = {"tenants": tenants, "signers": [f"signer-{tenant}" for tenant in tenants]}
        return play(self._folder, [*tasks], hosts, variables=variables, groups=groups)

    def make(self, tenants: t.Sequence[str] = TENANTS) -> Played:
        """Make both ends of both tunnels, as the playbooks do."""
        written = {
            "ansible.builtin.copy": {
                "dest": "{{ signer_tunnel_kit }}",
                "content": "{{ kit_common | combine({'tunnel': _signer_tunnel_offer,"
                " 'provider_addresses': [_signer_tunnel_offer.provider_address]}) | to_nice_json }}",
            },
            "delegate_to": "localhost",
            "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
            "when": "inventory_hostname in groups.tenants",
        }
        key = "{{ hostvars['signer-' ~ inventory_hostname]._signer_tunnel_key.verifier }}"
        return self.play(
            included("signer_tunnel", "offer", "tenants"),
            written,
            included("signer_tunnel", "prepare", "signers"),
            included("signer", "rules", "signers"),
            included("signer_tunnel", "signer", "signers"),
            included("signer_tunnel", "provider", "tenants") | {"vars": {"signer_tunnel_public_key": key}},
            tenants=tenants,
        )

    def verify(self) -> Played:
        """Check the provider's ends."""
        return self.play(included("signer_tunnel", "verify", "tenants"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site"))
    try:
        played = made.make()
        assert played.failed == set(), played.output
        for signer in made.signers.values():
            signer.run("ip", "address", "add", f"{INNER}/128", "dev", "lo")
        yield made
    finally:
        made.end()


def test_the_kit_is_one_that_a_tenant_takes(site: Site) -> None:
    for tenant in TENANTS:
        assert kits.validate(site.kit(tenant)) == []


def test_the_signer_dials(site: Site) -> None:
    """The provider cannot: it has no address of it, and no packet that it sends first arrives."""
    for tenant, signer in site.signers.items():
        interface = site.interface(tenant)
        assert "Endpoint" not in site.provider.run("cat", f"/etc/wireguard/{interface}.conf")
        (known,) = site.provider.run("wg", "show", interface, "endpoints").splitlines()
        assert known.split()[1].startswith(f"{signer.address}:")
    assert site.provider.opened(*(("root", one.address, LNDS_PORT) for one in site.signers.values())) == set()


def test_who_reaches_the_signers(site: Site) -> None:
    users = ("root", "nobody", *(f"lnd-{tenant}" for tenant in TENANTS))
    ends = [site.end_of(tenant) for tenant in TENANTS]
    attempts = [(user, end, port) for user in users for end in ends for port in (LNDS_PORT, OTHER_PORT)]
    assert site.provider.opened(*attempts) == {
        *(("root", end, LNDS_PORT) for end in ends),
        *((f"lnd-{tenant}", site.end_of(tenant), LNDS_PORT) for tenant in TENANTS),
    }


def test_a_tenant_reaches_nothing(site: Site) -> None:
    for tenant in TENANTS:
        others = [site.kit(one)["tunnel"] for one in TENANTS]
        ends = [one[name] for one in others for name in ("provider_address", "signer_address")]
        attempts = [
            ("root", end, port) for end in ends if end != site.end_of(tenant) for port in (LNDS_PORT, OTHER_PORT)
        ]
        assert site.signers[tenant].opened(*attempts) == set()


def test_the_private_key_is_sealed(site: Site) -> None:
    ends = [(signer, "signer_tunnel") for signer in site.signers.values()]
    for machine, interface in [*ends, *((site.provider, site.interface(tenant)) for tenant in TENANTS)]:
        key = machine.run("wg", "show", interface, "private-key").strip()
        assert len(key) == 44
        assert not machine.succeeds("grep", "-rqF", "-e", key, "/etc")
        assert machine.run("wg", "show", interface, "public-key").strip() != key


@pytest.mark.faults
def test_again_nothing_changes(site: Site) -> None:
    played = site.make(["acme"])
    assert played.failed == set(), played.output
    assert "changed: [" not in played.output


@pytest.mark.faults
def test_a_firewall_that_is_loaded_anew_has_the_rules(site: Site) -> None:
    """Debian's own rules begin with a flush of all."""
    for machine, interface in [(site.provider, site.interface("acme")), (site.signers["acme"], "signer_tunnel")]:
        unit, listed = f"wg-quick@{interface}.service", ("nft", "list", "table", "inet", interface)
        machine.run("systemctl", "start", "nftables.service")
        machine.run("systemctl", "reload", "nftables.service")
        until("the rules", lambda machine=machine, listed=listed: machine.succeeds(*listed))  # type: ignore[misc]
        machine.run("systemctl", "stop", "nftables.service")
        assert not machine.succeeds("systemctl", "is-active", unit)
        assert not machine.succeeds("ip", "link", "show", "dev", interface)
        machine.run("systemctl", "start", "nftables.service")
        until("the tunnel", lambda machine=machine, unit=unit: machine.succeeds("systemctl", "is-active", unit))  # type: ignore[misc]
        machine.run(*listed)
    # Without that they dial again when their session is two minutes old.
    for tenant, signer in site.signers.items():
        signer.run("systemctl", "restart", "wg-quick@signer_tunnel.service")
        attempt = (f"lnd-{tenant}", site.end_of(tenant), LNDS_PORT)
        until("the signer", lambda attempt=attempt: site.provider.opened(attempt), 90)  # type: ignore[misc]


@pytest.mark.faults
def test_verify(site: Site) -> None:
    played = site.verify()
    assert played.failed == set(), played.output
    site.provider.run("nft", "flush", "ruleset")
    played = site.verify()
    assert played.failed == set(TENANTS)
    assert "The rules of acme's tunnel are not in force" in played.text
    for tenant in TENANTS:
        site.provider.run("systemctl", "reload", f"wg-quick@{site.interface(tenant)}.service")


def test_a_provider_that_attacks(site: Site) -> None:
    """The signer's rules hold whatever the provider does at its own end; without them it would get in."""
    acme, interface = site.signers["acme"], site.interface("acme")
    others = [("root", site.end_of("acme"), OTHER_PORT), ("root", INNER, LNDS_PORT), ("root", INNER, OTHER_PORT)]
    site.provider.run("nft", "delete", "table", "inet", interface)
    site.provider.run("wg", "set", interface, "peer", peer(site.provider, interface), "allowed-ips", "::/0")
    site.provider.run("ip", "route", "add", f"{INNER}/128", "dev", interface)
    assert site.provider.opened(*others) == set()
    acme.run("nft", "flush", "ruleset")
    assert site.provider.opened(*others) == {*others}


def test_a_tenant_that_attacks(site: Site) -> None:
    """The provider's rules hold whatever a tenant does at its own end, and so does the other tenant's end; without
    both it would get in.
    """
    acme, globex = site.signers["acme"], site.signers["globex"]
    theirs, other = site.end_of("acme"), site.end_of("globex")
    ours = site.kit("acme")["tunnel"]["provider_address"]
    attempts = [("root", ours, OTHER_PORT), ("root", other, LNDS_PORT), ("root", other, OTHER_PORT)]
    for tenant in TENANTS:
        site.provider.run("systemctl", "restart", f"wg-quick@{site.interface(tenant)}.service")
    for signer in site.signers.values():
        signer.run("systemctl", "restart", "wg-quick@signer_tunnel.service")
    acme.run("nft", "flush", "ruleset")
    acme.run("wg", "set", "signer_tunnel", "peer", peer(acme, "signer_tunnel"), "allowed-ips", "::/0")
    acme.run("ip", "route", "add", f"{other}/128", "dev", "signer_tunnel")
    for end in (theirs, other):
        until("the tunnel", lambda end=end: site.provider.opened(("root", end, LNDS_PORT)), 90)  # type: ignore[misc]
    assert acme.opened(*attempts) == set()
    # Without the provider's rules the tenant reaches the provider, and a machine that forwards passes on to the other
    # tenant what that does not take from this address.
    for tenant in TENANTS:
        site.provider.run("nft", "delete", "table", "inet", site.interface(tenant))
    globex.run("nft", "flush", "ruleset")
    assert acme.opened(*attempts) == {attempts[0]}
    globex.run("wg", "set", "signer_tunnel", "peer", peer(globex, "signer_tunnel"), "allowed-ips", "::/0")
    globex.run("ip", "route", "add", f"{theirs}/128", "dev", "signer_tunnel")
    assert acme.opened(*attempts) == {*attempts}


def included(role: str, tasks_from: str, group: str) -> dict[str, t.Any]:
    """Return the task that includes a file of a role, for the hosts of a group: others register nothing there."""
    name = {"name": f"noncustodial.lightning.{role}", "tasks_from": tasks_from}
    return {"ansible.builtin.include_role": name, "when": f"inventory_hostname in groups.{group}"}


def peer(machine: Machine, interface: str) -> str:
    """Return the public key of the only peer."""
    return machine.run("wg", "show", interface, "peers").strip()
