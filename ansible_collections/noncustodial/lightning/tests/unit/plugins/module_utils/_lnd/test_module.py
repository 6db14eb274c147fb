# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a module: read, plan, apply, and the steps after a lost answer."""

from __future__ import annotations

import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import Refused
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.plan import Action, Plan
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.errors import Unreachable
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import module as core

LOST = Unreachable("node", "call", "UNAVAILABLE", "the connection broke")


class Life:
    """A module whose state is a word; its result is kept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, scripted: t.Any, state: str, check: bool = False) -> None:
        self.state = state
        self.applied: list[str] = []
        self.ended: dict[str, t.Any] = {}
        self._options = {**scripted().options, "_ansible_check_mode": check}
        monkeypatch.setattr(core, "_LOST_ANSWER_WAIT_SECONDS", 0.3)

    def ensure(self, apply: t.Callable[[], None]) -> dict[str, t.Any]:
        with patch_module_args(self._options):
            module = core.LndModule({})

        def end(**values: t.Any) -> t.NoReturn:
            self.ended = values
            raise SystemExit

        def applying(_client: Client, action: Action) -> None:
            self.applied.append(action.name)
            apply()

        module._ansible.exit_json = module._ansible.fail_json = end
        with pytest.raises(SystemExit):
            module.ensure(
                read=lambda _client: self.state, plan=self._plan, apply=applying, result=lambda state: {"state": state}
            )
        return self.ended

    def _plan(self, state: str) -> Plan:
        return (
            Plan((Action("make"),), {"state": state}, {"state": "made"})
            if state != "made"
            else Plan((), {"state": state}, {"state": state})
        )

    def make(self) -> None:
        self.state = "made"


@pytest.fixture
def life(monkeypatch: pytest.MonkeyPatch, scripted: t.Any) -> t.Callable[..., Life]:
    return lambda state="missing", check=False: Life(monkeypatch, scripted, state, check)


def test_made_once(life: t.Any) -> None:
    run = life()
    ended = run.ensure(run.make)
    assert (ended["changed"], ended["state"], ended["actions"], run.applied) == (True, "made", ["make"], ["make"])
    assert ended["diff"] == {"before": {"state": "missing"}, "after": {"state": "made"}}


def test_unchanged(life: t.Any) -> None:
    run = life("made")
    assert run.ensure(run.make)["changed"] is False
    assert run.applied == []


def test_check_mode_predicts(life: t.Any) -> None:
    run = life(check=True)
    ended = run.ensure(run.make)
    assert (ended["changed"], ended["state"], run.applied, run.state) == (True, "made", [], "missing")


def test_lost_answer_of_a_change_that_was_made(life: t.Any) -> None:
    run = life()

    def made_but_lost() -> None:
        run.make()
        raise LOST

    assert run.ensure(made_but_lost)["changed"] is True
    assert run.applied == ["make"]


def test_lost_answer_of_a_change_that_was_not_made(life: t.Any) -> None:
    run = life()

    def lost() -> None:
        raise LOST

    assert "the connection broke" in run.ensure(lost)["msg"]
    assert run.applied == ["make"], "nothing is ever sent twice"


def test_an_error_names_cause_and_cure(life: t.Any) -> None:
    def refuse() -> None:
        raise Refused("It is so.", "Do this")

    ended = life().ensure(refuse)
    assert (ended["msg"], ended["what"], ended["cure"]) == ("It is so. Do this.", "It is so", "Do this")
