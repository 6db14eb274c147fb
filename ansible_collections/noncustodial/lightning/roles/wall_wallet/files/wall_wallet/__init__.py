# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wall & wallet: pages for a hub's users, and articles that are paid for. It uses a hub only through the LndHub API,
and knows nothing behind it.
"""
