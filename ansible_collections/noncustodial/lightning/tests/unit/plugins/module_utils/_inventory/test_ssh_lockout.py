# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An administrator of a machine is not locked out."""

from __future__ import annotations

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._inventory.ssh_lockout import ssh_admitted

FROM = "198.51.100.7 50022 203.0.113.74 22"


@pytest.mark.parametrize(
    ("connection", "networks", "port", "admitted"),
    [
        (FROM, ["198.51.100.0/24"], 22, True),
        (FROM, ["192.0.2.1", "198.51.100.7"], 22, True),
        (FROM, ["198.51.100.99/24"], 22, True),
        (FROM, ["0.0.0.0/0"], 22, True),
        (FROM, ["192.0.2.0/24"], 22, False),
        (FROM, [], 22, False),
        # At another port than the one that the firewall opens.
        (FROM, ["198.51.100.0/24"], 2222, False),
        ("2001:db8::7 50022 2001:db8::74 22", ["0.0.0.0/0"], 22, False),
        ("2001:db8::7 50022 2001:db8::74 22", ["0.0.0.0/0", "::/0"], 22, True),
        ("2001:db8::7 50022 2001:db8::74 22", ["2001:db8::/64"], 22, True),
        ("2001:db8::7 50022 2001:db8::74 22", ["2001:DB8:0:0::7"], 22, True),
        ("2001:db8:1::7 50022 2001:db8::74 22", ["2001:db8::/64", "198.51.100.0/24"], 22, False),
        (FROM, ["::/0"], 22, False),
        ("fe80::7%enp1s0 50022 fe80::74%enp1s0 22", ["0.0.0.0/0"], 22, False),
        ("fe80::7%enp1s0 50022 fe80::74%enp1s0 22", ["0.0.0.0/0", "::/0"], 22, True),
        # A range is nftables' own, and not judged here.
        (FROM, ["198.51.100.1-198.51.100.9"], 22, True),
        # Inventories and command lines bring numbers as texts.
        ("198.51.100.7 50022 203.0.113.74 2222", ["198.51.100.0/24"], "2222", True),
        # From the machine itself, as at the end of a tunnel; and not over the network at all (OpenSSH: canohost.c).
        ("127.0.0.1 50022 127.0.0.1 22", ["192.0.2.0/24"], 22, True),
        ("::1 50022 ::1 22", ["192.0.2.0/24"], 22, True),
        ("UNKNOWN 65535 UNKNOWN 65535", ["192.0.2.0/24"], 22, True),
        (" 0 /run/x 0", ["192.0.2.0/24"], 22, True),
        # No login over ssh.
        ("", ["192.0.2.0/24"], 22, True),
        ("\n", ["192.0.2.0/24"], 22, True),
    ],
)
def test_whether_a_login_would_be_let_in_again(
    connection: str, networks: list[str], port: int | str, admitted: bool
) -> None:
    assert ssh_admitted(connection, networks, port) is admitted
