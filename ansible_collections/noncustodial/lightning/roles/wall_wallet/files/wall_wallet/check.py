# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of a configuration, part by part, before the service is started with it."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path

from . import articles
from .config import Config
from .hub import Account, Away, HubClient, Refused


async def check(config: Config) -> int:
    """Print of each part whether it serves; return 0 if all do, else 1."""
    good = True

    def say(part: str, problem: object) -> None:
        nonlocal good
        good = good and not problem
        print(f"{part}: {problem or 'ok'}", file=sys.stderr if problem else sys.stdout)

    try:
        hub = HubClient(config.hub)
    except (OSError, ssl.SSLError) as error:
        say("hub", f"{config.hub.ca_file}: {error}")
        return 1
    try:
        if config.wall.articles:
            await Account(hub, (config.wall.login, config.hub_password)).balance()
        else:
            await hub.ask("GET", "/balance")
        say("hub", None)
    except Refused as error:
        # That is the right answer to a request without a token.
        say("hub", error if config.wall.articles else None)
    except Away as error:
        say("hub", error)
    finally:
        await hub.close()
    if config.wall.articles:
        try:
            paths = [path for path in sorted(Path(config.wall.articles).iterdir()) if path.suffix in (".md", ".html")]
        except OSError as error:
            say("articles", error)
            return 1
        for path in paths:
            try:
                articles.read(path)
                say(f"article {path.name}", None)
            except articles.Unreadable as error:
                say(f"article {path.name}", error)
    return 0 if good else 1
