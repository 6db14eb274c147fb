# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook rotate_macaroons against real lnds: a watch-only node with its database in PostgreSQL and a hub, and its
signer.

The tests build on each other, in this order.
"""

from __future__ import annotations

import json
import os
import signal
import socketserver
import subprocess
import sys
import threading
import typing as t
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import yaml

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.errors import Denied
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import grant
from ansible_collections.noncustodial.lightning.tests.support.daemons import Lnd, Postgres
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION, ROOT
from ansible_collections.noncustodial.lightning.tests.support.systemd_creds import SystemdCreds
from ansible_collections.noncustodial.lightning.tests.support.units import Units

pytestmark = pytest.mark.lnd

CHAIN = "data/chain/bitcoin/regtest"
# A node's files are root's own here, and PostgreSQL is in a container.
RUNUSER = """#!/bin/sh
shift 2
[ "$1" = psql ] || exec "$@"
shift
exec podman exec --interactive {name} psql --host=127.0.0.1 --port={port} --username=postgres "$@"
"""
# lnd's own: those of lncli, and those of its sub-servers.
OWN = {
    f"{name}.macaroon"
    for name in ("admin", "readonly", "invoice", "invoices", "chainnotifier", "router", "signer", "walletkit")
}


@dataclass
class Site:
    """A provider's node, acme, and its tenant's signer, with the folders that their inventory names."""

    folder: Path
    signer: Lnd
    acme: Lnd
    postgres: Postgres
    database: str
    units: Units
    creds: SystemdCreds

    @property
    def hub(self) -> bytes:
        """The macaroon that the hub's unit loads."""
        return self.creds.content(self.folder / "lndhub.macaroon")

    def bake_for_the_hub(self) -> dict[str, t.Any]:
        """Have the hub's macaroon as its role does."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATH", self.environment["PATH"])
            return self.acme.module(
                "lnd_macaroon",
                path=f"{self.folder}/lndhub.macaroon",
                credential="macaroon",
                permissions=list(grant.HUB_PERMISSIONS),
                root_key_id=21,
            )

    def own(self, node: Lnd) -> dict[str, bytes]:
        """Return the macaroons of a node's own."""
        return {path.name: path.read_bytes() for path in (node.directory / CHAIN).glob("*.macaroon")}

    def command(self, host: str, *options: str) -> list[str]:
        """Return the command that rotates one host's macaroons."""
        return [
            "ansible-playbook",
            f"-i{self.folder}/hosts.json",
            f"-l{host}",
            f"-e@{self.folder}/variables.json",
            f"{self.folder}/rotate.yml",
            *options,
        ]

    def rotate(self, host: str, name: str, *options: str, status: int = 0) -> str:
        """Run the playbook to its end, and return what it printed, in one line."""
        done = subprocess.run(
            self.command(host, f"-elnd_rotation={name}", *options),
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return " ".join(done.stdout.split())

    def indices(self) -> list[list[str]]:
        """Return the indices of the table of root keys."""
        query = "SELECT indexdef FROM pg_indexes WHERE tablename = 'macaroondb_kv' ORDER BY 1"
        return self.postgres.sql(self.database, query)

    def plant(self) -> str:
        """Let a role own the database and the table of root keys, as a node's does, and have it plant what makes it
        PostgreSQL's superuser when a superuser runs it; return the role.
        """
        role = f"node_{self.database}"
        gain = f"BEGIN ALTER ROLE {role} SUPERUSER;"
        own = [
            f"CREATE ROLE {role}",
            f"ALTER DATABASE {self.database} OWNER TO {role}",
            f"ALTER SCHEMA public OWNER TO {role}",
            f"ALTER TABLE macaroondb_kv OWNER TO {role}",
            f"SET SESSION AUTHORIZATION {role}",
            f"CREATE FUNCTION planted() RETURNS trigger LANGUAGE plpgsql AS $${gain} RETURN OLD; END$$",
            "CREATE TRIGGER planted BEFORE DELETE ON macaroondb_kv FOR EACH ROW EXECUTE FUNCTION planted()",
            "CREATE TRIGGER emptied BEFORE TRUNCATE ON macaroondb_kv EXECUTE FUNCTION planted()",
            f"CREATE FUNCTION to_regclass(text) RETURNS oid LANGUAGE plpgsql AS $${gain} RETURN 1; END$$",
            f"ALTER DATABASE {self.database} SET search_path = public, pg_catalog",
        ]
        self.postgres.sql(self.database, "; ".join(own))
        return role

    def killed(self, host: str, name: str, task: str) -> None:
        """Run the playbook, and kill it when a task begins."""
        with subprocess.Popen(
            self.command(host, f"-elnd_rotation={name}"),
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as run:
            assert run.stdout is not None
            lines = []
            for line in run.stdout:
                lines.append(line)
                if line.startswith("TASK") and task in line:
                    break
            assert task in "".join(lines[-1:]), "".join(lines)
            os.killpg(run.pid, signal.SIGKILL)

    @property
    def environment(self) -> dict[str, str]:
        """With the stand-ins before the machine's own programs."""
        path = f"{self.units.folder}:{self.creds.program.parent}:{os.environ['PATH']}"
        return {**os.environ, "ANSIBLE_NOCOLOR": "1", "PATH": path}


def accepted(node: Lnd, token: bytes) -> bool:
    """Return whether a node accepts a macaroon as genuine, whatever it allows."""
    with Client(Connection(node.rpcserver, (node.directory / "tls.cert").read_bytes(), token, 20)) as holder:
        try:
            holder.call("lnrpc.Lightning/GetInfo")
        except Denied as error:
            return "permission denied" in str(error)
    return True


def ok(result: dict[str, t.Any]) -> dict[str, t.Any]:
    assert not result.get("failed"), result["msg"]
    return result


class Healthy(BaseHTTPRequestHandler):
    """The hub's answer that it is well."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def address_string(self) -> str:
        return "a socket"

    def log_message(self, *_arguments: object) -> None:
        """Keep silent."""


def inventory(folder: Path, signer: Lnd, acme: Lnd, database: str) -> None:
    """Write the inventory, the playbook without the plays that look at machines, and the paths that are this test's."""
    plays = yaml.safe_load((COLLECTION / "playbooks/rotate_macaroons.yml").read_text())
    (folder / "rotate.yml").write_text(yaml.safe_dump([play for play in plays if "hosts" in play]))
    hosts: dict[str, dict[str, t.Any]] = {}
    for name, node in (("signer", signer), ("acme", acme)):
        (folder / f"{name}.etc").mkdir()
        (folder / f"{name}.etc/lnd.conf").touch()
        itself = {
            "lnddir": str(node.directory),
            "chain_directory": f"{node.directory}/{CHAIN}",
            "config": f"{folder}/{name}.etc",
            "connection": node.connection,
            "database": database,
            "sealed": f"{folder}/{name}",
        }
        hosts[name] = {"of_test": itself}
    hosts["acme"] |= {
        "hub_of_test": {"socket": f"{folder}/hub.socket"},
        "lnd_shape": "watch_only",
        "lnd_postgres_host": "acme",
    }
    itself_of = "{{ inventory_hostname | noncustodial.lightning.lnd_node(hostvars) | combine(of_test) }}"
    variables = {
        "lnd_self": itself_of,
        "lndhub_of": itself_of,
        "lndhub_self": "{{ inventory_hostname | noncustodial.lightning.lnd_hub(hostvars) | combine(hub_of_test) }}",
        "lndhub_sealed": f"{folder}/lndhub",
        "postgres_node_self": itself_of,
    }
    (folder / "variables.json").write_text(json.dumps(variables))
    # Ansible can make no file there, and reports that the host is unreachable.
    hosts["away"] = {"ansible_remote_tmp": "/proc/away"}
    common = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "lnd_network": "regtest"}
    groups = {
        "tenants": {"hosts": {"acme": None}},
        "hubs": {"hosts": {"acme": None}},
        "signers": {"hosts": {"signer": None}},
    }
    (folder / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts, "vars": common, "children": groups}}))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> t.Iterator[Site]:
    folder = tmp_path_factory.mktemp("rotation")
    password = folder / "password"
    password.write_text("of-this-test-alone\n")
    opens = (f"--wallet-unlock-password-file={password}", "--wallet-unlock-allow-create")
    signer = Lnd(folder / "signer", None, *opens)
    database = postgres.create()
    acme = Lnd(
        folder / "acme",
        None,
        *opens,
        "--db.backend=postgres",
        "--db.use-native-sql",
        f"--db.postgres.dsn=postgres://{Postgres.SUPERUSER}@127.0.0.1:{postgres.port}/{database}",
        "--remotesigner.enable",
        f"--remotesigner.rpchost={signer.rpcserver}",
        f"--remotesigner.tlscertpath={signer.directory}/tls.cert",
        f"--remotesigner.macaroonpath={folder}/provider.macaroon",
    )
    (folder / "bin").mkdir()
    (folder / "bin/runuser").write_text(RUNUSER.format(name=postgres.name, port=postgres.port))
    (folder / "bin/runuser").chmod(0o755)
    units = Units(
        folder / "bin",
        {"lnd@signer.service": signer.command, "lnd@acme.service": acme.command, "lndhub@acme.service": []},
    )
    made = Site(folder, signer, acme, postgres, database, units, SystemdCreds(folder / "creds"))
    inventory(folder, signer, acme, database)
    with socketserver.ThreadingUnixStreamServer(f"{folder}/hub.socket", Healthy) as hub:
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        try:
            units.call("start", "lnd@signer.service")
            make_wallets(made, password)
            yield made
        finally:
            hub.shutdown()
            units.end()


