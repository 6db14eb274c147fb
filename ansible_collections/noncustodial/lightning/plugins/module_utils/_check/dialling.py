# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first stages of every check of somebody else's lnd: it is reachable, it has the certificate that we were given,
and its wallet is open.
"""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import typing as t

from .._core import document, endpoint
from .._grpc import state
from .._grpc.client import Client, Connection
from .._keys import certificate
from .stages import FAIL, RENEW_CURE, WARN, Finding, Reasons

_EXPIRY_WARNING = datetime.timedelta(days=30)

# OpenSSL's codes, X509_V_ERR_*.
_NOT_YET_VALID, _HAS_EXPIRED, _HOST_MISMATCH, _ADDRESS_MISMATCH = 9, 10, 62, 64

REASONS: Reasons = {
    "name_not_resolved": (FAIL, "Check the name in the endpoint, and the DNS of this machine"),
    "refused": (
        FAIL,
        "The machine is there but nothing listens: the tenant must start its lnd, or correct its port (rpclisten)",
    ),
    "unreachable": (
        FAIL,
        (
            "The tenant's machine is off, or a firewall on the way drops this machine's packets: the tenant must allow"
            " the kit's addresses"
        ),
    ),
    "not_answering": (
        FAIL,
        (
            "The machine takes connections, but what listens there does not answer in time: the tenant must see whether"
            " its lnd hangs or is frozen, and the load of its machine"
        ),
    ),
    "not_tls": (FAIL, "Something else than lnd answers there, or a proxy is in between: check the endpoint's port"),
    "certificate_differs": (
        FAIL,
        f"Something else answers there, or lnd has made a new certificate: never pin what is served, {RENEW_CURE}",
    ),
    "certificate_name": (
        FAIL,
        (
            "The tenant must set the name (lnd_tls_names), stop its lnd, remove its tls.cert and tls.key, and run its"
            f" playbook again; then {RENEW_CURE}"
        ),
    ),
    "certificate_expired": (
        FAIL,
        (
            "Check the clock of this machine; if it is right, the tenant must renew its lnd's certificate, and"
            f" {RENEW_CURE}"
        ),
    ),
    "certificate_ends_soon": (WARN, f"The tenant should renew its lnd's certificate; then {RENEW_CURE}"),
    "wallet_missing": (FAIL, "lnd has no wallet: the tenant must make it, from its seed if it had one"),
    "wallet_locked": (FAIL, "The tenant must unlock the wallet, and see why it is not unlocked at start"),
    "wallet_starting": (FAIL, "lnd is starting; check again in a few seconds"),
}


class Dialling:
    """One run of these stages. Each may rely on the results of those before it.

    Args:
        dialled: host:port.
        pem: its certificate, or several.
        timeout: seconds that one call may take.
        connections: closes the connections that are opened here.

    Raises:
        InvalidInput: host:port or certificate cannot be used.
    """

    # A client without a macaroon; available once the stage tls has passed.
    open: Client

    def __init__(self, dialled: str, pem: str, timeout: float, connections: contextlib.ExitStack) -> None:
        self._dialled, self._pem, self._timeout = dialled, pem, timeout
        self._connections = connections
        self._endpoint = endpoint.parse(dialled)
        self._certificates = certificate.read(pem)

    def stages(self) -> tuple[tuple[str, t.Callable[[], Finding]], ...]:
        """Return all stages with their names."""
        return ("resolve", self.resolve), ("connect", self.connect), ("tls", self.tls), ("wallet", self.wallet)

    def resolve(self) -> Finding:
        """Check that the name resolves."""
        try:
            found = socket.getaddrinfo(self._endpoint.host, self._endpoint.port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            return Finding(
                "name_not_resolved",
                f"{self._endpoint.host} does not resolve ({getattr(error, 'strerror', None) or error})",
            )
        return Finding("ok", ", ".join(dict.fromkeys(str(entry[4][0]) for entry in found)))

    def connect(self) -> Finding:
        """Check that a TCP connection opens."""
        try:
            with self._dial() as connection:
                return Finding("ok", f"{connection.getpeername()[0]} port {self._endpoint.port}")
        except ConnectionRefusedError:
            return Finding("refused", f"port {self._endpoint.port} of {self._endpoint.host} refuses connections")
        except OSError as error:
            return Finding(
                "unreachable",
                f"no connection to port {self._endpoint.port} of {self._endpoint.host}"
                f" ({error.strerror or 'timed out'})",
            )

    def tls(self) -> Finding:
        """Check that the certificate served is the pinned one, has the dialled name and is valid now."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=self._pem)
        context.set_alpn_protocols(["h2"])
        try:
            with self._dial() as plain, context.wrap_socket(plain, server_hostname=self._endpoint.host) as secure:
                served = secure.getpeercert(binary_form=True)
        except ssl.SSLCertVerificationError as error:
            return self._wrong_certificate(error)
        except TimeoutError:
            return Finding("not_answering", f"the TLS handshake was not over in {self._timeout:g} s")
        except OSError as error:
            return Finding("not_tls", f"the TLS handshake failed ({getattr(error, 'reason', None) or error})")
        pinned = next((one for one in self._certificates if one.der == served), None)
        if pinned is None:
            return Finding("certificate_differs", "the certificate served is only signed by the pinned one")
        # Only the one that was served: if several with one name are given, as after a renewal, gRPC sees only the
        # first.
        connection = Connection(self._dialled, ssl.DER_cert_to_PEM_cert(pinned.der).encode(), None, self._timeout)
        self.open = self._connections.enter_context(Client(connection))
        seen = f"pinned certificate {pinned.fingerprint[:16]}, valid until {pinned.ends:%Y-%m-%d}"
        return Finding("certificate_ends_soon" if pinned.ends < document.now() + _EXPIRY_WARNING else "ok", seen)

    def _wrong_certificate(self, error: ssl.SSLCertVerificationError) -> Finding:
        if error.verify_code in (_HOST_MISMATCH, _ADDRESS_MISMATCH):
            return Finding(
                "certificate_name",
                f"the certificate does not have {self._endpoint.host}; it has {certificate.listed(self._certificates)}",
            )
        if error.verify_code in (_NOT_YET_VALID, _HAS_EXPIRED):
            return Finding("certificate_expired", f"the certificate is not valid at this time ({error.verify_message})")
        pinned = ", ".join(one.fingerprint[:16] for one in self._certificates)
        return Finding(
            "certificate_differs",
            f"the certificate served is not the pinned one, SHA-256 {pinned}… ({error.verify_message})",
        )

    def wallet(self) -> Finding:
        """Check that the wallet exists and is open. This needs no macaroon."""
        found = state.read_state(self.open)
        reasons = {
            "NON_EXISTING": "wallet_missing",
            "LOCKED": "wallet_locked",
            "RPC_ACTIVE": "ok",
            "SERVER_ACTIVE": "ok",
        }
        return Finding(reasons.get(found, "wallet_starting"), f"the wallet's state is {found}")

    def _dial(self) -> socket.socket:
        return socket.create_connection((self._endpoint.host, self._endpoint.port), timeout=self._timeout)
