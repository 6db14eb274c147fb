# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the hub could run with a configuration: said of each part, before the service is started."""

from __future__ import annotations

import sys

import asyncpg

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import LndError

from . import db
from .config import Config
from .node import Node
from .tokens import Tokens


async def check(config: Config) -> int:
    """0 if all parts serve, else 1."""
    Tokens(config.binary("jwt_key").strip(), config.service)
    good = True

    def say(what: str, problem: object) -> None:
        nonlocal good
        good = good and not problem
        print(f"{what}: {problem or 'ok'}", file=sys.stderr if problem else sys.stdout)

    try:
        connection = await asyncpg.connect(**db.connect_options(config))
        try:
            say("database", None if await connection.fetchval("SELECT to_regclass('progress')") else "there is no schema: run migrate")
        finally:
            await connection.close()
    except (*db.UNREACHABLE, asyncpg.PostgresError) as error:
        say("database", error or type(error).__name__)
    try:
        node = Node(config)
        try:
            await node.info()
            say("node", None)
            await node.sign()
            say("signer", None)
        finally:
            await node.close()
    except (LndError, OSError) as error:
        say("node", error)
    return 0 if good else 1
