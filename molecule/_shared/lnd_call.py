# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call to an lnd with our own client, wherever this runs: question and answer are JSON on standard input and output."""

import json
import sys

question = json.load(sys.stdin)
sys.path.insert(0, question["client"])

from _lnd import messages  # noqa: E402
from _lnd.client import Client, Connection  # noqa: E402
from _lnd.errors import CallError  # noqa: E402
from _lnd.files import read_file  # noqa: E402


def field(value):
    """A field's value, with bytes in place of hex:…"""
    if isinstance(value, str) and value.startswith("hex:"):
        return bytes.fromhex(value[4:])
    if isinstance(value, dict):
        return {name: field(inner) for name, inner in value.items()}
    return value


certificate = read_file(question["certificate_file"], "certificate")
with Client(Connection(question["endpoint"], certificate, bytes.fromhex(question["macaroon"]), timeout=10)) as client:
    try:
        answer = {"answer": messages.plain(client.call(question["method"], **field(question["fields"])))}
    except CallError as error:
        answer = {"error": type(error).__name__, "text": str(error)}
json.dump(answer, sys.stdout)
