# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of every grant that an lnd has made, and what was measured as proof of it."""

from __future__ import annotations

import contextlib
import datetime
import time
import typing as t
from dataclasses import dataclass

from .._core import document, files, wait
from .._core.errors import Busy, LightningError, Missing, Refused, WaitTimeout
from .._grpc.client import Client
from .._grpc.errors import CallError, CaveatUnmet, Denied
from . import macaroon_file, witness

ORDERLY, EMERGENCY = "orderly", "emergency"
MODES = (ORDERLY, EMERGENCY)

_SIGNING = "signrpc.Signer/SignMessage"
_NODE_KEY = {"key_family": 6, "key_index": 0}
_MESSAGE = b"noncustodial.lightning revocation"
# What is under way when the last root key is deleted is answered in milliseconds.
_WATCHED_SECONDS = 1.0
_SETTLE_SECONDS = 5.0
_RESERVE_SECONDS = 60.0
_LEAST_QUIET_SECONDS, _MOST_LIMIT_SECONDS = 1.0, 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRevocation:
    """The wanted revocation.

    Attributes:
        macaroon_file: the signer's own copy of the present grant.
        mode: ORDERLY waits until no state of a channel is asked for, EMERGENCY does not wait.
        quiet_for: seconds without such a request after which the signer is quiet.
        limit: seconds after which it waits no longer, and revokes.
    """

    macaroon_file: str
    mode: str
    quiet_for: float = 10.0
    limit: float = 300.0


class NotRevoked(Refused):
    """There was nothing to revoke, or nothing was begun. After any other failure nobody knows what lnd signs, and in an
    emergency it has to be stopped.

    Attributes:
        refusal: says so to the playbook.
    """

    refusal: str

    def __init__(self, message: str, cure: str) -> None:
        self.refusal = "nothing was changed"
        super().__init__(message, cure)


class StillAccepted(LightningError):
    """lnd accepts a macaroon whose root key it has deleted.

    Args:
        ids: the root keys of which it is one.
    """

    def __init__(self, ids: t.Sequence[int]) -> None:
        super().__init__(
            f"lnd still accepts what was granted under root key {', '.join(map(str, ids))}, though it has deleted it",
            "Stop it at once: switch the machine off, or systemctl disable --now lnd@signer",
        )


def check(desired: WantedRevocation) -> None:
    """Refuse times that make no sense.

    Raises:
        NotRevoked: nothing was changed.
    """
    if not _LEAST_QUIET_SECONDS <= desired.quiet_for <= desired.limit <= _MOST_LIMIT_SECONDS:
        raise NotRevoked(
            f"quiet_for is {desired.quiet_for:g} s and limit is {desired.limit:g} s. Nothing was changed",
            f"Set quiet_for to {_LEAST_QUIET_SECONDS:g} or more, and limit between that and {_MOST_LIMIT_SECONDS:g}",
        )


def read(client: Client, desired: WantedRevocation) -> list[int]:
    """Return the root keys of all grants, which are those but lnd's own, 0.

    Raises:
        NotRevoked: there is none.
    """
    ids = _root_key_ids(client)
    kept = macaroon_file.read_kept(_present(desired), frozenset(ids)).macaroon
    if ids == [0]:
        before = (
            f": the grant {kept.root_key_id} in {desired.macaroon_file} was revoked before"
            if kept
            else f", and there is no grant in {desired.macaroon_file}"
        )
        raise NotRevoked(
            f"Nobody has a grant of this lnd any more; it has only its own root key, 0{before}. Nothing was changed",
            "If your node still gets signatures, they are from another signer: see which address your provider dials",
        )
    return [number for number in ids if number]


