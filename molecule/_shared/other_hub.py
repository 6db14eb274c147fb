#!/usr/bin/python3 -B
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In the place of an lndhub.go: finds its settings where that does, uses what they name, and tells whoever asks what came of it."""

import json
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import grpc
import psycopg2

SETTINGS = dict(line.split("=", 1) for line in Path(".env").read_text().splitlines() if line[:1] not in ("#", ""))
SECRETS = [SETTINGS["JWT_SECRET"], SETTINGS["ADMIN_TOKEN"]]


def lnd(method):
    """What becomes of a call without fields."""
    tls = grpc.ssl_channel_credentials(Path(SETTINGS["LND_CERT_FILE"]).read_bytes())
    macaroon = Path(SETTINGS["LND_MACAROON_FILE"]).read_bytes().hex()
    with grpc.secure_channel(SETTINGS["LND_ADDRESS"], tls) as channel:
        try:
            channel.unary_unary(method)(b"", metadata=[("macaroon", macaroon)], timeout=30)
        except grpc.RpcError as error:
            return f"{error.code().name}: {error.details()}"
    return "done"


def database():
    """As whom it may make a table there."""
    with psycopg2.connect(SETTINGS["DATABASE_URI"]) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE mine (id int)")
        cursor.execute("SELECT current_user")
        return cursor.fetchone()[0]


class Hub(BaseHTTPRequestHandler):
    """Answers every GET."""

    def do_GET(self):
        """Say it all."""
        told = {
            "settings": sorted(SETTINGS),
            "database": database(),
            "reads": lnd("/lnrpc.Lightning/GetInfo"),
            "spends": lnd("/lnrpc.Lightning/SendCoins"),
            "host": SETTINGS["HOST"],
            "fee_reserve": SETTINGS["FEE_RESERVE"],
            "secrets": [len(secret) for secret in SECRETS],
            "secrets_in_environment": any(secret in "".join(os.environ.values()) for secret in SECRETS),
        }
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())


HTTPServer(("0.0.0.0", int(SETTINGS["PORT"])), Hub).serve_forever()  # noqa: S104  # as that does
