# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may connect to PostgreSQL: pg_hba.conf as named sections, each written by the role that needs it."""

from __future__ import annotations

import ipaddress
import os
import tempfile
import typing as t

_HEADER = "# Sections are kept by noncustodial.lightning; lines outside of them are removed.\n"
_BEGIN = "# BEGIN "
_END = "# END "


def parse(text: str) -> dict[str, list[str]]:
    """The sections of a pg_hba.conf. A file that is not ours has none."""
    sections: dict[str, list[str]] = {}
    inside = ""
    for line in text.splitlines():
        if line.startswith(_BEGIN):
            inside = line[len(_BEGIN) :]
            sections[inside] = []
        elif line.startswith(_END):
            inside = ""
        elif inside:
            sections[inside].append(line)
    return sections


def render(sections: t.Mapping[str, t.Sequence[str]]) -> str:
    """The file. Sections without a line are left out; the order is that of their names."""
    blocks = ["".join(f"{line}\n" for line in (_BEGIN + name, *sections[name], _END + name)) for name in sorted(sections) if sections[name]]
    return _HEADER + "".join(blocks)


def with_section(text: str, name: str, lines: t.Sequence[str]) -> str:
    """The file with one section replaced."""
    return render({**parse(text), name: lines})


def node_lines(database: str, role: str, addresses: t.Sequence[str]) -> list[str]:
    """One line for each address from which a role may reach a database, by TLS and SCRAM alone."""
    return [f"hostssl {database} {role} {ipaddress.ip_network(address)} scram-sha-256" for address in addresses]


def read(path: str) -> str:
    """The file, or nothing."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def write(path: str, text: str) -> None:
    """Replace the file at once, with owner and mode of the old one."""
    old = os.stat(path)
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".pg_hba.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        os.fchown(handle, old.st_uid, old.st_gid)
        os.fchmod(handle, old.st_mode & 0o777)
        file.write(text)
    os.rename(temporary, path)
