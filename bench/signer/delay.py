"""A relay between a node and its signer that makes every round trip as much longer as it is told: a process of its own,
because the kernel of the machine may have no netem.

Its argument is the port of loopback to which it forwards; it prints the port on which it listens. For each line of
standard input, a round trip in ms, it prints the times of what the node has sent since the line before, by the clock
that all processes of the machine share. It ends with its standard input.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
import typing as t
from queue import SimpleQueue

_LOOPBACK = "127.0.0.1"

# What a client sends beside requests is shorter, with TLS's 22 bytes: its pings, its answers to pings, and its window
# updates, up to 69 bytes when they go out together; the shortest request of an lnd has 112.
SHORTEST_REQUEST_BYTES = 100


class Relay:
    """Forward connections to a port, each piece after half of a round trip.

    Attributes:
        round_trip: seconds.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self.round_trip = 0.0
        self._sent: list[float] = []
        self._listener = socket.create_server((_LOOPBACK, 0))
        self.port = int(self._listener.getsockname()[1])

    def take_times(self) -> list[float]:
        """Return the times of the requests since the last call."""
        taken, self._sent = self._sent, []
        return taken

    def serve(self) -> None:
        """Accept connections for ever."""
        while True:
            near, _address = self._listener.accept()
            far = socket.create_connection((_LOOPBACK, self._target))
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # The node has been connected at once; over a real distance TCP's handshake would have taken a round trip.
            self._pump(near, far, self._note_request, self.round_trip)
            self._pump(far, near, lambda _received, _data: None, 0.0)

    def _note_request(self, received: float, data: bytes) -> None:
        if len(data) >= SHORTEST_REQUEST_BYTES:
            self._sent.append(received)

    def _pump(
        self, source: socket.socket, sink: socket.socket, note: t.Callable[[float, bytes], None], handshake: float
    ) -> None:
        pieces: SimpleQueue[tuple[float, bytes]] = SimpleQueue()

        def read() -> None:
            wait = handshake
            data = b"first"
            while data:
                try:
                    data = source.recv(65536)
                except OSError:
                    data = b""
                received = time.monotonic()
                note(received, data)
                pieces.put((received + wait + self.round_trip / 2, data))
                wait = 0.0

        def write() -> None:
            while True:
                due, data = pieces.get()
                time.sleep(max(0.0, due - time.monotonic()))
                try:
                    if not data:
                        sink.shutdown(socket.SHUT_WR)
                        return
                    sink.sendall(data)
                except OSError:
                    source.close()
                    return

        for work in (read, write):
            threading.Thread(target=work, daemon=True).start()


class Delay:
    """That process, as the bench holds it.

    Args:
        target: the signer's port at loopback.

    Attributes:
        rpcserver: where it listens.
        pid: its process id.
    """

    def __init__(self, target: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = self._process.pid
        self.rpcserver = f"{_LOOPBACK}:{self._answer()}"

    def _answer(self) -> t.Any:
        assert self._process.stdout is not None  # noqa: S101
        return json.loads(self._process.stdout.readline())

    def set(self, round_trip_ms: float) -> list[float]:
        """Set the round trip from now on; return the times of the requests since the last call."""
        assert self._process.stdin is not None  # noqa: S101
        self._process.stdin.write(f"{round_trip_ms}\n")
        self._process.stdin.flush()
        return t.cast("list[float]", self._answer())

    def stop(self) -> None:
        """End it."""
        self._process.communicate(timeout=10)


def main() -> None:
    relay = Relay(int(sys.argv[1]))
    print(relay.port, flush=True)
    threading.Thread(target=relay.serve, daemon=True).start()
    for line in sys.stdin:
        relay.round_trip = float(line) / 1000
        print(json.dumps(relay.take_times()), flush=True)


if __name__ == "__main__":
    main()
