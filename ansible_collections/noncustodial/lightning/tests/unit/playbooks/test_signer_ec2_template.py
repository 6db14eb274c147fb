# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CloudFormation template makes the same resources as the playbook."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest
import yaml

from ansible_collections.noncustodial.lightning.tests.support.aws import REGION, StandIn
from ansible_collections.noncustodial.lightning.tests.support.aws_sites import (
    WANTED_RULES,
    Site,
    make_private,
    of_a_tenant,
    resources,
)


@pytest.fixture
def tenant(aws: StandIn, tmp_path: Path) -> Site:
    return of_a_tenant(aws, tmp_path)


def test_what_is_refused_to_the_template_is_named(tenant: Site) -> None:
    tenant.aws.fails("ec2:DescribeSubnets", "UnauthorizedOperation", "You are not authorized")
    assert "Allow ec2:DescribeSubnets to the user or role" in tenant.fails(
        "signer_ec2_template", signer_ec2_template=str(tenant.folder / "x")
    )
    assert not (tenant.folder / "x").exists()


def test_template(tenant: Site) -> None:
    """It makes what the playbook makes, and cfn-lint finds no fault."""
    path, private = tenant.folder / "signer.yml", tenant.folder / "private.yml"
    tenant.succeeds("signer_ec2_template", signer_ec2_template=str(path))
    assert all(action.startswith("ec2:Describe") for action in tenant.aws.actions)
    make_private(tenant)
    tenant.succeeds("signer_ec2_template", signer_ec2_template=str(private), signer_ec2_public=False)
    lint = subprocess.run(
        ["cfn-lint", "--regions", REGION, "--", str(path), str(private)], capture_output=True, text=True, check=False
    )
    assert (lint.returncode, lint.stdout) == (0, ""), lint.stdout + lint.stderr
    its = resources(path)
    assert {
        (rule["FromPort"], rule["ToPort"], rule["CidrIp"]) for rule in its["Firewall"]["SecurityGroupIngress"]
    } == WANTED_RULES
    assert its["Firewall"]["SecurityGroupEgress"] == [{"IpProtocol": "-1", "CidrIp": "127.0.0.1/32"}]
    machine = its["Machine"]
    assert (machine["DisableApiTermination"], machine["MetadataOptions"]["HttpTokens"]) == (True, "required")
    (disk,) = machine["BlockDeviceMappings"]
    assert (disk["Ebs"]["Encrypted"], disk["Ebs"]["KmsKeyId"]) == (True, "!GetAtt DiskKey.Arn")
    file, _told = yaml.safe_load(base64.b64decode(machine["UserData"]))["write_files"]
    assert file["content"] == tenant.kit.read_text()
    assert set(its) - set(resources(private)) == {"Address"}
    assert resources(private)["Machine"]["NetworkInterfaces"][0]["AssociatePublicIpAddress"] is False
