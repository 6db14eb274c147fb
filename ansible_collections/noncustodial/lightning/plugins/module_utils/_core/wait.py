# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting until a condition is true, never for a fixed time."""

from __future__ import annotations

import time
import typing as t

from .errors import LightningError, WaitTimeout

T = t.TypeVar("T")

# Seconds between two reads of a condition. A read of a local lnd takes 1 to 2 ms.
_INTERVAL_SECONDS = 0.1


def until(
    what: str,
    read: t.Callable[[], T],
    ready: t.Callable[[T], bool],
    timeout: float,
    passing: tuple[type[LightningError], ...] = (),
    interval: float = _INTERVAL_SECONDS,
) -> T:
    """Read repeatedly until the value is as wanted.

    Args:
        what: the condition in words, for the error.
        read: returns the present value.
        ready: returns whether that value is the wanted one.
        timeout: seconds.
        passing: errors of read that may disappear by themselves, such as Unreachable while a node starts.
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
