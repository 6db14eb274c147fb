# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tunnel in a kit and in the bundle that answers it."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import bundle, kit, node_bundle
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import Refused
from ansible_collections.noncustodial.lightning.tests.support import bundles
from ansible_collections.noncustodial.lightning.tests.support.bundles import PROVIDER_END, SIGNER_END, TUNNEL_KEY

KIT = bundles.tunnelled_kit()


def paths(found: t.Iterable[t.Any]) -> list[str]:
    return [problem.path for problem in found]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"endpoint": "provider.example:51820"}, "tunnel.endpoint"),
        ({"endpoint": "192.0.2.14"}, "tunnel.endpoint"),
        ({"endpoint": "127.0.0.1:51820"}, "tunnel.endpoint"),
        ({"endpoint": "0.0.0.0:51820"}, "tunnel.endpoint"),
        ({"endpoint": "224.0.0.1:51820"}, "tunnel.endpoint"),
        ({"endpoint": "192.0.2.14:51820 accept; #"}, "tunnel.endpoint"),
        ({"endpoint": "192.0.2.14:51820\nPostUp = reboot"}, "tunnel.endpoint"),
        ({"endpoint": "[2001:db8::14%x\nPostUp = reboot]:51820"}, "tunnel.endpoint"),
        ({"endpoint": "192.0.2.14:51820\n"}, "tunnel.endpoint"),
        # nft reads this port as octal, and WireGuard as decimal.
        ({"endpoint": "192.0.2.14:04567"}, "tunnel.endpoint"),
        ({"endpoint": "[192.0.2.14]:51820"}, "tunnel.endpoint"),
        ({"endpoint": "[2001:DB8::14]:51820"}, "tunnel.endpoint"),
        ({"public_key": "mine"}, "tunnel.public_key"),
        ({"public_key": f"{bundles.kit()['age_recipient']}"}, "tunnel.public_key"),
        ({"public_key": f"{TUNNEL_KEY}\nEndpoint = 192.0.2.66:1"}, "tunnel.public_key"),
        # Somebody's in the Internet, whose packets would go to the provider.
        ({"signer_address": "2001:db8::7"}, "tunnel.signer_address"),
        ({"signer_address": "192.0.2.7"}, "tunnel.signer_address"),
        ({"signer_address": "fd00:1::2/64"}, "tunnel.signer_address"),
        ({"signer_address": "FD00:1::2"}, "tunnel.signer_address"),
        ({"signer_address": "fd00:1:0::2"}, "tunnel.signer_address"),
        ({"signer_address": "fc00::2"}, "tunnel.signer_address"),
        ({"signer_address": "::"}, "tunnel.signer_address"),
        # A zone, which Python takes and has again in the address's text.
        ({"signer_address": "fd00:1::2%eth0"}, "tunnel.signer_address"),
        ({"signer_address": "fd00:1::2%x\nPostUp = touch pwned\n#"}, "tunnel.signer_address"),
        ({"signer_address": "fd00:1::2\n"}, "tunnel.signer_address"),
        ({"signer_address": " fd00:1::2"}, "tunnel.signer_address"),
        ({"signer_address": "fd00:1::2\u00a0"}, "tunnel.signer_address"),
        ({"signer_address": PROVIDER_END}, "tunnel.signer_address"),
        ({"signer_address": 7}, "tunnel.signer_address"),
        ({"preshared_key": TUNNEL_KEY}, "tunnel.preshared_key"),
        ({"provider_address": "fd00:2::1"}, "provider_addresses"),
    ],
)
def test_tunnels_that_are_refused(changes: dict[str, t.Any], path: str) -> None:
    assert paths(kit.validate({**KIT, "tunnel": {**KIT["tunnel"], **changes}})) == [path]


@pytest.mark.parametrize("name", KIT["tunnel"])
def test_a_tunnel_is_whole(name: str) -> None:
    cut = {key: value for key, value in KIT["tunnel"].items() if key != name}
    assert paths(kit.validate({**KIT, "tunnel": cut})) == [f"tunnel.{name}"]


