# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The own node's wall & wallet: sandboxed and fenced, with its own credentials, behind TLS."""

from __future__ import annotations

import json

import httpx
import pytest
from hubs import HUBS
from regtest import NODES, Regtest
from walls import WALLS, connect, visitor

WALL = WALLS["own-node"]
# Wrong logins at a hub that is asked on loopback, each said to be for somebody at the address given; prints what was
# answered.
GUESS = """
import json, ssl, sys, urllib.error, urllib.request
context = ssl._create_unverified_context()
for number in range(int(sys.argv[3])):
    body = json.dumps({"login": "nobody%s%d" % (sys.argv[2], number), "password": "wrong"}).encode()
    headers = {"Content-Type": "application/json", "X-Forwarded-For": "203.0.113.9, " + sys.argv[2]}
    try:
        answer = urllib.request.urlopen(urllib.request.Request(sys.argv[1] + "/auth", body, headers), context=context)
    except urllib.error.HTTPError as refused:
        answer = refused
    print(answer.read().decode())
"""
# As many requests at once as are asked for; prints their statuses.
KNOCK = """
import ssl, sys, urllib.error, urllib.request
context = ssl._create_unverified_context()
for _number in range(int(sys.argv[2])):
    try:
        print(urllib.request.urlopen(sys.argv[1], context=context).status)
    except urllib.error.HTTPError as refused:
        print(refused.code)
"""


def test_runs_sandboxed(regtest: Regtest) -> None:
    assert regtest.machine("own").service(f"{WALL.unit}.service").is_running
    exposure = regtest.sh("own", f"systemd-analyze --no-pager security {WALL.unit}.service | grep 'Overall exposure'")
    assert float(exposure.split()[-3]) <= 2.0, exposure


