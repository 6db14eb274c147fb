# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of one lnd."""

from __future__ import annotations

import typing as t
from copy import copy
from dataclasses import dataclass

from . import messages, tls
from .errors import classify


@dataclass(frozen=True)
class Connection:
    """The address and credentials of one lnd.

    Attributes:
        rpcserver: host:port of its gRPC listener.
        certificate: its TLS certificate, PEM, only one (see tls.open_channel).
        macaroon: authorises the calls; None for the services that need none (State, WalletUnlocker).
        timeout: seconds that a call may take.
    """

    rpcserver: str
    certificate: bytes
    macaroon: bytes | None = None
    timeout: float = 30.0


class Client:
    """A client that calls lnd's methods by name. Every call has a deadline; nothing is ever sent twice."""

    def __init__(self, connection: Connection) -> None:
        self.node = connection.rpcserver
        self._timeout = connection.timeout
        self._metadata = tls.macaroon_metadata(connection.macaroon)
        self._channel = tls.open_channel(connection.rpcserver, connection.certificate)

    def call(self, name: str, timeout: float | None = None, **fields: t.Any) -> messages.Message:
        """Call a method that returns one answer.

        Args:
            name: package.Service/Method.
            timeout: seconds, in place of the connection's.
            fields: the request's fields.

        Raises:
            CallError: one of its kinds, by status and text.
        """
        method = messages.method(name)
        remote = self._channel.unary_unary(method.path, method.request.SerializeToString, method.response.FromString)
        try:
            return remote(method.request(**fields), timeout=timeout or self._timeout, metadata=self._metadata)
        except tls.rpc_error() as error:
            raise self._typed(name, error) from error

    def stream(self, name: str, timeout: float | None = None, **fields: t.Any) -> t.Iterator[messages.Message]:
        """Call a method that returns a stream of answers. The deadline is that of the whole stream."""
        method = messages.method(name)
        remote = self._channel.unary_stream(method.path, method.request.SerializeToString, method.response.FromString)
        try:
            yield from remote(method.request(**fields), timeout=timeout or self._timeout, metadata=self._metadata)
        except tls.rpc_error() as error:
            raise self._typed(name, error) from error

    def converse(
        self, name: str, requests: t.Iterator[messages.Message], timeout: float | None = None
    ) -> t.Iterator[messages.Message]:
        """Call a method that takes a stream of requests and returns one of answers. The deadline is that of both."""
        method = messages.method(name)
        remote = self._channel.stream_stream(method.path, method.request.SerializeToString, method.response.FromString)
        try:
            yield from remote(requests, timeout=timeout or self._timeout, metadata=self._metadata)
        except tls.rpc_error() as error:
            raise self._typed(name, error) from error

    def authorised(self, macaroon: bytes) -> Client:
        """Return the same connection with a macaroon, for a node that makes its macaroons only when its wallet
        opens."""
        other = copy(self)
        other._metadata = tls.macaroon_metadata(macaroon)
        return other

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _typed(self, name: str, error: t.Any) -> Exception:
        return classify(self.node, name, error.code().name, error.details() or "no detail given")
