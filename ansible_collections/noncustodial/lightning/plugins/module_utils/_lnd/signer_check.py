# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answer that a person needs at 3 a.m.: is the signer there, is it the right one, does it sign, and if not, why not.

One check in stages, each after the one before it has passed. The module lnd_signer_check, the node's start gate and the monitor's probe are this same code:
python3 -m PACKAGE.signer_check CONFIG prints a line for each stage and ends with 0 if none failed, else with 1.
CONFIG is a JSON file with the attributes of Target; certificate, macaroon and keys as paths: certificate_file, macaroon_file, keys_file.
A relative macaroon_file lies in $CREDENTIALS_DIRECTORY, where systemd puts a unit's credentials.
A grant that is too wide is there only a warning: it is no reason to stop a node, which must run to close its channels. The module fails on it.
"""

from __future__ import annotations

import bisect
import contextlib
import datetime
import math
import os
import secrets
import sys
import time
import typing as t
from dataclasses import fields

from . import document, grant, macaroon, node_key, possession, stages, versions
from .client import Client
from .dialling import Dialling
from .errors import CallError, CaveatUnmet, InvalidInput, LndError, TimedOut, Unreachable
from .files import read_file
from .granting import Granting
from .signer import REASONS, Report, SignerFailed, Target
from .stages import WARN, Found, Stage

# Where lnd keeps the node's key (lnd: keychain.KeyFamilyNodeKey).
_NODE_KEY = {"key_family": 6, "key_index": 0}
# What is signed begins with this, so that a signature can never serve as anything else: an invoice begins with its own prefix,
# and all else that a node key signs is hashed twice.
_CHALLENGE = b"noncustodial.lightning signer check "

# What the grant must not allow, as a sample of all the rest: what shows coins, and what gives out private keys. A request without content does nothing.
_FORBIDDEN = ("lnrpc.Lightning/WalletBalance", "signrpc.Signer/MuSig2CreateSession")

# Seconds by which the signer's clock may be ahead; the answer is between two of these.
_SKEWS = (-3600, -600, -120, -30, -10, -2, 2, 10, 30, 120, 600, 3600)
_SKEW_MAX = 30
# How many keys that are missing are named.
_NAMED = 3

# Milliseconds. A payment waits for several signatures one after the other, and lnd gives each 5 s (remotesigner.timeout).
_LATENCY_MAX = 500.0


class _Check:
    """One run. Each method is a stage; it may rely on what the stages before it have left."""

    def __init__(self, target: Target, connections: contextlib.ExitStack) -> None:
        possession.check(target.keys)
        self.report = Report([])
        self._target = target
        self._there = Dialling(target.endpoint, target.certificate, target.timeout, connections)
        self._granting = Granting(self._there, "signer", target.macaroon, grant.PERMISSIONS, _FORBIDDEN)

    def run(self) -> None:
        """All stages; after the first that fails the others are skipped."""
        own = (
            ("macaroon", self._macaroon),
            ("grant", self._granting.enforced),
            ("key", self._key),
            ("accounts", self._accounts),
            ("version", self._version),
            ("clock", self._clock),
            ("latency", self._latency),
        )
        reasons = {**REASONS, grant.TOO_WIDE: (WARN, REASONS[grant.TOO_WIDE][1])} if self._target.wider_passes else REASONS
        stages.run((*self._there.stages(), *own), reasons, self.report.stages)

    def _macaroon(self) -> Found:
        return self._granting.accepted(self._ask)

    def _ask(self, client: Client) -> None:
        self.report.version = versions.plain(client.call("verrpc.Versioner/GetVersion").version)

    def _key(self) -> Found:
        message = _CHALLENGE + secrets.token_hex(32).encode()
        try:
            signature = self._sign(message)
        except (Unreachable, TimedOut):
            raise
        except CallError as error:
            return Found("key_unsigned", error.what)
        if not node_key.signed(self._target.node_id, message, signature):
            return Found("key_differs", f"a fresh challenge was signed by another key than {self._target.node_id}")
        return Found("ok", f"a fresh challenge was signed by {self._target.node_id}")

    def _accounts(self) -> Found:
        """All keys in one call. It leaves nothing on the signer, whose wallet has each of these accounts from its start."""
        keys = self._target.keys
        if not keys:
            return Found("accounts_unasked", "the node's key alone was asked for: the keys of the bundle's accounts are not given")
        nonce = secrets.token_bytes(possession.NONCE)
        try:
            answer = self._granting.client.call("walletrpc.WalletKit/SignPsbt", funded_psbt=possession.challenge(keys, nonce))
            unproven = possession.unproven(keys, nonce, bytes(answer.signed_psbt))
        except (Unreachable, TimedOut):
            raise
        except CallError as error:
            return Found("accounts_unsigned", error.what)
        except possession.Malformed as error:
            return Found("accounts_unsigned", f"the answer {error.what}")
        if unproven:
            return Found("accounts_differ", f"of {len(keys)} keys the signer does not have {_listed(unproven)}")
        return Found("ok", f"a fresh challenge was signed by {len(keys)} keys, one of each account")

    def _version(self) -> Found:
        version = str(self.report.version)
        try:
            older = self._target.node_version is not None and versions.parse(version) < versions.parse(self._target.node_version)
        except InvalidInput as error:
            return Found("version_unknown", f"{version} or {self._target.node_version} {error.what}")
        seen = f"lnd {version}" + (f", the node's is {versions.plain(self._target.node_version)}" if self._target.node_version else "")
        return Found("version_older" if older else "ok", seen)

    def _clock(self) -> Found:
        """A copy of the grant that ends at a given time is accepted as long as the signer's clock is before that."""
        decoded = macaroon.decode(self._target.macaroon)

        def behind(skew: int) -> bool:
            end = document.now() + datetime.timedelta(seconds=skew)
            ending = decoded.attenuated(f"time-before {end:%Y-%m-%dT%H:%M:%S.%fZ}")
            try:
                self._there.open.authorised(ending.encode()).call("verrpc.Versioner/GetVersion")
            except CaveatUnmet:
                return False
            return True

        above = bisect.bisect_left(_SKEWS, True, key=behind)
        low = _SKEWS[above - 1] if above else None
        high = _SKEWS[above] if above < len(_SKEWS) else None
        self.report.clock_skew = low, high
        near = low is not None and high is not None and low >= -_SKEW_MAX and high <= _SKEW_MAX
        return Found("ok" if near else "clock_skewed", f"the signer's clock is {_skew_text(low, high)}")

    def _latency(self) -> Found:
        taken = sorted(self._timed() for _sample in range(self._target.samples))
        p50, p95 = (round(taken[math.ceil(len(taken) * part) - 1], 1) for part in (0.5, 0.95))
        self.report.latency_p50, self.report.latency_p95 = p50, p95
        return Found("ok" if p95 <= _LATENCY_MAX else "latency_high", f"{len(taken)} signatures, p50 {p50} ms, p95 {p95} ms")

    def _timed(self) -> float:
        begin = time.monotonic()
        self._sign(_CHALLENGE)
        return (time.monotonic() - begin) * 1000

    def _sign(self, message: bytes) -> bytes:
        return bytes(self._granting.client.call("signrpc.Signer/SignMessage", msg=message, key_loc=_NODE_KEY).signature)


