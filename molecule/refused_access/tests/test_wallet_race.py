# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody makes the wallet of an lnd that the role has started, before the role does. What signer-init does then:
tests/real/test_wallet_race.py.
"""

from __future__ import annotations

import json
import typing as t

import pytest
from regtest import Regtest, Run

MACHINE, UNIT, PORT = "signer-acme", "lnd@late.service", 10029
LNDDIR, CONFIG = "/var/lib/lnd/late", "/etc/lnd/late"


@pytest.fixture(autouse=True)
def gone_again(regtest: Regtest) -> t.Iterator[None]:
    """Remove the node afterwards, so that later tests find the machine unchanged."""
    yield
    regtest.sh(
        MACHINE,
        f"systemctl disable --now {UNIT}; rm -rf {LNDDIR} {CONFIG} /etc/credstore.encrypted/lnd@late.*; userdel"
        " lnd-late",
    )


def play(regtest: Regtest, **variables: str) -> Run:
    # As extra variables they are the host's own, from which the node's paths and ports follow.
    late = {"lnd_name": "late", "lnd_port_offset": 20, "lnd_seed_dest": str(regtest.state / "late.age"), **variables}
    return regtest.play(
        "wallet_race", f"--extra-vars={json.dumps(late)}", inventory="acme", folder="molecule/refused_access"
    )


def listens(regtest: Regtest) -> list[str]:
    """Return the addresses at which the node waits for calls."""
    return regtest.sh(
        MACHINE, f"ss --listening --tcp --numeric --no-header 'sport = {PORT}' | awk '{{ print $4 }}'"
    ).split()


def init(regtest: Regtest, **fields: t.Any) -> dict[str, t.Any]:
    """Make a call of WalletUnlocker, as anybody on the machine can."""
    return regtest.call(MACHINE, f"127.0.0.1:{PORT}", f"{LNDDIR}/tls.cert", b"", **fields)


def test_a_strangers_wallet(regtest: Regtest) -> None:
    waits = play(regtest, lnd_seed_recipient="nobody")
    assert "seed_recipient is neither an age key" in waits.text, waits.output
    assert listens(regtest) == [f"127.0.0.1:{PORT}"]
    words = init(regtest, method="lnrpc.WalletUnlocker/GenSeed")["answer"]["cipher_seed_mnemonic"]
    made = init(
        regtest,
        method="lnrpc.WalletUnlocker/InitWallet",
        wallet_password="hex:" + b"of-a-stranger".hex(),
        cipher_seed_mnemonic=words,
    )
    assert made["answer"]["admin_macaroon"]
    refused = play(regtest)
    assert refused.status != 0
    assert (
        "The wallet of late does not open with the password of this machine: somebody else made it" in refused.text
    ), refused.output
    assert f"all that its lnd has must go: remove {LNDDIR}/data, and run again" in refused.text
    assert listens(regtest) == []
    assert not (regtest.state / "late.age").exists()


def test_a_wallet_of_ours_and_one_that_is_lost(regtest: Regtest) -> None:
    made = play(regtest)
    assert made.status == 0, made.output
    assert listens(regtest) == [f"0.0.0.0:{PORT}"]
    (regtest.state / "late.age").unlink()
    regtest.sh(
        MACHINE, f"systemctl stop {UNIT}; rm -r {LNDDIR}/data; systemctl start {UNIT} || true; systemctl stop {UNIT}"
    )
    assert "initialize the wallet before using auto unlocking" in regtest.sh(
        MACHINE, f"journalctl --unit={UNIT} --output=cat --lines=50"
    )
