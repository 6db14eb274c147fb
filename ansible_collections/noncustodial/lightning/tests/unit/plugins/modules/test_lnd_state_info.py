# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading
import typing as t
from pathlib import Path

from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import STAYS_OPEN, Call, Fails

GET, SUBSCRIBE = "lnrpc.State/GetState", "lnrpc.State/SubscribeState"
State = dict[str, t.Any]


def states(*names: str) -> list[State]:
    return [{"state": name} for name in names]


def test_present_state_needs_no_macaroon(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(Call(GET, {"state": "LOCKED"}, macaroon=False), macaroon=False)
    result = succeeds("lnd_state_info", **lnd.options)
    assert (result["state"], result["changed"]) == ("LOCKED", False)


def test_follows_the_stream_until_the_state_comes(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(
        Call(SUBSCRIBE, states("WAITING_TO_START", "LOCKED", "UNLOCKED", "RPC_ACTIVE")),
        Call(GET, {"state": "RPC_ACTIVE"}),
    )
    assert succeeds("lnd_state_info", state="RPC_ACTIVE", **lnd.options)["state"] == "RPC_ACTIVE"


def test_a_later_state_will_do(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(Call(SUBSCRIBE, states("SERVER_ACTIVE")), Call(GET, {"state": "SERVER_ACTIVE"}))
    assert succeeds("lnd_state_info", state="NON_EXISTING", **lnd.options)["state"] == "SERVER_ACTIVE"


def test_a_restart_meanwhile_is_waited_over(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(
        Call(SUBSCRIBE, [*states("LOCKED"), Fails("server exiting")]),
        Call(SUBSCRIBE, states("RPC_ACTIVE")),
        Call(GET, {"state": "RPC_ACTIVE"}),
    )
    assert succeeds("lnd_state_info", state="RPC_ACTIVE", **lnd.options)["state"] == "RPC_ACTIVE"


def test_waits_for_the_certificate(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(Call(SUBSCRIBE, states("NON_EXISTING")), Call(GET, {"state": "NON_EXISTING"}))
    certificate = lnd.folder / "tls.cert"
    content = certificate.read_bytes()
    # As lnd leaves it for a moment: the file is there, its content not yet.
    certificate.write_bytes(content[:100])
    later = threading.Timer(0.4, lambda: certificate.write_bytes(content))
    later.start()
    assert succeeds("lnd_state_info", state="NON_EXISTING", **lnd.options)["state"] == "NON_EXISTING"
    later.join()


def test_timeout_names_the_last_state(scripted: t.Any, fails: t.Any) -> None:
    lnd = scripted(Call(SUBSCRIBE, [*states("LOCKED"), STAYS_OPEN]))
    message = fails("lnd_state_info", state="RPC_ACTIVE", wait_timeout=1.5, **lnd.options)
    assert "Waited 1.5 s" in message
    assert "LOCKED" in message


def test_timeout_names_what_was_not_there(tmp_path: Path, fails: t.Any) -> None:
    message = fails("lnd_state_info", lnddir=str(tmp_path), rpcserver="localhost:1", state="LOCKED", wait_timeout=0.1)
    assert f"{tmp_path}/tls.cert" in message


def test_without_a_state_nothing_is_waited_for(tmp_path: Path, fails: t.Any) -> None:
    assert f"There is no file {tmp_path}/tls.cert" in fails("lnd_state_info", lnddir=str(tmp_path))


def test_unknown_state_is_refused(fails: t.Any) -> None:
    assert "value of state must be one of" in fails("lnd_state_info", state="READY")
