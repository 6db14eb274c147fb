# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of a signer's firewall, between two network namespaces that have only IPv6."""

from __future__ import annotations

import json
import re
import subprocess
import typing as t
import uuid

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.node import node
from ansible_collections.noncustodial.lightning.tests.support.daemons import chain_image, until
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION
from ansible_collections.noncustodial.lightning.tests.support.templates import template

pytestmark = pytest.mark.chain

SIGNER, PROVIDER, ADMIN, STRANGER = "2001:db8::7", "2001:db8::14", "2001:db8:9::1", "2001:db8::66"
LNDS_PORT, SSH_PORT = 10009, 22

# Programs that run in one of the two namespaces.
CONNECT = """
import socket, sys, threading
def attempt(source, port):
    try:
        socket.create_connection((sys.argv[1], int(port)), 5, (source, 0)).close()
    except TimeoutError:
        return
    print(f"{source} {port}", flush=True)
threads = [threading.Thread(target=attempt, args=pair.split()) for pair in sys.argv[2:]]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""
LISTEN = """
import socket, sys, time
held = [socket.create_server(("::", int(port)), family=socket.AF_INET6) for port in sys.argv[1:]]
print("ready", flush=True)
time.sleep(600)
"""
# What a provider's node does that has a connection: it is used until it breaks.
USE = """
import socket, sys, time
source, host, port = sys.argv[1:]
used = socket.create_connection((host, int(port)), 5, (source, 0))
print("ready", flush=True)
try:
    while True:
        used.send(b"x")
        time.sleep(0.05)
except OSError as error:
    print(type(error).__name__, flush=True)
"""
HEAR = """
import socket, sys
port, group = sys.argv[1:]
hearing = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
hearing.bind(("::", int(port)))
card = socket.if_nametoindex("eth0")
if group:
    joined = socket.inet_pton(socket.AF_INET6, group) + card.to_bytes(4, sys.byteorder)
    hearing.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, joined)
hearing.settimeout(60)
print("ready", flush=True)
heard = hearing.recv(9)
print(heard.decode(), flush=True)
"""
SEND = """
import os, socket, sys
text, user, source, source_port, host, port = sys.argv[1:]
card = socket.if_nametoindex("eth0")
# A packet is of the user who has made the socket.
os.setuid(int(user))
sending = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
sending.bind((source, int(source_port), 0, card if source.startswith("fe80") else 0))
try:
    sending.sendto(text.encode(), (host, int(port), 0, card if host[:2] in ("fe", "ff") else 0))
except PermissionError:
    pass
