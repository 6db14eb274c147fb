# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame of a module that calls one lnd: the connection, and the handling of a lost answer."""

from __future__ import annotations

import typing as t
from contextlib import nullcontext

from .._core import files, wait
from .._core.errors import WaitTimeout
from .._core.plan import Action, Plan
from .._grpc import messages, tls
from .._grpc.client import Client
from .._grpc.errors import LOST_ANSWER_ERRORS
from .._module.frame import Module, Values
from . import argspec

StateT = t.TypeVar("StateT")

# Seconds in which a change whose answer was lost may still show.
_LOST_ANSWER_WAIT_SECONDS = 30.0


class LndModule(Module):
    """An Ansible module that calls one lnd.

    Args:
        spec: the module's own options; the connection's are added.
        macaroon: False where only services without a macaroon are called.
        needs: further libraries, by name, with what their guarded import raised.
        options: further arguments of AnsibleModule, such as required_if.
    """

    def __init__(
        self,
        spec: Values,
        macaroon: bool = True,
        needs: t.Mapping[str, ImportError | None] | None = None,
        **options: t.Any,
    ) -> None:
        own = {"grpcio": tls.IMPORT_ERROR, "protobuf": messages.IMPORT_ERROR}
        super().__init__({**argspec.CONNECTION_SPEC, **spec}, {**own, **(needs or {})}, **options)
        self._macaroon = macaroon

    def connect(self) -> Client:
        """Connect to the node that the options name."""
        return Client(argspec.connection(self.params, self._macaroon))

    def info(self, read: t.Callable[[Client], Values], connect: t.Callable[[], Client] | None = None) -> t.NoReturn:
        """End with what was read; nothing is changed.

        Args:
            read: returns the result's values.
            connect: opens the connection in a way of its own, for instance by waiting for it.
        """
        self.require()
        with self.failing(), (connect or self.connect)() as client:
            self.exit(changed=False, **read(client))

    def ensure(
        self,
        read: t.Callable[[Client], StateT],
        plan: t.Callable[[StateT], Plan],
        apply: t.Callable[[Client, Action], None],
        result: t.Callable[[StateT], Values],
        settle: t.Callable[[Client, StateT], StateT] | None = None,
        connect: t.Callable[[], Client] | None = None,
        alone: bool = False,
        foresee: t.Callable[[Client, Plan], None] | None = None,
    ) -> t.NoReturn:
        """Read, plan, apply; end with the state that was reached.

        After a lost answer the state is read again and planned anew; an action is never sent a second time.
        settle waits for what only needs time, also if nothing had to be changed; not in check mode.
        connect opens the connection, where that has to be waited for.
        With alone, modules that run at the same time on one machine for one node take turns, so that each reads and
        plans with the state that the one before has left.

        In check mode foresee checks whether lnd would refuse the plan, where that can be known, and raises the same
        error as that refusal; and if something is missing because an earlier task has not made it in check mode either,
        the result predicts a change.
        """
        self.predict_libraries()
        with self.failing(predict=self.check_mode), self._there(connect or self.connect)() as client:
            with files.alone(argspec.certificate_path(self.params)) if alone else nullcontext():
                state = read(client)
                steps = plan(state)
                if steps.changed and not self.check_mode:
                    state = self._carry_out(client, steps, read, plan, apply)
                elif steps.changed and foresee is not None:
                    foresee(client, steps)
            if settle is not None and not self.check_mode:
                state = settle(client, state)
            self.exit_planned(steps, result(state))

    @staticmethod
    def _carry_out(
        client: Client,
        steps: Plan,
        read: t.Callable[[Client], StateT],
        plan: t.Callable[[StateT], Plan],
        apply: t.Callable[[Client, Action], None],
    ) -> StateT:
        try:
            for action in steps.actions:
                apply(client, action)
        except LOST_ANSWER_ERRORS as lost:
            try:
                return wait.until(
                    "the change whose answer was lost",
                    lambda: read(client),
                    lambda state: not plan(state).changed,
                    _LOST_ANSWER_WAIT_SECONDS,
                    passing=LOST_ANSWER_ERRORS,
                )
            except WaitTimeout:
                detail = f"{lost.detail}; no change has shown within {_LOST_ANSWER_WAIT_SECONDS:g} s after that"
                raise type(lost)(lost.node, lost.call, lost.status, detail) from None
        return read(client)

    def _there(self, connect: t.Callable[[], Client]) -> t.Callable[[], Client]:
        """Return a way to connect that in check mode does not wait for certificate and macaroon, which nothing will
        create.

        Raises:
            Missing: one is not there.
        """
        if self.check_mode:
            argspec.connection(self.params, self._macaroon)
        return connect
