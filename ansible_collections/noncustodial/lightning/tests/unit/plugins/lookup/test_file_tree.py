# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.errors import AnsibleError

from ansible_collections.noncustodial.lightning.plugins.lookup.file_tree import files


def test_a_tree(tmp_path: Path) -> None:
    for name in ("b.py", "a/c.sql", "a/__pycache__/c.pyc", "README.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{{{{ {name} }}}}\n")
    assert files(tmp_path, "/usr/lib/shop", ["*.py", "*.sql"]) == [
        {"path": "/usr/lib/shop/a/c.sql", "content": "{{ a/c.sql }}\n"},
        {"path": "/usr/lib/shop/b.py", "content": "{{ b.py }}\n"},
    ]


def test_a_tree_without_such_files(tmp_path: Path) -> None:
    with pytest.raises(AnsibleError, match=r"There is no file \*\.py below"):
        files(tmp_path, "/usr/lib/shop", ["*.py"])
