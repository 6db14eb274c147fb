# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of every check of somebody else's lnd that concern our macaroon: it is accepted, and it grants exactly
what was agreed.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._core import document
from .._grpc.client import Client
from .._grpc.errors import CallError, CaveatUnmet, Denied, TimedOut, Unreachable
from .._keys import caveats, grant, macaroon
from .dialling import Dialling
from .stages import FAIL, RENEW_CURE, WARN, Finding, Reasons

REASONS: Reasons = {
    "macaroon_malformed": (FAIL, f"The file is damaged: onboard the tenant again, or {RENEW_CURE}"),
    "macaroon_refused": (FAIL, f"The tenant has revoked the grant, or it is of another lnd: {RENEW_CURE}"),
    "caveat_unmet": (
        FAIL,
        (
            "The grant has ended, is for another address, or its guard does not run there: ask the tenant, or"
            f" {RENEW_CURE}"
        ),
    ),
    "grant_ends_soon": (WARN, f"The tenant should renew the grant; then {RENEW_CURE}"),
    grant.TOO_WIDE_REASON: (
        FAIL,
        (
            "The tenant should grant no more than is needed: bake another one under a new root key, delete the old key,"
            f" and {RENEW_CURE}"
        ),
    ),
    grant.TOO_NARROW_REASON: (FAIL, f"The tenant must bake the grant anew, and {RENEW_CURE}"),
    grant.ROOT_KEY_ZERO_REASON: (FAIL, f"The tenant must bake the grant under another root key id, and {RENEW_CURE}"),
    "grant_not_enforced": (
        FAIL,
        (
            "lnd does what the grant forbids, for whoever reaches it: the tenant must start it without no-macaroons, at"
            " once"
        ),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Granting:
    """One run of these stages, after those of dialling.py.

    Attributes:
        there: the run of the stages of dialling.py.
        who: the lnd's name in messages, such as "signer".
        given: the macaroon.
        permissions: exactly those that it must grant.
        forbidden: calls that lnd must deny with it.
    """

    there: Dialling
    who: str
    given: bytes
    permissions: t.Sequence[str]
    forbidden: t.Sequence[str]

    @property
    def client(self) -> Client:
        """A client with the macaroon; available once the stage tls has passed."""
        return self.there.open.authorised(self.given)

    def accepted(self, ask: t.Callable[[Client], None]) -> Finding:
        """Check that the macaroon is accepted.

        Args:
            ask: makes a call that the macaroon allows.
        """
        try:
            decoded = macaroon.decode(self.given)
        except macaroon.Malformed as error:
            return Finding("macaroon_malformed", error.what)
        try:
            ask(self.client)
        except CaveatUnmet as error:
            return Finding("caveat_unmet", f"the {self.who} answers: {error.detail}")
        except Denied as error:
            return self._flawed(decoded) or Finding("macaroon_refused", f"the {self.who} answers: {error.detail}")
        conditions = f"caveats: {', '.join(decoded.caveats)}" if decoded.caveats else "no caveats"
        ends = caveats.end(decoded.caveats)
        soon = ends is not None and ends < document.now() + caveats.NOTICE
        return Finding("grant_ends_soon" if soon else "ok", f"root key id {decoded.root_key_id}, {conditions}")

    def enforced(self) -> Finding:
        """Check that the macaroon grants exactly what was agreed, and that the lnd denies other calls."""
        flawed = self._flawed(macaroon.decode(self.given))
        if flawed:
            return flawed
        for call in self.forbidden:
            try:
                self.client.call(call)
            except Denied:
                continue
            except (Unreachable, TimedOut):
                raise
            except CallError as error:
                return Finding("grant_not_enforced", f"{_method(call)} was not denied but answered: {error.detail}")
            return Finding("grant_not_enforced", f"{_method(call)} was answered")
        denied = ", ".join(map(_method, self.forbidden))
        return Finding("ok", f"just the {len(self.permissions)} methods, and the {self.who} denies {denied}")

    def only_wider(self) -> bool:
        """Return whether the macaroon's only flaw is that it grants too much."""
        try:
            return [flaw.reason for flaw in grant.flaws(macaroon.decode(self.given), self.permissions)] == [
                grant.TOO_WIDE_REASON
            ]
        except macaroon.Malformed:
            return False

    def _flawed(self, decoded: macaroon.Macaroon) -> Finding | None:
        found = grant.flaws(decoded, self.permissions)
        return (
            Finding(found[0].reason, "the macaroon " + ", and ".join(flaw.text for flaw in found), found[0].cure)
            if found
            else None
        )


def _method(call: str) -> str:
    return call.rpartition("/")[2]
