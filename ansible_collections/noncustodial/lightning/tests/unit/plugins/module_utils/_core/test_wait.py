# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.noncustodial.lightning.plugins.module_utils._core import wait
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import Refused, WaitTimeout
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.errors import Unreachable


def test_until_ready() -> None:
    values = iter([1, 2, 3])
    assert wait.until("three", lambda: next(values), lambda value: value == 3, 5) == 3


def test_passing_errors_are_waited_over() -> None:
    answers = iter([Unreachable("node", "call", "UNAVAILABLE", "not yet"), "there"])

    def read() -> str:
        answer = next(answers)
        if isinstance(answer, Unreachable):
            raise answer
        return str(answer)

    assert wait.until("it", read, lambda value: value == "there", 5, passing=(Unreachable,)) == "there"


def test_other_errors_end_it() -> None:
    def read() -> str:
        raise Refused("no")

    with pytest.raises(Refused):
        wait.until("it", read, lambda _value: True, 5, passing=(Unreachable,))


def test_timeout_shows_the_last_value() -> None:
    with pytest.raises(WaitTimeout, match=r"Waited 0 s for the moon; last seen: half"):
        wait.until("the moon", lambda: "half", lambda value: value == "full", 0)
