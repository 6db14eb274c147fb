# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of values with which lnd or bitcoind would not start. The role writes them into the configuration of a
node that runs, and restarts it. A value may be a secret, and is not in a text.
"""

from __future__ import annotations

import ast
import difflib
import re
import typing as t
import unicodedata

from . import preflight_taproot
from .lnd_options import CHOICES, KINDS, VERSION
from .node import ELSEWHERE_SHAPES, InventoryNode

_ALIAS_BYTES = 32
# A quotation as Go reads it (strconv.Unquote), by which lnd.conf can quote a value.
_QUOTED = re.compile(r'"([^"\\]|\\([abfnrtv"\\]|x[0-9a-fA-F]{2}|[0-7]{3}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}))*"')
_NO_QUOTATION = 'a value begins with ", and lnd takes that for a quotation, which ends with another one: take it out.'
_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")
_RECEIPTS_OPTION = "store-final-htlc-resolutions"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")
_BITCOIND_NAME = re.compile(r"[a-z][a-z0-9]*")

# Forms as Go reads them. An underscore may separate digits, and a number may have a base of its own.
_DIGITS, _HEX = "[0-9](_?[0-9])*", "[0-9a-fA-F](_?[0-9a-fA-F])*"
_WHOLE = rf"(0|[1-9](_?[0-9])*|0[xX]_?{_HEX}|0[bB](_?[01])+|0[oO]?(_?[0-7])+)"
_DECIMAL = rf"({_DIGITS}\.?({_DIGITS})?|\.{_DIGITS})([eE][+-]?{_DIGITS})?"
_HEXADECIMAL = rf"0[xX]_?({_HEX}\.?({_HEX})?|\.{_HEX})[pP][+-]?{_DIGITS}"
_FORMS = {
    "switch": (re.compile(r"|1|t|T|TRUE|true|True|0|f|F|FALSE|false|False"), "true or false"),
    "whole": (re.compile(f"[+-]?{_WHOLE}"), "a whole number"),
    "natural": (re.compile(_WHOLE), "a whole number from 0 on"),
    "fraction": (re.compile(f"[+-]?({_DECIMAL}|{_HEXADECIMAL}|(?i:inf|infinity))|(?i:nan)"), "a number"),
    "duration": (
        re.compile(r"[+-]?(0|(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)"),
        "a time with its unit, such as 10s, 5m or 1h30m; lnd knows no days",
    ),
}

Variables = t.Mapping[str, t.Any]
HostVars = t.Mapping[str, Variables]


def problems(hostvars: HostVars, nodes: t.Mapping[str, InventoryNode], bitcoinds: t.Iterable[str]) -> t.Iterator[str]:
    """Report all values with which lnd or bitcoind would not start.

    Args:
        hostvars: the variables of every host.
        nodes: all lnd nodes, by host.
        bitcoinds: the hosts of bitcoind.
    """
    for host, one in nodes.items():
        if one.shape in ELSEWHERE_SHAPES:
            continue
        variables = hostvars[host]
        # By default it is the node's name, which has its own form.
        for flaw in _alias_flaws(str(variables.get("lnd_alias", ""))):
            yield f"{host}: lnd_alias {flaw}"
        config = variables.get("lnd_config") or {}
        if not isinstance(config, t.Mapping):
            yield f"{host}: lnd_config must be options of lnd.conf with their values."
            continue
        # Those of taproot channels have a check of their own, in any spelling.
        others = {option: value for option, value in config.items() if not preflight_taproot.options({option: value})}
        for option, value in others.items():
            for flaw in _option_flaws(str(option), value, one.version):
                yield f"{host}: lnd_config, {option}: {flaw}"
    for host in bitcoinds:
        config = hostvars[host].get("bitcoind_config") or {}
        if not isinstance(config, t.Mapping):
            yield f"{host}: bitcoind_config must be options of bitcoin.conf with their values."
            continue
        for option, value in config.items():
            for flaw in _bitcoind_flaws(str(option), value):
                yield f"{host}: bitcoind_config, {option}: {flaw}"


def _alias_flaws(value: str) -> t.Iterator[str]:
    """Report what lnd refuses of an alias, and control characters."""
    alias = _read(value)
    if alias is None:
        yield _NO_QUOTATION
        return
    size = len(alias.encode())
    if size > _ALIAS_BYTES:
        yield f"has {size} bytes, and lnd takes at most {_ALIAS_BYTES}: shorten it. A letter with an accent has two."
    if any(unicodedata.category(character) == "Cc" for character in alias):
        yield "has control characters, such as the end of a line: take them out."


def _option_flaws(option: str, value: object, version: str) -> t.Iterator[str]:
    if not _NAME.fullmatch(option):
        yield "is no name of an option of lnd. Write it as lnd --help lists it, without the hyphens before it."
        return
    name = option.lower()
    kind = KINDS.get(name)
    # lnd takes an option by the name of its field too, which has neither of these.
    if kind is None and version == VERSION and re.search("[.-]", name):
        near = difflib.get_close_matches(name, KINDS, n=1, cutoff=0.85)
        if near:
            yield f"lnd {VERSION} lists no such option, and would not start. Did you mean {near[0]}?"
    for written in _texts(value):
        text = _read(written)
        if "\n" in written or "\r" in written:
            yield "a value has several lines. To repeat an option, make its value a list."
        elif name == "alias":
            yield from _alias_flaws(written)
        elif text is None:
            yield _NO_QUOTATION
        elif name == _RECEIPTS_OPTION and text != "true":
            yield "must be true, as the role sets it: a hub books only what lnd knows to have come. Take it out."
        elif name == "color" and not _COLOR.fullmatch(text):
            yield "must be a colour as #RRGGBB; quote it in YAML, where # begins a comment."
        elif kind == "choice" and text not in CHOICES[name]:
            yield f"must be one of {', '.join(CHOICES[name])}."
        elif kind in _FORMS and not _FORMS[kind][0].fullmatch(text):
            yield f"must be {_FORMS[kind][1]}."


def _read(written: str) -> str | None:
    """Return a value as lnd reads it from lnd.conf, without blanks around it and without quotation marks. If it only
    begins like a quotation, return None.
    """
    text = written.strip()
    if not text.startswith('"'):
        return text
    if not _QUOTED.fullmatch(text):
        return None
    # Python has all escapes of Go. Go refuses characters that Unicode does not have.
    try:
        return str(ast.literal_eval(text)).encode().decode()
    except (SyntaxError, ValueError):
        return None


def _bitcoind_flaws(option: str, value: object) -> t.Iterator[str]:
    if not _BITCOIND_NAME.fullmatch(option):
        yield "is no name of an option of bitcoind. Write it as bitcoind -help lists it, without the hyphen before it."
    for text in _texts(value):
        if "\n" in text or "\r" in text:
            yield "a value has several lines. To repeat an option, make its value a list."
        # In any other option bitcoind takes what follows for a comment.
        elif "#" in text and "rpcpassword" in option:
            yield "a value has a #, with which bitcoind does not start: take it out."


def _texts(value: object) -> t.Iterator[str]:
    """Return the values of an option as they are in a configuration file, where a list repeats it."""
    if isinstance(value, (list, tuple)):
        for one in value:
            yield from _texts(one)
    else:
        yield str(value).lower() if isinstance(value, bool) else str(value)
