# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signer's disk as a cloud starts it: no seed disk, a metadata service that wants a token, the key pair from there,
and the kit as user data.
"""

from __future__ import annotations

import http.client
import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support.image_containers import Login
from ansible_collections.noncustodial.lightning.tests.support.metadata import ADDRESS, Metadata
from ansible_collections.noncustodial.lightning.tests.support.signer_desk import Owner, Provider, user_data
from ansible_collections.noncustodial.lightning.tests.support.virtual import Forwarded, Virtual

pytestmark = pytest.mark.boot

# This host, as the machine sees it there.
PROVIDER = "169.254.0.2"
# How a machine of EC2's knows that it is one.
FIRMWARE = (
    "type=1,manufacturer=Amazon"
    " EC2,serial=ec2abcde-1111-2222-3333-444455556666,uuid=ec2abcde-1111-2222-3333-444455556666"
)
MAC = Forwarded.mac


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Provider:
    return Provider(tmp_path_factory.mktemp("provider"), [PROVIDER])


def tree(key: str, user_data: str) -> dict[str, t.Any]:
    """Return EC2's metadata for a machine with one card."""
    identity = {
        "instanceId": "i-0123456789abcdef0",
        "instanceType": "t3.micro",
        "region": "eu-central-1",
        "privateIp": "169.254.10.15",
    }
    card = {"device-number": "0", "interface-id": "eni-0123456789abcdef0", "mac": MAC, "local-ipv4s": "169.254.10.15"}
    machine = {
        "instance-id": "i-0123456789abcdef0",
        "ami-id": "ami-0123456789abcdef0",
        "instance-type": "t3.micro",
        "hostname": "signer",
        "local-hostname": "signer",
        "local-ipv4": "169.254.10.15",
        "mac": MAC,
        "placement": {"availability-zone": "eu-central-1a", "region": "eu-central-1"},
        "network": {"interfaces": {"macs": {MAC: {**card, "subnet-ipv4-cidr-block": "169.254.0.0/16"}}}},
        "public-keys": {"0": {"openssh-key": key}},
    }
    return {
        "meta-data": machine,
        "dynamic": {"instance-identity": {"document": json.dumps(identity)}},
        "user-data": user_data,
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("machine")


@pytest.fixture(scope="module")
def metadata(folder: Path, provider: Provider) -> t.Iterator[Metadata]:
    made = Metadata(tree(Login(folder).public_key, user_data(provider.kit("acme"), key="")["user-data"]))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def machine(folder: Path, metadata: Metadata) -> t.Iterator[Virtual]:
    made = Virtual(folder, Forwarded(metadata.options, PROVIDER))
    made.start("-smbios", FIRMWARE)
    try:
        yield made
    finally:
        made.power_off()


def test_the_service_tells_nothing_without_a_token(metadata: Metadata) -> None:
    """The positive control: the tests after this one could not pass without a token."""
    for token in ({}, {"X-aws-ec2-metadata-token": "guessed"}):
        connection = http.client.HTTPConnection("127.0.0.1", metadata.port)
        connection.request("GET", "/latest/meta-data/instance-id", headers=token)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (401, b"")
        connection.close()
    metadata.asked.clear()


def test_the_key_pair_lets_in(machine: Virtual) -> None:
    machine.await_login()
    assert machine.run("cloud-id").stdout.strip() == "aws"
    result = json.loads(machine.run("cat", "/run/cloud-init/result.json").stdout)["v1"]
    assert result["datasource"].startswith("DataSourceEc2")
    assert result["errors"] == []


def test_every_answer_had_a_token(machine: Virtual, metadata: Metadata) -> None:
    assert machine.runs()
    assert ("PUT", "/latest/api/token", 200) in metadata.asked
    paths = {
        path.partition("/meta-data/")[2] or path.rpartition("/")[2]
        for method, path, status in metadata.asked
        if status == 200
    }
    assert {"instance-id", "public-keys/0/openssh-key", "user-data"} <= paths
    assert [asked for asked in metadata.asked if asked[2] == 401] == []


def test_the_kit_came_as_user_data(machine: Virtual, provider: Provider, tmp_path: Path) -> None:
    assert json.loads(machine.sudo_cat("/etc/signer/kit.json")) == provider.kit("acme")
    owner = Owner(tmp_path)
    done = machine.run(
        f"sudo signer-init --address {machine.address} --port {machine.rpc_port} --seed-recipient {owner.recipient}"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    provider.check(machine.endpoint, provider.open(machine.sudo_cat, "acme"))


def test_the_closed_machine_still_asks_the_service(machine: Virtual) -> None:
    """Behind its firewall too; without a token it is refused there as well."""
    connect = f"import socket; socket.create_connection(('{ADDRESS}', 80), 5)"
    assert machine.run(f'python3 -c "{connect}"').returncode == 0
    ask = f"import urllib.request; urllib.request.urlopen('http://{ADDRESS}/latest/meta-data/', timeout=10)"
    assert "401" in machine.run(f'python3 -c "{ask}"').stderr
