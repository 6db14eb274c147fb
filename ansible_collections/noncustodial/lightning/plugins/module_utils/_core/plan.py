# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan that a module makes before it changes anything: pure values, from which changed, diff and check mode
follow."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Action:
    """One change that is to be made.

    Attributes:
        name: a verb, for example bake.
        args: the values that the apply function needs; plain values.
    """

    name: str
    args: t.Mapping[str, t.Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """The ordered changes from the present state to the wanted one; none if they are the same.

    Attributes:
        actions: the actions in the order in which they are carried out.
        before: the present state, as shown in a diff; holds no secret.
        after: the state after all actions, as shown in a diff and predicted in check mode; holds no secret.
    """

    actions: tuple[Action, ...] = ()
    before: t.Mapping[str, t.Any] = field(default_factory=dict)
    after: t.Mapping[str, t.Any] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Return whether there is any action."""
        return bool(self.actions)
