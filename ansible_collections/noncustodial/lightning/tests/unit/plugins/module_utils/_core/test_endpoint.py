# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host and port as they are written."""

from __future__ import annotations

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core import endpoint
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("signer-acme:10009", "signer-acme", 10009),
        ("signer.example.com:443", "signer.example.com", 443),
        ("192.0.2.7:1", "192.0.2.7", 1),
        ("[2001:db8::7]:10009", "2001:db8::7", 10009),
    ],
)
def test_endpoints(text: str, host: str, port: int) -> None:
    assert endpoint.parse(text) == endpoint.Endpoint(host, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "signer",
        "signer:",
        ":10009",
        "signer:0",
        "signer:65536",
        "2001:db8::7:10009",
        "[signer]:1",
        "a b:1",
        "http://signer:1",
        "-a:1",
        "signer:1\n",
    ],
)
def test_what_is_no_endpoint(text: str) -> None:
    with pytest.raises(InvalidInput):
        endpoint.parse(text)


# What an inventory, a kit's answer or a tenant's bundle may write for one machine, and what gRPC is then given. gRPC
# compares texts: it finds an address of IPv6 in a certificate only in its usual form.
@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("[2001:DB8:0:0::7]:10009", "[2001:db8::7]:10009"),
        ("[0:0:0:0:0:0:0:1]:10009", "[::1]:10009"),
        ("[fd00::0001]:1", "[fd00::1]:1"),
        ("192.0.2.7:10009", "192.0.2.7:10009"),
        ("Signer.example:10009", "Signer.example:10009"),
        ("localhost:10009", "localhost:10009"),
    ],
)
def test_an_address_of_ipv6_has_one_form(text: str, canonical: str) -> None:
    assert endpoint.canonical(text) == canonical
    assert str(endpoint.parse(text)) == canonical


@pytest.mark.parametrize("text", ["[signer]:1", "2001:db8::7", "[::1", "unix:/run/lnd"])
def test_what_is_no_endpoint_is_left_as_it_is(text: str) -> None:
    assert endpoint.canonical(text) == text


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("::ffff:192.0.2.7", "write it as IPv4"),
        ("::ffff:c000:207", "write it as IPv4"),
        ("64:ff9b::c000:207", "NAT64"),
        ("2002:c000:207::1", "6to4"),
        ("2001:0:c000:207::1", "Teredo"),
        ("fe80::7", "is link-local"),
        ("fe80::7%eth0", "is neither a name nor an address"),
        ("2001:db8::7%eth0", "is neither a name nor an address"),
        ("ff02::1", "is multicast"),
        ("::", "is no machine's"),
        ("::192.0.2.7", "is neither global nor unique local"),
        ("fec0::7", "is neither global nor unique local"),
        ("[2001:db8::7]", "is neither a name nor an address"),
        ("2001:db8::7 }", "is neither a name nor an address"),
        ("-a", "is neither a name nor an address"),
    ],
)
def test_hosts_that_cannot_be_dialled(host: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        endpoint.check_host(host)
    with pytest.raises(InvalidInput):
        endpoint.parse(endpoint.join(host, 1))
