# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""lndhub serve|migrate|check CONFIG: run the service, bring the database's schema up to date, or check the configuration.

The configuration is a TOML or JSON file without secrets; those are files in $CREDENTIALS_DIRECTORY.
"""

from __future__ import annotations

import asyncio
import logging
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
    from serving.server import serve

    from .app import make

    return serve(make(config), config.listen, config.service.concurrency)


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
