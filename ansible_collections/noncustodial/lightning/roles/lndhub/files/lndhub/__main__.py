# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""lndhub serve|migrate|check CONFIG: run the service, bring the database's schema up to date, or check the configuration.

The configuration is a TOML or JSON file without secrets; those are files in $CREDENTIALS_DIRECTORY.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import stat
import sys
import typing as t
from pathlib import Path

from .config import Config, ConfigError, load
from .tokens import WeakKey


def main(arguments: list[str]) -> int:
    """Run one command; gives the exit status."""
    commands = {"serve": _serve, "migrate": _migrate, "check": _check}
    if len(arguments) != 2 or arguments[0] not in commands:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        config = load(Path(arguments[1]))
        # The journal has its own times.
        logging.basicConfig(stream=sys.stderr, level=config.service.log_level.upper(), format="%(levelname)s %(name)s: %(message)s")
        return commands[arguments[0]](config)
    except (ConfigError, WeakKey) as error:
        print(f"lndhub: {error}", file=sys.stderr)
        return 1


def _serve(config: Config) -> int:
    # PyJWT loads it where it is installed, for algorithms that are not used here: 8 MB. Without it, it does with what Python has.
    sys.modules.setdefault("cryptography", t.cast("t.Any", None))
    import uvicorn

    from .app import make

    options = uvicorn.Config(
        make(config),
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        limit_concurrency=config.service.concurrency,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=30,
        h11_max_incomplete_event_size=32768,
    )
    server = uvicorn.Server(options)
    listener = _listener(config)
    try:
        server.run(sockets=[listener])
    finally:
        listener.close()
    return 0 if server.started else 1


def _listener(config: Config) -> socket.socket:
    listen = config.listen
    if not listen.socket:
        family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
        # With the protocol named, or asyncio does not see that it is TCP and leaves Nagle's delay on: 40 ms for each answer.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((listen.host, listen.port))
        return listener
    path = Path(listen.socket)
    # Of an earlier run; whatever else lies there is not ours to remove.
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o117)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    return listener


def _migrate(config: Config) -> int:
    from . import migrate

    migrate.run(config)
    return 0


def _check(config: Config) -> int:
    """Whether database, schema, node and macaroon serve; says each."""
    from .check import check

    return asyncio.run(check(config))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
