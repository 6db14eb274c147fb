# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role installs all that the hub needs, and its units and files agree with the hub."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import typing as t
from pathlib import Path

import jinja2
import pytest
import yaml

from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory import hub
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import grant
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION, ROOT
from ansible_collections.noncustodial.lightning.tests.support.proxies import hub_site as site
from lndhub import errors
from lndhub.api.edge import TooLarge, TooSlow
from lndhub.config import Limits, NodeSettings, ServiceSettings
from lndhub.node import PERMISSIONS

ROLE = COLLECTION / "roles/lndhub"


def load(file: str) -> t.Any:
    return yaml.safe_load((ROLE / file).read_text())


def test_the_macaroon_is_for_what_the_hub_calls() -> None:
    assert list(grant.HUB_PERMISSIONS) == [f"uri:/{name}" for name in PERMISSIONS]


def test_each_command_begins_a_line_of_the_usage() -> None:
    program = ast.parse((ROLE / "files/lndhub/__main__.py").read_text())
    (table,) = [
        node.value
        for node in program.body
        if isinstance(node, ast.AnnAssign)
        and ast.unparse(node.target) == "_COMMANDS"
        and isinstance(node.value, ast.Dict)
    ]
    usage = ast.get_docstring(program) or ""
    assert set(re.findall(r"^lndhub ([a-z]+) ", usage, re.MULTILINE)) == {
        ast.literal_eval(t.cast("ast.Constant", one)) for one in table.keys
    }


def test_a_restart_comes_with_every_change_of_the_program() -> None:
    """unit_current looks at directories, and not below them."""
    (current,) = [
        task["noncustodial.lightning.unit_current"]
        for task in load("tasks/run.yml")
        if "noncustodial.lightning.unit_current" in task
    ]
    folders = {
        path.parent.relative_to(ROLE / "files")
        for kind in ("*.py", "*.sql")
        for path in (ROLE / "files/lndhub").rglob(kind)
    }
    assert {f"{{{{ lndhub_home }}}}/{folder}" for folder in (*folders, "serving")} <= set(current["files"])
    assert {f"{{{{ lndhub_core }}}}/{folder}" for folder in load("vars/main.yml")["lndhub_core_folders"]} <= set(
        current["files"]
    )


def test_the_packages_are_those_of_the_readme() -> None:
    packages = load("tasks/machine.yml")[0]["vars"]["_common_packages"]
    told = (ROLE / "files/README.md").read_text()
    assert [name for name in packages if name.startswith("python3-") and name not in told] == []


def test_the_pool_leaves_what_preflight_leaves() -> None:
    assert f"lndhub_postgres_maxconnections | int - {hub.SPARE_CONNECTIONS}" in load("vars/main.yml")["lndhub_config"]
    (database,) = [
        task["vars"]
        for task in yaml.safe_load((COLLECTION / "roles/postgres/tasks/hub.yml").read_text())
        if "postgres_client_database" in task.get("vars", {})
    ]
    owners = database["postgres_client_owner_connection_limit"]
    assert 0 < owners < hub.SPARE_CONNECTIONS
    assert database["postgres_client_connection_limit"] == f"{{{{ postgres_hub_maxconnections | int - {owners} }}}}"


def test_the_settings_of_the_example_are_the_hubs() -> None:
    example = yaml.safe_load((ROOT / "inventories/example/group_vars/hubs.yml").read_text())
    assert set(example["lndhub_service"]) <= set(ServiceSettings.__dataclass_fields__)
    assert set(example["lndhub_limits"]) <= set(Limits.__dataclass_fields__)
    assert {"private", "payment_timeout"} <= set(NodeSettings.__dataclass_fields__)


def test_the_proxy_listens_with_tls_alone() -> None:
    listens = [line.strip() for line in site().splitlines() if "listen" in line]
    assert listens == ["listen 192.0.2.14:8444 ssl;", "listen [::1]:8444 ssl;"]


def test_the_proxy_passes_metrics_to_whom_the_inventory_names() -> None:
    assert "location /metrics {\n        return 404;" in site()
    named = site(lndhub_metrics_addresses=["192.0.2.7", "198.51.100.0/24"])
    assert "allow 192.0.2.7;\n        allow 198.51.100.0/24;\n        deny all;" in named
    assert "return 404" not in named


def test_the_proxy_passes_no_name_of_the_clients() -> None:
    assert not [name for name in ("$host", "$http_host", "$scheme", "$server_name") if name in site()]
    assert "proxy_set_header Host lndhub;" in site()


