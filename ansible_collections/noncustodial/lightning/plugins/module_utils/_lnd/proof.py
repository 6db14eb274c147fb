# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secret from which the preimages of an onboarding's payments follow. It belongs to the provider and one node,
whichever grant or prover is used.
"""

from __future__ import annotations

import hashlib
import hmac
import typing as t

from .._keys import age

# The prefix of the message. No other use of the identity has the same bytes.
_DOMAIN = b"noncustodial.lightning/proof/v1"


def key(identity_file: str, recipient: str, node: t.Mapping[str, t.Any]) -> str:
    """Return the secret of one node, 32 bytes in hexadecimal: HMAC-SHA256 over tenant, network and node id, with the
    provider's age secret key as key.

    Only the holder of that identity can compute it. It reveals nothing about the identity itself or other nodes'
    secrets. A renewed bundle of the same seed has the same node id, and so the same secret, on every controller with
    this identity.

    Args:
        identity_file: path of the provider's age identity.
        recipient: the public key to which bundles are encrypted; of several secret keys in the file, the one that
            belongs to it is used.
        node: tenant, network and node_id, as in a bundle.

    Raises:
        InvalidInput: the file cannot be read, or has no secret key for that recipient.
    """
    secret = age.secret_key(identity_file, recipient)
    named = (str(node[name]).encode() for name in ("tenant", "network", "node_id"))
    return hmac.new(secret, b"\0".join((_DOMAIN, *named)), hashlib.sha256).hexdigest()
