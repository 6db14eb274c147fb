# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies for AWS, made from the recorded calls. The docs contain them, and tests compare."""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.noncustodial.lightning.tests.support.paths import ROOT

DOCS = ROOT / "docs/aws.md"

# What AWS asks for beside the calls themselves. No call of ours has these names, so that no test can see them.
IMPLIED_ACTIONS = {
    "provider": set[str](),
    "builder": set[str](),
    # Things that are tagged when they are made; a disk that is encrypted with a key of one's own when it is made.
    "tenant": {
        "ec2:CreateTags",
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
        "kms:TagResource",
    },
}


def policy(who: str, actions: t.Iterable[str]) -> dict[str, t.Any]:
    """Return the policy for a person who makes these calls."""
    needed = sorted({*actions, *IMPLIED_ACTIONS[who]})
    services = sorted({action.partition(":")[0] for action in needed})
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": service.capitalize(),
                "Effect": "Allow",
                "Action": [action for action in needed if action.startswith(f"{service}:")],
                "Resource": "*",
            }
            for service in services
        ],
    }


def check(who: str, actions: t.Iterable[str]) -> None:
    """Check that the docs have this policy, and no other."""
    wanted = policy(who, actions)
    found = re.search(rf"<!-- policy: {who} -->\n+```json\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert found, f"{DOCS} has no policy for the {who}. It is:\n{json.dumps(wanted, indent=2)}"
    assert json.loads(found[1]) == wanted, (
        f"{DOCS} has another policy for the {who} than its calls need. It is:\n{json.dumps(wanted, indent=2)}"
    )
