# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The units of all roles: systemd, which is root, reads their credentials only where no service can put a link."""

from __future__ import annotations

import re

import jinja2

from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.hub import hub
from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.node import node
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION

ROLES = COLLECTION / "roles"
CREDENTIAL = re.compile(r'LoadCredential(?:Encrypted)?="?[^:\n]+:([^"\n]+)"?')
# Directories of root's; a bare name is looked for in systemd's own, which are also root's.
OF_ROOT = re.compile(r"/etc/(lnd|lndhub|credstore\.encrypted)/|[^/]+$")
VARIABLES = {
    "lnd_self": node("acme", {}),
    "lnd_credentials": "/run/credentials/lnd@acme.service",
    "wall_wallet_on": hub("acme", {}),
    "wall_wallet_sealed": "/etc/credstore.encrypted/wall-wallet@acme",
}


def test_no_credential_is_read_from_a_directory_of_a_service() -> None:
    paths = [
        jinja2.Template(found[1].replace("$sealed", "/etc/credstore.encrypted/lndhub@acme"), trim_blocks=True).render(
            name="x", **VARIABLES
        )
        for file in sorted(ROLES.rglob("*"))
        if file.is_file() and file.suffix in (".j2", "") and file.parent.name in ("templates", "files")
        for found in CREDENTIAL.finditer(file.read_text())
    ]
    assert len(paths) > 15, paths
    assert [path for path in paths if not OF_ROOT.match(path)] == []