"""
# What a router sends to all machines of its link: a prefix from which each makes its address.
ADVERTISE = """
import socket, struct, sys
router = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
router.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
message = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 3600, 3600, 0) + socket.inet_pton(socket.AF_INET6, sys.argv[1])
router.sendto(message + prefix, ("ff02::1", 0, 0, socket.if_nametoindex("eth0")))
"""


class Link:
    """A signer's namespace, and one with everybody else on its link, in a container."""

    def __init__(self) -> None:
        self.name = f"ncl-real-{uuid.uuid4().hex[:8]}"
        command = ["podman", "run", "--detach", "--privileged", "--network", "none", "--name", self.name, chain_image()]
        # A user as the role makes it, and the namespace of the signer.
        script = "useradd --system --no-create-home lnd-signer && { unshare --net sleep 600 & exec sleep 601; }"
        subprocess.run([*command, "sh", "-c", script], check=True, stdout=subprocess.DEVNULL)
        (self._pid,) = until("the signer's namespace", self._sleepers)
        self.user = self.others("id", "--user", "lnd-signer").strip()
        self.others("ip", "link", "add", "dev", "eth0", "type", "veth", "peer", "name", "eth0", "netns", self._pid)
        for run, own in (
            (self.others, [f"{PROVIDER}/64", f"{STRANGER}/64", f"{ADMIN}/64", "fe80::1/64"]),
            (self.signer, [f"{SIGNER}/64", "2001:db8:9::7/64", "fe80::7/64"]),
        ):
            run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=0", "net.ipv6.conf.eth0.disable_ipv6=0")
            run("ip", "link", "set", "dev", "lo", "up")
            run("ip", "link", "set", "dev", "eth0", "addrgenmode", "none", "up")
            for address in own:
                run("ip", "address", "add", address, "dev", "eth0", "nodad")

    def _sleepers(self) -> list[str]:
        """Return the processes that hold the signer's namespace."""
        return self._run("pgrep", "--full", "^sleep 600$").stdout.split()

    def _inside(self, signer: bool) -> list[str]:
        return ["podman", "exec", self.name, *(("nsenter", f"--target={self._pid}", "--net") if signer else ())]

    def _run(self, *command: str, signer: bool = False) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*self._inside(signer), *command], check=False, capture_output=True, text=True)

    def others(self, *command: str) -> str:
        """Run a command in the other namespace, and return its output."""
        done = self._run(*command)
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout

    def signer(self, *command: str) -> str:
        """Run a command in the signer's namespace, and return its output."""
        done = self._run(*command, signer=True)
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout

    def start(self, program: str, *arguments: str, signer: bool) -> subprocess.Popen[str]:
        """Start a program in a namespace, and wait until it is ready."""
        command = [*self._inside(signer), "python3", "-c", program, *arguments]
        started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert started.stdout is not None
        assert started.stdout.readline() == "ready\n"
        return started

    def opened(self, *attempts: tuple[str, int]) -> set[tuple[str, int]]:
        """Return the addresses that connect to the signer, and the ports."""
        lines = self.others("python3", "-c", CONNECT, SIGNER, *(f"{source} {port}" for source, port in attempts))
        return {(source, int(port)) for source, port in map(str.split, lines.splitlines())}

    def arrives(self, *datagram: str, to_signer: bool, group: str = "") -> bool:
        """Return whether a datagram arrives: the sender's user, address and port, and the receiver's."""
        hearing = self.start(HEAR, datagram[-1], group, signer=to_signer)
        there, here = (self.others, self.signer) if to_signer else (self.signer, self.others)
        there("python3", "-c", SEND, "sent", *datagram)
        # What the receiver sends itself comes after that.
        here("python3", "-c", SEND, "end", "0", "::1", "0", "::1", datagram[-1])
        return hearing.communicate()[0] == "sent\n"

    def stop(self) -> None:
        """Remove the container."""
        subprocess.run(["podman", "rm", "--force", "--time", "0", self.name], check=True, stdout=subprocess.DEVNULL)


def rules(revoked: bool = False) -> str:
    """Return the rules that the role writes for a signer that serves, or whose grant is revoked."""
    return template(COLLECTION / "roles/signer/templates/nftables.conf.j2").render(
        signer_serves=not revoked,
        signer_revoked=revoked,
        signer_offer={"provider_addresses": ["192.0.2.14", "192.0.2.0/24", PROVIDER, f"{PROVIDER}/128"]},
        signer_self=node("signer", {"lnd_shape": "signer"}),
        signer_admin_addresses=["198.51.100.0/24", "2001:db8:9::/64"],
        signer_ssh_port=SSH_PORT,
        signer_egress=["udp dport { 53, 123 } accept"],
    )


@pytest.fixture(scope="module")
def link() -> t.Iterator[Link]:
    made = Link()
    try:
        listening = made.start(LISTEN, str(LNDS_PORT), str(SSH_PORT), signer=True)
        # Without rules everybody is let in, so that what is refused below is refused by them.
        assert made.opened((STRANGER, LNDS_PORT)) == {(STRANGER, LNDS_PORT)}
        made.signer("sh", "-c", f"cat <<'END' >/rules && nft --file /rules\n{rules()}\nEND")
        # Neighbours that are known would be reached without neighbour discovery.
        made.signer("ip", "neighbour", "flush", "dev", "eth0")
        made.others("ip", "neighbour", "flush", "dev", "eth0")
        yield made
    finally:
        made.stop()
    listening.communicate()


