# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address that lnd compares with the caveats of a macaroon: by IPv4, by IPv6 and with another machine between."""

from __future__ import annotations

import contextlib
import typing as t

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.endpoint import join
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.errors import CaveatUnmet
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import macaroon
from ansible_collections.noncustodial.lightning.tests.support.daemons import free_port
from ansible_collections.noncustodial.lightning.tests.support.relay import Relay
from ansible_collections.noncustodial.lightning.tests.support.signers import Signer, make_signer

pytestmark = pytest.mark.lnd


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[tuple[Signer, dict[str, Client]]]:
    """A signer, and the ways to it: by IPv4, by IPv6 (an lnd that listens at [::] serves only that), and by IPv6
    through something that dials it by IPv4, as a translator of addresses or a proxy does.
    """
    port = free_port("::1")
    signer = make_signer(tmp_path_factory.mktemp("caveats") / "acme", f"--rpclisten=[::]:{port}")
    relay = Relay(signer.port, "::1")
    endpoints = {"IPv4": signer.lnd.rpcserver, "IPv6": join("::1", port), "relay": join("::1", relay.port)}
    certificate = signer.lnd.credentials()[0]
    with contextlib.ExitStack() as connections:
        yield (
            signer,
            {
                way: connections.enter_context(Client(Connection(dialled, certificate)))
                for way, dialled in endpoints.items()
            },
        )
    relay.stop()
    signer.lnd.stop()


@pytest.mark.parametrize(
    ("way", "caveats", "holds"),
    [
        ("IPv4", ["ipaddr 127.0.0.1"], True),
        ("IPv4", ["ipaddr ::ffff:127.0.0.1"], True),
        ("IPv4", ["ipaddr 127.0.0.2"], False),
        ("IPv4", ["ipaddr ::1"], False),
        ("IPv4", ["iprange 127.0.0.0/24"], True),
        ("IPv4", ["iprange 127.0.0.200/24"], True),
        ("IPv4", ["iprange 192.0.2.0/24"], False),
        # All must hold, so that two addresses allow nobody.
        ("IPv4", ["ipaddr 127.0.0.1", "ipaddr 127.0.0.2"], False),
        ("IPv6", ["ipaddr ::1"], True),
        ("IPv6", ["ipaddr 0:0:0:0:0:0:0:1"], True),
        ("IPv6", ["ipaddr 2001:db8::1"], False),
        ("IPv6", ["ipaddr 127.0.0.1"], False),
        ("IPv6", ["iprange ::/64"], True),
        ("IPv6", ["iprange 2001:db8::/64"], False),
        # lnd sees the one in between, whoever dials that.
        ("relay", ["ipaddr ::1"], False),
        ("relay", ["ipaddr 127.0.0.1"], True),
        # What is no address allows nobody.
        ("IPv4", ["ipaddr localhost"], False),
        ("IPv4", ["iprange 127.0.0.1"], False),
        ("IPv4", ["time-before 2100-01-01T00:00:00Z"], True),
        ("IPv4", ["time-before 2100-01-01T00:00:00.5+02:00"], True),
        ("IPv4", ["time-before 2020-01-01T00:00:00Z"], False),
        ("IPv4", ["time-before 2100-01-01"], False),
    ],
)
def test_caveats(ways: tuple[Signer, dict[str, Client]], way: str, caveats: list[str], holds: bool) -> None:
    signer, clients = ways
    holder = clients[way].authorised(macaroon.decode(signer.target().macaroon).attenuated(*caveats).encode())
    if holds:
        assert holder.call("verrpc.Versioner/GetVersion").version
    else:
        with pytest.raises(CaveatUnmet):
            holder.call("verrpc.Versioner/GetVersion")
