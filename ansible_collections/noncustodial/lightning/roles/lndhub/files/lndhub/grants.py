# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rights of the role that serves on the tables, which another role owns. The hub can only use tables that are named
here.
"""

from __future__ import annotations

import typing as t

# An attacker who has broken into the hub has the rights of its role. The role can add rows and change their state; it
# can neither change nor remove what was booked.
GRANTS: dict[str, str] = {
    "alembic_version": "SELECT",
    "users": (
        """SELECT, INSERT (login, password_hash),
        UPDATE (login, password_hash, deactivated, epoch, max_receive_msat, max_send_msat, max_balance_msat)"""
    ),
    "refresh_tokens": "SELECT, INSERT, DELETE, UPDATE (used_at, used_from)",
    # Made with their user, by a trigger; a balance follows its entries, by another.
    "ledger_accounts": "SELECT",
    "balances": "SELECT",
    "transfers": "SELECT, INSERT (kind, key)",
    "entries": "SELECT, INSERT",
    "invoices": "SELECT, INSERT, UPDATE (payment_request, state, received_msat, settled_at, internal)",
    "payments": "SELECT, INSERT, UPDATE (state, fee_msat, preimage, failure, ended_at, taken, said)",
    "unexplained": "SELECT, INSERT, UPDATE (state, amount_msat, fee_msat, reason, acknowledged_at, assigned_to, said)",
    "progress": "SELECT, UPDATE (settle_index, payment_index, add_index, closed, lost)",
    "histories": "SELECT, INSERT (node_id, after_invoice, after_payment, reason, found)",
}

# The functions of triggers that write to tables to which the role that serves may not. They run as the owner.
DEFINERS = ("users_accounts()", "entries_balance()")


def statements(role: str) -> t.Iterator[str]:
    """Yield the SQL statements with which the owner grants a role the rights in the list, and revokes all others.

    Args:
        role: name of the role that serves.
    """
    name = '"' + role.replace('"', '""') + '"'
    yield "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {name}"
    yield f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {name}"
    # A dump reads where they stand.
    yield f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {name}"
    yield from (f"GRANT {privileges} ON {table} TO {name}" for table, privileges in GRANTS.items())
    yield from (
        f"ALTER FUNCTION {function} SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp"
        for function in DEFINERS
    )