@pytest.mark.parametrize("value", [None, [], "on", True])
def test_a_tunnel_is_an_object(value: t.Any) -> None:
    assert paths(kit.validate({**KIT, "tunnel": value})) == ["tunnel"]


@pytest.mark.parametrize("zone", ["%x", "%x\nPostUp = touch pwned\n#"])
def test_no_end_has_a_zone(zone: str) -> None:
    """The addresses are written into files that root executes."""
    end = PROVIDER_END + zone
    changed = {**KIT, "provider_addresses": [end], "tunnel": {**KIT["tunnel"], "provider_address": end}}
    assert paths(kit.validate(changed)) == ["tunnel.provider_address", "provider_addresses[0]"]
    host = f"[{SIGNER_END}{zone}]"
    assert problems(endpoint=f"{host}:10009") == ["endpoint"]


def test_only_the_providers_end_is_let_in() -> None:
    for entries in (["192.0.2.14"], [PROVIDER_END, "192.0.2.14"], ["fd00:1::/64"]):
        assert paths(kit.validate({**KIT, "provider_addresses": entries})) == ["provider_addresses"]


def test_the_tunnel_is_compared() -> None:
    """Whoever changes one of its values becomes the provider, or takes the tenant's packets."""
    assert kit.validate(KIT) == []
    seen = {kit.fingerprint(bundles.kit(provider_addresses=KIT["provider_addresses"])), kit.fingerprint(KIT)}
    for name in KIT["tunnel"]:
        seen.add(kit.fingerprint({**KIT, "tunnel": {**KIT["tunnel"], name: "another"}}))
    assert len(seen) == 6


@pytest.mark.parametrize("host", ["signer.example", "203.0.113.74", "fd00:1::3", PROVIDER_END])
def test_the_signer_is_dialled_at_its_end(host: str) -> None:
    kit.check_address(KIT, SIGNER_END, "")
    with pytest.raises(Refused, match="the signer's end of the tunnel"):
        kit.check_address(KIT, host, "")


def problems(**changes: t.Any) -> list[str]:
    """Return the paths of the problems of a bundle that answers the kit, but for the certificate of the tests."""
    given = bundles.good(KIT, endpoint=f"[{SIGNER_END}]:10009", tunnel_public_key=bundles.OTHER_TUNNEL_KEY) | changes
    given = {name: value for name, value in given.items() if value is not ...}
    found = paths(bundle.validate(given, bundle.Terms(KIT, bundles.NOW)))
    return [path for path in found if path != "certificate"]


def test_a_bundle_has_the_key_of_the_signers_end() -> None:
    assert problems() == []
    assert problems(tunnel_public_key=...) == ["tunnel_public_key"]
    assert problems(tunnel_public_key="mine") == ["tunnel_public_key"]
    assert problems(tunnel_public_key=None) == ["tunnel_public_key"]
    assert problems(tunnel_public_key=TUNNEL_KEY) == ["tunnel_public_key"]


@pytest.mark.parametrize("host", ["signer-acme", "192.0.2.7", "[fd00:1::3]", f"[{PROVIDER_END}]"])
def test_a_bundle_has_the_address_of_the_signers_end(host: str) -> None:
    assert problems(endpoint=f"{host}:10009") == ["endpoint"]


def test_without_a_tunnel_there_is_no_key() -> None:
    given = bundles.good(tunnel_public_key=TUNNEL_KEY)
    assert paths(bundle.validate(given, bundle.Terms(bundles.kit(), bundles.NOW))) == ["tunnel_public_key"]


def test_the_key_is_shown() -> None:
    given = bundles.good(KIT, tunnel_public_key=bundles.OTHER_TUNNEL_KEY)
    assert bundle.summary(given, node_bundle.KINDS["watch_only"])["tunnel_public_key"] == bundles.OTHER_TUNNEL_KEY
