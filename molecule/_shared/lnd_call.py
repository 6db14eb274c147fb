# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call to an lnd with our own client, on any machine: request and answer are JSON on standard input and output."""

from __future__ import annotations

import json
import sys
import typing as t

question = json.load(sys.stdin)
sys.path.insert(0, question["client"])

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.files import read_file  # noqa: E402
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import messages  # noqa: E402
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection  # noqa: E402
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.errors import CallError  # noqa: E402


def field(value: t.Any) -> t.Any:
    """Return a field's value, with bytes in place of hex:…"""
    if isinstance(value, str) and value.startswith("hex:"):
        return bytes.fromhex(value[4:])
    if isinstance(value, dict):
        return {name: field(inner) for name, inner in value.items()}
    return value


answer: dict[str, t.Any]
certificate = read_file(question["certificate_file"], "certificate")
with Client(Connection(question["endpoint"], certificate, bytes.fromhex(question["macaroon"]), timeout=10)) as client:
    try:
        answer = {"answer": messages.plain(client.call(question["method"], **field(question["fields"])))}
    except CallError as error:
        answer = {"error": type(error).__name__, "text": str(error)}
json.dump(answer, sys.stdout)