def nginx_errors(text: str) -> dict[int, dict[str, t.Any]]:
    """Return the bodies of the errors that the proxy itself answers, by status."""
    (table,) = re.findall(r"map \$status \S+ \{\n(.*?)\}\n", text, re.DOTALL)
    return {int(status): json.loads(body) for status, body in re.findall(r"(\d+) '(.*)';\n", table)}


@pytest.mark.parametrize(
    ("status", "own"),
    [
        (403, errors.Forbidden()),
        (404, errors.NotFound()),
        (408, TooSlow()),
        (413, TooLarge()),
        (429, errors.TooMany()),
    ],
)
def test_the_proxys_errors_are_the_hubs(status: int, own: errors.HubError) -> None:
    assert own.status == status
    assert nginx_errors(site())[status] == own.body()


def test_the_proxys_errors_have_the_hubs_form_and_codes() -> None:
    """After a status 5xx of a proxy nothing is known of a payment, and the code says so."""
    found = nginx_errors(site())
    assert {status for status, body in found.items() if body["code"] == errors.HubError.code} == {500, 502, 503, 504}
    assert {tuple(body) for body in found.values()} == {tuple(errors.HubError().body())}


def test_the_proxy_waits_longer_than_the_hub() -> None:
    own = hub.hub("acme", {})
    assert own.payment_timeout == ServiceSettings().answer_within + 30
    assert hub.hub("acme", {"lndhub_service": {"answer_within": 300.0}}).payment_timeout == 330
    assert f"proxy_read_timeout {own.payment_timeout:g}s" in site()
    assert "proxy_read_timeout 330s" in site(lndhub_service={"answer_within": 300.0})


def test_the_proxy_counts_connections_but_not_those_of_its_own_machine() -> None:
    """Wall & wallet ask for all their users from there: a hundred payments that hang are not to close their pages."""
    counted = site().partition("map $remote_addr $lndhub_8444_from {\n")[2].partition("\n}\n")[0].splitlines()
    assert counted[:2] == ['    127.0.0.1 "";', '    ::1 "";']
    assert [line for line in counted[2:] if '"";' in line] == []
    assert counted[-1] == "    default $binary_remote_addr;"
    assert "limit_conn_zone $lndhub_8444_from zone=lndhub_acme:1m;" in site()
    assert "limit_conn lndhub_acme 100;" in site()


# What a hub has that the release e69f131 set up; of a node of the provider's without the copy of its certificate, which
# machine.yml makes for all.
OF_BEFORE = {
    f"/etc/credstore.encrypted/lndhub@%i.{name}"
    for name in ("macaroon", "pgpass", "jwt_key", "admin_token", "metrics_token")
}
COPIES = "/etc/lndhub/%i/node.crt"


def test_units_start_a_hub_that_this_release_has_not_set_up() -> None:
    """Units belong to the machine: a tenant that is added puts them under every hub there, and a plain name of a
    credential may be missing.
    """
    wanted: set[str] = set()
    for unit in ("lndhub@", "lndhub-migrate@"):
        text = jinja2.Template((ROLE / f"templates/{unit}.service.j2").read_text(), trim_blocks=True).render(
            lndhub_home="/home"
        )
        wanted |= set(re.findall(r"^LoadCredential(?:Encrypted)?=[^:\n]+:(/.+)$", text, re.MULTILINE))
    assert COPIES in wanted
    assert wanted <= OF_BEFORE | {COPIES}

    names = [task["name"] for task in load("tasks/machine.yml")]
    (made,) = (
        task
        for task in load("tasks/machine.yml")
        for file in task.get("noncustodial.lightning.config_files", {}).get("files", [])
        if isinstance(file, dict) and file["path"] == COPIES.replace("%i", "{{ item }}")
    )
    assert names.index(made["name"]) < names.index("The units of all hubs are there, sandboxed")


def test_which_hubs_get_the_certificate_of_their_node(tmp_path: Path) -> None:
    """Hubs get it that have none, and whose node is on the machine."""
    for file in (
        "lndhub/older/x",
        "lndhub/current/node.crt",
        "lndhub/external/x",
        "lnd/older/tls.cert",
        "lnd/current/tls.cert",
        "lnd/no-hub/tls.cert",
    ):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    (script,) = (
        task["ansible.builtin.command"]["argv"][2]
        for task in load("tasks/machine.yml")
        if task.get("register") == "_lndhub_without"
    )
    moved = script.replace("/etc/lndhub", f"{tmp_path}/lndhub").replace("/var/lib/lnd", f"{tmp_path}/lnd")
    assert subprocess.run(["sh", "-c", moved], capture_output=True, text=True, check=True).stdout == "older\n"
    (tmp_path / "lndhub").rename(tmp_path / "none")
    assert subprocess.run(["sh", "-c", moved], capture_output=True, text=True, check=True).stdout == ""
