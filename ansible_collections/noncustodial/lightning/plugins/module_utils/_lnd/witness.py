# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A witness of the calls that an lnd accepts with a macaroon of somebody else: which, and when they are answered.

lnd's log has no line for a call that it answers; at RPCS=debug it has one for each request, which names neither who
asks nor whether that is answered. A middleware that only reads sees each call after its macaroon was accepted, and each
answer before it leaves (lnd: rpcperms/interceptor.go); lnd waits for the middleware each time. A call whose macaroon is
refused never reaches it.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import queue
import threading
import time
import typing as t
from dataclasses import dataclass

from .._core import document
from .._grpc import messages
from .._grpc.client import Client
from .._grpc.errors import CallError
from .._keys import macaroon

_METHOD = "lnrpc.Lightning/RegisterRPCMiddleware"
_READY_SECONDS = 1.0
_END_SECONDS = 5.0
# No call signs by it.
_UNSIGNED_METHOD = "/verrpc.Versioner/GetVersion"
# A state of a channel is signed by it; a node that only lives, or is probed, calls others.
_STATE_METHOD = "/walletrpc.WalletKit/SignPsbt"


@dataclass(frozen=True)
class Signature:
    """An answer with a signature, or with a secret that was derived.

    Attributes:
        at: the time, UTC.
        method: lnd's method.
    """

    at: datetime.datetime
    method: str


class Witness:
    """The calls that an lnd has accepted with others' macaroons since the witness began.

    Args:
        client: a client with lnd's own macaroon.
        lasting: seconds after which it ends by itself.

    Attributes:
        last: the last answer with a signature.
        given: the number of such answers.
        fault: the reason for which there is no witness, or no more.
    """

    # It changes while calls come and go.
    def __init__(self, client: Client, lasting: float) -> None:
        self.last: Signature | None = None
        self.given = 0
        self.fault: CallError | None = None
        self._client = client
        self._lasting = lasting
        self._answers: queue.SimpleQueue[messages.Message | None] = queue.SimpleQueue()
        self._ready, self._ends = threading.Event(), False
        self._open: set[int] = set()
        self._state_at = self._accepted_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def quiet_seconds(self) -> float:
        """Seconds since the last state of a channel was asked for, or since the witness began."""
        return time.monotonic() - self._state_at

    @property
    def idle_seconds(self) -> float:
        """Seconds since a call was accepted, or since the witness began."""
        return time.monotonic() - self._accepted_at

    @property
    def unanswered(self) -> int:
        """The number of calls that were accepted and are not answered; whoever has made one may be gone."""
        return len(self._open)

    def begin(self) -> bool:
        """Begin, and return whether lnd lets it see the calls."""
        # lnd takes no two of one name.
        registration = {"middleware_name": f"noncustodial.lightning {os.getpid()}", "read_only_mode": True}
        self._answers.put(messages.message("lnrpc.RPCMiddlewareResponse")(register=registration))
        self._thread.start()
        return self._ready.wait(_READY_SECONDS) and self.fault is None

    def end(self) -> None:
        """End it; lnd waits for it no longer. To the end of the requests lnd answers with an error."""
        self._ends = True
        self._answers.put(None)
        # An lnd that has not answered by now is not waited for; the client's end ends the call.
        self._thread.join(_END_SECONDS if self._ready.is_set() else 0.0)

    def _run(self) -> None:
        try:
            for message in self._client.converse(_METHOD, iter(self._answers.get, None), timeout=self._lasting):
                if message.WhichOneof("intercept_type") == "reg_complete":
                    self._ready.set()
                    continue
                self._note(message)
                self._answers.put(
                    messages.message("lnrpc.RPCMiddlewareResponse")(ref_msg_id=message.msg_id, feedback={})
                )
        except CallError as error:
            self.fault = None if self._ends else error
        finally:
            self._ready.set()

    def _note(self, message: messages.Message) -> None:
        if not _is_others(message.raw_macaroon):
            return
        if message.WhichOneof("intercept_type") == "request":
            self._open.add(message.request_id)
            self._accepted_at = time.monotonic()
            if message.request.method_full_uri == _STATE_METHOD:
                self._state_at = self._accepted_at
            return
        self._open.discard(message.request_id)
        if not message.response.is_error and message.response.method_full_uri != _UNSIGNED_METHOD:
            self.given += 1
            self.last = Signature(document.now(), message.response.method_full_uri.lstrip("/"))


def _is_others(raw: bytes) -> bool:
    """Return whether a macaroon is not lnd's own. A few calls need none, and sign nothing."""
    try:
        return macaroon.decode(raw).root_key_id != 0
    except macaroon.Malformed:
        return False


@contextlib.contextmanager
def watching(client: Client, lasting: float) -> t.Iterator[Witness | None]:
    """Have a witness within; None if lnd lets nobody see its calls."""
    made = Witness(client, lasting)
    begun = made.begin()
    try:
        yield made if begun else None
    finally:
        made.end()
