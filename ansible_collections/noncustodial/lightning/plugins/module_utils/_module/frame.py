# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only class that ends a module, with a result or an error. Changed, diff and check mode follow from the plan."""

from __future__ import annotations

import contextlib
import os
import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from .._core.errors import LightningError, Missing
from .._core.plan import Plan

Value = t.TypeVar("Value")
Values = t.Mapping[str, t.Any]


class Module:
    """An Ansible module.

    Args:
        spec: the module's options.
        needs: libraries, by name, with what their guarded import raised; None for one that is there.
        options: further arguments of AnsibleModule, such as required_if.

    Attributes:
        params: the options as they were given, with their defaults.
        check_mode: whether nothing is to be changed.
    """

    def __init__(self, spec: Values, needs: t.Mapping[str, ImportError | None] | None = None, **options: t.Any) -> None:
        # sudo keeps an administrator's umask. With 077 no service could enter the folders above what a module makes.
        os.umask(0o022)
        self._ansible = AnsibleModule(argument_spec=dict(spec), supports_check_mode=True, **options)
        self.params: dict[str, t.Any] = self._ansible.params
        self.check_mode: bool = self._ansible.check_mode
        self._lacking = {library: error for library, error in (needs or {}).items() if error is not None}
        if not self.check_mode:
            self.require()

    def checked(self, make: t.Callable[[], Value]) -> Value:
        """Return what a function makes of the module's options, or end the module if they are wrong. For modules that
        ensure something.
        """
        self.predict_libraries()
        with self.failing():
            return make()

    def answer(self, make: t.Callable[[], Values]) -> t.NoReturn:
        """End with the values that a function returns. Nothing was changed unless they report a change."""
        self.require()
        with self.failing():
            self.exit(**{"changed": False, **make()})

    def change(self, make: t.Callable[[], Values]) -> t.NoReturn:
        """End with the values that a function returns, including changed; in check mode, if something is missing,
        predict a change.
        """
        self.predict_libraries()
        with self.failing(predict=self.check_mode):
            self.exit(**make())

    def exit_planned(self, steps: Plan, values: Values) -> t.NoReturn:
        """End with a plan: its changes, and the values that were reached, or in check mode would be reached."""
        self.exit(
            changed=steps.changed,
            actions=[action.name for action in steps.actions],
            diff={"before": dict(steps.before), "after": dict(steps.after)},
            **{**values, **(steps.after if self.check_mode and steps.changed else {})},
        )

    def exit(self, **values: t.Any) -> t.NoReturn:
        """End with a result."""
        for warning in values.pop("warnings", ()):
            self._ansible.warn(warning)
        self._ansible.exit_json(**values)
        raise AssertionError("exit_json ends the process")

    def fail(self, error: LightningError) -> t.NoReturn:
        """End with an error: its text names the cause and the cure."""
        self._ansible.fail_json(
            msg=str(error), **{key: value for key, value in vars(error).items() if isinstance(value, (str, list))}
        )
        raise AssertionError("fail_json ends the process")

    def predict(self, why: str) -> t.NoReturn:
        """End in check mode with a predicted change, of which no more is known."""
        self.exit(
            changed=True,
            warnings=[f"In check mode it can only be predicted that something changes, and not what. {why}"],
        )

    @contextlib.contextmanager
    def failing(self, predict: bool = False) -> t.Iterator[None]:
        """End the module with an error that is raised within; with predict, predict a change if something is
        missing."""
        try:
            yield
        except LightningError as error:
            if predict and isinstance(error, Missing):
                self.predict(str(error))
            self.fail(error)

    def predict_libraries(self) -> None:
        """End in check mode if a library is missing. In other modes the module has ended already."""
        for library in self._lacking:
            self.predict(f"The Python library {library} is not installed yet.")

    def require(self) -> None:
        """End with an error if a library is missing."""
        for library, error in self._lacking.items():
            self.require_library(library, error)

    def require_library(self, name: str, error: ImportError | None) -> None:
        """End with an error if a library that only some options need is missing."""
        if error is not None:
            self._ansible.fail_json(msg=missing_required_lib(name), exception=str(error))

    def conceal(self, secret: str) -> None:
        """Hide a secret that the module has made from everything that Ansible shows or logs."""
        self._ansible.no_log_values.add(secret)

    def run_command(self, command: list[str], **options: t.Any) -> tuple[int, str, str]:
        """Run a command; return its exit status, standard output and standard error."""
        return t.cast("tuple[int, str, str]", self._ansible.run_command(command, **options))

    @property
    def no_log(self) -> bool:
        """Return whether the task hides its result."""
        return bool(self._ansible.no_log)
