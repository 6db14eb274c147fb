# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of a wall & wallet (config.json), of which its hub's part is read from the variables of the hub."""

from __future__ import annotations

import typing as t

from .._core import endpoint
from .hub import hub
from .wall import wall

Section = t.Mapping[str, t.Any]

# The hub's limits that wall & wallet must know.
_FEES = ("fee_base_msat", "fee_ppm")


def config(
    host: str, variables: Section, *, credentials: str, login: str, own: t.Mapping[str, Section]
) -> dict[str, dict[str, t.Any]]:
    """Return the sections of the configuration.

    Args:
        host: the inventory name of the node, its hub and its wall & wallet.
        variables: the variables of this host.
        credentials: the directory in which systemd shows the service its credentials.
        login: the account of wall & wallet at the hub.
        own: further settings of the sections wallet, wall and service.
    """
    its, on = wall(host, variables), hub(host, variables)
    limits, service = (variables.get(name) or {} for name in ("lndhub_limits", "lndhub_service"))
    return {
        "hub": {
            "url": f"https://{endpoint.join(on.local_name, on.port)}",
            "ca_file": f"{credentials}/hub.crt",
            "public_url": on.url,
            "pay_timeout": on.payment_timeout,
            **{name: limits[name] for name in _FEES if name in limits},
        },
        "listen": {"socket": its.socket}
        if its.provider == "reference"
        else {"host": "127.0.0.1", "port": its.service_port},
        "wallet": {"signup": service.get("create", "admin") == "open", **own["wallet"]},
        "wall": {"articles": its.articles, "login": login, **own["wall"]},
        "service": {"name": its.name, **own["service"]},
    }
