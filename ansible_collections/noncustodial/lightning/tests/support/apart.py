# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network of its own for one daemon, whose packets can be dropped, as behind a firewall or a switch that failed."""

from __future__ import annotations

import subprocess
import typing as t
import uuid

# For measurements of networks (RFC 2544): nobody routes them.
_NET = "198.18"


class Apart:
    """A network namespace with one link to this machine.

    Attributes:
        name: of the namespace.
        address: of what runs there.
    """

    def __init__(self) -> None:
        number = uuid.uuid4().int
        self.name = f"ncl-{number % 16**8:08x}"
        net = f"{_NET}.{number % 251}.{4 * (number % 63)}".rpartition(".")
        here, self.address = (f"{net[0]}.{int(net[2]) + one}" for one in (1, 2))
        self._link = self.name
        _run("ip", "netns", "add", self.name)
        try:
            _run("ip", "link", "add", self._link, "type", "veth", "peer", "name", "inside", "netns", self.name)
            _run("ip", "address", "add", f"{here}/30", "dev", self._link)
            _run("ip", "link", "set", self._link, "up")
            for arguments in (
                ("address", "add", f"{self.address}/30", "dev", "inside"),
                ("link", "set", "inside", "up"),
                ("link", "set", "lo", "up"),
            ):
                _run("ip", "-netns", self.name, *arguments)
        except BaseException:
            self.remove()
            raise

    @property
    def path(self) -> str:
        """The namespace, as podman wants it."""
        return f"/run/netns/{self.name}"

    def drop(self) -> None:
        """Drop each packet of the link, in both directions; nobody is told."""
        self._nft("add table inet cut")
        for hook in ("input", "output"):
            self._nft(f"add chain inet cut {hook} {{ type filter hook {hook} priority 0; }}")
            self._nft(f"add rule inet cut {hook} meta iifname != lo meta oifname != lo drop")

    def let_through(self) -> None:
        """Let packets through again."""
        self._nft("delete table inet cut")

    def _nft(self, rule: str) -> None:
        _run("ip", "netns", "exec", self.name, "nft", rule)

    def remove(self) -> None:
        """Remove the namespace, and the link with it."""
        _run("ip", "netns", "delete", self.name)


def _run(*arguments: str) -> t.Any:
    done = subprocess.run(arguments, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr}"
    return done
