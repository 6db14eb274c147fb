# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the connection to AWS; argspec.AWS_SPEC is their other half, and a test compares the two."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of the modules for AWS."""

    DOCUMENTATION = r"""
options:
  region:
    description: AWS's region, for example V(eu-central-1).
    type: str
    required: true
  profile:
    description:
      - A profile of AWS's own configuration, which determines the credentials.
      - Credentials are looked up where AWS's own tools look, in its configuration, a login, the environment or the
        machine's role. No option takes any.
    type: str
  endpoint_url:
    description: The URL to which calls go instead of AWS, for tests.
    type: str
  attempts:
    description: The maximum number of attempts of a call that gets no answer or that AWS throttles.
    type: int
    default: 6
requirements:
  - boto3 >= 1.34 on the machine where the module runs, which is usually the machine with Ansible
"""
