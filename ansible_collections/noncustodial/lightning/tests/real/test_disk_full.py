# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL, the backup machine, a node and its signer lose nothing when their disks are full, and go on when there is
room.
"""

from __future__ import annotations

import subprocess
import threading
import typing as t
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import LightningError
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.tests.support.daemons import Lnd, Postgres, chain_image, until
from ansible_collections.noncustodial.lightning.tests.support.disks import Disk
from ansible_collections.noncustodial.lightning.tests.support.pairs import WatchOnlyPair
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION
from ansible_collections.noncustodial.lightning.tests.support.sides import Side, agree

pytestmark = [pytest.mark.chain, pytest.mark.database, pytest.mark.faults]

UNIT = "postgresql@17-main.service"
DISK = "/var/lib/postgresql"
FILL = f"dd if=/dev/zero of={DISK}/filling bs=4k 2>/dev/null || true"
# A commit with 9 MB of it in the log.
WRITE_LOG = "SELECT 1 FROM pg_logical_emit_message(true, 'x', repeat('y', 9000000))"


class Machine:
    """A machine with Debian's PostgreSQL on a small disk, as a container with systemd."""

    def __init__(self, disk_mib: int) -> None:
        self.name = f"ncl-real-{uuid.uuid4().hex[:8]}"
        restart = COLLECTION / "roles/postgres/templates/restart.conf.j2"
        command = ["podman", "run", "--detach", "--systemd=always", f"--name={self.name}"]
        command += [f"--volume={restart}:/etc/systemd/system/{UNIT}.d/restart.conf:ro"]
        command += [f"--mount=type=tmpfs,destination={DISK},tmpfs-size={disk_mib}m"]
        subprocess.run([*command, chain_image(), "/lib/systemd/systemd"], check=True, stdout=subprocess.DEVNULL)

    def begin(self) -> None:
        """Wait for it, and make the cluster on the small disk."""
        until("systemd", lambda: self.run("systemctl is-system-running").stdout.strip() in ("running", "degraded"))
        made = self.run(
            f"chown postgres {DISK} && systemctl stop {UNIT} && pg_dropcluster 17 main;"
            " pg_createcluster 17 main --start"
        )
        assert made.returncode == 0, made.stderr

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script as root."""
        command = ["podman", "exec", self.name, "sh", "-c", script]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    def sql(self, statement: str) -> str:
        """Return what a statement returns; empty if it fails."""
        return self.run(f'runuser --user=postgres -- psql -Atc "{statement}"').stdout.strip()

    def stop(self) -> None:
        """Remove it."""
        subprocess.run(["podman", "rm", "--force", "--time=0", self.name], check=True, stdout=subprocess.DEVNULL)


class Stage:
    """A watch-only node on PostgreSQL and its signer, each with a small disk, and the node of the world."""

    def __init__(self, folder: Path, postgres: Postgres) -> None:
        self.pair = WatchOnlyPair(folder, postgres)
        self.node, self.signer = self.pair.inner, self.pair.signer
        self.disks = {lnd: Disk(lnd.directory, mib=32) for lnd in (self.node, self.signer)}
        self.sides = [Side(self.node), Side(self.pair.outer)]

    def begin(self) -> None:
        """Start everything."""
        self.pair.connect()
        for side in self.sides:
            side.connect()
        # As at a provider.
        self.node.add(f"--wallet-unlock-password-file={self.pair.folder / 'password'}")

    @contextmanager
    def payments(self) -> t.Iterator[t.Callable[[], None]]:
        """Have both nodes pay each other all the time, and check that each payment is made and known to both.

        Yields a function that waits until five more have been made in each direction.
        """
        stop, done = threading.Event(), Counter[tuple[Side, str]]()

        def load(payer: Side, payee: Side) -> None:
            while not stop.is_set():
                done[payer, payer.pay(payee, 10_000)] += 1

        def some() -> None:
            goals = {side: done[side, "made"] + 5 for side in self.sides}
            until("payments", lambda: all(done[side, "made"] >= goal for side, goal in goals.items()), 60)

        with ThreadPoolExecutor(2) as threads:
            working = [threads.submit(load, *way) for way in (self.sides, self.sides[::-1])]
            try:
                yield some
            finally:
                stop.set()
        for ended in working:
            ended.result()
        assert {how for _side, how in done} == {"made"}, done
        until("what was sent to be received", lambda: agree(*self.sides))

    def pay_again(self) -> None:
        """Wait until all channels can be used after the node or its signer has been away, and pay for a while."""
        until("all channels", self._serve, 120)
        with self.payments() as some:
            some()

    def _serve(self) -> bool:
        """Start the node if it has ended, as systemd does, and return whether both can use all channels."""
        if self.node.has_ended():
            self.node.start()
        try:
            return all(len(side.balances()) == len(self.pair.wanted) for side in self.sides)
        except LightningError:
            return False

    def not_backed_up(self) -> list[str]:
        """Return the channels of the node that are not in its channel.backup, as verify reads them."""
        backup = self.node.directory / "data/chain/bitcoin/regtest/channel.backup"
        return t.cast("list[str]", self.node.module("lnd_info", channel_backup=str(backup))["not_backed_up"])

    def does_not_start(self, lnd: Lnd) -> None:
        """Start an lnd whose disk is full, and check that it names that and ends."""
        log = lnd.directory.with_suffix(".log")
        before = len(log.read_text())
        lnd.start()
        until("its end", lnd.has_ended, 60)
        assert lnd.exit_status != 0
        assert "unable to start server: unable to refresh backup file" in log.read_text()[before:]
        assert "no space left on device" in log.read_text()[before:]

    def end(self) -> None:
        """Stop everything."""
        self.pair.stop()
        for disk in self.disks.values():
            disk.remove()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> t.Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("stage"), postgres)
    try:
        made.begin()
        yield made
    finally:
        made.end()


@pytest.fixture
def machine() -> t.Iterator[Machine]:
    made = Machine(disk_mib=90)
    try:
        made.begin()
        yield made
    finally:
        made.stop()


def test_postgresql_comes_back_when_its_disk_has_room(machine: Machine) -> None:
    machine.sql("CREATE TABLE kv (value int)")
    assert machine.sql("INSERT INTO kv VALUES (1) RETURNING value").startswith("1")
    machine.run(FILL)
    until("PostgreSQL to end", lambda: not machine.sql(WRITE_LOG) and not machine.sql("SELECT 1"), 60)
    said = machine.run("cat /var/log/postgresql/*.log").stdout
    assert "PANIC:  could not write to file" in said
    assert "No space left on device" in said
    until(
        "a start that fails",
        lambda: machine.run(f"systemctl show --value --property=NRestarts {UNIT}").stdout.strip() not in ("", "0"),
        60,
    )
    assert machine.sql("SELECT 1") == ""
    machine.run(f"rm {DISK}/filling")
    until("PostgreSQL", lambda: machine.sql("SELECT value FROM kv") == "1", 60)
    assert machine.sql("INSERT INTO kv VALUES (2) RETURNING value").startswith("2")


def test_a_full_backup_machine_refuses_and_keeps_what_it_has(machine: Machine) -> None:
    receive = (COLLECTION / "roles/common/files/backup-receive").read_text()
    subprocess.run(
        ["podman", "exec", "--interactive", machine.name, "sh", "-c", "cat >/usr/local/bin/backup-receive"],
        input=receive,
        text=True,
        check=True,
    )
    folder = f"{DISK}/backups"
    send = f"head -c 100000 /dev/zero | sh /usr/local/bin/backup-receive {folder} channel.backup 16 0"
    assert machine.run(f"mkdir {folder} && {send}").returncode == 0
    before = machine.run(f"sha256sum {folder}/*").stdout
    machine.run(FILL)
    refused = machine.run(send)
    assert refused.returncode != 0
    assert "No space left on device" in refused.stderr
    assert machine.run(f"sha256sum {folder}/*").stdout == before
    machine.run(f"rm {DISK}/filling")
    taken = machine.run(send)
    assert (taken.returncode, taken.stderr) == (0, "")
    assert len(machine.run(f"ls -A {folder}").stdout.split()) == 2


def test_a_node_pays_on_a_full_disk_and_a_new_channel_is_backed_up_at_its_next_start(stage: Stage) -> None:
    disk, node = stage.disks[stage.node], stage.node
    assert stage.not_backed_up() == []
    channels = set(stage.sides[0].balances())
    with stage.payments() as some:
        disk.fill()
        some()
        wanted = stage.pair.wanted
        wanted.append({**wanted[0], "capacity": 3_000_000, "push_sat": 1_000_000})
        node.module("lnd_channel", channels=wanted)
        # No more: a payment that is under way has room for three blocks.
        stage.pair.bitcoind.mine(3)
        opened = node.module("lnd_channel", channels=wanted, wait=True, wait_timeout=60)
        assert not opened.get("failed"), opened
        some()
        (missing,) = stage.not_backed_up()
        assert missing not in channels
        said = node.directory.with_suffix(".log").read_text()
        assert "unable to update backup file: unable to update multi backup" in said
        assert "no space left on device" in said
        disk.free()
        some()
        # lnd does not try again by itself.
        assert stage.not_backed_up() == [missing]
    disk.fill()
    node.kill()
    stage.does_not_start(node)
    disk.free()
    stage.pay_again()
    assert stage.not_backed_up() == []


def test_a_signer_signs_on_a_full_disk_and_starts_when_there_is_room(stage: Stage) -> None:
    disk, signer = stage.disks[stage.signer], stage.signer
    with stage.payments() as some, Client(Connection(signer.rpcserver, *signer.credentials())) as client:
        some()
        disk.fill()
        some()
        # A family of keys that it has not used yet, and no node uses, would be noted in its wallet.
        unused = {"key_family": 5000, "key_index": 0}
        with pytest.raises(LightningError, match=r"wallet.db: no space left on device"):
            client.call("signrpc.Signer/SignMessage", msg=b"x", key_loc=unused)
        some()
        disk.free()
        assert client.call("signrpc.Signer/SignMessage", msg=b"x", key_loc=unused).signature
        disk.fill()
    signer.kill()
    stage.does_not_start(signer)
    disk.free()
    signer.start()
    # What is asked of a signer that is only starting takes a channel out of use.
    state = signer.module("lnd_state_info", state="SERVER_ACTIVE", wait_timeout=60)
    assert state.get("state") == "SERVER_ACTIVE", state
    stage.pay_again()
    assert stage.not_backed_up() == []
