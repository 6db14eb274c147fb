# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of this collection, one class for each kind, so that callers decide according to class and never to
text."""

from __future__ import annotations


class LightningError(Exception):
    """The root of all errors that this collection raises.

    Args:
        what: one sentence that names the failure.
        cure: one sentence that states what to check or what to do.
    """

    def __init__(self, what: str, cure: str = "") -> None:
        self.what = what.rstrip(".")
        self.cure = cure.rstrip(".")
        super().__init__(f"{self.what}. {self.cure}." if self.cure else f"{self.what}.")


class InvalidInput(LightningError):
    """An option, a file or a bundle is wrong; nothing was sent to any node."""


class Missing(InvalidInput):
    """A needed file is not there; a node's file may appear when it starts."""


class Busy(InvalidInput):
    """Another process holds a lock."""


class Refused(LightningError):
    """The node answered, and the answer forbids the change that was asked for; nothing was changed."""


class WaitTimeout(LightningError):
    """A condition did not come true in time; the text holds the last state seen."""
