# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of a configuration, part by part, before the service is started with it."""

from __future__ import annotations

import sys

import asyncpg

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import LightningError

from . import db
from .config import Config
from .node import Node, SettledHtlc
from .signer import Signer
from .tokens import Tokens


async def check(config: Config) -> int:
    """Print of each part whether it serves; return 0 if all do, else 1."""
    Tokens(config.binary("jwt_key").strip(), config.service)
    good = True

    def say(part: str, problem: object) -> None:
        nonlocal good
        good = good and not problem
        print(f"{part}: {problem or 'ok'}", file=sys.stderr if problem else sys.stdout)

    try:
        connection = await asyncpg.connect(**db.connect_options(config))
        try:
            say(
                "database",
                (
                    None
                    if await connection.fetchval("SELECT to_regclass('progress')")
                    else "there is no schema: run migrate"
                ),
            )
        finally:
            await connection.close()
    except (*db.UNREACHABLE_ERRORS, asyncpg.PostgresError) as error:
        say("database", error or type(error).__name__)
    try:
        node = Node(config)
        try:
            await node.info()
            say("node", None)
            state = Signer(config.node.signer_state).state()
            if not state:
                await node.sign()
            await node.htlc_end(SettledHtlc(chan_id=0, index=0, amount_msat=0, expires=0))
            say("receipts", None)
            say("signer", None if state in ("", "ok") else f"{state}, see the journal of the node's lnd-signer@")
        finally:
            await node.close()
    except (LightningError, OSError) as error:
        say("node", error)
    return 0 if good else 1
