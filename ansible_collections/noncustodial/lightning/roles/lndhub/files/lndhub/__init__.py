# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub: accounts of end users on one lnd, with the LndHub API. Data flows one way: api -> (incoming, outgoing,
internal) -> ledger and node.
"""
