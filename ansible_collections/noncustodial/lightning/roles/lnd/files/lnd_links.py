# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""lnd-links LNCLI LNDDIR LND_CONF SIGNER_STATE: connect again to peers whose channels lnd has put out of use.

A signer that starts, or has revoked the grant, answers a request for a signature with an error. lnd 0.21.3 then fails
the link of the channel on both sides, and keeps the connection to the peer; the channel is open, and no payment uses it
until the two connect anew. This program makes that connection once the signer signs again. Both sides then state what
they know of the channel (BOLT 2, channel_reestablish), and nothing that was under way is lost.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import typing as t

LOOK_SECONDS = float(os.environ.get("LND_LINKS_LOOK", "10"))
# A link needs seconds after a connection. What is out of use at so many looks, one after the other, stays so.
LOOKS = 3
# The looks without a further attempt double with each attempt for a peer, up to ten minutes of them.
MOST_LOOKS = 60
ANSWER_SECONDS = 20
GOING_SECONDS = 5
# lnd's name for a channel that is neither being closed nor damaged.
_USABLE = "ChanStatusDefault"


class Idle(t.NamedTuple):
    """A peer that is connected, and a channel with whom is out of use.

    Attributes:
        pubkey: its node id, in hex.
        address: its host:port; empty where it has dialled, and announces none.
    """

    pubkey: str
    address: str


class _Counts:
    """The looks at a peer, counted.

    Attributes:
        idle: the looks, one after the other until now, since the last attempt.
        in_use: the looks, one after the other until now.
        attempts: to connect again, since it was in use for MOST_LOOKS.
    """

    def __init__(self) -> None:
        self.idle = self.in_use = self.attempts = 0


class Node:
    """A node, as lncli reaches it.

    Args:
        lncli: the path of the program.
        lnddir: lnd's directory, which has certificate and macaroon.
        configuration: the text of lnd.conf.
        signer_state: the file in which the watch of the signer keeps what it has seen.
    """

    def __init__(self, lncli: str, lnddir: str, configuration: str, signer_state: str) -> None:
        port = re.findall(r"^rpclisten=.*:(\d+)$", configuration, re.MULTILINE)[0]
        network = re.findall(r"^bitcoin\.(\w+)=true$", configuration, re.MULTILINE)[0]
        self._command = [lncli, f"--lnddir={lnddir}", f"--network={network}", f"--rpcserver=localhost:{port}"]
        self._signer_state = signer_state

    def look(self) -> list[Idle] | None:
        """Return the peers that are idle; None while the signer does not sign, or lnd does not answer."""
        try:
            if not self._signs():
                return None
            inactive = {
                channel["remote_pubkey"]
                for channel in self._ask("listchannels")["channels"]
                if not channel["active"] and channel["chan_status_flags"] == _USABLE
            }
            peers = {one["pub_key"]: one for one in self._ask("listpeers")["peers"]} if inactive else {}
            return [Idle(pubkey, self._address(peers[pubkey])) for pubkey in sorted(inactive & {*peers})]
        except (OSError, subprocess.SubprocessError, ValueError):
            return None

    def connect(self, peer: Idle) -> None:
        """End the connection to a peer, and dial it. A peer without an address dials itself, because it has a channel
        with the node.
        """
        self._ask("disconnect", peer.pubkey)
        if not peer.address:
            return
        # lnd has forgotten by this that it is to stay connected. It ends the connection in the background, and refuses
        # to dial until then; a peer that is connected for all this time has dialled itself.
        end = time.monotonic() + GOING_SECONDS
        while True:
            try:
                self._ask("connect", "--perm", f"{peer.pubkey}@{peer.address}")
            except subprocess.CalledProcessError as error:
                if b"already connected" not in error.stderr:
                    raise
                if time.monotonic() < end:
                    time.sleep(0.2)
                    continue
            return

    def _signs(self) -> bool:
        with open(self._signer_state, encoding="utf-8") as file:
            return bool(json.load(file)["state"] == "ok")

    def _address(self, peer: dict[str, t.Any]) -> str:
        if not peer["inbound"]:
            return str(peer["address"])
        try:
            announced = self._ask("getnodeinfo", peer["pub_key"])["node"]["addresses"]
        except subprocess.CalledProcessError:
            # A peer without a public channel is in no graph.
            return ""
        return str(announced[0]["addr"]) if announced else ""

    def _ask(self, *words: str) -> dict[str, t.Any]:
        done = subprocess.run([*self._command, *words], check=True, capture_output=True, timeout=ANSWER_SECONDS)
        return t.cast("dict[str, t.Any]", json.loads(done.stdout or b"{}"))


class Patience:
    """The decision which idle peers to connect to again, from one look to the next."""

    def __init__(self) -> None:
        self._peers: dict[str, _Counts] = {}

    def due(self, idle: t.Iterable[Idle] | None) -> list[Idle]:
        """Return the peers that have been idle for long enough since they were seen in use, or since the last
        attempt.

        Args:
            idle: what a look has found; None if it could not be known, which proves nothing.
        """
        if idle is None:
            for counts in self._peers.values():
                counts.idle = 0
            return []
        now = {one.pubkey: one for one in idle}
        for pubkey in {*self._peers} - {*now}:
            self._peers[pubkey].idle = 0
            self._peers[pubkey].in_use += 1
            if self._peers[pubkey].in_use >= MOST_LOOKS:
                del self._peers[pubkey]
        found = []
        for pubkey, peer in now.items():
            counts = self._peers.setdefault(pubkey, _Counts())
            counts.idle, counts.in_use = counts.idle + 1, 0
            if counts.idle >= min(LOOKS * 2**counts.attempts, MOST_LOOKS):
                counts.idle, counts.attempts = 0, counts.attempts + 1
                found.append(peer)
        return found


def main() -> None:
    """Look from time to time, for ever."""
    lncli, lnddir, path, signer_state = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        node = Node(lncli, lnddir, file.read(), signer_state)
    patience = Patience()
    while True:
        for peer in patience.due(node.look()):
            print(
                f"a channel with {peer.pubkey} is out of use, although the peer is connected and the signer signs:"
                f" connecting again, {'to ' + peer.address if peer.address else 'by its own dialling'}",
                flush=True,
            )
            try:
                node.connect(peer)
            except subprocess.SubprocessError as error:
                said = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip()
                print(f"not connected: {said or error}; tried again later", file=sys.stderr, flush=True)
        time.sleep(LOOK_SECONDS)


if __name__ == "__main__":
    main()
