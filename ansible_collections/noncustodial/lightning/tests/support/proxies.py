# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxies of hub and wall: their configuration as the roles write it, and nginx that runs with it."""

from __future__ import annotations

import socket
import subprocess
import typing as t
import uuid
from pathlib import Path

import jinja2

from ansible_collections.noncustodial.lightning.tests.support.certificates import make_certificate
from ansible_collections.noncustodial.lightning.tests.support.daemons import chain_image, until
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION
from ansible_collections.noncustodial.lightning.tests.support.templates import template

_NGINX_CONF = """
daemon off;
user root;
events {{ worker_connections 512; }}
http {{
    access_log off;
    include {folder}/site.conf;
}}
"""


def hub_site(**variables: t.Any) -> str:
    """Return the configuration of a hub's proxy."""
    given = {
        "lndhub_self": {"name": "acme", "config": "/etc/lndhub/acme"},
        "lndhub_service": {},
        "lndhub_listen": ["192.0.2.14", "::1"],
        "lndhub_port": 8444,
        "lndhub_metrics_addresses": [],
        "lndhub_upstream": "unix:/run/lndhub/acme/http",
    }
    return template(COLLECTION / "roles/lndhub/templates/nginx.conf.j2").render({**given, **variables})


def wall_file(name: str, **variables: t.Any) -> str:
    """Return the text of one of the templates of wall & wallet."""
    given = {
        "wall_wallet_self": {
            "name": "acme",
            "user": "web-acme",
            "unit": "wall-container-acme",
            "config": "/etc/wall_wallet/acme",
        },
        "wall_wallet_on": {"port": 8444, "config": "/etc/lndhub/acme"},
        "wall_wallet_provider": "reference",
        "wall_wallet_service_port": 4001,
        "wall_wallet_egress": [],
        "wall_wallet_listen": ["192.0.2.14", "::1"],
        "wall_wallet_port": 9444,
        "wall_wallet_upstream": "unix:/run/wall-wallet/acme/http",
    }
    path = COLLECTION / "roles/wall_wallet/templates" / name
    return template(path, jinja2.StrictUndefined, keep_trailing_newline=True).render({**given, **variables})


class Proxy:
    """nginx with one site, in a container on the host's network.

    Args:
        folder: for its files; the site's certificate is there.
        site: the configuration.
        port: on which the site listens, at loopback.
    """

    def __init__(self, folder: Path, site: str, port: int) -> None:
        self.name, self.port = f"ncl-real-{uuid.uuid4().hex[:8]}", port
        for name, content in zip(("tls.crt", "tls.key"), make_certificate(), strict=True):
            (folder / name).write_bytes(content)
        (folder / "site.conf").write_text(site)
        (folder / "nginx.conf").write_text(_NGINX_CONF.format(folder=folder))
        command = ["podman", "run", "--detach", "--name", self.name, "--network", "host", f"--volume={folder}:{folder}"]
        command += [chain_image(), "nginx", "-c", str(folder / "nginx.conf")]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        until("nginx", self._answers)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            state = subprocess.run(["podman", "logs", self.name], check=True, capture_output=True, text=True)
            assert "[emerg]" not in state.stderr, state.stderr
            return False
        return True

    def stop(self) -> None:
        """Stop it, and remove its container."""
        subprocess.run(["podman", "rm", "--force", "--time", "0", self.name], check=True, stdout=subprocess.DEVNULL)
