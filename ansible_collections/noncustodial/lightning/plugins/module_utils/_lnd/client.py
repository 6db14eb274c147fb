# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One lnd, as something that can be called."""

from __future__ import annotations

import typing as t
from copy import copy
from dataclasses import dataclass

from . import channel, messages
from .errors import classify


@dataclass(frozen=True)
class Connection:
    """How to reach one lnd.

    Attributes:
        rpcserver: host:port of its gRPC listener.
        certificate: its TLS certificate, PEM, and one only (see channel).
        macaroon: what authorises the calls; None for the services that need none (State, WalletUnlocker).
        timeout: seconds that a call may take.
    """

    rpcserver: str
    certificate: bytes
    macaroon: bytes | None = None
    timeout: float = 30.0


class Client:
    """Calls lnd's methods by name. A deadline is on every call; nothing is ever sent twice."""

    def __init__(self, connection: Connection) -> None:
        self.node = connection.rpcserver
        self._timeout = connection.timeout
        self._metadata = channel.macaroon_metadata(connection.macaroon)
        self._channel = channel.open_channel(connection.rpcserver, connection.certificate)

    def call(self, name: str, timeout: float | None = None, **fields: t.Any) -> messages.Message:
        """Call a method that gives one answer.

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
        except channel.rpc_error() as error:
            raise self._typed(name, error) from error

    def stream(self, name: str, timeout: float | None = None, **fields: t.Any) -> t.Iterator[messages.Message]:
        """Call a method that gives a stream of answers. The deadline is that of the whole stream."""
        method = messages.method(name)
        remote = self._channel.unary_stream(method.path, method.request.SerializeToString, method.response.FromString)
        try:
            yield from remote(method.request(**fields), timeout=timeout or self._timeout, metadata=self._metadata)
        except channel.rpc_error() as error:
            raise self._typed(name, error) from error

    def authorised(self, macaroon: bytes) -> Client:
        """The same connection, with a macaroon; for a node whose macaroons come into being only when its wallet opens."""
        other = copy(self)
        other._metadata = channel.macaroon_metadata(macaroon)
        return other

    def close(self) -> None:
        """Give the connection back."""
        self._channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _typed(self, name: str, error: t.Any) -> Exception:
        return classify(self.node, name, error.code().name, error.details() or "no detail given")
