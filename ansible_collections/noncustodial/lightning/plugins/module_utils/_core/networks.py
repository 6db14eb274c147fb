# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bitcoin's networks, as lnd names them and its directories."""

from __future__ import annotations

import os

NETWORKS = ("mainnet", "testnet", "testnet4", "signet", "regtest", "simnet")


def chain_directory(lnddir: str, network: str) -> str:
    """Return the directory in which lnd keeps the wallet and the macaroons of a network."""
    return os.path.join(lnddir, "data", "chain", "bitcoin", network)
