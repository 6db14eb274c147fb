# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Problems of documents."""

from __future__ import annotations

from ansible_collections.noncustodial.lightning.plugins.module_utils._core import problems


def test_a_name_that_no_document_uses_is_not_repeated() -> None:
    found = problems.check_fields({"a\x1b[31mb": 1}, {"a": int})
    assert "\x1b" not in "".join(map(str, found))
