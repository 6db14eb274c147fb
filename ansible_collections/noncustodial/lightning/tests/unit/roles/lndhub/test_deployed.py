# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role brings to a machine is what the hub needs, and its units and files agree with the hub."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

import jinja2
import yaml

from ansible_collections.noncustodial.lightning.plugins.module_utils import _hub
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import grant
from lndhub.config import Limits, Node, Service
from lndhub.node import PERMISSIONS

COLLECTION = Path(__file__).parents[4]
ROLE = COLLECTION / "roles/lndhub"


def load(file: str) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", yaml.safe_load((ROLE / file).read_text()))


def test_the_macaroon_is_for_what_the_hub_calls() -> None:
    assert list(grant.HUB_PERMISSIONS) == [f"uri:/{name}" for name in PERMISSIONS]


def test_the_files_that_are_brought_are_enough(tmp_path: Path) -> None:
    """Everything can be imported with them alone."""
    core = tmp_path / "ansible_collections/noncustodial/lightning/plugins/module_utils/_lnd"
    core.mkdir(parents=True)
    for name in load("vars/main.yml")["lndhub_core_files"]:
        shutil.copy(COLLECTION / "plugins/module_utils/_lnd" / name, core)
    shutil.copytree(ROLE / "files/lndhub", tmp_path / "lndhub")
    shutil.copytree(ROLE / "../_common/files/serving", tmp_path / "serving")
    names = ["lndhub", "app", "check", "migrate", "migrations.versions.r0001_ledger"]
    program = "import " + ", ".join(["lndhub.__main__", *(f"lndhub.{name}" for name in names[1:])])
    done = subprocess.run(
        [sys.executable, "-BPs", "-c", program],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_restart_comes_with_every_change_of_the_program() -> None:
    """unit_current looks at directories, and not below them."""
    (current,) = [
        task["noncustodial.lightning.unit_current"] for task in load("tasks/start.yml") if "noncustodial.lightning.unit_current" in task
    ]
    folders = {path.parent.relative_to(ROLE / "files") for kind in ("*.py", "*.sql") for path in (ROLE / "files/lndhub").rglob(kind)}
    assert {f"{{{{ lndhub_home }}}}/{folder}" for folder in (*folders, "serving")} <= set(current["files"])


def test_the_packages_are_those_of_the_readme() -> None:
    packages = load("tasks/machine.yml")[0]["vars"]["_common_packages"]
    told = (ROLE / "files/README.md").read_text()
    assert [name for name in packages if name.startswith("python3-") and name not in told] == []


def test_the_pool_leaves_what_preflight_leaves() -> None:
    assert f"lndhub_postgres_maxconnections | int - {_hub.SPARE_CONNECTIONS}" in load("vars/main.yml")["lndhub_config"]


def test_the_settings_of_the_example_are_the_hubs() -> None:
    example = yaml.safe_load((COLLECTION.parents[2] / "inventories/example/group_vars/hubs.yml").read_text())
    assert set(example["lndhub_service"]) <= set(Service.__dataclass_fields__)
    assert set(example["lndhub_limits"]) <= set(Limits.__dataclass_fields__)
    assert {"private", "payment_timeout"} <= set(Node.__dataclass_fields__)


def site(**variables: t.Any) -> str:
    """The proxy's configuration."""
    given = {
        "ansible_managed": "",
        "lndhub_self": {"name": "acme", "config": "/etc/lndhub/acme"},
        "lndhub_listen": ["192.0.2.14", "::1"],
        "lndhub_port": 8444,
        "lndhub_service": {},
        "lndhub_metrics_addresses": [],
        "lndhub_upstream": "unix:/run/lndhub/acme/http",
    }
    return jinja2.Template((ROLE / "templates/nginx.conf.j2").read_text(), trim_blocks=True).render({**given, **variables})


def test_the_proxy_listens_with_tls_alone() -> None:
    listens = [line.strip() for line in site().splitlines() if "listen" in line]
    assert listens == ["listen 192.0.2.14:8444 ssl;", "listen [::1]:8444 ssl;"]


def test_the_proxy_passes_metrics_to_whom_the_inventory_names() -> None:
    assert "location /metrics {\n        return 404;" in site()
    named = site(lndhub_metrics_addresses=["192.0.2.7", "198.51.100.0/24"])
    assert "allow 192.0.2.7;\n        allow 198.51.100.0/24;\n        deny all;" in named
    assert "return 404" not in named


def test_the_proxy_waits_longer_than_the_hub() -> None:
    assert f"proxy_read_timeout {Service().answer_within + 30:g}s" in site()
    assert "proxy_read_timeout 330s" in site(lndhub_service={"answer_within": 300.0})


def test_the_proxy_counts_connections_but_not_those_of_its_own_machine() -> None:
    """Wall & wallet ask for all their users from there: a hundred payments that hang are not to close their pages."""
    assert 'map $remote_addr $lndhub_8444_from {\n    127.0.0.1 "";\n    default $binary_remote_addr;\n}' in site()
    assert "limit_conn_zone $lndhub_8444_from zone=lndhub_acme:1m;" in site()
    assert "limit_conn lndhub_acme 100;" in site()


# Stands for an lndhub.go: says what it was given, as that reads it.
GO = """
import json, os, pathlib
lines = pathlib.Path(".env").read_text().splitlines()
print(json.dumps({"settings": dict(line.split("=", 1) for line in lines if line[:1] not in ("", "#")), "environment": dict(os.environ)}))
"""


def test_lndhub_go_gets_what_it_needs(tmp_path: Path) -> None:
    """By the same script as in the unit; no lndhub.go was at hand, so that what it makes of it is not shown here."""
    secrets = {"pgpass": "*:*:hub_acme:owner_hub_acme:0123abcd", "jwt_key": "4567", "admin_token": "89ef"}
    (tmp_path / "credentials").mkdir()
    for name, content in secrets.items():
        (tmp_path / "credentials" / name).write_text(content)
    variables = {
        "lndhub_self": {"database": "hub_acme", "owner": "owner_hub_acme", "config": "/etc/lndhub/acme"},
        "lndhub_rpcserver": "localhost:10010",
        "lndhub_postgres_at": "db.example",
        "lndhub_postgres_maxconnections": 15,
        "lndhub_credentials": "/run/credentials/lndhub@acme.service",
        "lndhub_address": "acme.hubs.example",
        "lndhub_port": 8444,
        "lndhub_go_port": 3001,
        "lndhub_go_config": {"FEE_RESERVE": True, "MAX_SEND_AMOUNT": 1000},
    }
    template = jinja2.Template((ROLE / "templates/go.env.j2").read_text(), trim_blocks=True)
    (tmp_path / "go.env").write_text(template.render(variables) + "\n")
    run = tmp_path / "run"
    run.mkdir()
    environment = {"PATH": os.environ["PATH"], "CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}
    subprocess.run(["sh", ROLE / "files/lndhub-go-env", tmp_path / "go.env"], cwd=run, env=environment, check=True)
    assert (run / ".env").stat().st_mode & 0o777 == 0o600
    said = json.loads(subprocess.run([sys.executable, "-c", GO], cwd=run, env=environment, capture_output=True, check=True).stdout)
    settings = said["settings"]
    assert settings["DATABASE_URI"] == (
        "postgresql://owner_hub_acme:0123abcd@db.example:5432/hub_acme?sslmode=verify-full&sslrootcert=/etc/lndhub/acme/postgres.crt"
    )
    assert (settings["JWT_SECRET"], settings["ADMIN_TOKEN"], settings["PORT"]) == ("4567", "89ef", "3001")
    assert settings["LND_MACAROON_FILE"] == "/run/credentials/lndhub@acme.service/macaroon"
    assert (settings["FEE_RESERVE"], settings["MAX_SEND_AMOUNT"]) == ("true", "1000")
    assert not any(secret.rpartition(":")[2] in value for secret in secrets.values() for value in said["environment"].values())
