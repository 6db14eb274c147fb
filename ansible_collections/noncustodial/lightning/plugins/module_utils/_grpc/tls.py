# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TLS connection to one lnd, pinned to the given certificate. The only importer of grpc; there is no insecure way."""

from __future__ import annotations

import typing as t

from .._core import endpoint

IMPORT_ERROR: ImportError | None = None
try:
    import grpc
except ImportError as missing:
    IMPORT_ERROR = missing

# lnd's own limit for its clients is 200 MB; ListPermissions and ListChannels pass gRPC's default of 4 MB on large
# nodes.
_CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", 200 * 1024 * 1024),
    ("grpc.initial_reconnect_backoff_ms", 100),
    # Despite its name, this is the time that one attempt may take, including the TLS handshake: on a busy machine that
    # is seconds.
    ("grpc.min_reconnect_backoff_ms", 10_000),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.enable_http_proxy", 0),
)

# A stream that lasts for days must learn that its peer is gone. lnd allows a ping every 5 s.
_KEEPALIVE_OPTIONS = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.max_pings_without_data", 0),
)


def rpc_error() -> type[Exception]:
    """Return the class of grpc's own errors."""
    return t.cast("type[Exception]", grpc.RpcError)


def open_channel(target: str, certificate: bytes) -> t.Any:
    """Open a channel that trusts only the given certificate. Nothing is sent before the first call.

    Args:
        target: host:port.
        certificate: the node's certificate, PEM. BoringSSL sees only the first of several with one subject, as lnd's
            own are.
    """
    return grpc.secure_channel(
        endpoint.canonical(target),
        grpc.ssl_channel_credentials(root_certificates=certificate),
        options=_CHANNEL_OPTIONS,
    )


def open_async_channel(target: str, certificate: bytes) -> t.Any:
    """Open the same channel for a service on asyncio; it belongs to the event loop in which it is opened.

    Args:
        target: host:port.
        certificate: the node's certificate, PEM.
    """
    # It is imported here, because modules do not need it.
    from grpc import aio

    return aio.secure_channel(
        endpoint.canonical(target),
        grpc.ssl_channel_credentials(root_certificates=certificate),
        options=(*_CHANNEL_OPTIONS, *_KEEPALIVE_OPTIONS),
    )


def macaroon_metadata(macaroon: bytes | None) -> tuple[tuple[str, str], ...]:
    """Return the metadata that authorises a call (lnd: macaroon, hexadecimal). It is sent only over TLS, because no
    other channel exists here.
    """
    return (("macaroon", macaroon.hex()),) if macaroon else ()
