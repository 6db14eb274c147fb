# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame of a module that calls AWS."""

from __future__ import annotations

import typing as t

from .._core.plan import Action, Plan
from .._module.frame import Module, Values
from . import argspec, client
from .client import Client

StateT = t.TypeVar("StateT")


class AwsModule(Module):
    """An Ansible module that calls AWS.

    Args:
        spec: the module's own options; the connection's are added.
        options: further arguments of AnsibleModule.
    """

    def __init__(self, spec: Values, **options: t.Any) -> None:
        super().__init__({**argspec.AWS_SPEC, **spec}, {"boto3": client.IMPORT_ERROR}, **options)
        # No task brings boto3, so that check mode has nothing to predict without it.
        self.require()

    def info(self, read: t.Callable[[Client], Values]) -> t.NoReturn:
        """End with what was read; nothing is changed."""
        with self.failing():
            self.exit(changed=False, **read(self._connect()))

    def ensure(
        self,
        read: t.Callable[[Client], StateT],
        plan: t.Callable[[StateT], Plan],
        apply: t.Callable[[Client, Action], None],
        result: t.Callable[[StateT], Values],
    ) -> t.NoReturn:
        """Read, plan, apply; end with the state that was reached."""
        with self.failing():
            aws = self._connect()
            state = read(aws)
            steps = plan(state)
            if steps.changed and not self.check_mode:
                for action in steps.actions:
                    apply(aws, action)
                state = read(aws)
            self.exit_planned(steps, result(state))

    def _connect(self) -> Client:
        return Client(argspec.connection(self.params))
