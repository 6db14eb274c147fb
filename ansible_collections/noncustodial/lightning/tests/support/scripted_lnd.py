# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An lnd that follows a script: a real gRPC server with TLS, in the process of the test, whose calls must come in
exactly the written order.
"""

from __future__ import annotations

import threading
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import messages
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import macaroon as macaroons
from ansible_collections.noncustodial.lightning.tests.support.certificates import make_certificate
from ansible_collections.noncustodial.lightning.tests.support.grpc_server import serve

ADMIN = macaroons.Macaroon(b"lnd", b"\x03\x0a\x10" + b"s" * 16 + b"\x12\x010", (), b"a" * 32).encode()


@dataclass(frozen=True)
class Fails:
    """An error in place of an answer.

    Attributes:
        text: in lnd's words.
        status: gRPC status name; lnd seldom sets one.
    """

    text: str
    status: str = "UNKNOWN"


STAYS_OPEN = object()
"""In place of an answer of a stream: it stays open, as a real lnd's does while nothing happens, until the client ends
it.
"""


@dataclass(frozen=True)
class Call:
    """One call that must come, with its answer.

    Attributes:
        name: package.Service/Method.
        answer: the fields of the answer, or an error; for a stream a list of them.
        request: fields that the request must have; others are not looked at.
        macaroon: whether the call must carry the admin macaroon; None where that does not matter.
        before: called before the answer is given, to make happen what a real lnd does then.
    """

    name: str
    answer: t.Any = field(default_factory=dict)
    request: t.Mapping[str, t.Any] = field(default_factory=dict)
    macaroon: bool | None = None
    before: t.Callable[[], object] | None = None


class ScriptedLnd:
    """The server.

    Args:
        folder: the lnd's directory; certificate and macaroon are written there, at lnd's own places.
        script: the calls, in their order.
        macaroon: whether the macaroon's file is there from the beginning.
    """

    def __init__(self, folder: Path, *script: Call, macaroon: bool = True) -> None:
        self.folder = folder
        self.wrong: list[str] = []
        self.requests: list[messages.Message] = []
        self._script = list(script)
        self._lock = threading.Lock()
        certificate, key = make_certificate()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tls.cert").write_bytes(certificate)
        self.macaroon_file = folder / "data/chain/bitcoin/regtest/admin.macaroon"
        self.macaroon_file.parent.mkdir(parents=True, exist_ok=True)
        if macaroon:
            self.write_macaroon()
        self._server, self.port = serve(self._handle, certificate, key, threads=4)

    def write_macaroon(self) -> None:
        """Write the macaroon, as a real lnd does when its wallet opens."""
        self.macaroon_file.write_bytes(ADMIN)

    @property
    def options(self) -> dict[str, t.Any]:
        """The connection options of a module that is to call this server."""
        return {"rpcserver": f"localhost:{self.port}", "lnddir": str(self.folder), "network": "regtest", "timeout": 10}

    @property
    def left(self) -> list[str]:
        """The calls that have not come yet."""
        return [call.name for call in self._script]

    def stop(self) -> None:
        """Stop serving."""
        self._server.stop(None).wait()

    def verify(self) -> None:
        """Fail unless the calls were exactly those of the script."""
        assert not self.wrong, "; ".join(self.wrong)
        assert not self.left, f"these calls did not come: {', '.join(self.left)}"

    def _handle(
        self, name: str, macaroon: str | None, request: messages.Message, context: grpc.ServicerContext
    ) -> t.Iterator[messages.Message]:
        with self._lock:
            call = self._script.pop(0) if self._script else None
        fault = _fault(call, name, request, macaroon)
        if call is None or fault:
            self.wrong.append(f"{name} came, {fault}")
            context.abort(grpc.StatusCode.INTERNAL, f"not in the script: {name}, {fault}")
            return
        self.requests.append(request)
        if call.before:
            call.before()
        answers = call.answer if messages.method(name).streams else [call.answer]
        for answer in answers:
            if answer is STAYS_OPEN:
                ended = threading.Event()
                if context.add_callback(ended.set):
                    ended.wait()
                return
            if isinstance(answer, Fails):
                context.abort(grpc.StatusCode[answer.status], answer.text)
            yield messages.method(name).response(**answer)


def _fault(call: Call | None, name: str, request: messages.Message, macaroon: str | None) -> str:
    if call is None:
        return "but the script was over"
    if call.name != name:
        return f"but the script says {call.name}"
    wanted = messages.method(name).request(**call.request)
    for field_name in call.request:
        if getattr(wanted, field_name) != getattr(request, field_name):
            return f"but with another {field_name}"
    if call.macaroon is not None and (macaroon == ADMIN.hex()) is not call.macaroon:
        return "with the wrong macaroon"
    return ""
