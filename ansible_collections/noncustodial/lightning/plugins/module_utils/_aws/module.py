# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one class that ends a module for AWS: by a result or by an error. Changed, diff and check mode follow from the plan."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from .._lnd.errors import LndError
from .._lnd.plan import Action, Plan
from . import argspec, client
from .client import Client

State = t.TypeVar("State")
Value = t.TypeVar("Value")
Values = t.Mapping[str, t.Any]


class AwsModule:
    """An Ansible module that speaks to AWS.

    Args:
        spec: the module's own options; the connection's are added.
        options: further arguments of AnsibleModule.
    """

    def __init__(self, spec: Values, **options: t.Any) -> None:
        self._ansible = AnsibleModule(argument_spec={**argspec.AWS_SPEC, **spec}, supports_check_mode=True, **options)
        self.params: dict[str, t.Any] = self._ansible.params
        if client.IMPORT_ERROR is not None:
            self._ansible.fail_json(msg=missing_required_lib("boto3"), exception=str(client.IMPORT_ERROR))

    def checked(self, make: t.Callable[[], Value]) -> Value:
        """What a function makes of the options, or the end of the module if they are wrong. Nothing has been called then."""
        try:
            return make()
        except LndError as error:
            self._fail(error)

    def info(self, read: t.Callable[[Client], Values]) -> t.NoReturn:
        """End with what was read; nothing is changed."""
        try:
            values = read(self._connect())
        except LndError as error:
            self._fail(error)
        self._exit(changed=False, **values)

    def ensure(
        self,
        read: t.Callable[[Client], State],
        plan: t.Callable[[State], Plan],
        apply: t.Callable[[Client, Action], None],
        result: t.Callable[[State], Values],
    ) -> t.NoReturn:
        """Read, plan, apply; end with the state that was reached."""
        try:
            aws = self._connect()
            state = read(aws)
            steps = plan(state)
            if steps.changed and not self._ansible.check_mode:
                for action in steps.actions:
                    apply(aws, action)
                state = read(aws)
        except LndError as error:
            self._fail(error)
        self._exit(
            changed=steps.changed,
            actions=[action.name for action in steps.actions],
            diff={"before": dict(steps.before), "after": dict(steps.after)},
            **{**result(state), **(steps.after if self._ansible.check_mode and steps.changed else {})},
        )

    def _connect(self) -> Client:
        return Client(argspec.connection(self.params))

    def _exit(self, **values: t.Any) -> t.NoReturn:
        self._ansible.exit_json(**values)
        raise AssertionError("exit_json ends the process")

    def _fail(self, error: LndError) -> t.NoReturn:
        self._ansible.fail_json(msg=str(error), **{key: value for key, value in vars(error).items() if isinstance(value, (str, list))})
        raise AssertionError("fail_json ends the process")
