# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of lnd that would have a node with a remote signer make taproot channels, for which its signer would have to give out private keys."""

from __future__ import annotations

import re
import typing as t

from ._node import Node

# The shapes of a node with a remote signer, and of that signer.
_SHAPES = ("watch_only", "signer")
# Feature bits of taproot channels (lnd: lnwire/features.go), which options for bits of one's own switch on as well (lnd: feature/manager.go).
_BITS = frozenset({80, 81, 180, 181, 2025, 2026})
_BIT_OPTIONS = ("custominit", "customnodeann")

Variables = t.Mapping[str, t.Any]


def problems(hostvars: t.Mapping[str, Variables], nodes: t.Mapping[str, Node]) -> t.Iterator[str]:
    """All options of taproot channels in lnd_config of a node with a remote signer or of a signer."""
    for host, one in nodes.items():
        config = hostvars[host].get("lnd_config")
        if one.shape in _SHAPES and isinstance(config, dict):
            for line in _lines(config):
                if _is_taproot(line):
                    yield (
                        f"{host}: lnd_config has {line!r}, and {host} is {one.shape}. For taproot channels a node asks its signer by MuSig2 methods, with "
                        f"which private keys can be computed, so no grant has them. Take it out, also if it is false."
                    )


def _lines(config: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """As they would be in lnd.conf: a list repeats the option, and what has several lines is several."""
    for option, value in config.items():
        for single in value if isinstance(value, list) else [value]:
            yield from f"{option}={single}".splitlines()


def _is_taproot(line: str) -> bool:
    """Whatever the spelling: lnd takes an option by its name and by the name of its field (TaprootChans), and sections leave its name whole."""
    option, _equals, value = line.partition("=")
    name = re.sub(r"[^a-z]", "", option.lower())
    return "taproot" in name or (name.endswith(_BIT_OPTIONS) and not _BITS.isdisjoint(map(int, re.findall(r"[0-9]+", value))))
