# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PSBTs (BIP 174) of one input, made by bitcoind, with fields of that input added: requests to a signer by any holder
of its grant.
"""

from __future__ import annotations

import base64
import typing as t

from ansible_collections.noncustodial.lightning.tests.support.daemons import Bitcoind

# Types of an input's fields.
PARTIAL_SIG_TYPE, SIGHASH_TYPE = b"\x02", b"\x03"
NONE_ANYONECANPAY = (0x82).to_bytes(4, "little")

_FEE_BTC = 0.0001
_MAGIC = b"psbt\xff"


class Coin:
    """A confirmed output to one key.

    Args:
        bitcoind: who pays it.
        key: with its origin, as in a descriptor.
        bitcoin: how much.
    """

    def __init__(self, bitcoind: Bitcoind, key: str, bitcoin: float) -> None:
        self._bitcoind, self._bitcoin = bitcoind, bitcoin
        self._descriptor = bitcoind.call("getdescriptorinfo", f"wpkh({key})")["descriptor"]
        self._address = bitcoind.call("deriveaddresses", self._descriptor)[0]
        self._transaction = bitcoind.call("sendtoaddress", self._address, bitcoin)
        bitcoind.mine(1)

    def spent_to(self, address: str, fields: t.Mapping[bytes, bytes]) -> bytes:
        """Return a PSBT that pays the coin to an address, with fields of its input added."""
        outputs = self._bitcoind.call("gettransaction", self._transaction, True, True)["decoded"]["vout"]
        output = next(one["n"] for one in outputs if one["scriptPubKey"].get("address") == self._address)
        made = self._bitcoind.call(
            "createpsbt", [{"txid": self._transaction, "vout": output}], [{address: round(self._bitcoin - _FEE_BTC, 8)}]
        )
        whole = base64.b64decode(self._bitcoind.call("utxoupdatepsbt", made, [self._descriptor]))
        # The input's map follows that of the transaction, which has one field and an end mark.
        length = len(_MAGIC) + 2
        assert whole[: length + 1] == _MAGIC + b"\x01\x00" + whole[length : length + 1]
        begin = length + 1 + whole[length] + 1
        added = b"".join(bytes([len(key)]) + key + bytes([len(value)]) + value for key, value in fields.items())
        return whole[:begin] + added + whole[begin:]


def signature(bitcoind: Bitcoind, psbt: bytes, key: str) -> bytes:
    """Return the signature by a public key, which is in hexadecimal."""
    decoded = bitcoind.call("decodepsbt", base64.b64encode(psbt).decode())
    return bytes.fromhex(decoded["inputs"][0]["partial_signatures"][key])


def finalized(bitcoind: Bitcoind, psbt: bytes) -> str:
    """Return the transaction, in hexadecimal, once all signatures are there."""
    final = bitcoind.call("finalizepsbt", base64.b64encode(psbt).decode())
    assert final["complete"], final
    return str(final["hex"])
