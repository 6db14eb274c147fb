# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one class that ends a module: by a result or by an error. Changed, diff and check mode follow from the plan."""

from __future__ import annotations

import typing as t
from contextlib import nullcontext

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from . import argspec, channel, files, messages, wait
from .client import Client
from .errors import LOST_ANSWER, LndError, Missing, WaitTimeout
from .plan import Action, Plan

State = t.TypeVar("State")
Value = t.TypeVar("Value")
Values = t.Mapping[str, t.Any]

# Seconds in which a change whose answer was lost may still show.
_LOST_ANSWER_WAIT = 30.0


class LndModule:
    """An Ansible module that speaks to one lnd.

    Args:
        spec: the module's own options; the connection's are added.
        macaroon: False where only services without a macaroon are called.
        connects: False for a module that calls no node; it gets no connection options.
        needs: further libraries, by name, with what their guarded import raised.
        options: further arguments of AnsibleModule, such as required_if.
    """

    def __init__(
        self,
        spec: Values,
        macaroon: bool = True,
        connects: bool = True,
        needs: t.Mapping[str, ImportError | None] | None = None,
        **options: t.Any,
    ) -> None:
        self.ansible = AnsibleModule(
            argument_spec={**(argspec.CONNECTION_SPEC if connects else {}), **spec},
            supports_check_mode=True,
            **options,
        )
        self.params: dict[str, t.Any] = self.ansible.params
        self.check_mode: bool = self.ansible.check_mode
        self._macaroon = macaroon
        own = {"grpcio": channel.IMPORT_ERROR, "protobuf": messages.IMPORT_ERROR} if connects else {}
        self._lacking = {library: error for library, error in {**own, **(needs or {})}.items() if error is not None}
        if not self.check_mode:
            self._require()

    def connect(self) -> Client:
        """The node that the options name."""
        return Client(argspec.connection(self.params, self._macaroon))

    def checked(self, make: t.Callable[[], Value]) -> Value:
        """What a function makes of the options of a module that ensures something, or the end of the module if they are wrong."""
        self._foresee_libraries()
        with _Failing(self):
            return make()

    def info(self, read: t.Callable[[Client], Values], connect: t.Callable[[], Client] | None = None) -> t.NoReturn:
        """End with what was read; nothing is changed.

        Args:
            read: gives the values to be returned.
            connect: opens the connection in a way of its own, for instance by waiting for it.
        """
        self._require()
        with _Failing(self), (connect or self.connect)() as client:
            self._exit(changed=False, **read(client))

    def answer(self, make: t.Callable[[], Values]) -> t.NoReturn:
        """End with what a function gives that needs no node."""
        self._require()
        with _Failing(self):
            self._exit(**{"changed": False, **make()})

    def ensure(
        self,
        read: t.Callable[[Client], State],
        plan: t.Callable[[State], Plan],
        apply: t.Callable[[Client, Action], None],
        result: t.Callable[[State], Values],
        settle: t.Callable[[Client, State], State] | None = None,
        connect: t.Callable[[], Client] | None = None,
        alone: bool = False,
        foresee: t.Callable[[Client, Plan], None] | None = None,
    ) -> t.NoReturn:
        """Read, plan, apply; end with the state that was reached.

        After a lost answer the state is read again and planned anew; an action is never sent a second time.
        What only needs time is waited for by settle, also when nothing had to be changed; not in check mode.
        The connection is opened by connect, where it is to be waited for.
        With alone, modules that are run on one machine for one node at the same time read, plan and apply one after the other, so that each
        plans with what the one before has left.
        In check mode foresee asks whether lnd would refuse the plan, where that can be known, and raises what lnd's refusal would become;
        and what is not there yet, because an earlier task has not made it either, is foretold to change.
        """
        self._foresee_libraries()
        with _Failing(self, foretell=self.check_mode), self._there(connect or self.connect)() as client:
            with files.alone(argspec.certificate_path(self.params)) if alone else nullcontext():
                state = read(client)
                steps = plan(state)
                if steps.changed and not self.check_mode:
                    state = self._carry_out(client, steps, read, plan, apply)
                elif steps.changed and foresee is not None:
                    foresee(client, steps)
            if settle is not None and not self.check_mode:
                state = settle(client, state)
            self._exit(
                changed=steps.changed,
                diff={"before": dict(steps.before), "after": dict(steps.after)},
                actions=[action.name for action in steps.actions],
                **{**result(state), **(steps.after if self.check_mode and steps.changed else {})},
            )

    @staticmethod
    def _carry_out(
        client: Client,
        steps: Plan,
        read: t.Callable[[Client], State],
        plan: t.Callable[[State], Plan],
        apply: t.Callable[[Client, Action], None],
    ) -> State:
        try:
            for action in steps.actions:
                apply(client, action)
        except LOST_ANSWER as lost:
            try:
                return wait.until(
                    "the change whose answer was lost",
                    lambda: read(client),
                    lambda state: not plan(state).changed,
                    _LOST_ANSWER_WAIT,
                    passing=LOST_ANSWER,
                )
            except WaitTimeout:
                detail = f"{lost.detail}; no change has shown within {_LOST_ANSWER_WAIT:g} s after that"
                raise type(lost)(lost.node, lost.call, lost.status, detail) from None
        return read(client)

    def fail(self, error: LndError) -> t.NoReturn:
        """End with an error: its text names the cause and the cure."""
        self.ansible.fail_json(msg=str(error), **{key: value for key, value in vars(error).items() if isinstance(value, (str, list))})
        raise AssertionError("fail_json ends the process")

    def foretell(self, why: str) -> t.NoReturn:
        """End in check mode with a change of which nothing more can be told."""
        self._exit(changed=True, warnings=[f"In check mode it can only be foretold that something changes, and not what. {why}"])

    def _foresee_libraries(self) -> None:
        """Libraries that are missing in check mode; otherwise the module has ended already."""
        for library in self._lacking:
            self.foretell(f"The Python library {library} is not installed yet.")

    def _there(self, connect: t.Callable[[], Client]) -> t.Callable[[], Client]:
        """A way to connect that in check mode does not wait for certificate and macaroon, which nothing will bring.

        Raises:
            Missing: one is not there.
        """
        if self.check_mode:
            argspec.connection(self.params, self._macaroon)
        return connect

    def _exit(self, **values: t.Any) -> t.NoReturn:
        for warning in values.pop("warnings", ()):
            self.ansible.warn(warning)
        self.ansible.exit_json(**values)
        raise AssertionError("exit_json ends the process")

    def _require(self) -> None:
        for library, error in self._lacking.items():
            self.ansible.fail_json(msg=missing_required_lib(library), exception=str(error))


class _Failing:
    """Turns a typed error into the module's failure, or if asked to, what is missing into a foretold change."""

    def __init__(self, module: LndModule, foretell: bool = False) -> None:
        self._module = module
        self._foretell = foretell

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if self._foretell and isinstance(error, Missing):
            self._module.foretell(str(error))
        if isinstance(error, LndError):
            self._module.fail(error)
