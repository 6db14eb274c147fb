# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of every check of an lnd that is somebody else's which ask about our macaroon: is it accepted, and is it just what was agreed."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from . import grant, macaroon
from .client import Client
from .dialling import Dialling
from .errors import CallError, CaveatUnmet, Denied, TimedOut, Unreachable
from .stages import Found


@dataclass(frozen=True)
class Granting:
    """One run of these stages, after those of dialling.

    Attributes:
        there: the lnd, dialled.
        who: what it is called, as "signer".
        given: the macaroon.
        permissions: what it must grant, all of that and no more.
        forbidden: calls that lnd must deny with it.
    """

    there: Dialling
    who: str
    given: bytes
    permissions: t.Sequence[str]
    forbidden: t.Sequence[str]

    @property
    def client(self) -> Client:
        """Calls with the macaroon; there once the stage tls has passed."""
        return self.there.open.authorised(self.given)

    def accepted(self, ask: t.Callable[[Client], None]) -> Found:
        """Is the macaroon accepted?

        Args:
            ask: makes a call that the macaroon allows.
        """
        try:
            decoded = macaroon.decode(self.given)
        except macaroon.Malformed as error:
            return Found("macaroon_malformed", error.what)
        try:
            ask(self.client)
        except CaveatUnmet as error:
            return Found("caveat_unmet", f"the {self.who} says: {error.detail}")
        except Denied as error:
            return self._flawed(decoded) or Found("macaroon_refused", f"the {self.who} says: {error.detail}")
        caveats = f"caveats: {', '.join(decoded.caveats)}" if decoded.caveats else "no caveats"
        return Found("ok", f"root key id {decoded.root_key_id}, {caveats}")

    def enforced(self) -> Found:
        """Is it just what was agreed, and is the rest really denied?"""
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
                return Found("grant_not_enforced", f"{_method(call)} was not denied but answered: {error.detail}")
            return Found("grant_not_enforced", f"{_method(call)} was answered")
        denied = ", ".join(map(_method, self.forbidden))
        return Found("ok", f"just the {len(self.permissions)} methods, and the {self.who} denies {denied}")

    def _flawed(self, decoded: macaroon.Macaroon) -> Found | None:
        found = grant.flaws(decoded, self.permissions)
        return Found(found[0].reason, "the macaroon " + ", and ".join(flaw.text for flaw in found), found[0].cure) if found else None


def _method(call: str) -> str:
    return call.rpartition("/")[2]
