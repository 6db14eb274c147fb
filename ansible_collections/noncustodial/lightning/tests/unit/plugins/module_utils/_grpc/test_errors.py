# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import errors


@pytest.mark.parametrize(("text", "kind"), errors._ERRORS_BY_TEXT)
def test_each_text_is_found_as_lnd_writes_it(text: str, kind: type[errors.CallError]) -> None:
    found = errors.classify("node", "call", "UNKNOWN", f"rpc error: {text}, and more")
    assert found.__class__ is kind


@pytest.mark.parametrize(
    ("status", "detail", "kind"),
    [
        ("UNAVAILABLE", "connection refused", errors.Unreachable),
        ("DEADLINE_EXCEEDED", "Deadline Exceeded", errors.TimedOut),
        ("CANCELLED", "Stream removed (RST_STREAM (Received RST_STREAM with error code 8))", errors.TimedOut),
        ("UNKNOWN", "something new", errors.Failed),
        (
            "UNKNOWN",
            "initial negotiation failed: unable to send funding request message: peer exiting",
            errors.PeerOffline,
        ),
        ("UNKNOWN", "wallet already exists", errors.AlreadyThere),
        ("UNKNOWN", "wallet already unlocked, WalletUnlocker service is no longer available", errors.AlreadyThere),
        ("UNKNOWN", "invalid passphrase for master public key", errors.WrongPassword),
        (
            "INVALID_ARGUMENT",
            "cannot retrieve macaroon: cannot get macaroon: root key with id 7 doesn't exist",
            errors.Denied,
        ),
        (
            "UNKNOWN",
            'caveat "ipaddr 192.0.2.7" not satisfied: macaroon locked to different IP address',
            errors.CaveatUnmet,
        ),
    ],
)
def test_classes(status: str, detail: str, kind: type[errors.CallError]) -> None:
    assert errors.classify("node", "call", status, detail).__class__ is kind


def test_text_names_node_call_status_and_cure() -> None:
    text = str(errors.classify("localhost:10009", "lnrpc.Lightning/GetInfo", "UNAVAILABLE", "connection refused"))
    assert text.startswith(
        "lnd at localhost:10009 answered UNAVAILABLE to lnrpc.Lightning/GetInfo: connection refused. Check that lnd"
        " runs there"
    )
    assert text.endswith(".")
