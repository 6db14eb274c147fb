# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter grant_caveats."""

from __future__ import annotations

import datetime
import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import kit
from ansible_collections.noncustodial.lightning.plugins.module_utils._core import document
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import caveats

DOCUMENTATION = r"""
name: grant_caveats
short_description: Return the caveats that bind a grant to addresses and to a time
version_added: 0.2.0
author:
  - noncustodial.lightning contributors (!UNKNOWN)
description:
  - Returns conditions for O(noncustodial.lightning.lnd_macaroon#module:caveats).
  - All caveats of a macaroon must hold, so that several addresses need one network that has them all.
options:
  _input:
    description: The addresses and networks from which the grant may be used. With none it may be used from anywhere.
    type: list
    elements: str
    required: true
  valid_for:
    description: Seconds from now until the grant ends; 0 for a grant without an end.
    type: int
    default: 0
  widest:
    description: Prefix length of the widest network of IPv4 to which several addresses may be bound. Each bit counts
      eight in IPv6.
    type: int
    default: 24
"""

EXAMPLES = r"""
- name: A grant for one address and one year
  noncustodial.lightning.lnd_macaroon:
    path: /etc/signer/provider.macaroon
    permissions: "{{ query('noncustodial.lightning.signer_grant') }}"
    root_key_id: 2
    caveats: "{{ ['192.0.2.14'] | noncustodial.lightning.grant_caveats(valid_for=31536000) }}"
"""

RETURN = r"""
_value:
  description: The caveats.
  type: list
  elements: str
"""


def grant_caveats(
    addresses: t.Sequence[str], valid_for: int = 0, widest: int = kit.DEFAULT_WIDEST_PREFIX_LENGTH
) -> list[str]:
    """Run the filter as its documentation describes.

    Raises:
        AnsibleFilterError: the grant cannot be bound to the addresses.
    """
    lengths = {version: kit.widest_prefix_length(int(widest), version) for version in (4, 6)}
    try:
        bound = caveats.bound_to(list(addresses), lengths)
    except InvalidInput as error:
        raise AnsibleFilterError(f"{error.what}. {error.cure}.") from error
    seconds = int(valid_for)
    if seconds < 0:
        raise AnsibleFilterError(f"valid_for is {seconds}, and a grant cannot end before it begins. Set 0 or more.")
    return [*bound, *([caveats.ending(document.now() + datetime.timedelta(seconds=seconds))] if seconds else [])]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by name."""
        return {"grant_caveats": grant_caveats}
