# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role brings to a machine is what wall & wallet need, and its files agree with the service and with the hub."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

import jinja2
import pytest
import yaml

import lndhub.config
import wall_wallet.config

COLLECTION = Path(__file__).parents[4]
ROLE = COLLECTION / "roles/wall_wallet"


def load(file: str) -> t.Any:
    return yaml.safe_load((ROLE / file).read_text())


def render(template: str, **variables: t.Any) -> str:
    """A template of the role's."""
    given = {
        "ansible_managed": "",
        "wall_wallet_self": {"name": "acme", "user": "web-acme", "unit": "wall-container-acme", "config": "/etc/wall_wallet/acme"},
        "wall_wallet_on": {"port": 8444, "config": "/etc/lndhub/acme"},
        "wall_wallet_provider": "reference",
        "wall_wallet_service_port": 4001,
        "wall_wallet_egress": [],
        "wall_wallet_listen": ["192.0.2.14", "::1"],
        "wall_wallet_port": 9444,
        "wall_wallet_upstream": "unix:/run/wall-wallet/acme/http",
    }
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)  # noqa: S701
    environment.tests["match"] = lambda value, pattern: re.match(pattern, value) is not None
    return environment.from_string((ROLE / "templates" / template).read_text()).render({**given, **variables})


def test_the_files_that_are_brought_are_enough(tmp_path: Path) -> None:
    """Everything can be imported with them alone."""
    core = tmp_path / "ansible_collections/noncustodial/lightning/plugins/module_utils/_lnd"
    core.mkdir(parents=True)
    for name in load("vars/main.yml")["wall_wallet_core_files"]:
        shutil.copy(COLLECTION / "plugins/module_utils/_lnd" / name, core)
    shutil.copytree(ROLE / "files/wall_wallet", tmp_path / "wall_wallet")
    shutil.copytree(ROLE / "../_common/files/serving", tmp_path / "serving")
    program = "import wall_wallet.__main__, wall_wallet.app, wall_wallet.check, serving.server"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-BPs", "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_file_of_the_program_is_brought() -> None:
    (task,) = [one for one in load("tasks/machine.yml") if one["name"] == "The program is there"]
    told = task["noncustodial.lightning.config_files"]["files"]
    kinds = {path.suffix for path in (ROLE / "files/wall_wallet").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert [kind for kind in kinds if f"'*{kind}'" not in told] == []


def test_a_restart_comes_with_every_change_of_the_program() -> None:
    """unit_current looks at directories, and not below them."""
    (block,) = load("tasks/start.yml")
    (current,) = [task["noncustodial.lightning.unit_current"] for task in block["block"] if "noncustodial.lightning.unit_current" in task]
    files = [path for path in (ROLE / "files/wall_wallet").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    folders = {path.parent.relative_to(ROLE / "files") for path in files}
    assert {f"{{{{ wall_wallet_home }}}}/{folder}" for folder in (*folders, "serving")} <= set(current["files"])


def test_the_packages_are_those_of_the_readme() -> None:
    packages = load("tasks/machine.yml")[0]["vars"]["_common_packages"]
    told = (ROLE / "files/README.md").read_text().split("Packages: `")[1].split("`")[0].split()
    assert [name for name in told if f"'{name}'" not in packages] == []


@pytest.mark.parametrize("name", ["fee_base_msat", "fee_ppm"])
def test_the_hubs_fee_limits_are_the_walls(name: str) -> None:
    """Set in the inventory they are one variable's; left alone, each program's own."""
    assert getattr(lndhub.config.Limits(), name) == getattr(wall_wallet.config.Hub("https://hub"), name)
    assert name in load("vars/main.yml")["wall_wallet_config"]


def test_the_wall_waits_longer_than_the_hub() -> None:
    """What the role adds to the hub's answer_within, which it takes to be the hub's own default where none is set."""
    assert (
        f"answer_within | default({lndhub.config.Service().answer_within:g})) | float + 30" in load("vars/main.yml")["wall_wallet_config"]
    )


def test_pages_offer_an_account_where_the_hub_makes_one() -> None:
    assert f"create | default('{lndhub.config.Service().create}') == 'open'" in load("vars/main.yml")["wall_wallet_config"]


def test_the_settings_of_the_example_are_the_services() -> None:
    example = yaml.safe_load((COLLECTION.parents[2] / "inventories/example/group_vars/walls.yml").read_text())
    for section, kind in (("wallet", "Wallet"), ("wall", "Wall"), ("service", "Service")):
        assert set(example.get(f"wall_wallet_{section}", {})) <= set(getattr(wall_wallet.config, kind).__dataclass_fields__)


def test_the_proxy_listens_with_tls_alone() -> None:
    listens = [line.strip() for line in render("nginx.conf.j2").splitlines() if "listen" in line]
    assert listens == ["listen 192.0.2.14:9444 ssl;", "listen [::1]:9444 ssl;"]


def test_the_fence_leaves_the_hub() -> None:
    """Of what our own service sends; another one also answers on its port, and cannot begin from it."""
    rules = render("fence.nft.j2").split("chain fence {")[1].split("}")[0].split("\n")[1:-1]
    assert [rule.strip() for rule in rules] == ["oif lo tcp dport 8444 accept", "reject"]
    brought = render("fence.nft.j2", wall_wallet_provider="command", wall_wallet_egress=["ip daddr 192.0.2.9 tcp dport 5432 accept"])
    assert "oif lo tcp sport 4001 tcp flags & (syn | ack) != syn accept" in brought
    assert brought.index("ip daddr 192.0.2.9") < brought.index("reject")


@pytest.mark.parametrize(
    ("word", "written"),
    [("plain", '"plain"'), ("two words", '"two words"'), ('a"b\\c', '"a\\"b\\\\c"'), ("100%", '"100%%"'), ("$HOME", '"$$HOME"')],
)
def test_a_command_is_what_systemd_runs(word: str, written: str) -> None:
    assert f'ExecStart="/srv/shop" {written}\n' in render("command.conf.j2", wall_wallet_command=["/srv/shop", word])


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("localhost", ["127.0.0.1 localhost"]),
        ("192.0.2.14", ["127.0.0.1 localhost"]),
        ("acme.hubs.example", ["127.0.0.1 localhost", "127.0.0.1 acme.hubs.example"]),
    ],
)
def test_the_hubs_name_is_this_machine(name: str, lines: list[str]) -> None:
    assert render("hosts.j2", wall_wallet_hub_name=name).splitlines()[1:] == lines


def test_the_hub_believes_whom_the_wall_asks_for() -> None:
    """Where there is one, and it asks from loopback; else nobody is believed."""
    template = jinja2.Template((COLLECTION / "roles/lndhub/templates/nginx.conf.j2").read_text(), trim_blocks=True)
    variables = {"lndhub_self": {"name": "acme"}, "lndhub_listen": ["192.0.2.14"], "lndhub_port": 8444, "lndhub_service": {}}
    assert "set_real_ip_from" not in template.render(variables)
    behind = template.render(variables | {"lndhub_has_wall": True, "lndhub_listen_besides": ["127.0.0.1"]})
    assert [line.strip() for line in behind.splitlines() if "set_real_ip_from" in line] == ["set_real_ip_from 127.0.0.1;"]
    assert "listen 127.0.0.1:8444 ssl;" in behind
