# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""wall_wallet serve|check CONFIG: run the service, or check whether it could run with this configuration.

The configuration is a TOML or JSON file without secrets; those are files in $CREDENTIALS_DIRECTORY.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

from serving.settings import ConfigError

from .config import Config, load


def main(arguments: list[str]) -> int:
    """Run one command, and return its exit status."""
    commands = {"serve": _serve, "check": _check}
    if len(arguments) != 2 or arguments[0] not in commands:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        config = load(Path(arguments[1]))
        # The journal has its own times.
        logging.basicConfig(
            stream=sys.stderr, level=config.service.log_level.upper(), format="%(levelname)s %(name)s: %(message)s"
        )
        # It would write every request's address, payment hashes among them.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        return commands[arguments[0]](config)
    except ConfigError as error:
        print(f"wall_wallet: {error}", file=sys.stderr)
        return 1


def _serve(config: Config) -> int:
    from serving.server import serve

    from .app import make

    return serve(make(config), config.listen, config.service.concurrency)


def _check(config: Config) -> int:
    """Print whether the hub answers and accepts the wall's account, and whether each article can be read."""
    from .check import check

    return asyncio.run(check(config))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
