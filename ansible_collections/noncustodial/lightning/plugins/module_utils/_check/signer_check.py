# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of a tenant's signer: it is reachable, it is the right one, and it signs; if not, the check reports why.

The check has stages, and each runs only if those before it have passed. The module lnd_signer_check, the node's start
gate and the monitor's probe share this code. python3 -m PACKAGE.signer_check CONFIG prints a line for each stage, and
exits with 0 if none failed, else with 1. CONFIG is a JSON file with the attributes of SignerTarget; certificate,
macaroon and keys as paths: certificate_file, macaroon_file, keys_file. A relative macaroon_file lies in
$CREDENTIALS_DIRECTORY, where systemd puts a unit's credentials. There a grant that is too wide is only a warning, and
no reason to stop a node, which must run to close its channels. The module fails on it.
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

from .._core import document, versions
from .._core.errors import InvalidInput, LightningError
from .._core.files import read_file
from .._grpc.client import Client
from .._grpc.errors import CallError, CaveatUnmet, TimedOut, Unreachable
from .._keys import grant, macaroon, node_key
from . import possession, stages
from .dialling import Dialling
from .granting import Granting
from .signer_report import REASONS, SignerReport, SignerTarget
from .stages import WARN, Finding, Stage

# Where lnd keeps the node's key (lnd: keychain.KeyFamilyNodeKey).
_NODE_KEY = {"key_family": 6, "key_index": 0}
# The signed text begins with this, so that a signature can never serve as anything else: an invoice begins with its own
# prefix, and everything else that a node key signs is hashed twice.
_CHALLENGE = b"noncustodial.lightning signer check "

# Calls that the grant must not allow, as a sample of all others: some show coins, some reveal private keys. A request
# without content does nothing.
_FORBIDDEN_METHODS = ("lnrpc.Lightning/WalletBalance", "signrpc.Signer/MuSig2CreateSession")

# Seconds by which the signer's clock may be ahead; the result is between two of these.
_SKEW_SECONDS = (-3600, -600, -120, -30, -10, -2, 2, 10, 30, 120, 600, 3600)
_MAX_SKEW_SECONDS = 30
# How many missing keys are named.
_NAMED_KEYS = 3

# Milliseconds. A payment waits for several signatures one after the other, and lnd waits 5 s for each
# (remotesigner.timeout).
_MAX_LATENCY_MS = 500.0


class _Check:
    """One run. Each method is a stage; it may rely on the results of the stages before it."""

    def __init__(self, target: SignerTarget, connections: contextlib.ExitStack) -> None:
        possession.check(target.keys)
        self.report = SignerReport()
        self._target = target
        self._there = Dialling(target.endpoint, target.certificate, target.timeout, connections)
        self._granting = Granting(
            there=self._there,
            who="signer",
            given=target.macaroon,
            permissions=grant.PERMISSIONS,
            forbidden=_FORBIDDEN_METHODS,
        )

    def run(self) -> None:
        """Run all stages; after the first that fails the others are skipped."""
        own = (
            ("macaroon", self._macaroon),
            ("grant", self._granting.enforced),
            ("key", self._key),
            ("accounts", self._accounts),
            ("version", self._version),
            ("clock", self._clock),
            ("latency", self._latency),
        )
        passes = self._target.wider_passes and self._granting.only_wider()
        reasons = {**REASONS, grant.TOO_WIDE_REASON: (WARN, REASONS[grant.TOO_WIDE_REASON][1])} if passes else REASONS
        stages.run((*self._there.stages(), *own), reasons, self.report)

    def _macaroon(self) -> Finding:
        return self._granting.accepted(self._ask)

    def _ask(self, client: Client) -> None:
        self.report.version = versions.plain(client.call("verrpc.Versioner/GetVersion").version)

    def _key(self) -> Finding:
        message = _CHALLENGE + secrets.token_hex(32).encode()
        try:
            signature = self._sign(message)
        except (Unreachable, TimedOut):
            raise
        except CallError as error:
            return Finding("key_unsigned", error.what)
        if not node_key.signed(self._target.node_id, message, signature):
            return Finding("key_differs", f"a fresh challenge was signed by another key than {self._target.node_id}")
        return Finding("ok", f"a fresh challenge was signed by {self._target.node_id}")

    def _accounts(self) -> Finding:
        """Challenge all keys in one call. It leaves nothing on the signer, whose wallet has had each of these accounts
        from its start.
        """
        keys = self._target.keys
        if not keys:
            return Finding(
                "accounts_unasked",
                "only the node's key was challenged: the keys of the bundle's accounts are not set",
            )
        nonce = secrets.token_bytes(possession.NONCE_BYTES)
        try:
            answer = self._granting.client.call(
                "walletrpc.WalletKit/SignPsbt", funded_psbt=possession.challenge(keys, nonce)
            )
            unproven = possession.unproven(keys, nonce, bytes(answer.signed_psbt))
        except (Unreachable, TimedOut):
            raise
        except CallError as error:
            return Finding("accounts_unsigned", error.what)
        except possession.Malformed as error:
            return Finding("accounts_unsigned", f"the answer {error.what}")
        if unproven:
            return Finding("accounts_differ", f"of {len(keys)} keys the signer does not have {_listed(unproven)}")
        return Finding("ok", f"a fresh challenge was signed by {len(keys)} keys, one of each account")

    def _version(self) -> Finding:
        version = str(self.report.version)
        try:
            older = self._target.node_version is not None and versions.parse(version) < versions.parse(
                self._target.node_version
            )
        except InvalidInput as error:
            return Finding("version_unknown", f"{version} or {self._target.node_version} {error.what}")
        seen = f"lnd {version}" + (
            f", the node's is {versions.plain(self._target.node_version)}" if self._target.node_version else ""
        )
        return Finding("version_older" if older else "ok", seen)

    def _clock(self) -> Finding:
        """Measure the signer's clock: it accepts a copy of the grant that ends at a given time only as long as its
        clock is before that.
        """
        decoded = macaroon.decode(self._target.macaroon)

        def behind(skew: int) -> bool:
            end = document.now() + datetime.timedelta(seconds=skew)
            ending = decoded.attenuated(f"time-before {end:%Y-%m-%dT%H:%M:%S.%fZ}")
            try:
                self._there.open.authorised(ending.encode()).call("verrpc.Versioner/GetVersion")
            except CaveatUnmet:
                return False
            return True

        above = bisect.bisect_left(_SKEW_SECONDS, True, key=behind)
        low = _SKEW_SECONDS[above - 1] if above else None
        high = _SKEW_SECONDS[above] if above < len(_SKEW_SECONDS) else None
        self.report.clock_skew = low, high
        near = low is not None and high is not None and low >= -_MAX_SKEW_SECONDS and high <= _MAX_SKEW_SECONDS
        return Finding("ok" if near else "clock_skewed", f"the signer's clock is {_skew_text(low, high)}")

    def _latency(self) -> Finding:
        taken = sorted(self._timed() for _sample in range(self._target.samples))
        p50, p95 = (round(taken[math.ceil(len(taken) * part) - 1], 1) for part in (0.5, 0.95))
        self.report.latency_p50, self.report.latency_p95 = p50, p95
        return Finding(
            "ok" if p95 <= _MAX_LATENCY_MS else "latency_high", f"{len(taken)} signatures, p50 {p50} ms, p95 {p95} ms"
        )

    def _timed(self) -> float:
        begin = time.monotonic()
        self._sign(_CHALLENGE)
        return (time.monotonic() - begin) * 1000

    def _sign(self, message: bytes) -> bytes:
        return bytes(self._granting.client.call("signrpc.Signer/SignMessage", msg=message, key_loc=_NODE_KEY).signature)


