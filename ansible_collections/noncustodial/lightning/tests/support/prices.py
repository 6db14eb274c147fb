# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of costs at AWS: prices of the example inventory, computed by the estimate before a launch. The docs
contain it, and a test compares.
"""

from __future__ import annotations

import re
import typing as t

import moto.ec2.models.instance_types
import yaml

from ansible_collections.noncustodial.lightning.plugins.module_utils._aws import costs, launch
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import Refused
from ansible_collections.noncustodial.lightning.tests.support.paths import ROOT

DOCS = ROOT / "docs/aws.md"
INSTANCE_TYPES = ("t3a.micro", "t3.micro", "t3a.small", "t3.small", "t3.nano", "t2.micro", "t4g.micro")
IMAGE = {"Architecture": "x86_64"}


def prices() -> tuple[t.Mapping[str, t.Any], str]:
    """Return the prices of the example inventory, and their date."""
    inventory = yaml.safe_load((ROOT / "inventories/signer_aws/group_vars/signers_ec2.yml").read_text())
    return inventory["signer_ec2_prices"], inventory["signer_ec2_prices_date"]


def row(kind: str) -> str:
    """Return the docs' line for a kind of machine. Memory, processor and TPM are AWS's own values, of which moto has a
    copy.
    """
    machine = moto.ec2.models.instance_types.INSTANCE_TYPES[kind]
    known, _date = prices()
    memory, tpm = machine["MemoryInfo"]["SizeInMiB"], machine["NitroTpmSupport"]
    try:
        launch.check_machine(IMAGE, machine, kind)
    except Refused as error:
        return f"| {kind} | {memory} MiB | {tpm} | no: {error.what} | | |"
    each = [costs.monthly(known, kind, 4, public) for public in (True, False)]
    everything = " | ".join(f"{sum(parts.values()):.2f}" for parts in each)
    return f"| {kind} | {memory} MiB | {tpm} | {each[0]['machine']:.2f} | {everything} |"


def table() -> str:
    """Return the table, with its sources."""
    known, date = prices()
    head = (
        f"Prices: {date}. {known['currency']} a month of {costs.HOURS_OF_MONTH} hours, before tax, with a disk of 4"
        " GiB.\n\n| kind | memory | NitroTPM | machine | with all the rest | without a public address |\n| --- | --- |"
        " --- | --- | --- | --- |\n"
    )
    return head + "\n".join(map(row, INSTANCE_TYPES)) + "\n"


def check() -> None:
    """Check that the docs have this table, and no other."""
    found = re.search(r"<!-- costs -->\n\n(.*?)\n<!-- end of costs -->", DOCS.read_text(), re.DOTALL)
    assert found, f"{DOCS} has no table of costs. It is:\n{table()}"
    assert found[1] == table(), f"{DOCS} has another table of costs than the prices give. It is:\n{table()}"
