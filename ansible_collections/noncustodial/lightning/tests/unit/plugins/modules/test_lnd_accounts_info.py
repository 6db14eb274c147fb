# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import Call


def test_accounts(scripted: t.Any, succeeds: t.Any) -> None:
    answer = {
        "accounts": [
            {
                "name": "default",
                "address_type": "TAPROOT_PUBKEY",
                "extended_public_key": "tpubA",
                "derivation_path": "m/86'/0'/0'",
            },
            {
                "name": "act:6",
                "address_type": "WITNESS_PUBKEY_HASH",
                "extended_public_key": "tpubB",
                "derivation_path": "m/1017'/1'/6'",
                "watch_only": True,
            },
            # Single imported keys have neither key nor path.
            {"name": "imported", "address_type": "WITNESS_PUBKEY_HASH"},
        ]
    }
    lnd = scripted(Call("walletrpc.WalletKit/ListAccounts", answer, macaroon=True))
    first, second = succeeds("lnd_accounts_info", **lnd.options)["accounts"]
    assert (first["purpose"], first["coin_type"], first["account"]) == (86, 0, 0)
    assert (first["address_type"], first["watch_only"], first["extended_public_key"]) == (
        "TAPROOT_PUBKEY",
        False,
        "tpubA",
    )
    assert (second["purpose"], second["coin_type"], second["account"]) == (1017, 1, 6)
    assert (second["name"], second["derivation_path"], second["watch_only"]) == ("act:6", "m/1017'/1'/6'", True)
