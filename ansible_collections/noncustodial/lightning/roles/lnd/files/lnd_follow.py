# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""lnd-follow LNCLI LNDDIR LND_CONF: watch that lnd follows the blocks of its bitcoind, and end when it does not.

bitcoind announces blocks by ZMQ, and answers by RPC. lnd 0.21.3 connects again when a connection for ZMQ is reset. When
nothing comes over it any more, lnd serves, its health checks succeed, and it sees no block, so that neither a channel's
funding nor a fraud is noticed. A start of lnd is the cure: it reads what it has missed by RPC, and connects anew. The
unit of this program makes that start.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import typing as t

# lnd needs seconds for a block; what it has not read after so many looks it does not read.
LOOK_SECONDS = float(os.environ.get("LND_FOLLOW_LOOK", "30"))
LOOKS = 5
ANSWER_SECONDS = 20
BEHIND_STATUS = 75


class Seen(t.NamedTuple):
    """The state of the chain as lnd knows it.

    Attributes:
        tip: the hash of bitcoind's newest block, for which lnd asks by RPC.
        follows: whether lnd has read it; lnd also denies that while the newest block is older than two hours.
        read: the time of the newest block that lnd has read.
    """

    tip: str
    follows: bool
    read: str


def command(lncli: str, lnddir: str, configuration: str) -> list[str]:
    """Return the command that asks lnd for what it knows."""
    port = re.findall(r"^rpclisten=.*:(\d+)$", configuration, re.MULTILINE)[0]
    network = re.findall(r"^bitcoin\.(\w+)=true$", configuration, re.MULTILINE)[0]
    return [lncli, f"--lnddir={lnddir}", f"--network={network}", f"--rpcserver=localhost:{port}", "getinfo"]


def look(asks: list[str]) -> Seen | None:
    """Return what lnd knows; None if it does not answer, which is for others to notice."""
    try:
        done = subprocess.run(asks, check=True, capture_output=True, timeout=ANSWER_SECONDS)
        info = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError):
        return None
    return Seen(info["block_hash"], info["synced_to_chain"], info["best_header_timestamp"])


def behind(looks: t.Iterable[Seen | None]) -> Seen:
    """Return the look at which lnd has read nothing for some time, although bitcoind has a block that it has not read.

    A block that lnd has had, and that only became old, is none. Nothing counts until lnd has followed once since its
    start: one that recovers a wallet reads thousands of blocks between two signs of it, and a start in the middle would
    end the recovery.
    """
    had: str | None = None
    waited: list[Seen] = []
    for seen in looks:
        if seen is None:
            waited = []
        elif seen.follows or had == seen.tip:
            had, waited = seen.tip, []
        elif had is not None:
            waited = [*(one for one in waited if one.read == seen.read), seen]
            if len(waited) == LOOKS:
                return seen
    raise ValueError("nobody looks any more")


def main() -> None:
    """Look from time to time, for as long as lnd follows."""
    lncli, lnddir, path = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        asks = command(lncli, lnddir, file.read())

    def looks() -> t.Iterator[Seen | None]:
        while True:
            yield look(asks)
            time.sleep(LOOK_SECONDS)

    seen = behind(looks())
    print(
        f"lnd has not read a block for {LOOKS * LOOK_SECONDS:.0f} s, and bitcoind has {seen.tip}: what bitcoind"
        " announces by ZMQ does not arrive. lnd is started again, and reads what it has missed. If this comes again,"
        " look at bitcoind's zmqpubrawblock, and at what is between the two.",
        file=sys.stderr,
        flush=True,
    )
    sys.exit(BEHIND_STATUS)


if __name__ == "__main__":
    main()
