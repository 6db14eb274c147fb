# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of the odd site, and its operator."""

from __future__ import annotations

import os
import subprocess

from regtest import ROOT, Node, Regtest, Run

GATEWAY = Node("Gate_Way.3", "gateway", "g")
OWN = Node("Own_Node-10.0.0.4", "own", "own-node-with-28-characters-")
TENANT = Node("Tenant_0815.5", "nodes", "t0815-e-7--with-28-characte1")
SIGNER = Node("Signer_of.0815", "signer", "s")
# The machines on which Ansible works.
MACHINES = ("chain", "database", "gateway", "own", "nodes", "signer")
TENANT_NAME = "0815-e-7--a-tenant-whose-name-has-as-many-characters-as-it-may1"


def play(regtest: Regtest, playbook: str, *options: str, requirements: str = "requirements-oldest.txt") -> Run:
    """Run a published playbook as the operator, with an ansible-core: the tenant's from the tenant's inventory,
    any other as the provider.
    """
    who = "tenant" if playbook == "signer" else "provider"
    command = [
        str(ROOT / "molecule/odd_site/as_operator"),
        str(regtest.state / "desk"),
        requirements,
        "ansible-playbook",
        f"--inventory=molecule/odd_site/{who}",
        *options,
        f"noncustodial.lightning.{playbook}",
    ]
    environment = os.environ | {"TOPOLOGY": regtest.name}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    return Run(done.returncode, done.stdout + done.stderr)
