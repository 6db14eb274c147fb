# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shared part of PostgreSQL's modules: their options, and read, plan, apply."""

from __future__ import annotations

import typing as t

from .._module.frame import Module
from . import hba
from .plan import DatabaseState, Plan, PostgresError
from .server import Server

# Documented in the fragment noncustodial.lightning.postgres.
SERVER_SPEC: dict[str, dict[str, t.Any]] = {
    "socket": {"type": "path", "default": "/var/run/postgresql"},
    "port": {"type": "int", "default": 5432},
    "system_user": {"type": "str", "default": "postgres"},
}


class PostgresModule(Module):
    """A module that changes PostgreSQL.

    Args:
        spec: the module's own options.
    """

    def __init__(self, spec: t.Mapping[str, t.Any]) -> None:
        super().__init__({**SERVER_SPEC, **spec})

    def ensure(self, name: str, plan: t.Callable[[DatabaseState], Plan], owner: str = "") -> t.NoReturn:
        """Read the state of that name and of its owner's, plan, apply, and end."""
        with self.failing():
            self._ensure(name, plan, owner)

    def _ensure(self, name: str, plan: t.Callable[[DatabaseState], Plan], owner: str) -> t.NoReturn:
        try:
            server = Server(self.params["socket"], self.params["port"], self.params["system_user"])
        except PostgresError:
            # On a machine that has no PostgreSQL yet, check mode predicts that everything changes.
            if not self.check_mode:
                raise
            self._exit(DatabaseState(), plan(DatabaseState()))
        state = server.read(name, owner)
        steps = plan(state)
        if steps.changed and not self.check_mode:
            server.apply(steps)
        server.close()
        self._exit(state, steps)

    def _exit(self, state: DatabaseState, steps: Plan) -> t.NoReturn:
        before = hba.render(hba.parse(state.hba))
        self.exit(
            changed=steps.changed,
            statements=steps.shown,
            certificate=state.certificate,
            diff={
                "before": before,
                "after": (
                    "".join(f"{statement};\n" for statement in steps.shown)
                    + (before if steps.hba is None else steps.hba)
                ),
            },
        )
