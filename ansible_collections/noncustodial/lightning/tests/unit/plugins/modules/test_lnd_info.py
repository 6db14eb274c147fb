# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.noncustodial.lightning.tests.support.scripted_lnd import Call, Fails

LIST, CHECK = "lnrpc.Lightning/ListChannels", "lnrpc.Lightning/VerifyChanBackup"
GET, DEBUG = "lnrpc.Lightning/GetInfo", "lnrpc.Lightning/GetDebugInfo"
NODE = "02" + "ab" * 32


def test_lnds_own_names(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(
        Call(GET, {"identity_pubkey": NODE, "block_height": 7, "chains": [{"network": "regtest"}]}, macaroon=True)
    )
    result = succeeds("lnd_info", **lnd.options)
    assert result["identity_pubkey"] == NODE
    assert result["block_height"] == 7
    assert result["chains"] == [{"network": "regtest"}]
    assert result["synced_to_chain"] is False
    assert result["uris"] == []
    assert result["changed"] is False


def test_sections_of_the_running_configuration(scripted: t.Any, succeeds: t.Any) -> None:
    running = {
        "protocol.wumbo-channels": "false",
        "remotesigner.enable": "true",
        "bitcoind.rpcuser": "acme",
        "protocols": "x",
    }
    lnd = scripted(Call(GET, {"identity_pubkey": NODE}), Call(DEBUG, {"config": running}))
    result = succeeds("lnd_info", config_sections=["protocol", "remotesigner"], **lnd.options)
    assert result["config"] == {"protocol.wumbo-channels": "false", "remotesigner.enable": "true"}
    assert "acme" not in str(result)
    assert "config" not in succeeds("lnd_info", **scripted(Call(GET, {"identity_pubkey": NODE})).options)


def test_channels_that_are_in_no_backup(scripted: t.Any, succeeds: t.Any, tmp_path: t.Any) -> None:
    backup = tmp_path / "channel.backup"
    backup.write_bytes(b"encrypted")
    lnd = scripted(
        Call(GET, {"identity_pubkey": NODE}),
        Call(LIST, {"channels": [{"channel_point": point} for point in ("c:1", "a:0", "b:0")]}),
        Call(CHECK, {"chan_points": ["a:0", "closed:0"]}, {"multi_chan_backup": {"multi_chan_backup": b"encrypted"}}),
    )
    result = succeeds("lnd_info", channel_backup=str(backup), **lnd.options)
    assert result["not_backed_up"] == ["b:0", "c:1"]


def test_a_backup_that_is_not_there(scripted: t.Any, fails: t.Any, tmp_path: t.Any) -> None:
    lnd = scripted(Call(GET, {"identity_pubkey": NODE}), Call(LIST))
    said = fails("lnd_info", channel_backup=str(tmp_path / "channel.backup"), **lnd.options)
    assert f"There is no file {tmp_path}/channel.backup (the channel backup)" in said


def test_waits_until_synced(scripted: t.Any, succeeds: t.Any) -> None:
    lnd = scripted(
        Call(GET, Fails("the RPC server is in the process of starting up, but not yet ready to accept calls")),
        Call(GET, {"block_height": 7}),
        Call(GET, {"block_height": 8, "synced_to_chain": True}),
        Call(GET, {"block_height": 8, "synced_to_chain": True}),
    )
    assert succeeds("lnd_info", synced_to_chain=True, **lnd.options)["synced_to_chain"] is True


def test_timeout_names_the_height(scripted: t.Any, fails: t.Any) -> None:
    lnd = scripted(Call(GET, {"block_height": 7}))
    message = fails("lnd_info", synced_to_chain=True, wait_timeout=0.1, **lnd.options)
    assert "in step with the chain" in message
    assert "block_height=7" in message


def test_revoked_macaroon(scripted: t.Any, fails: t.Any) -> None:
    lnd = scripted(Call(GET, Fails("cannot retrieve macaroon: cannot get macaroon: root key with id 7 doesn't exist")))
    assert "Check that macaroonpath" in fails("lnd_info", **lnd.options)


def test_locked_wallet(scripted: t.Any, fails: t.Any) -> None:
    lnd = scripted(Call(GET, Fails("wallet locked, unlock it to enable full RPC access")))
    assert "Unlock the wallet" in fails("lnd_info", **lnd.options)


def test_certificate_of_another_node(scripted: t.Any, fails: t.Any, tmp_path: t.Any) -> None:
    lnd, other = scripted(), tmp_path / "other.cert"
    other.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert "tlscertpath is the certificate of that node" in fails(
        "lnd_info", **{**lnd.options, "tlscertpath": str(other)}
    )


def test_unknown_option_is_refused(fails: t.Any) -> None:
    assert "Unsupported parameters" in fails("lnd_info", rpc_server="localhost:1")
