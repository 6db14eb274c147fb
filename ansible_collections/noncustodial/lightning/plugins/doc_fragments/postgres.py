# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the modules that administer PostgreSQL on its own machine."""

from __future__ import annotations


class ModuleDocFragment:
    """The mirror of the options in module_utils/_postgres/module.py."""

    DOCUMENTATION = r"""
notes:
  - Runs on PostgreSQL's own machine as root, and connects over the socket as the superuser, so that an administrator
    needs no password.
  - Simultaneous runs for several nodes wait for each other.
requirements:
  - PostgreSQL 15 or newer and python3-psycopg2 on the target
options:
  socket:
    description: Directory of the server's socket.
    type: path
    default: /var/run/postgresql
  port:
    description: The server's port.
    type: int
    default: 5432
  system_user:
    description: The system user that the server runs as, with a superuser of the same name.
    type: str
    default: postgres
attributes:
  check_mode:
    support: full
    description: Predicts the changes and makes none. If no server runs yet, everything is predicted to change.
  diff_mode:
    support: full
    description: Shows the statements, without the verifier, and the change of C(pg_hba.conf).
"""