def test_the_sandbox_is_in_force(regtest: Regtest) -> None:
    """systemd in a container may leave a sandbox out without a message, so the test asks the kernel about the running
    process.
    """
    pid = regtest.sh("own", f"systemctl show --value --property=MainPID {WALL.unit}.service")
    facts = dict(
        line.split(":\t", 1) for line in regtest.sh("own", f"cat /proc/{pid}/status").splitlines() if ":\t" in line
    )
    assert (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2")
    assert int(facts["CapBnd"], 16) == 0
    assert regtest.sh("own", f"ps -o user:40= -p {pid}").strip() == WALL.user
    for path in ("/usr/written", "/etc/wall_wallet/own-node/written", "/var/lib/wall_wallet/own-node/articles/written"):
        assert regtest.ssh("own", "nsenter", f"--target={pid}", "--mount", "touch", path).returncode != 0


def test_its_credentials_are_there_and_nowhere_else(regtest: Regtest) -> None:
    assert regtest.sh("own", f"ls /run/credentials/{WALL.unit}.service").split() == [
        "hub.crt",
        "hub_password",
        "token_key",
    ]
    pid = regtest.sh("own", f"systemctl show --value --property=MainPID {WALL.unit}.service")
    for name in ("hub_password", "token_key"):
        sealed = f"/etc/credstore.encrypted/{WALL.unit}.{name}"
        assert regtest.sh("own", f"stat --format='%U %a' {sealed}") == "root 600"
        secret = regtest.unsealed("own", WALL.unit, name).decode()
        found = regtest.python(
            "own",
            "scan.py",
            roots=["/etc", "/var", "/root", "/run", "/tmp"],  # noqa: S108
            needles={name: [secret]},
        )["found"]
        assert [path for path in found[name] if not path.startswith("/run/credentials/")] == []
        assert secret not in regtest.sh("own", f"cat /proc/{pid}/environ /proc/{pid}/cmdline | tr '\\0' '\\n'")


def test_the_pages_answer(regtest: Regtest) -> None:
    with visitor(regtest, "own-node") as http:
        health = http.get("/healthz")
        assert (health.status_code, health.json()) == (200, {"status": "ok", "hub": "ok", "account": "ok"})
        front = http.get("/")
        assert front.status_code == 200
        assert "What a watch-only node can do" in front.text
        assert http.get("/login").status_code == 200
        assert http.get("/static/style.css").headers["content-type"].startswith("text/css")
        # The hub makes no account for anybody, so that no page offers one.
        assert http.get("/signup").status_code == 404


def test_a_form_is_known_by_host_and_port(regtest: Regtest) -> None:
    """The proxy must pass both on as the browser sent them."""
    with visitor(regtest, "own-node") as http:
        form = {"login": "nobody", "password": "wrong"}
        ours = http.post("/login", data=form, headers={"Origin": str(http.base_url).rstrip("/")})
        other = http.post("/login", data=form, headers={"Origin": f"https://{http.base_url.host}"})
    assert (ours.status_code, "Login or password are not right." in ours.text) == (401, True), ours.text
    assert other.status_code == 403, other.text


def test_plain_http_is_refused(regtest: Regtest) -> None:
    assert httpx.get(f"http://{regtest.address('own')}:{WALL.port}/").status_code == 400


def test_it_takes_requests_from_the_proxy_alone(regtest: Regtest) -> None:
    """It listens on no port, and on a socket that only the proxy and itself may use."""
    pid = regtest.sh("own", f"systemctl show --value --property=MainPID {WALL.unit}.service")
    assert f"pid={pid}," not in regtest.sh("own", "ss --no-header --listening --tcp --udp --processes")
    use = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    for user, refused in (
        ("www-data", False),
        (WALL.user, False),
        ("hub-own-node", True),
        ("lnd-own-node", True),
        ("nobody", True),
    ):
        done = regtest.ssh(
            "own", "runuser", f"--user={user}", "--", "/usr/bin/python3", "-c", use, "/run/wall-wallet/own-node/http"
        )
        assert bool(done.returncode) is refused, (user, done.stderr)


def test_it_reaches_its_hub_and_nothing_else(regtest: Regtest) -> None:
    """Whom its user may connect to, and that others of the machine may; itself too, or the sandbox would not be the one
    that counts.
    """
    hub, node = HUBS["own-node"].port, NODES["own-node"].port
    assert connect(regtest, "own", WALL.user, "localhost", hub) == "connected"
    for host, port in (("localhost", node), ("localhost", 22), ("chain", 5432), ("chain", 22), ("gateway", 9735)):
        assert connect(regtest, "own", WALL.user, host, port) != "connected", (host, port)
        assert connect(regtest, "own", "root", host, port) == "connected", (host, port)


@pytest.mark.parametrize("verb", ["start", "reload", "restart", "stop"])
def test_the_fence_outlasts_other_rules(regtest: Regtest, verb: str) -> None:
    """The other rules begin by flushing everything that is there."""
    state = f"systemctl show --value --property=MainPID {WALL.unit}.service"
    before = regtest.sh("own", state)
    regtest.sh("own", f"systemctl {verb} nftables.service")
    assert f"table inet {WALL.user}" in regtest.sh("own", "nft list tables")
    assert connect(regtest, "own", WALL.user, "localhost", NODES["own-node"].port) != "connected"
    assert regtest.sh("own", state) == before


@pytest.mark.parametrize(
    "path",
    [
        "/run/credentials/lndhub@own-node.service/macaroon",
        "/run/credentials/lndhub@own-node.service/admin_token",
        "/run/credentials/lnd@own-node.service/wallet-password",
        "/run/lndhub/own-node/http",
        "/etc/credstore.encrypted/wall-wallet@own-node.hub_password",
        "/etc/credstore.encrypted/lndhub@own-node.admin_token",
        "/etc/lndhub/own-node/config.json",
        "/etc/lndhub/own-node/tls.key",
        "/etc/wall_wallet/own-node/tls.key",
        "/var/lib/lnd/own-node/data/chain/bitcoin/regtest/admin.macaroon",
    ],
)
def test_not_what_is_the_hubs_or_the_nodes(regtest: Regtest, path: str) -> None:
    assert regtest.denies("own", WALL.user, path)


def test_the_hub_limits_those_for_whom_the_wall_asks(regtest: Regtest) -> None:
    """One address after another, by the last that is named: the one before it is what a visitor wrote."""

    def codes(visitors: str, count: int) -> list[int]:
        said = regtest.ssh(
            "own", "/usr/bin/python3", "-c", GUESS, f"https://localhost:{HUBS['own-node'].port}", visitors, str(count)
        )
        return [json.loads(line)["code"] for line in said.stdout.decode().splitlines()]

    guesses = codes("192.0.2.1", 15)
    assert (len(guesses), guesses[0], guesses[-1] != 1) == (15, 1, True)
    assert codes("192.0.2.2", 1) == [1]


@pytest.mark.parametrize(("path", "most"), [("/login", 12), ("/articles/none/offer", 32)])
def test_whoever_asks_too_much_is_told_to_wait(regtest: Regtest, path: str, most: int) -> None:
    """Requests are counted by address, so that others need not wait."""
    url = f"https://own:{WALL.port}{path}"
    said = regtest.ssh("world", "/usr/bin/python3", "-c", KNOCK, url, "40").stdout.decode().split()
    assert said[0] in ("200", "405")
    assert said.count("429") >= 40 - most
    assert regtest.ssh("gateway", "/usr/bin/python3", "-c", KNOCK, url, "1").stdout.decode().strip() == said[0]


def test_verify_tells_what_is_wrong(regtest: Regtest) -> None:
    regtest.sh("own", f"systemctl stop {WALL.unit}.service")
    run = regtest.play("verify", "--limit=own-node", "--tags=wall")
    assert run.status != 0
    assert "Wall & wallet of own-node at https://10.231." in run.text, run.output
    assert f"the journal of {WALL.unit}.service" in run.text, run.output
    # Site makes it well.
    run = regtest.play("site", "--limit=own-node", "--tags=wall")
    assert run.status == 0, run.output
    assert run.changed["own-node"] == 1, run.output
