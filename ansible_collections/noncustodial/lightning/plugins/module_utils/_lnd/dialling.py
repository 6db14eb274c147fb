# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first stages of every check of an lnd that is somebody else's: is it there, is it the one whose certificate we were given, is its wallet open."""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import typing as t

from . import certificate, document, endpoint, state
from .client import Client, Connection
from .stages import Found

_ENDS_SOON = datetime.timedelta(days=30)

# OpenSSL's codes, X509_V_ERR_*.
_NOT_YET_VALID, _HAS_EXPIRED, _HOST_MISMATCH, _ADDRESS_MISMATCH = 9, 10, 62, 64


class Dialling:
    """One run of these stages. Each may rely on what those before it have left.

    Args:
        dialled: host:port.
        pem: its certificate, or several.
        timeout: seconds that one call may take.
        connections: closes what is opened here.

    Raises:
        InvalidInput: host:port or certificate cannot be used.
    """

    # Without a macaroon; there once the stage tls has passed.
    open: Client

    def __init__(self, dialled: str, pem: str, timeout: float, connections: contextlib.ExitStack) -> None:
        self._dialled, self._pem, self._timeout = dialled, pem, timeout
        self._connections = connections
        self._endpoint = endpoint.parse(dialled)
        self._certificates = certificate.read(pem)

    def stages(self) -> tuple[tuple[str, t.Callable[[], Found]], ...]:
        """All of them, by name."""
        return ("resolve", self.resolve), ("connect", self.connect), ("tls", self.tls), ("wallet", self.wallet)

    def resolve(self) -> Found:
        """Does the name resolve?"""
        try:
            found = socket.getaddrinfo(self._endpoint.host, self._endpoint.port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            return Found("name_not_resolved", f"{self._endpoint.host} does not resolve ({getattr(error, 'strerror', None) or error})")
        return Found("ok", ", ".join(dict.fromkeys(str(entry[4][0]) for entry in found)))

    def connect(self) -> Found:
        """Does TCP open?"""
        try:
            with self._dial() as connection:
                return Found("ok", f"{connection.getpeername()[0]} port {self._endpoint.port}")
        except ConnectionRefusedError:
            return Found("refused", f"port {self._endpoint.port} of {self._endpoint.host} refuses connections")
        except OSError as error:
            return Found(
                "unreachable", f"no connection to port {self._endpoint.port} of {self._endpoint.host} ({error.strerror or 'timed out'})"
            )

    def tls(self) -> Found:
        """Is it the pinned certificate, with the dialled name, in date?"""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=self._pem)
        context.set_alpn_protocols(["h2"])
        try:
            with self._dial() as plain, context.wrap_socket(plain, server_hostname=self._endpoint.host) as secure:
                served = secure.getpeercert(binary_form=True)
        except ssl.SSLCertVerificationError as error:
            return self._wrong_certificate(error)
        except OSError as error:
            return Found("not_tls", f"the TLS handshake failed ({getattr(error, 'reason', None) or error})")
        pinned = next((one for one in self._certificates if one.der == served), None)
        if pinned is None:
            return Found("certificate_differs", "the certificate served is only signed by the pinned one")
        # Just the one that was served: where several of one name are given, as after a renewal, gRPC looks at the first only.
        connection = Connection(self._dialled, ssl.DER_cert_to_PEM_cert(pinned.der).encode(), None, self._timeout)
        self.open = self._connections.enter_context(Client(connection))
        seen = f"pinned certificate {pinned.fingerprint[:16]}, valid until {pinned.ends:%Y-%m-%d}"
        return Found("certificate_ends_soon" if pinned.ends < document.now() + _ENDS_SOON else "ok", seen)

    def _wrong_certificate(self, error: ssl.SSLCertVerificationError) -> Found:
        if error.verify_code in (_HOST_MISMATCH, _ADDRESS_MISMATCH):
            return Found(
                "certificate_name", f"the certificate does not have {self._endpoint.host}; it has {certificate.listed(self._certificates)}"
            )
        if error.verify_code in (_NOT_YET_VALID, _HAS_EXPIRED):
            return Found("certificate_expired", f"the certificate is not valid at this time ({error.verify_message})")
        pinned = ", ".join(one.fingerprint[:16] for one in self._certificates)
        return Found("certificate_differs", f"the certificate served is not the pinned one, SHA-256 {pinned}… ({error.verify_message})")

    def wallet(self) -> Found:
        """Is the wallet there and open? This needs no macaroon."""
        found = state.read_state(self.open)
        reasons = {"NON_EXISTING": "wallet_missing", "LOCKED": "wallet_locked", "RPC_ACTIVE": "ok", "SERVER_ACTIVE": "ok"}
        return Found(reasons.get(found, "wallet_starting"), f"the wallet's state is {found}")

    def _dial(self) -> socket.socket:
        return socket.create_connection((self._endpoint.host, self._endpoint.port), timeout=self._timeout)
