# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of lnd and of the firewall, from the very templates of the roles lnd and signer: another run of the roles finds nothing to change."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import jinja2

from .place import NAME, Place, self_node
from .settings import Image, Settings

_MANAGED = "Ansible managed"
_SSH_PORT = 22


def environment(templates: Path) -> jinja2.Environment:
    """Jinja as Ansible uses it for templates, with the two things of Ansible's own that these take."""
    made = jinja2.Environment(  # noqa: S701  # these are configuration files, not HTML
        loader=jinja2.FileSystemLoader(templates), undefined=jinja2.StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    made.tests["match"] = lambda value, pattern: re.match(pattern, value) is not None
    made.filters["flatten"] = _flatten
    return made


def _flatten(value: t.Iterable[t.Any]) -> list[t.Any]:
    return [inner for one in value for inner in (_flatten(one) if isinstance(one, (list, tuple)) else [one])]


EVERYWHERE = ("0.0.0.0",)  # noqa: S104  # who reaches it is said by a firewall, or where a container runs
"""Where lnd listens once there is a wallet."""


def lnd_conf(place: Place, network: str, chosen: Settings, has_wallet: bool, credentials: str) -> str:
    """lnd.conf of a signer that is dialled by the chosen address, and finds its password in that directory.

    Without a wallet it listens to its own machine alone. With one it takes no other, and starts with none but one that this password opens.
    """
    return (
        environment(place.templates)
        .get_template("lnd.conf.j2")
        .render(
            ansible_managed=_MANAGED,
            lnd_name=NAME,
            lnd_alias=NAME,
            lnd_shape="signer",
            lnd_self=self_node(network),
            lnd_network=network,
            lnd_rpc_listen=EVERYWHERE,
            lnd_has_wallet=has_wallet,
            lnd_credentials=credentials,
            lnd_tls_names=[chosen.address],
            lnd_on_chain=False,
            lnd_config={},
        )
    )


def rules(place: Place, kit: t.Mapping[str, t.Any], chosen: Settings, image: Image, serves: bool) -> str:
    """The firewall: the provider of the kit reaches lnd if that serves, the tenant reaches ssh, nobody reaches anything else."""
    return (
        environment(place.templates)
        .get_template("nftables.conf.j2")
        .render(
            ansible_managed=_MANAGED,
            signer_offer=kit,
            signer_serves=serves,
            signer_self=self_node(kit["network"]),
            signer_admin_addresses=chosen.admin_addresses,
            signer_ssh_port=_SSH_PORT,
            signer_egress=image.egress,
        )
    )
