# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role installs all that wall & wallet need, and its files agree with the service and with the hub."""

from __future__ import annotations

import re
import typing as t

import pytest
import yaml

import lndhub.config
import wall_wallet.config
from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory import wall_config
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION, ROOT
from ansible_collections.noncustodial.lightning.tests.support.proxies import wall_file as render
from ansible_collections.noncustodial.lightning.tests.support.templates import template

ROLE = COLLECTION / "roles/wall_wallet"


def load(file: str) -> t.Any:
    return yaml.safe_load((ROLE / file).read_text())


def test_every_file_of_the_program_is_brought() -> None:
    (task,) = [one for one in load("tasks/machine.yml") if one["name"] == "The program is there"]
    told = task["noncustodial.lightning.config_files"]["files"]
    kinds = {
        path.suffix
        for path in (ROLE / "files/wall_wallet").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert [kind for kind in kinds if f"'*{kind}'" not in told] == []


def test_a_restart_comes_with_every_change_of_the_program() -> None:
    """unit_current looks at directories, and not below them."""
    (block,) = load("tasks/start.yml")
    (current,) = [
        task["noncustodial.lightning.unit_current"]
        for task in block["block"]
        if "noncustodial.lightning.unit_current" in task
    ]
    files = [
        path for path in (ROLE / "files/wall_wallet").rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]
    folders = {path.parent.relative_to(ROLE / "files") for path in files}
    assert {f"{{{{ wall_wallet_home }}}}/{folder}" for folder in (*folders, "serving")} <= set(current["files"])
    assert {
        f"{{{{ wall_wallet_core }}}}/{folder}" for folder in load("vars/main.yml")["wall_wallet_core_folders"]
    } <= set(current["files"])


def test_the_packages_are_those_of_the_readme() -> None:
    packages = load("tasks/machine.yml")[0]["vars"]["_common_packages"]
    told = (ROLE / "files/README.md").read_text().split("Packages: `")[1].split("`")[0].split()
    assert [name for name in told if f"'{name}'" not in packages] == []


def config(**variables: t.Any) -> dict[str, dict[str, t.Any]]:
    """Return the configuration that the role writes for these variables."""
    return wall_config.config(
        "acme", variables, credentials="", login="", own={"wallet": {}, "wall": {}, "service": {}}
    )


@pytest.mark.parametrize("name", ["fee_base_msat", "fee_ppm"])
def test_the_hubs_fee_limits_are_the_walls(name: str) -> None:
    """Both come from one variable of the inventory; without it, each program has its own default."""
    assert getattr(lndhub.config.Limits(), name) == getattr(wall_wallet.config.HubSettings(url="https://hub"), name)
    assert config(lndhub_limits={name: 5})["hub"][name] == 5


def test_the_wall_waits_longer_than_the_hub() -> None:
    """Without a setting in the inventory the hub has its own default."""
    assert config()["hub"]["pay_timeout"] == lndhub.config.ServiceSettings().answer_within + 30


def test_pages_offer_an_account_where_the_hub_makes_one() -> None:
    """Without a setting in the inventory the hub has its own default."""
    assert config(lndhub_service={"create": lndhub.config.ServiceSettings().create}) == config()
    assert [config(lndhub_service={"create": who})["wallet"]["signup"] for who in ("open", "admin", "closed")] == [
        True,
        False,
        False,
    ]


def test_the_settings_of_the_example_are_the_services() -> None:
    example = yaml.safe_load((ROOT / "inventories/example/group_vars/walls.yml").read_text())
    for section, settings in (("wallet", "WalletSettings"), ("wall", "WallSettings"), ("service", "ServiceSettings")):
        assert set(example.get(f"wall_wallet_{section}", {})) <= set(
            getattr(wall_wallet.config, settings).__dataclass_fields__
        )


def test_the_proxy_listens_with_tls_alone() -> None:
    listens = [line.strip() for line in render("nginx.conf.j2").splitlines() if "listen" in line]
    assert listens == ["listen 192.0.2.14:9444 ssl;", "listen [::1]:9444 ssl;"]


def test_the_proxy_alone_says_who_asks() -> None:
    """nginx drops all headers that a server sets in a location that sets one of its own."""
    server = render("nginx.conf.j2").split("server {")[1]
    said = [line.strip() for line in server.splitlines() if "X-Forwarded-For" in line]
    assert said == ["proxy_set_header X-Forwarded-For $remote_addr;"]
    assert [part for part in server.split("location ")[1:] if "proxy_set_header" in part] == []


def test_the_proxy_lets_readers_wait_and_limits_what_costs() -> None:
    """Each zone that is used is there, and each is used."""
    config = render("nginx.conf.j2")
    zones, used = re.findall(r"limit_req_zone .* zone=(\w+):", config), re.findall(r"limit_req zone=(\w+) ", config)
    assert sorted(zones) == sorted(used) == ["wall_acme_article", "wall_acme_login", "wall_acme_offer"]


def test_the_fence_leaves_the_hub() -> None:
    """The fence lets through all that our own service sends; another service also answers on its port, and cannot open
    connections from it.
    """
    rules = render("fence.nft.j2").split("chain fence {")[1].split("}")[0].split("\n")[1:-1]
    assert [rule.strip() for rule in rules] == ["oif lo tcp dport 8444 accept", "reject"]
    brought = render(
        "fence.nft.j2", wall_wallet_provider="command", wall_wallet_egress=["ip daddr 192.0.2.9 tcp dport 5432 accept"]
    )
    assert "oif lo tcp sport 4001 tcp flags & (syn | ack) != syn accept" in brought
    assert brought.index("ip daddr 192.0.2.9") < brought.index("reject")


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("plain", '"plain"'),
        ("two words", '"two words"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("100%", '"100%%"'),
        ("$HOME", '"$$HOME"'),
    ],
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
    assert render("hosts.j2", wall_wallet_on={"local_name": name}).splitlines()[1:] == lines


def test_the_hub_believes_whom_the_wall_asks_for() -> None:
    """The hub accepts the address only where there is a wall, and only from loopback."""
    proxy = template(COLLECTION / "roles/lndhub/templates/nginx.conf.j2")
    variables = {
        "lndhub_self": {"name": "acme"},
        "lndhub_service": {},
        "lndhub_listen": ["192.0.2.14"],
        "lndhub_port": 8444,
    }
    assert "set_real_ip_from" not in proxy.render(variables)
    behind = proxy.render(variables | {"lndhub_has_wall": True, "lndhub_listen_besides": ["127.0.0.1"]})
    assert [line.strip() for line in behind.splitlines() if "set_real_ip_from" in line] == [
        "set_real_ip_from 127.0.0.1;",
        "set_real_ip_from ::1;",
    ]
    assert "listen 127.0.0.1:8444 ssl;" in behind