def revoke(client: Client, desired: WantedRevocation) -> dict[str, t.Any]:
    """Delete the root key of every grant, and return what was measured.

    Raises:
        NotRevoked: there is no grant, or another revocation is at work, or lnd lets nobody see when it is quiet;
            nothing was changed.
        CallError: lnd does not answer.
        StillAccepted: a grant is accepted after all.
        LightningError: a root key is there after all.
    """
    began = document.now()
    lasting = (desired.limit if desired.mode == ORDERLY else 0.0) + _RESERVE_SECONDS
    with contextlib.ExitStack() as held:
        seen = held.enter_context(witness.watching(client, lasting))
        if desired.mode == ORDERLY:
            read(client, desired)
        waited = _await_quiet(seen, desired) if desired.mode == ORDERLY else None
        # An emergency is not held up by one that waits.
        held.enter_context(_alone(desired.macaroon_file))
        ids = read(client, desired)
        copies = _copies(client, desired, ids)
        revoking = document.now()
        for number in ids:
            client.call("lnrpc.Lightning/DeleteMacaroonID", root_key_id=number)
        revoked = document.now()
        refused = [_refusal(client, number, copy) for number, copy in copies.items()]
        if seen is not None:
            _settle(seen, ids)
        left = _root_key_ids(client)
    if left != [0]:
        raise LightningError(
            f"The root keys {', '.join(map(str, left))} are there after all: somebody has granted meanwhile",
            "See who can log in to this machine, and revoke again",
        )
    measured = {
        "mode": desired.mode,
        "began": _text(began),
        "revoking": _text(revoking),
        "revoked": _text(revoked),
        "root_key_ids": ids,
        "root_key_ids_left": left,
        "refused": refused,
        "waited": waited,
        **_last(seen, revoking),
    }
    return {**measured, "report": report(measured)}


def report(measured: t.Mapping[str, t.Any]) -> list[str]:
    """Return what was measured, in sentences for the tenant."""
    last, waited = measured["last_signature"], measured["waited"]
    if not measured["witnessed"]:
        given = "not seen: this lnd shows its calls to nobody; none can be later than the refusal below"
    elif last:
        given = (
            f"{last['at']} ({last['method']}), {measured['seconds_to_last_signature']:+.3f} s from the revocation;"
            f" {measured['signatures']} since {measured['began']}"
        )
    else:
        given = f"none since {measured['began']}; lnd keeps no record of earlier ones"
    until = "until the signer was quiet" if waited and waited["quiet"] else "to the limit, and the signer was not quiet"
    refusals = [
        f"refused: {one['at']}, {one['method']} with a macaroon of root key {one['root_key_id']}: {one['answer']}"
        for one in measured["refused"]
    ]
    unanswered = measured["unanswered"]
    untried = sorted(set(measured["root_key_ids"]) - {one["root_key_id"] for one in measured["refused"]})
    return [
        *([f"waited: {waited['seconds']} s, {until}"] if waited else []),
        f"revoked: {measured['revoked']}, root keys {', '.join(map(str, measured['root_key_ids']))}",
        f"last signature: {given}",
        *([f"unanswered: {unanswered} calls that were accepted before that"] if unanswered else []),
        *refusals,
        *([f"not tried: no macaroon of root key {', '.join(map(str, untried))} could be made"] if untried else []),
        f"listmacaroonids: {', '.join(map(str, measured['root_key_ids_left']))}; 0 is lnd's own",
    ]


def _root_key_ids(client: Client) -> list[int]:
    return sorted(client.call("lnrpc.Lightning/ListMacaroonIDs").root_key_ids)


def _present(desired: WantedRevocation) -> macaroon_file.WantedMacaroon:
    return macaroon_file.WantedMacaroon(path=desired.macaroon_file, root_key_id=macaroon_file.LEAST_ROOT_KEY_ID)


