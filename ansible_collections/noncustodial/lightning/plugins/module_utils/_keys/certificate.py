# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS certificates as lnd keeps them: PEM, one or several in one file, each its own trust anchor.

lnd and Python's ssl take them in this form. gRPC's C core sees only the first of several with one subject, so a channel
is given one.
"""

from __future__ import annotations

import datetime
import ipaddress
import re
import typing as t
from dataclasses import dataclass

from .._core.endpoint import Endpoint
from .._core.errors import InvalidInput
from .._core.printable import printable

IMPORT_ERROR: ImportError | None = None
try:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
except ImportError as missing:
    IMPORT_ERROR = missing

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The content of one certificate.

    Attributes:
        names: DNS names.
        addresses: IP addresses.
        begins: not valid before this.
        ends: not valid after this.
        fingerprint: SHA-256, hexadecimal.
        der: the certificate itself.
    """

    names: tuple[str, ...]
    addresses: tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, ...]
    begins: datetime.datetime
    ends: datetime.datetime
    fingerprint: str
    der: bytes

    def covers(self, endpoint: Endpoint) -> bool:
        """Return whether a client that dials this endpoint finds its name or address in the certificate (RFC 6125: a
        wildcard is one whole first label).
        """
        if endpoint.address is not None:
            return endpoint.address in self.addresses
        wanted = endpoint.host.rstrip(".").lower()
        return any(name in (wanted, "*." + wanted.partition(".")[2]) for name in map(str.lower, self.names))


def read(pem: str) -> tuple[Certificate, ...]:
    """Read the certificates of a PEM text, in its order.

    Raises:
        InvalidInput: there is none, one cannot be read, or something else is among them.
    """
    blocks = _BLOCK.findall(pem)
    if not blocks or _BLOCK.sub("", pem).strip():
        raise InvalidInput("is not a PEM file of certificates only")
    try:
        return tuple(_certificate(x509.load_pem_x509_certificate(block.encode())) for block in blocks)
    except (
        ValueError,
        UnsupportedAlgorithm,
        x509.DuplicateExtension,
        x509.InvalidVersion,
        x509.UnsupportedGeneralNameType,
    ) as error:
        raise InvalidInput(f"holds a certificate that cannot be read ({printable(str(error))})") from error


def problem(certificates: t.Sequence[Certificate], endpoint: Endpoint, now: datetime.datetime) -> str | None:
    """Return the reason why none of the certificates can serve at that endpoint now; None if one can."""
    if any(one.covers(endpoint) and one.begins <= now < one.ends for one in certificates):
        return None
    covering = [one for one in certificates if one.covers(endpoint)]
    if not covering:
        return (
            f"has not the dialled {'name' if endpoint.address is None else 'address'} {endpoint.host}; it has"
            f" {listed(certificates)}"
        )
    last = max(covering, key=lambda one: one.ends)
    return (
        f"has expired on {last.ends:%Y-%m-%d %H:%M} UTC"
        if last.ends <= now
        else f"is not valid before {last.begins:%Y-%m-%d %H:%M} UTC"
    )


def listed(certificates: t.Sequence[Certificate]) -> str:
    """Return all names and addresses of the certificates for a message, printable because the certificate's maker has
    chosen them.
    """
    return (
        printable(", ".join(dict.fromkeys(str(name) for one in certificates for name in (*one.names, *one.addresses))))
        or "no name at all"
    )


def _certificate(parsed: t.Any) -> Certificate:
    try:
        names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    return Certificate(
        names=tuple(names.get_values_for_type(x509.DNSName)),
        addresses=tuple(
            address for address in names.get_values_for_type(x509.IPAddress) if hasattr(address, "max_prefixlen")
        ),
        begins=_utc(parsed, "not_valid_before"),
        ends=_utc(parsed, "not_valid_after"),
        fingerprint=parsed.fingerprint(hashes.SHA256()).hex(),
        der=parsed.public_bytes(serialization.Encoding.DER),
    )


def _utc(parsed: t.Any, name: str) -> datetime.datetime:
    """Return a date of the certificate. cryptography before 42 (Debian 12) has it only without a time zone; newer
    versions deprecate that.
    """
    if hasattr(parsed, f"{name}_utc"):
        return t.cast("datetime.datetime", getattr(parsed, f"{name}_utc"))
    return t.cast("datetime.datetime", getattr(parsed, name)).replace(tzinfo=datetime.UTC)