def make_wallets(site: Site, password: Path) -> None:
    """Make the signer's wallet, its grant, the watch-only wallet of it, and the macaroon of the node's hub."""
    identity = site.folder / "identity"
    subprocess.run(["age-keygen", "-o", str(identity)], check=True, capture_output=True)
    key = subprocess.run(["age-keygen", "-y", str(identity)], check=True, capture_output=True, text=True).stdout.strip()
    opens: dict[str, t.Any] = {"wallet_password_file": str(password), "auto_unlock": True}
    seed: dict[str, t.Any] = {
        "seed_recipient": key,
        "seed_path": f"{site.folder}/seed.age",
        "birthday_path": f"{site.folder}/birthday",
    }
    node_id = ok(site.signer.module("lnd_wallet", **opens, **seed))["node_id"]
    accounts = [
        {**{name: one[name] for name in ("purpose", "coin_type", "account")}, "xpub": one["extended_public_key"]}
        for one in ok(site.signer.module("lnd_accounts_info"))["accounts"]
    ]
    ok(give(site, 1))
    make_gate(site, node_id)
    site.units.call("start", "lnd@acme.service")
    birthday = int((site.folder / "birthday").read_text())
    ok(site.acme.module("lnd_watch_wallet", accounts=accounts, birthday=birthday, node_id=node_id, **opens))
    # As settle does, once there is a wallet.
    site.units.call("restart", "lnd@acme.service")
    site.units.call("start", "lndhub@acme.service")