@contextlib.contextmanager
def _alone(path: str) -> t.Iterator[None]:
    """Hold the lock by which only one revocation is at work. Only root can hold it, unlike one on a file of lnd's."""
    with contextlib.ExitStack() as held:
        # Without the file there may be grants nevertheless.
        with contextlib.suppress(Missing):
            try:
                held.enter_context(files.alone(path, timeout=0.0))
            except Busy as error:
                raise NotRevoked(
                    "Another revocation is at work on this signer. Nothing was changed by this one",
                    "Wait until that one has ended, and see what it reports",
                ) from error
        yield


def _await_quiet(seen: witness.Witness | None, desired: WantedRevocation) -> dict[str, t.Any]:
    """Wait until no state of a channel has been asked for, for as long as is wanted, but never beyond the limit."""
    if seen is None:
        raise NotRevoked(
            "This signer's lnd shows its calls to nobody (rpcmiddleware.enable in its lnd.conf), so that it cannot be"
            " known when it is quiet. Nothing was changed",
            "Revoke with the mode emergency, or first have the signer configured anew: signer.yml, or signer-init",
        )
    start = time.monotonic()

    def quiet() -> float:
        if seen.fault is not None:
            raise seen.fault
        return seen.quiet_seconds

    try:
        wait.until("a quiet signer", quiet, lambda seconds: seconds >= desired.quiet_for, desired.limit)
        reached = True
    except WaitTimeout:
        reached = False
    return {"quiet": reached, "seconds": round(time.monotonic() - start, 1)}


def _copies(client: Client, desired: WantedRevocation, ids: t.Sequence[int]) -> dict[int, bytes]:
    """Return a macaroon of each root key, with which its refusal can be tried: the present grant, and for others one
    that is made for that.
    """
    kept = macaroon_file.read_kept(_present(desired), frozenset(ids)).macaroon
    copies = {kept.root_key_id: kept.encode()} if kept and kept.root_key_id in ids else {}
    for number in ids:
        if number in copies:
            continue
        permissions = [{"entity": "uri", "action": f"/{_SIGNING}"}]
        # Without it the revocation is the same; only this proof is missing.
        with contextlib.suppress(CallError):
            answer = client.call("lnrpc.Lightning/BakeMacaroon", permissions=permissions, root_key_id=number)
            copies[number] = bytes.fromhex(answer.macaroon)
    return copies


def _refusal(client: Client, number: int, copy: bytes) -> dict[str, t.Any]:
    """Ask for a signature with a revoked macaroon, and return the refusal.

    Raises:
        StillAccepted: it is answered.
    """
    try:
        client.authorised(copy).call(_SIGNING, msg=_MESSAGE, key_loc=_NODE_KEY)
    except CaveatUnmet:
        pass
    except Denied as error:
        return {"root_key_id": number, "at": _text(document.now()), "method": _SIGNING, "answer": error.detail}
    raise StillAccepted([number])


def _settle(seen: witness.Witness, ids: t.Sequence[int]) -> None:
    """Wait until no call of others' has been accepted for a second.

    Raises:
        StillAccepted: calls are still accepted.
    """
    try:
        wait.until(
            "lnd to accept no call", lambda: seen.idle_seconds, lambda idle: idle >= _WATCHED_SECONDS, _SETTLE_SECONDS
        )
    except WaitTimeout:
        raise StillAccepted(ids) from None


def _last(seen: witness.Witness | None, revoking: datetime.datetime) -> dict[str, t.Any]:
    """Return what the witness has seen."""
    if seen is None:
        unseen = ("signatures", "last_signature", "seconds_to_last_signature", "unanswered")
        return {"witnessed": False, **dict.fromkeys(unseen)}
    last = seen.last
    return {
        "witnessed": seen.fault is None,
        "signatures": seen.given,
        "unanswered": seen.unanswered,
        "last_signature": {"at": _text(last.at), "method": last.method} if last else None,
        "seconds_to_last_signature": round((last.at - revoking).total_seconds(), 3) if last else None,
    }


def _text(moment: datetime.datetime) -> str:
    """Return a point in time with milliseconds, UTC."""
    return f"{moment.astimezone(datetime.UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
