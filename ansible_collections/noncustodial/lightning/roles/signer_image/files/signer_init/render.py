# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of lnd and of the firewall, made from the templates of the roles lnd and signer, so that the roles
find nothing to change.
"""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import jinja2

from ansible_collections.noncustodial.lightning.plugins.module_utils._core import endpoint

from .place import NAME, Place, self_node
from .settings import Image, Settings

_SSH_PORT = 22


def environment(templates: Path) -> jinja2.Environment:
    """Return Jinja with the options that Ansible sets, and with Ansible's one test and the two filters that these
    templates use.
    """
    made = jinja2.Environment(  # these are configuration files, not HTML  # noqa: S701
        loader=jinja2.FileSystemLoader(templates),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    made.tests["match"] = lambda value, pattern: re.match(pattern, value) is not None
    made.filters["flatten"] = _flatten
    made.filters["noncustodial.lightning.host_port"] = endpoint.join
    return made


def _flatten(value: t.Iterable[t.Any]) -> list[t.Any]:
    return [inner for one in value for inner in (_flatten(one) if isinstance(one, (list, tuple)) else [one])]


def listens(kit: t.Mapping[str, t.Any]) -> tuple[str, ...]:
    """Return the addresses on which lnd listens once there is a wallet: all of each kind that the kit's provider has. A
    firewall decides who reaches it, or the host of a container, which may have no IPv6.
    """
    return ("0.0.0.0", *(("::",) if any(":" in one for one in kit["provider_addresses"]) else ()))  # noqa: S104


def lnd_conf(place: Place, kit: t.Mapping[str, t.Any], settings: Settings, has_wallet: bool, credentials: str) -> str:
    """Return lnd.conf of a signer that is dialled at the chosen address, and reads its password from the directory of
    credentials.

    Without a wallet lnd listens only on loopback. With one it does not make another, and starts only with a wallet that
    this password opens.
    """
    return (
        environment(place.templates)
        .get_template("lnd.conf.j2")
        .render(
            lnd_name=NAME,
            lnd_alias=NAME,
            lnd_shape="signer",
            lnd_self=self_node(kit["network"]),
            lnd_network=kit["network"],
            lnd_rpc_listen=listens(kit),
            lnd_has_wallet=has_wallet,
            lnd_credentials=credentials,
            lnd_tls_names=[settings.address],
            lnd_on_chain=False,
            lnd_config={},
        )
    )


def rules(
    place: Place,
    kit: t.Mapping[str, t.Any],
    settings: Settings,
    image: Image,
    serves: bool,
    revoked: bool = False,
) -> str:
    """Return the firewall's rules: the kit's provider reaches lnd if that serves, the tenant reaches ssh, and nobody
    reaches anything else. If the grant is revoked, the provider's open connections end too.
    """
    return (
        environment(place.templates)
        .get_template("nftables.conf.j2")
        .render(
            signer_offer=kit,
            signer_serves=serves,
            signer_revoked=revoked,
            signer_self=self_node(kit["network"]),
            signer_admin_addresses=settings.ssh_networks,
            signer_ssh_port=_SSH_PORT,
            signer_egress=image.egress,
        )
    )