def test_who_connects(link: Link) -> None:
    attempts = [(source, port) for source in (PROVIDER, ADMIN, STRANGER) for port in (LNDS_PORT, SSH_PORT)]
    assert link.opened(*attempts) == {(PROVIDER, LNDS_PORT), (ADMIN, SSH_PORT)}


def counters(link: Link) -> tuple[int, int, list[str]]:
    """Return what signer-activity knows after a look: the provider's packets, refused attempts, and their addresses."""
    program = (COLLECTION / "roles/signer/files/signer_activity.py").read_text()
    link.signer("sh", "-c", f"mkdir -p /var/lib/signer-activity && cat <<'END' >/activity\n{program}\nEND")
    link.signer("python3", "-I", "/activity", "--watch")
    seen = json.loads(link.signer("python3", "-I", "/activity", "--json"))
    return seen["provider"], seen["strangers"], seen["addresses"]


def test_who_asked_is_counted(link: Link) -> None:
    """Each packet of the provider's, and each attempt of others; also across rules that are loaded anew."""
    asked, refused, _addresses = counters(link)
    assert link.opened((PROVIDER, LNDS_PORT), (STRANGER, LNDS_PORT), (ADMIN, SSH_PORT)) == {
        (PROVIDER, LNDS_PORT),
        (ADMIN, SSH_PORT),
    }
    more, others, addresses = counters(link)
    assert more > asked
    assert others > refused
    assert STRANGER in addresses
    link.signer("nft", "--file", "/rules")
    assert counters(link)[:2] == (more, others)
    assert link.opened((PROVIDER, LNDS_PORT)) == {(PROVIDER, LNDS_PORT)}
    assert counters(link)[0] > more
    assert f"the last from {ADMIN}, {STRANGER}" in link.signer("python3", "-I", "/activity")


def test_a_router_and_dhcp_are_heard_from_the_link(link: Link) -> None:
    """Without them the machine has no address, or loses it."""
    link.signer("sysctl", "-qw", "net.ipv6.conf.eth0.accept_ra=2", "net.ipv6.conf.eth0.autoconf=1")
    link.signer("ip", "link", "set", "dev", "eth0", "addrgenmode", "eui64")

    def address() -> bool:
        link.others("python3", "-c", ADVERTISE, "2001:db8:5::")
        return re.search(r"inet6 2001:db8:5:", link.signer("ip", "-6", "address", "show", "dev", "eth0")) is not None

    until("an address of the advertised prefix", address)
    assert link.arrives("0", "fe80::1", "547", "fe80::7", "546", to_signer=True)
    assert not link.arrives("0", STRANGER, "547", SIGNER, "546", to_signer=True)


def test_what_the_signer_sends(link: Link) -> None:
    assert link.arrives("0", "fe80::7", "546", "ff02::1:2", "547", to_signer=False, group="ff02::1:2")
    assert link.arrives("0", SIGNER, "0", STRANGER, "123", to_signer=False)
    assert not link.arrives("0", SIGNER, "0", STRANGER, "124", to_signer=False)
    # Whoever has broken into lnd.
    assert not link.arrives(link.user, SIGNER, "0", STRANGER, "123", to_signer=False)


def test_nobody_reaches_a_signer_whose_grant_is_revoked(link: Link) -> None:
    """The provider's node learns it at once, also on an open connection; the administrator logs in as before."""
    using = link.start(USE, PROVIDER, SIGNER, str(LNDS_PORT), signer=False)
    link.signer("sh", "-c", f"cat <<'END' >/rules && nft --file /rules\n{rules(revoked=True)}\nEND")
    assert using.communicate(timeout=30)[0] == "ConnectionResetError\n"
    attempts = [(source, port) for source in (PROVIDER, ADMIN) for port in (LNDS_PORT, SSH_PORT)]
    assert link.opened(*attempts) == {(ADMIN, SSH_PORT)}