def check(target: SignerTarget) -> SignerReport:
    """Check a signer, and return the report even if a stage failed.

    Raises:
        InvalidInput: the target itself cannot be used: endpoint, certificate, node id or keys.
    """
    with contextlib.ExitStack() as connections:
        run = _Check(target, connections)
        run.run()
    return run.report


def require(target: SignerTarget) -> SignerReport:
    """Check a signer, and raise an error if a stage failed.

    Raises:
        CheckFailed: a stage failed.
        InvalidInput: as for check().
    """
    report = check(target)
    report.require(f"The signer at {target.endpoint}")
    return report


def _listed(paths: t.Sequence[str]) -> str:
    more = f" and {len(paths) - _NAMED_KEYS} more" if len(paths) > _NAMED_KEYS else ""
    return ", ".join(paths[:_NAMED_KEYS]) + more


def _skew_text(low: int | None, high: int | None) -> str:
    if low is None:
        return f"more than {-_SKEW_SECONDS[0]} s behind"
    if high is None:
        return f"more than {_SKEW_SECONDS[-1]} s ahead"
    if low < 0 < high:
        return f"less than {high} s off"
    return f"{low} to {high} s ahead" if low > 0 else f"{-high} to {-low} s behind"


# --- the start gate, the watch and the monitor's probe


def configured(path: str) -> SignerTarget:
    """Return the signer that a configuration names.

    Raises:
        InvalidInput: it cannot be used.
    """
    config = document.read(read_file(path, "the configuration of the signer check"))
    given = dict(config) if isinstance(config, dict) else {}
    known = {field.name for field in fields(SignerTarget)} - {"certificate", "macaroon", "keys"} | {
        "certificate_file",
        "macaroon_file",
        "keys_file",
    }
    if not {"endpoint", "certificate_file", "macaroon_file", "node_id"} <= set(given) <= known:
        raise InvalidInput(
            f"The configuration {path} is not an object with some of {', '.join(sorted(known))}",
            "Run the playbook again that wrote it",
        )
    credentials = os.environ.get("CREDENTIALS_DIRECTORY", "")
    # A node that was onboarded before this was asked has no such file.
    keys = possession.read(given.pop("keys_file")) if "keys_file" in given else {}
    return SignerTarget(
        keys=keys,
        certificate=read_file(given.pop("certificate_file"), "the signer's certificate").decode(),
        macaroon=read_file(os.path.join(credentials, given.pop("macaroon_file")), "the grant"),
        **{"wider_passes": True, **given},
    )


def line(stage: Stage) -> str:
    """Return a stage as the journal has it."""
    cure = f" {stage.cure}." if stage.cure else ""
    return f"{stage.status:8}{stage.name:9}{stage.reason:22}{stage.seen}{'.' if cure else ''}{cure}".rstrip()


def main(arguments: t.Sequence[str]) -> int:
    """Run the command; return its exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: signer_check CONFIG\n")
        return 2
    try:
        report = check(configured(arguments[0]))
    except LightningError as error:
        sys.stdout.write(f"{error}\n")
        return 1
    for stage in report.stages:
        sys.stdout.write(f"{line(stage)}\n")
    return 1 if report.failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
