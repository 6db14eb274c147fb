# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules run whole, in the process of the test."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import typing as t
from unittest import mock

import pytest
from ansible.module_utils import _internal
from ansible.module_utils.testing import patch_module_args

Result = dict[str, t.Any]


def run(module_name: str, /, check: bool = False, **options: t.Any) -> Result:
    """Return the output of a module for Ansible: its result, with the options as they are logged at -vvv."""
    module = importlib.import_module(f"ansible_collections.noncustodial.lightning.plugins.modules.{module_name}")
    output = io.StringIO()
    arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": True, "_ansible_verbosity": 4}
    # A test of a lookup or a filter loads the controller's code, after which Ansible takes this whole process for the
    # controller.
    on_target = mock.patch.object(_internal, "is_controller", False)
    with (
        on_target,
        patch_module_args(arguments),
        contextlib.redirect_stdout(output),
        pytest.raises(SystemExit) as ended,
    ):
        module.main()
    result = t.cast(Result, json.loads(output.getvalue()))
    assert bool(result.get("failed")) is bool(ended.value.code)
    return result
