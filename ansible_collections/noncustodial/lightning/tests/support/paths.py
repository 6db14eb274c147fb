# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection, and the root of the workspace, from which `ansible_collections` is imported."""

from __future__ import annotations

from pathlib import Path

COLLECTION = Path(__file__).resolve().parents[2]
ROOT = COLLECTION.parents[2]
