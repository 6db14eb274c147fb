# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A gRPC server with TLS that answers lnd's calls, in the process of the test."""

from __future__ import annotations

import typing as t
from concurrent.futures import ThreadPoolExecutor

import grpc

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import messages

Handle = t.Callable[..., t.Iterator[messages.Message]]
"""Yields the answers to a call: of its name, its macaroon, its request and its context."""


def serve(handle: Handle, certificate: bytes, key: bytes, threads: int, port: int = 0) -> tuple[grpc.Server, int]:
    """Start a server on a port of loopback; return it, and its port."""
    server = grpc.server(ThreadPoolExecutor(threads), handlers=[_Handler(handle)], options=(("grpc.so_reuseport", 0),))
    # One address: of two, gRPC takes the port on either, and on the other it may be somebody else's.
    port = server.add_secure_port(f"127.0.0.1:{port}", grpc.ssl_server_credentials([(key, certificate)]))
    server.start()
    return server, port


class _Handler(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # its own class takes no parameters
    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[t.Any, t.Any]:
        name = handler_call_details.method.removeprefix("/")
        macaroon = dict(handler_call_details.invocation_metadata).get("macaroon")
        method = messages.method(name)

        def stream(request: messages.Message, context: grpc.ServicerContext) -> t.Iterator[messages.Message]:
            return self._handle(name, macaroon, request, context)

        def unary(request: messages.Message, context: grpc.ServicerContext) -> messages.Message:
            return next(self._handle(name, macaroon, request, context))

        make = grpc.unary_stream_rpc_method_handler if method.streams else grpc.unary_unary_rpc_method_handler
        return make(stream if method.streams else unary, method.request.FromString, method.response.SerializeToString)
