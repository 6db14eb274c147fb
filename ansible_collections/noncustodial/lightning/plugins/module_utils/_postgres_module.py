# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules of PostgreSQL share: their options, and read, plan, apply."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from . import _hba
from ._postgres import Plan, PostgresError, State
from ._postgres_server import Server

# Documented in the fragment noncustodial.lightning.postgres.
SERVER_SPEC: dict[str, dict[str, t.Any]] = {
    "socket": {"type": "path", "default": "/var/run/postgresql"},
    "port": {"type": "int", "default": 5432},
    "system_user": {"type": "str", "default": "postgres"},
}


class PostgresModule:
    """A module that brings something of PostgreSQL into force.

    Args:
        spec: the module's own options.
    """

    def __init__(self, spec: t.Mapping[str, t.Any]) -> None:
        self._module = AnsibleModule(argument_spec={**SERVER_SPEC, **spec}, supports_check_mode=True)
        self.params: dict[str, t.Any] = self._module.params
        self.check_mode: bool = self._module.check_mode

    def ensure(self, name: str, plan: t.Callable[[State], Plan], owner: str = "") -> None:
        """Read what is there of that name, and of its owner's, plan, apply, and end."""
        try:
            self._ensure(name, plan, owner)
        except PostgresError as error:
            self._module.fail_json(msg=str(error))

    def _ensure(self, name: str, plan: t.Callable[[State], Plan], owner: str) -> None:
        try:
            server = Server(self.params["socket"], self.params["port"], self.params["system_user"])
        except PostgresError:
            # On a machine that has no PostgreSQL yet, check mode foretells everything.
            if not self.check_mode:
                raise
            self._exit(State(), plan(State()))
            return
        state = server.read(name, owner)
        steps = plan(state)
        if steps.changed and not self.check_mode:
            server.apply(steps)
        server.close()
        self._exit(state, steps)

    def _exit(self, state: State, steps: Plan) -> None:
        before = _hba.render(_hba.parse(state.hba))
        self._module.exit_json(
            changed=steps.changed,
            statements=steps.shown,
            certificate=state.certificate,
            diff={
                "before": before,
                "after": "".join(f"{statement};\n" for statement in steps.shown) + (before if steps.hba is None else steps.hba),
            },
        )
