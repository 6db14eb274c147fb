# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.noncustodial.lightning.plugins.lookup.signer_grant import LookupModule
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys.grant import PERMISSIONS


def test_it_gives_what_the_checks_demand() -> None:
    assert LookupModule().run([]) == list(PERMISSIONS)
    assert len(set(PERMISSIONS)) == 4
    assert all(permission.startswith("uri:/") for permission in PERMISSIONS)
