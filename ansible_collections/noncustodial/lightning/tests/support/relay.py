# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TCP relay on loopback between two daemons, which can stop to forward, and can reset its connections."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import typing as t


class Relay:
    """Forward connections to a port of loopback.

    Args:
        target: the port, at 127.0.0.1.
        loopback: the address at which it listens.

    Attributes:
        port: where it listens.
    """

    def __init__(self, target: int, loopback: str = "127.0.0.1") -> None:
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        family = socket.AF_INET6 if ":" in loopback else socket.AF_INET
        listener = socket.create_server((loopback, 0), family=family)
        self.port = int(listener.getsockname()[1])
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay")
        self._thread.start()
        self._forwards = self._do(self._event())
        self._server: asyncio.Server = self._do(asyncio.start_server(self._serve, sock=listener))

    @staticmethod
    async def _event() -> asyncio.Event:
        event = asyncio.Event()
        event.set()
        return event

    def _do(self, work: t.Coroutine[t.Any, t.Any, t.Any]) -> t.Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers.add(there_writer)
        for source, sink in ((reader, there_writer), (there_reader, writer)):
            task = asyncio.ensure_future(self._pump(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                await self._forwards.wait()
                sink.write(data)
                await sink.drain()
        sink.close()

    def hold(self) -> None:
        """Forward nothing any more; connections stay."""
        self._loop.call_soon_threadsafe(self._forwards.clear)

    def release(self) -> None:
        """Forward again."""
        self._loop.call_soon_threadsafe(self._forwards.set)

    def reset(self) -> None:
        """Reset all connections; new ones are served."""
        self._do(self._reset())

    async def _reset(self) -> None:
        for writer in self._writers:
            if writer.transport.is_closing():
                continue
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        self._writers.clear()

    def stop(self) -> None:
        """Stop it."""
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        ending = [*self._writers]
        await self._reset()
        for task in [*self._tasks]:
            task.cancel()
        closed = (writer.wait_closed() for writer in ending)
        await asyncio.gather(*self._tasks, *closed, return_exceptions=True)
