# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a condition, never for a time."""

from __future__ import annotations

import time
import typing as t

from .errors import LndError, WaitTimeout

T = t.TypeVar("T")

# How soon a condition is looked at again. A read of a local lnd takes 1 to 2 ms.
_INTERVAL = 0.1


def until(
    what: str,
    read: t.Callable[[], T],
    ready: t.Callable[[T], bool],
    timeout: float,
    passing: tuple[type[LndError], ...] = (),
    interval: float = _INTERVAL,
) -> T:
    """Read again and again until the value is as wanted.

    Args:
        what: what is waited for, in words, for the error.
        read: gives the present value.
        ready: whether that value is the wanted one.
        timeout: seconds.
        passing: errors of read that may pass by themselves, such as Unreachable while a node starts.
        interval: seconds between two reads.

    Raises:
        WaitTimeout: the text holds the last value or error seen.
    """
    end = time.monotonic() + timeout
    last: object = None
    while True:
        try:
            last = value = read()
            if ready(value):
                return value
        except passing as error:
            last = error
        if time.monotonic() + interval > end:
            raise WaitTimeout(
                f"Waited {timeout:g} s for {what}; last seen: {last}",
                "Look at what was seen last; a longer wait is an option of the module",
            )
        time.sleep(interval)
