# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.noncustodial.lightning.plugins.filter.signer_keys import FilterModule
from ansible_collections.noncustodial.lightning.tests.support.bundles import accounts, wallets

signer_keys = FilterModule().filters()["signer_keys"]


def test_keys() -> None:
    keys = signer_keys(accounts())
    assert len(keys) == 259
    assert keys["m/1017'/1'/6'/0/0"] == wallets()["regtest"]["node_id"]


@pytest.mark.parametrize("account", [{}, {"purpose": 84, "coin_type": 0, "account": 0, "xpub": "tpub"}])
def test_no_account(account: dict[str, object]) -> None:
    with pytest.raises(AnsibleFilterError, match="is not as in a bundle"):
        signer_keys([account])
