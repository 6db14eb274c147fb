#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module bitcoind_chain_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bitcoind_chain_info
short_description: Check that a bitcoind follows the same chain as its network
version_added: 0.2.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Reads a bitcoind's program and chain, and returns the problems of both. The caller decides whether a problem is a
    failure.
  - On every network except regtest, any program other than Bitcoin Core is a problem. Bitcoin Knots from 29.3 of May
    2026 on follows other rules (BIP 110), and left Bitcoin's chain at block 961,632.
  - Problems on every network are a branch that this bitcoind refuses as invalid and that is more than six blocks longer
    than its own chain; and, with at least two peers that it has dialled, that most of them are more than six blocks
    ahead, or that no peer knows its newest blocks.
  - On every network except regtest it is also a problem if the newest block is older than four hours. While bitcoind is
    still catching up, neither this nor its peers are a problem.
  - With O(second_sources) the height is compared, and the hash of a settled block, six blocks below the newer of the
    two. Differences in the six newest blocks are ordinary, and are ignored.
  - No answer of a peer or a second source changes anything here. Both can raise a false alarm. If one attacker controls
    all peers, they can hide a problem unless a second source is asked.
extends_documentation_fragment:
  - noncustodial.lightning.attributes.info
options:
  bitcoin_cli:
    description:
      - The command that asks bitcoind, to which the name of a method is added.
      - By default it runs as bitcoind's own user, because the configuration and the cookie that it reads are in a
        directory of that user's.
    type: list
    elements: str
    default: [runuser, --user=bitcoin, --, bitcoin-cli, -datadir=/var/lib/bitcoind]
  second_sources:
    description:
      - URLs with which the chain is compared. A URL is the base of an Esplora API (C(https://HOST/api)), or the REST
        interface of a bitcoind that is not this one (C(http://HOST:8332/rest), with C(rest=1) there).
      - A second source that does not answer is a problem.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds that a second source may take for an answer.
    type: int
    default: 15
"""

EXAMPLES = r"""
- name: Read the problems of this bitcoind's chain
  noncustodial.lightning.bitcoind_chain_info:
    second_sources: [https://explorer.example/api]
  register: chain
  failed_when: chain.problems | length > 0
"""

RETURN = r"""
problems:
  description: One text for each problem, which states what was seen and what to do. Empty if there is none.
  returned: success
  type: list
  elements: str
  sample: []
chain:
  description: The network, in bitcoind's own words.
  returned: success
  type: str
  sample: main
subversion:
  description: The program's name for itself.
  returned: success
  type: str
  sample: /Satoshi:31.1.0/
other_rules:
  description: Rules that are built into the program and are not Bitcoin's.
  returned: success
  type: list
  elements: str
  sample: []
blocks:
  description: Height of the newest block.
  returned: success
  type: int
  sample: 978000
headers:
  description: Height of the newest header.
  returned: success
  type: int
  sample: 978000
bestblockhash:
  description: The hash of the newest block.
  returned: success
  type: str
  sample: 00000000000000000001f2e0c3a1f7fdd7ab2d6e2bb6c4a3bd6ed0c8b3b2a1d0
time:
  description: The time in that block, in unix seconds.
  returned: success
  type: int
  sample: 1795000000
initialblockdownload:
  description: Whether bitcoind is still catching up.
  returned: success
  type: bool
  sample: false
verificationprogress:
  description: The progress of catching up, from 0 to 1.
  returned: success
  type: float
  sample: 0.9999
invalid:
  description: Height of the highest branch that it refuses as invalid, or 0.
  returned: success
  type: int
  sample: 0
peers:
  description: For each peer that it has dialled, the height of the newest header that both know, or -1.
  returned: success
  type: list
  elements: int
  sample: [978000, 978000, 977999]
announced:
  description: The highest such height of all peers, also of those that have dialled, or -1.
  returned: success
  type: int
  sample: 978000
comparisons:
  description: The block at which bitcoind and each second source were compared, and the source's newest height.
  returned: success
  type: list
  elements: dict
  sample:
    - url: https://explorer.example/api
      blocks: 978000
      height: 977994
      ours: 00000000000000000001f2e0c3a1f7fdd7ab2d6e2bb6c4a3bd6ed0c8b3b2a1d0
      theirs: 00000000000000000001f2e0c3a1f7fdd7ab2d6e2bb6c4a3bd6ed0c8b3b2a1d0
"""

import json
import time
import typing as t
from dataclasses import asdict
from http.client import HTTPException
from urllib.error import HTTPError, URLError

from ansible.module_utils.urls import open_url

from ansible_collections.noncustodial.lightning.plugins.module_utils._bitcoind.chain import (
    ChainError,
    SourceError,
    compare,
    problems,
    read_chain,
)
from ansible_collections.noncustodial.lightning.plugins.module_utils._module.frame import Module

# Bytes; a source's answers are shorter.
_MAX_ANSWER_BYTES = 1 << 16


def main() -> None:
    """Run the module."""
    module = Module(
        {
            "bitcoin_cli": {
                "type": "list",
                "elements": "str",
                "default": ["runuser", "--user=bitcoin", "--", "bitcoin-cli", "-datadir=/var/lib/bitcoind"],
            },
            "second_sources": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int", "default": 15},
        }
    )

    def call(*command: str) -> t.Any:
        code, out, err = module.run_command([*module.params["bitcoin_cli"], *command])
        if code != 0:
            raise ChainError(f"bitcoind does not answer to {command[0]}: {err.strip()}")
        # A text is printed as it is, everything else as JSON.
        return json.loads(out) if out.lstrip().startswith(("{", "[")) else out.strip()

    def get(url: str) -> bytes:
        try:
            return t.cast(
                "bytes", open_url(url, timeout=module.params["timeout"], use_netrc=False).read(_MAX_ANSWER_BYTES)
            )
        except (OSError, HTTPException, ValueError) as error:
            # The text beside a status is the server's own, and is not shown.
            said = (
                f"status {error.code}"
                if isinstance(error, HTTPError)
                else error.reason
                if isinstance(error, URLError)
                else error
            )
            raise SourceError(
                f"{url} does not answer: {said}",
                "Check bitcoind_second_sources and the network of bitcoind's machine, or name another",
            ) from error

    def read() -> dict[str, t.Any]:
        chain = read_chain(call)
        comparisons, silent = [], []
        for url in module.params["second_sources"]:
            try:
                comparisons.append(compare(call, get, url, chain))
            except SourceError as error:
                silent.append(str(error))
        return {
            "problems": problems(chain, comparisons, time.time()) + silent,
            "comparisons": [asdict(one) for one in comparisons],
            **asdict(chain),
        }

    module.answer(read)


if __name__ == "__main__":
    main()
