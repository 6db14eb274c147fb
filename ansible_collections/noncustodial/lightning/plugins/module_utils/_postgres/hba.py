# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The access rules of PostgreSQL: pg_hba.conf as named sections, each written by the role that needs it."""

from __future__ import annotations

import ipaddress
import os
import tempfile
import typing as t

from .._core.addresses import Network, network

_HEADER = "# Sections are kept by noncustodial.lightning; lines outside of them are removed.\n"
_BEGIN_MARK = "# BEGIN "
_END_MARK = "# END "


def parse(text: str) -> dict[str, list[str]]:
    """Parse a pg_hba.conf into its sections. A file that is not ours has none."""
    sections: dict[str, list[str]] = {}
    inside = ""
    for line in text.splitlines():
        if line.startswith(_BEGIN_MARK):
            inside = line[len(_BEGIN_MARK) :]
            sections[inside] = []
        elif line.startswith(_END_MARK):
            inside = ""
        elif inside:
            sections[inside].append(line)
    return sections


def render(sections: t.Mapping[str, t.Sequence[str]]) -> str:
    """Return the file with these sections, sorted by name. Sections without a line are left out."""
    blocks = [
        "".join(f"{line}\n" for line in (_BEGIN_MARK + name, *sections[name], _END_MARK + name))
        for name in sorted(sections)
        if sections[name]
    ]
    return _HEADER + "".join(blocks)


def with_section(text: str, name: str, lines: t.Sequence[str]) -> str:
    """Return the file with one section replaced."""
    return render({**parse(text), name: lines})


def node_lines(database: str, role: str, addresses: t.Sequence[str]) -> list[str]:
    """Return one line for each address from which a role may reach a database, only with TLS and SCRAM."""
    return [f"hostssl {database} {role} {_network(address)} scram-sha-256" for address in addresses]


def _network(text: str) -> Network:
    """Return an address or network that can be a word of pg_hba.conf.

    Raises:
        ValueError: it is none, or has a zone, which may be any text.
    """
    if network(text) is None:
        raise ValueError(f"{text!r} is no address and no network")
    return ipaddress.ip_network(text)


def read(path: str) -> str:
    """Read the file; return an empty text if there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def write(path: str, text: str) -> None:
    """Replace the file in one step, with owner and mode of the old one."""
    old = os.stat(path)
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".pg_hba.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        os.fchown(handle, old.st_uid, old.st_gid)
        os.fchmod(handle, old.st_mode & 0o777)
        file.write(text)
    os.rename(temporary, path)