def check(target: Target) -> Report:
    """Check a signer.

    Raises:
        InvalidInput: the target itself cannot be used: endpoint, certificate, node id or keys.
    """
    with contextlib.ExitStack() as connections:
        run = _Check(target, connections)
        run.run()
    return run.report


def require(target: Target) -> Report:
    """Check a signer.

    Raises:
        SignerFailed: a stage failed.
        InvalidInput: as for check().
    """
    report = check(target)
    if report.failed:
        raise SignerFailed(target.endpoint, report)
    return report


def _listed(paths: t.Sequence[str]) -> str:
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return ", ".join(paths[:_NAMED]) + more


def _skew_text(low: int | None, high: int | None) -> str:
    if low is None:
        return f"more than {-_SKEWS[0]} s behind"
    if high is None:
        return f"more than {_SKEWS[-1]} s ahead"
    if low < 0 < high:
        return f"less than {high} s off"
    return f"{low} to {high} s ahead" if low > 0 else f"{-high} to {-low} s behind"


# --- the start gate and the monitor's probe


def _configured(path: str) -> Target:
    config = document.read(read_file(path, "the configuration of the signer check"))
    given = dict(config) if isinstance(config, dict) else {}
    known = {field.name for field in fields(Target)} - {"certificate", "macaroon", "keys"} | {
        "certificate_file",
        "macaroon_file",
        "keys_file",
    }
    if not {"endpoint", "certificate_file", "macaroon_file", "node_id"} <= set(given) <= known:
        raise InvalidInput(
            f"The configuration {path} is not an object with some of {', '.join(sorted(known))}", "Run the playbook again that wrote it"
        )
    credentials = os.environ.get("CREDENTIALS_DIRECTORY", "")
    # A node that was onboarded before this was asked has no such file.
    keys = possession.read(given.pop("keys_file")) if "keys_file" in given else {}
    return Target(
        keys=keys,
        certificate=read_file(given.pop("certificate_file"), "the signer's certificate").decode(),
        macaroon=read_file(os.path.join(credentials, given.pop("macaroon_file")), "the grant"),
        **{"wider_passes": True, **given},
    )


def _line(stage: Stage) -> str:
    cure = f" {stage.cure}." if stage.cure else ""
    return f"{stage.status:8}{stage.name:9}{stage.reason:22}{stage.seen}{'.' if cure else ''}{cure}".rstrip()


def main(arguments: t.Sequence[str]) -> int:
    """The command; gives its exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: signer_check CONFIG\n")
        return 2
    try:
        report = check(_configured(arguments[0]))
    except LndError as error:
        sys.stdout.write(f"{error}\n")
        return 1
    for stage in report.stages:
        sys.stdout.write(f"{_line(stage)}\n")
    return 1 if report.failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
