# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A provider's own program in the place of our wall & wallet, set up with the same variables: a command, a container,
and none.
"""

from __future__ import annotations

import json
import typing as t

import pytest
from regtest import SHARED, Regtest, Run
from walls import WALLS, visitor

WALL = WALLS["own-node"]
CONTAINER = "wall-container-own-node"
PROGRAM = (SHARED / "shop.py").read_bytes()
COMMAND = {"wall_wallet_provider": "command", "wall_wallet_command": ["/usr/bin/python3", "-B", "/srv/shop.py"]}
IMAGE = {
    "wall_wallet_provider": "container",
    "wall_wallet_image": "localhost/shop:1",
    # The kernel of tests has no unified cgroups for podman to divide.
    "wall_wallet_container": {
        "Exec": "/usr/bin/python3 -B /srv/shop.py",
        "Pull": "never",
        "PodmanArgs": "--cgroups=disabled",
    },
}
# An image of only Python and the program. A container in a container has no overlay to store it in.
BUILD = """
mkdir -p /etc/containers
{
  printf '%s\n' '[storage]' 'driver = "vfs"'
  printf '%s\n' 'runroot = "/run/containers/storage"' 'graphroot = "/var/lib/containers/storage"'
} > /etc/containers/storage.conf
libraries=$(ldd /usr/bin/python3 /usr/lib/python3.13/lib-dynload/_ssl*.so | grep -v ':$' | grep -o '/[^ )]*' | sort -u)
files="/srv/shop.py /usr/bin/python3 /usr/lib/python3.13 $libraries"
tar --create --dereference --hard-dereference --exclude=test $files > /srv/shop.tar
podman import --quiet /srv/shop.tar localhost/shop:1
rm /srv/shop.tar
"""


def site(regtest: Regtest, **variables: t.Any) -> Run:
    """Set up the own node's wall & wallet with a playbook and some variables."""
    run = regtest.play("site", "--limit=own-node", "--tags=wall", f"--extra-vars={json.dumps(variables)}")
    assert run.status == 0, run.output
    return run


@pytest.fixture(scope="module", autouse=True)
def ours_again(regtest: Regtest) -> t.Iterator[None]:
    """Set up our own program again afterwards, whatever happens."""
    assert regtest.ssh("own", "sh", "-c", "cat > /srv/shop.py", data=PROGRAM).returncode == 0
    yield
    site(regtest)
    with visitor(regtest, "own-node") as http:
        assert http.get("/healthz").json()["status"] == "ok"
    assert regtest.ssh("own", "test", "-e", f"/etc/containers/systemd/{CONTAINER}.container").returncode != 0
    assert site(regtest).changed["own-node"] == 0


def told(regtest: Regtest) -> dict[str, t.Any]:
    """Return what the program shows a visitor."""
    with visitor(regtest, "own-node") as http:
        answer = http.get("/", headers={"X-Forwarded-For": "192.0.2.66"})
    assert answer.status_code == 200, answer.text
    return t.cast("dict[str, t.Any]", answer.json())


def check(regtest: Regtest) -> None:
    """Check that it has what it needs and no more: its hub, its account, its visitors' addresses."""
    said = told(regtest)
    assert said["balance"] == 0
    assert said["address"].startswith("10.231.")
    assert said["host"].endswith(f":{WALL.port}")
    assert said["uid"] == int(regtest.sh("own", f"id --user {WALL.user}"))
    assert said["credentials"] == ["hub.crt", "hub_password", "token_key"]
    assert said["articles"] == ["watch-only.md"]
    assert said["lnd"] != "done"
    assert said["write"] != "done"


def test_a_command(regtest: Regtest) -> None:
    site(regtest, **COMMAND)
    check(regtest)
    assert site(regtest, **COMMAND).changed["own-node"] == 0
    exposure = regtest.sh("own", f"systemd-analyze --no-pager security {WALL.unit}.service | grep 'Overall exposure'")
    assert float(exposure.split()[-3]) <= 2.0, exposure
    run = regtest.play("verify", "--limit=own-node", "--tags=wall", f"--extra-vars={json.dumps(COMMAND)}")
    assert run.status == 0, run.output


def test_a_container(regtest: Regtest) -> None:
    regtest.sh("own", BUILD)
    site(regtest, **IMAGE)
    assert not regtest.machine("own").service(f"{WALL.unit}.service").is_running
    check(regtest)
    # The generator has written the unit anew since it started.
    regtest.sh("own", "systemctl daemon-reload")
    assert site(regtest, **IMAGE).changed["own-node"] == 0
    # Where systemd keeps it in memory, and the copy that is the container's user's; none is on the disk, as in storage
    # of podman's own.
    secret = regtest.unsealed("own", WALL.unit, "hub_password").decode()
    found = regtest.python("own", "scan.py", roots=["/etc", "/var", "/run"], needles={"password": [secret]})["found"]
    assert set(found["password"]) == {
        f"/run/credentials/{CONTAINER}.service/hub_password",
        "/run/wall-wallet/own-node/credentials/hub_password",
    }
    assert (
        regtest.sh("own", "findmnt --noheadings --output=FSTYPE --target=/run/wall-wallet/own-node/credentials")
        == "tmpfs"
    )


def test_none(regtest: Regtest) -> None:
    site(regtest, wall_wallet_provider="none")
    for unit in (WALL.unit, CONTAINER):
        assert not regtest.machine("own").service(f"{unit}.service").is_running
    assert f":{WALL.port} " not in regtest.sh("own", "ss --no-header --listening --tcp --numeric")
    assert site(regtest, wall_wallet_provider="none").changed["own-node"] == 0
