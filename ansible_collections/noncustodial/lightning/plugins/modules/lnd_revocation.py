#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lnd_revocation
short_description: Revoke every grant of a signer, and prove it
version_added: 0.2.0
description:
  - Deletes every root key of a signer's lnd except its own, 0, which makes every copy of every grant worthless at once,
    and then measures that it did.
  - Tries to sign with a macaroon of each deleted root key, lists the root keys that are left, and reports the time of
    the last signature that was given since the module began.
  - Unlike P(noncustodial.lightning.lnd_macaroon#module) with V(absent), it fails if there is nothing to revoke.
  - O(macaroon_file) stays, because it records the revocation.
extends_documentation_fragment:
  - noncustodial.lightning.lnd
  - noncustodial.lightning.attributes
options:
  macaroon_file:
    description: The signer's own copy of the present grant.
    type: path
    required: true
  mode:
    description:
      - V(emergency) revokes at once.
      - V(orderly) first waits until the signer was asked for no state of a channel (C(SignPsbt)) for O(quiet_for), but
        not longer than O(limit). It then revokes in either case. It needs C(rpcmiddleware.enable) in the signer's
        C(lnd.conf), which the role P(noncustodial.lightning.lnd#role) sets.
    type: str
    choices: [orderly, emergency]
    required: true
  quiet_for:
    description: Seconds without a request for a state of a channel, after which the signer is quiet.
    type: float
    default: 10.0
  limit:
    description: Seconds after which V(orderly) waits no longer.
    type: float
    default: 300.0
notes:
  - lnd's log has no line for a signature that it gives. The module sees them as a middleware of lnd's that only reads,
    while it runs.
    Without C(rpcmiddleware.enable) it revokes in the mode V(emergency) nevertheless, and RV(witnessed) is false.
seealso:
  - module: noncustodial.lightning.lnd_macaroon
author:
  - noncustodial.lightning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Nobody gets a signature any more
  noncustodial.lightning.lnd_revocation:
    lnddir: /var/lib/lnd/signer
    macaroon_file: /etc/signer/provider.macaroon
    mode: emergency
    timeout: 5
"""

RETURN = r"""
mode:
  description: The mode.
  returned: success
  type: str
  sample: emergency
root_key_ids:
  description: The root keys that were deleted; in check mode those that would be.
  returned: success
  type: list
  elements: int
  sample: [1]
root_key_ids_left:
  description: The root keys that lnd lists afterwards. Its own, 0, cannot be deleted.
  returned: success, not in check mode
  type: list
  elements: int
  sample: [0]
began:
  description: The time at which the module began, UTC, according to the signer's clock.
  returned: success, not in check mode
  type: str
  sample: "2026-11-30T20:00:00.000Z"
revoking:
  description: The time just before the first root key was deleted.
  returned: success, not in check mode
  type: str
  sample: "2026-11-30T20:00:00.012Z"
revoked:
  description: The time at which the last root key was deleted. lnd reads the root key anew at each call.
  returned: success, not in check mode
  type: str
  sample: "2026-11-30T20:00:00.019Z"
refused:
  description: For each root key the refusal of a call that asked for a signature with a macaroon of it.
  returned: success, not in check mode
  type: list
  elements: dict
  contains:
    root_key_id:
      description: The root key.
      returned: always
      type: int
      sample: 1
    at:
      description: The time of the refusal.
      returned: always
      type: str
      sample: "2026-11-30T20:00:00.021Z"
    method:
      description: The method that was called.
      returned: always
      type: str
      sample: signrpc.Signer/SignMessage
    answer:
      description: lnd's answer.
      returned: always
      type: str
      sample: "cannot get macaroon: root key with id 1 doesn't exist"
witnessed:
  description: Whether the module saw each call that lnd accepted, from its beginning until a second after the deletion.
  returned: success, not in check mode
  type: bool
  sample: true
signatures:
  description: The number of signatures that were given meanwhile; null if they were not seen.
  returned: success, not in check mode
  type: int
  sample: 4
unanswered:
  description: The number of calls that lnd had accepted before, and has not answered; null if they were not seen.
  returned: success, not in check mode
  type: int
  sample: 0
last_signature:
  description: Time and method of the last of them; null if there was none, or they were not seen.
  returned: success, not in check mode
  type: dict
  sample: {at: "2026-11-30T20:00:00.015Z", method: walletrpc.WalletKit/SignPsbt}
seconds_to_last_signature:
  description: Seconds from RV(revoking) to the last signature. It is negative if that came before.
  returned: success, not in check mode
  type: float
  sample: 0.003
waited:
  description: With V(orderly) whether the signer was quiet in the end, and the seconds that were waited.
  returned: success, not in check mode
  type: dict
  sample: {quiet: true, seconds: 10.1}
report:
  description: All of this in sentences.
  returned: success, not in check mode
  type: list
  elements: str
  sample: ["listmacaroonids: 0; 0 is lnd's own"]
"""

import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import revocation
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.module import LndModule


def main() -> None:
    module = LndModule(
        {
            "macaroon_file": {"type": "path", "required": True},
            "mode": {"type": "str", "choices": list(revocation.MODES), "required": True},
            "quiet_for": {"type": "float", "default": 10.0},
            "limit": {"type": "float", "default": 300.0},
        }
    )
    names = ("macaroon_file", "mode", "quiet_for", "limit")
    desired = revocation.WantedRevocation(**{name: module.params[name] for name in names})
    module.checked(lambda: revocation.check(desired))

    def made() -> dict[str, t.Any]:
        with module.connect() as client:
            if module.check_mode:
                return {"changed": True, "mode": desired.mode, "root_key_ids": revocation.read(client, desired)}
            return {"changed": True, **revocation.revoke(client, desired)}

    module.change(made)


if __name__ == "__main__":
    main()
