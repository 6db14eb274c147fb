# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server of our services: uvicorn, on a unix socket or a port of loopback, until SIGTERM."""

from __future__ import annotations

import os
import socket
import stat
import typing as t
from pathlib import Path

import uvicorn

from .settings import Listen


def serve(app: t.Any, listen: Listen, concurrency: int) -> int:
    """Serve an ASGI application, and return the exit status.

    Args:
        concurrency: requests at once; further ones are refused.
    """
    options = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        limit_concurrency=concurrency,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=30,
        h11_max_incomplete_event_size=32768,
    )
    server = uvicorn.Server(options)
    listener = _listener(listen)
    try:
        server.run(sockets=[listener])
    finally:
        listener.close()
    return 0 if server.started else 1


def _listener(listen: Listen) -> socket.socket:
    if not listen.socket:
        family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
        # With the protocol named, or asyncio does not see that it is TCP and leaves Nagle's delay on: 40 ms for each
        # answer.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((listen.host, listen.port))
        return listener
    path = Path(listen.socket)
    # A socket is of an earlier run; any other file there is not ours to remove.
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o117)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    return listener
