# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of an inventory as far as they are known before a role runs. A value may refer to a variable that only
the role has, such as lnd_name where the inventory does not set it, or that only a task has, such as hostvars; nothing
is checked of such a value.
"""

from __future__ import annotations

import collections
import typing as t


class _Unknown:
    """The value of which nothing is known, if it has no other."""

    def __repr__(self) -> str:
        return "not known before a role runs"


UNKNOWN: t.Final = _Unknown()
# What else stands for a setting of which nothing is known.
_NOTHING: dict[str, t.Any] = {
    "lnd_alias": "",
    "lnd_config": {},
    "lnd_bitcoind_host": "",
    "lnd_backup_host": "",
    "lndhub_service": {},
    "bitcoind_config": {},
}
# For a certificate it is enough to know that there is one.
SETTINGS = (*_NOTHING, "lndhub_tls_certificate")
# Those by which a node is described, what else the configuration of a wall & wallet rests on, and by which a hub is
# described; the roles that use such a value read it again.
OF_NODES = ("lnd_bitcoind_host", "lnd_backup_host", "ansible_port", "ansible_ssh_common_args")
OF_WALLS = (*OF_NODES, "lndhub_tls_certificate")
OF_HUBS = (*OF_WALLS, "lndhub_service")

Variables = t.Mapping[str, t.Any]
Undefined = tuple[type[Exception], ...]


def with_known_settings(variables: Variables, undefined: Undefined, names: t.Iterable[str]) -> Variables:
    """Return a host's variables, with only the known values of its settings.

    Args:
        variables: the variables of the host.
        undefined: the errors of a value that refers to a variable which is not there.
        names: the names of the settings.
    """
    known = {name: _known(variables, name, undefined) for name in names if name in variables}
    return collections.ChainMap(
        {name: _NOTHING.get(name, UNKNOWN) if value is UNKNOWN else value for name, value in known.items()},
        t.cast("dict[str, t.Any]", variables),
    )


def _known(holder: t.Any, key: t.Any, undefined: Undefined) -> t.Any:
    """Return a plain copy of what a mapping or list holds, without the parts that are unknown."""
    try:
        value = holder[key]
        if isinstance(value, t.Mapping):
            parts = {str(inner): _known(value, inner, undefined) for inner in value}
            return {inner: part for inner, part in parts.items() if part is not UNKNOWN}
        if isinstance(value, (list, tuple)):
            items = [_known(value, index, undefined) for index in range(len(value))]
            return [item for item in items if item is not UNKNOWN]
        if value is None or isinstance(value, (bool, int, float)):
            return value
        text = str(value)
    except undefined:
        return UNKNOWN
    # Before ansible-core 2.19 it is left as it was written.
    return UNKNOWN if "{{" in text or "{%" in text else text