def make_gate(site: Site, node_id: str) -> None:
    """Write what the node's start gate reads of its signer, as remote_signer.yml does."""
    certificate = site.folder / "acme.etc/signer.crt"
    certificate.write_bytes((site.signer.directory / "tls.cert").read_bytes())
    gate = {"endpoint": site.signer.rpcserver, "certificate_file": str(certificate), "node_id": node_id}
    (site.folder / "acme.etc/signer.json").write_text(json.dumps(gate))
    seal_grant(site)


def seal_grant(site: Site) -> None:
    """Seal the grant for the node's unit."""
    sealed = subprocess.run(
        [site.creds.program, "encrypt", "--name=signer.macaroon", "-", "-"],
        input=(site.folder / "provider.macaroon").read_bytes(),
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    (site.folder / "acme.signer.macaroon").write_bytes(sealed)


def give(site: Site, root_key_id: int) -> dict[str, t.Any]:
    """Bake the grant as the role signer does."""
    return site.signer.module(
        "lnd_macaroon",
        path=f"{site.folder}/provider.macaroon",
        permissions=list(grant.PERMISSIONS),
        root_key_id=root_key_id,
        revoked="refuse",
    )


def test_a_node_and_its_hub(site: Site) -> None:
    """The node's own macaroons, its hub's and one of an operator's are refused, and the new ones accepted."""
    ok(site.bake_for_the_hub())
    other = site.folder / "monitor.macaroon"
    ok(site.acme.module("lnd_macaroon", path=str(other), permissions=["info:read"], root_key_id=7))
    before = [*site.own(site.acme).values(), site.hub, other.read_bytes()]
    assert [accepted(site.acme, token) for token in before] == [True] * (len(OWN) + 2)
    node_id = site.acme.module("lnd_info")["identity_pubkey"]
    role, indices = site.plant(), site.indices()
    site.rotate("acme", "2026-11-30")
    # What the node's role has planted in its database ran as nobody.
    superusers = [row[0] for row in site.postgres.sql("postgres", "SELECT rolname FROM pg_roles WHERE rolsuper")]
    assert (role in superusers, Postgres.SUPERUSER in superusers) == (False, True)
    assert (site.indices(), len(indices) > 0) == (indices, True)
    assert [accepted(site.acme, token) for token in before] == [False] * (len(OWN) + 2)
    assert set(site.own(site.acme)) == OWN
    assert all(accepted(site.acme, token) for token in [*site.own(site.acme).values(), site.hub])
    assert site.acme.module("lnd_info")["identity_pubkey"] == node_id
    # Each is away for one restart.
    assert site.units.log[-3:] == ["stop lnd@acme.service", "start lnd@acme.service", "restart lndhub@acme.service"]


def test_a_signer_grants_again_only_when_told(site: Site) -> None:
    """The provider's node signs again with the new grant."""
    before = [*site.own(site.signer).values(), (site.folder / "provider.macaroon").read_bytes()]
    assert all(accepted(site.signer, token) for token in before)
    site.rotate("signer", "2026-11-30")
    assert not any(accepted(site.signer, token) for token in before)
    assert set(site.own(site.signer)) == OWN
    assert all(accepted(site.signer, token) for token in site.own(site.signer).values())
    leave_a_node_without_its_signer(site)
    assert "was revoked on this node" in give(site, 1)["msg"]
    assert ok(give(site, 2))["root_key_id"] == 2
    seal_grant(site)
    site.units.call("restart", "lnd@acme.service")
    assert ok(site.acme.module("lnd_info"))["identity_pubkey"] == ok(site.signer.module("lnd_info"))["identity_pubkey"]
    assert accepted(site.acme, site.hub)


def leave_a_node_without_its_signer(site: Site) -> None:
    """A node that would not start again is not stopped; the others have their turn, and the end names it."""
    node, signer, log = site.own(site.acme), site.own(site.signer), site.units.log
    printed = site.rotate("acme,signer", "left", status=2)
    assert "acme was left as it was, with its earlier macaroons" in printed
    assert "macaroon_refused" in printed
    assert site.own(site.acme) == node
    assert site.units.log == [*log, "stop lnd@signer.service", "start lnd@signer.service"]
    assert not any(accepted(site.signer, token) for token in signer.values())


def test_run_again_it_changes_nothing(site: Site) -> None:
    site.units.call("restart", "lndhub@acme.service")
    before, log = (site.own(site.acme), site.own(site.signer), site.hub), site.units.log
    for host, name in (("acme", "2026-11-30"), ("signer", "left")):
        assert "changed=0" in site.rotate(host, name)
    assert ((site.own(site.acme), site.own(site.signer), site.hub), site.units.log) == (before, log)


def test_without_a_name_nothing_is_done(site: Site) -> None:
    before = site.own(site.signer)
    done = subprocess.run(
        site.command("signer"), cwd=ROOT, env=site.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Name the rotation, for example by its date: -e lnd_rotation=20" in " ".join(done.stdout.split())
    assert site.own(site.signer) == before


def test_a_database_that_is_away_stops_no_node(site: Site) -> None:
    before, log = site.own(site.acme), site.units.log
    printed = site.rotate("acme", "away", "-elnd_postgres_host=away", status=2)
    assert "The machine of PostgreSQL, away, cannot be reached" in printed
    assert (site.own(site.acme), site.units.log) == (before, log)


def test_a_node_runs_again_when_its_database_refuses(site: Site) -> None:
    before = site.own(site.acme)
    site.postgres.sql(site.database, "CREATE VIEW held AS SELECT * FROM macaroondb_kv")
    printed = site.rotate("acme", "refused", status=2)
    assert "lnd was started again." in printed
    assert "view held depends on table macaroondb_kv" in printed
    assert site.units.log[-2:] == ["stop lnd@acme.service", "start lnd@acme.service"]
    assert all(accepted(site.acme, token) for token in before.values())
    site.postgres.sql(site.database, "DROP VIEW held")


def test_what_was_stopped_for_good_stays_stopped(site: Site) -> None:
    """Its root keys are gone nevertheless; in service again, it and its hub have new ones."""
    site.bake_for_the_hub()
    before = [*site.own(site.acme).values(), site.hub]
    site.units.call("disable", "lnd@acme.service")
    log = site.units.log
    assert "runs (active), but would not start at boot (disabled)" in site.rotate("acme", "stopped", status=2)
    assert site.units.log == log
    site.units.call("stop", "lnd@acme.service")
    log = site.units.log
    assert "lnd@acme is disabled, so it was not started." in site.rotate("acme", "stopped")
    assert (site.own(site.acme), site.units.log) == ({}, log)
    site.units.call("enable", "lnd@acme.service")
    site.units.call("disable", "lndhub@acme.service")
    assert "The hub of acme is not in service, so it was not started." in site.rotate("acme", "stopped")
    assert site.units.log == [*log, "start lnd@acme.service"]
    site.units.call("enable", "lndhub@acme.service")
    assert not any(accepted(site.acme, token) for token in before)
    assert all(accepted(site.acme, token) for token in [*site.own(site.acme).values(), site.hub])


@pytest.mark.faults
@pytest.mark.parametrize(
    ("host", "tasks"),
    [
        (
            "acme",
            (
                "The root keys of the node's macaroons are deleted",
                "Lnd's own macaroons",
                "It is noted",
                "The node runs with the configuration on disk",
                "The hub has a macaroon",
                "The hub runs with the configuration on disk",
            ),
        ),
        ("signer", ("Lnd's own macaroons", "It is noted", "The node runs with the")),
    ],
)
def test_killed_in_each_step_it_goes_on(site: Site, host: str, tasks: tuple[str, ...]) -> None:
    node = {"acme": site.acme, "signer": site.signer}[host]
    ok(site.bake_for_the_hub())
    before = [*site.own(node).values(), *([site.hub] if host == "acme" else [])]
    assert all(accepted(node, token) for token in before)
    for task in tasks:
        site.killed(host, f"of-{host}", task)
    site.rotate(host, f"of-{host}")
    assert not any(accepted(node, token) for token in before)
    assert set(site.own(node)) == OWN
    assert all(accepted(node, token) for token in [*site.own(node).values(), *([site.hub] if host == "acme" else [])])
    log = site.units.log
    assert ("changed=0" in site.rotate(host, f"of-{host}"), site.units.log) == (True, log)
