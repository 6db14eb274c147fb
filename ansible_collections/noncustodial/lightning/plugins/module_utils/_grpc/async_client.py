# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of one lnd for services on asyncio."""

from __future__ import annotations

import typing as t

from . import messages, tls
from .errors import classify

if t.TYPE_CHECKING:
    from .client import Connection


class AsyncClient:
    """A client that calls lnd's methods by name. Nothing is ever sent twice. Only a stream may have no deadline.

    It must be made in the event loop in which it is used.
    """

    def __init__(self, connection: Connection) -> None:
        self.node = connection.rpcserver
        self._timeout = connection.timeout
        self._metadata = tls.macaroon_metadata(connection.macaroon)
        self._channel = tls.open_async_channel(connection.rpcserver, connection.certificate)
        self._remotes: dict[str, t.Any] = {}

    async def call(
        self, name: str, *, timeout: float | None = None, macaroon: bytes | None = None, **fields: t.Any
    ) -> messages.Message:
        """Call a method that returns one answer.

        Args:
            name: package.Service/Method.
            timeout: seconds, in place of the connection's.
            macaroon: the macaroon in place of the connection's.
            fields: the request's fields.

        Raises:
            CallError: one of its kinds, by status and text.
        """
        method = messages.method(name)
        metadata = tls.macaroon_metadata(macaroon) if macaroon else self._metadata
        try:
            return await self._remote(name)(
                method.request(**fields), timeout=timeout or self._timeout, metadata=metadata
            )
        except tls.rpc_error() as error:
            raise self._typed(name, error) from error

    async def stream(
        self, name: str, *, timeout: float | None = None, macaroon: bytes | None = None, **fields: t.Any
    ) -> t.AsyncIterator[messages.Message]:
        """Call a method that returns a stream of answers. Leaving the loop early ends the call.

        Args:
            name: package.Service/Method.
            timeout: seconds for the whole stream; None for no deadline, then only a lost connection ends it.
            macaroon: the macaroon in place of the connection's.
            fields: the request's fields.

        Raises:
            CallError: one of its kinds, by status and text.
        """
        method = messages.method(name)
        metadata = tls.macaroon_metadata(macaroon) if macaroon else self._metadata
        call = self._remote(name)(method.request(**fields), timeout=timeout, metadata=metadata)
        try:
            async for answer in call:
                yield answer
        except tls.rpc_error() as error:
            raise self._typed(name, error) from error
        finally:
            call.cancel()

    async def close(self) -> None:
        """Close the connection; calls under way end with an error."""
        await self._channel.close()

    def _remote(self, name: str) -> t.Any:
        """Return the method on this channel; it is made once."""
        remote = self._remotes.get(name)
        if remote is None:
            method = messages.method(name)
            make = self._channel.unary_stream if method.streams else self._channel.unary_unary
            remote = make(method.path, method.request.SerializeToString, method.response.FromString)
            self._remotes[name] = remote
        return remote

    def _typed(self, name: str, error: t.Any) -> Exception:
        return classify(self.node, name, error.code().name, error.details() or "no detail given")
