# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""lndhub COMMAND CONFIG [...]

lndhub serve CONFIG                        run the service
lndhub migrate CONFIG                      bring the database's schema up to date
lndhub check CONFIG                        report whether database, node and signer serve
lndhub reconcile CONFIG                    compare a restored ledger with lnd's records; exit status 0: the ledger is
                                           open, 3: something is unexplained
lndhub assign CONFIG HASH LOGIN [MSAT]     book something unexplained to a user
lndhub acknowledge CONFIG HASH             leave something unexplained as it is
lndhub balances CONFIG                     print what the hub owes each account, as JSON
lndhub pending CONFIG                      list the payments under way over the node, each with lnd's record of it
lndhub end CONFIG HASH failed REASON       end a payment under way that was not made; asks for words
lndhub end CONFIG HASH paid FEE_MSAT REASON    end one that was made; asks for its preimage, and for words
lndhub accept CONFIG REASON                follow an lnd without the earlier history; asks for words

The configuration is a TOML or JSON file without secrets; those are files in $CREDENTIALS_DIRECTORY.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import typing as t
from pathlib import Path

# Before anything that loads PyJWT: it would load this one where it is installed, for algorithms that are not used here,
# 8 MB. Without it, it does with what Python has.
sys.modules.setdefault("cryptography", t.cast("t.Any", None))

from .config import MAX_MSAT, Config, ConfigError, load  # noqa: E402
from .tokens import WeakKey  # noqa: E402


def main(arguments: list[str]) -> int:
    """Run one command, and return its exit status."""
    if len(arguments) < 2 or len(arguments) - 2 not in _COMMANDS.get(arguments[0], (None, ()))[1]:
        print(__doc__, file=sys.stderr)
        return 2
    command, config_file, *more = arguments
    try:
        config = load(Path(config_file))
        # The journal has its own times.
        logging.basicConfig(
            stream=sys.stderr, level=config.service.log_level.upper(), format="%(levelname)s %(name)s: %(message)s"
        )
        return _COMMANDS[command][0](config, *more)
    except (ConfigError, WeakKey) as error:
        print(f"lndhub: {error}", file=sys.stderr)
        return 1


def _serve(config: Config) -> int:
    from serving.server import serve

    from .app import make

    return serve(make(config), config.listen, config.service.concurrency)


def _migrate(config: Config) -> int:
    from . import migrate

    migrate.run(config)
    return 0


def _check(config: Config) -> int:
    """Print of database, schema, node and macaroon whether each serves."""
    from .check import check

    return asyncio.run(check(config))


def _reconcile(config: Config) -> int:
    from . import commands

    return commands.run(commands.reconcile, config)


def _assign(config: Config, payment_hash: str, login: str, msat: str = "0") -> int:
    from . import commands

    wanted, amount = _hash(payment_hash), _msat(msat)
    return commands.run(lambda hub: commands.assign(hub, wanted, login, amount), config)


def _acknowledge(config: Config, payment_hash: str) -> int:
    from . import commands

    wanted = _hash(payment_hash)
    return commands.run(lambda hub: commands.acknowledge(hub, wanted), config)


def _balances(config: Config) -> int:
    from . import commands

    return commands.run(commands.balances, config)


def _pending(config: Config) -> int:
    from . import by_hand, commands

    return commands.run(by_hand.pending, config)


def _end(config: Config, payment_hash: str, outcome: str, *more: str) -> int:
    from . import by_hand, commands

    wanted = _hash(payment_hash)
    if {"failed": 1, "paid": 2}.get(outcome) != len(more):
        raise ConfigError("say failed and a reason, or paid, the fee in msat and a reason")
    *fee, reason = more
    return commands.run(lambda hub: by_hand.end(hub, wanted, outcome, _msat(*fee or ("0",)), _reason(reason)), config)


def _accept(config: Config, reason: str) -> int:
    from . import by_hand, commands

    return commands.run(lambda hub: by_hand.accept(hub, _reason(reason)), config)


def _reason(text: str) -> str:
    if not 1 <= len(text.strip()) <= 1000:
        raise ConfigError("give a reason of 1 to 1000 characters: how you know")
    return text.strip()


def _msat(text: str) -> int:
    amount = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= amount <= MAX_MSAT:
        raise ConfigError(f"{text} is no amount in msat")
    return amount


def _hash(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != 32:
        raise ConfigError(f"{text} is no payment hash: give 64 hexadecimal digits")
    return found


_COMMANDS: dict[str, tuple[t.Callable[..., int], tuple[int, ...]]] = {
    "serve": (_serve, (0,)),
    "migrate": (_migrate, (0,)),
    "check": (_check, (0,)),
    "reconcile": (_reconcile, (0,)),
    "assign": (_assign, (2, 3)),
    "acknowledge": (_acknowledge, (1,)),
    "balances": (_balances, (0,)),
    "pending": (_pending, (0,)),
    "end": (_end, (3, 4)),
    "accept": (_accept, (1,)),
}
"""Each command, with the numbers of further arguments that it takes."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
