# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of lnd with which a node with a remote signer would make taproot channels, for which its signer would
have to reveal private keys.
"""

from __future__ import annotations

import re
import typing as t

from .node import InventoryNode

# The shapes of a node with a remote signer, and of that signer.
_SHAPES = ("watch_only", "signer")
# Feature bits of taproot channels (lnd: lnwire/features.go). Options for custom bits also switch them on (lnd:
# feature/manager.go).
_FEATURE_BITS = frozenset({80, 81, 180, 181, 2025, 2026})
_BIT_OPTIONS = ("custominit", "customnodeann")

# The values with which lnd reports an option that is off (lnd: config.go, configToFlatMap).
_OFF_VALUES = ("false", "[]")

Variables = t.Mapping[str, t.Any]


def problems(hostvars: t.Mapping[str, Variables], nodes: t.Mapping[str, InventoryNode]) -> t.Iterator[str]:
    """Report all options of taproot channels in lnd_config of a node with a remote signer or of a signer."""
    for host, one in nodes.items():
        config = hostvars[host].get("lnd_config")
        if one.shape in _SHAPES and isinstance(config, dict):
            for line in options(config):
                yield (
                    f"{host}: lnd_config has {line!r}, and {host} is {one.shape}. For taproot channels a node asks its"
                    " signer by MuSig2 methods, with which private keys can be computed, so no grant has them. Take it"
                    " out, also if it is false."
                )


def options(config: t.Mapping[str, t.Any]) -> list[str]:
    """Return the lines of an lnd_config that concern taproot channels, whatever their values."""
    return [line for line in _lines(config) if _is_taproot(line)]


def running(config: t.Mapping[str, t.Any]) -> list[str]:
    """Return the taproot options in force in an lnd's reported configuration, which lists every option: one that is off
    as false or as an empty list.
    """
    return options({option: value for option, value in config.items() if str(value) not in _OFF_VALUES})


def _lines(config: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """Return the lines of lnd.conf: a list repeats the option, and a value of several lines makes several lines."""
    for option, value in config.items():
        for single in value if isinstance(value, list) else [value]:
            yield from f"{option}={single}".splitlines()


def _is_taproot(line: str) -> bool:
    """Return whether a line concerns taproot channels, in any spelling: lnd takes an option's or its field's name
    (TaprootChans), whole in any section.
    """
    option, _equals, value = line.partition("=")
    name = re.sub(r"[^a-z]", "", option.lower())
    return "taproot" in name or (
        name.endswith(_BIT_OPTIONS) and not _FEATURE_BITS.isdisjoint(map(int, re.findall(r"[0-9]+", value)))
    )
