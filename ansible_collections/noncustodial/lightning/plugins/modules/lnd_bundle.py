#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lnd_bundle
short_description: Write the bundle that a tenant gives to its provider
version_added: 0.1.0
description:
  - Runs on the tenant's machine. Collects the data that the provider needs, checks it as the provider will, signs it,
    encrypts it to the provider and writes one file.
  - Its content depends on O(shape). For a signer it is the data from which a watch-only node is made; for a whole node
    it is the data that a hub needs to connect, or only the data that the gateway needs to open its channel.
  - The signed content names the kit's age recipient and the kit's fingerprint, so that no other provider can use the
    bundle as its own.
  - A bundle that the provider would refuse is not written. The error names each problem with its path.
  - The open part of the file holds only tenant, network, date, the two public keys and a hash. Only the provider can
    read the accounts and the macaroon. Even the tenant cannot, so the hash decides whether the file must be written
    anew.
extends_documentation_fragment:
  - noncustodial.lightning.lnd
  - noncustodial.lightning.attributes
options:
  path:
    description: The path to which the bundle is written, with mode 0600.
    type: path
    required: true
  kit_file:
    description: The kit from the provider. Tenant, network, version of lnd and the provider's age recipient come from
      it.
    type: path
    required: true
  shape:
    description:
      - The shape of the tenant's node at the provider. V(watch_only) is for a signer, V(external) for a whole node to
        which the provider's hub connects, V(on_premises) for a whole node with a hub of its own, for which the provider
        runs only a gateway.
    type: str
    default: watch_only
    choices: [watch_only, external, on_premises]
  endpoint:
    description: Host and port at which the provider dials this lnd. The certificate must have that name or address. Not
      for V(on_premises).
    type: str
  p2p_address:
    description: Host and port at which peers dial this node, the provider's gateway among them. Not for V(watch_only).
    type: str
  certificate_file:
    description:
      - The lnd's TLS certificate, or for V(watch_only) several in one file, such as the old and the new one during a
        renewal. The provider's lnd and M(noncustodial.lightning.lnd_signer_check) take whichever of them is served.
      - This module itself calls the lnd with the certificate in O(tlscertpath).
      - By default O(tlscertpath), or C(tls.cert) in O(lnddir).
    type: path
  macaroon_file:
    description:
      - The provider's grant, as M(noncustodial.lightning.lnd_macaroon) has baked it. Not for V(on_premises).
      - It has exactly the permissions of P(noncustodial.lightning.signer_grant#lookup), or for V(external) of
        P(noncustodial.lightning.hub_grant#lookup).
    type: path
  birthday_file:
    description: A file with the time at which the wallet's seed was made, in seconds since 1970. Only for
      V(watch_only).
    type: path
  signing_key_file:
    description: The tenant's ssh-ed25519 private key, without a passphrase. It is not a key of lnd's wallet; the
      provider has its public half.
    type: path
    required: true
  close_address:
    description:
      - A SegWit address to which the coins of new channels go when these are closed cooperatively. Without it they go
        into the wallet.
      - Only for V(watch_only).
    type: str
  tunnel_key_file:
    description: A file with the public key of this end of the tunnel. Only for a kit with a tunnel, which needs it.
    type: path
    version_added: 0.2.0
  valid_for:
    description:
      - Seconds within which the offer may be taken up. The grant itself ends
        only if it has a caveat C(time-before).
      - The date of an existing bundle is kept while it is in the future and within this limit. A bundle that changes is
        a new offer, with a new date.
    type: int
    default: 1209600
requirements:
  - cryptography (Debian package C(python3-cryptography))
  - ecdsa (Debian package C(python3-ecdsa))
  - the programs age and ssh-keygen (Debian packages C(age), C(openssh-client))
seealso:
  - module: noncustodial.lightning.lnd_bundle_info
  - module: noncustodial.lightning.lnd_macaroon
author:
  - noncustodial.lightning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: The bundle for the provider is written
  noncustodial.lightning.lnd_bundle:
    lnddir: /var/lib/lnd/signer
    network: mainnet
    path: /etc/signer/bundle.json
    kit_file: /etc/signer/kit.json
    endpoint: signer.example.com:10009
    macaroon_file: /etc/signer/provider.macaroon
    birthday_file: /etc/lnd/signer/birthday
    signing_key_file: /etc/signer/signing_key

- name: The bundle of a whole node, to which the provider's hub is to connect, is written
  noncustodial.lightning.lnd_bundle:
    lnddir: /var/lib/lnd/umbrella
    network: mainnet
    shape: external
    path: /etc/handover/bundle.json
    kit_file: /etc/handover/kit.json
    endpoint: node.example.com:10009
    p2p_address: node.example.com:9735
    macaroon_file: /etc/handover/provider.macaroon
    signing_key_file: /etc/handover/signing_key
"""

RETURN = r"""
path:
  description: The path of the bundle.
  returned: success
  type: str
  sample: /etc/signer/bundle.json
mode:
  description: The permissions of that file.
  returned: success
  type: str
  sample: '0600'
tenant:
  description: The tenant whose node it is for.
  returned: success
  type: str
  sample: acme
network:
  description: The network of the lnd.
  returned: success
  type: str
  sample: mainnet
expires:
  description: The time until which the provider may take up the offer, RFC 3339.
  returned: success
  type: str
  sample: '2026-12-06T18:00:00Z'
sha256:
  description: The SHA-256 of the bundle in the encrypted part.
  returned: success
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
recipient:
  description: The provider's age public key.
  returned: success
  type: str
  sample: age1skyj5nxekkd4wxnud5257k8zadnj3taquxua0mu6jhxdpuwlpgzsyafzf2
signing_key:
  description: The tenant's public key.
  returned: success
  type: str
  sample: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0cWj0g0bTe0P9c1y0U4o8q4m2qFhQ5o9zq9J8q6h3k
bundle:
  description: The content of the bundle, without its secrets.
  returned: success
  type: dict
  sample: {node_id: 02e46be367a3a9f0aac3da844827a506a254d6ea8d46601e0a4a11cdaebb277ebc, endpoint:
  'signer.example.com:10009', root_key_id: 1, caveats: []}
actions:
  description: The actions that were done, or would be done in check mode. Possible is C(write).
  returned: success
  type: list
  elements: str
  sample: [write]
problems:
  description: On failure, each problem with its path.
  returned: when the provider would refuse the bundle
  type: list
  elements: dict
  sample: [{path: certificate, text: has not the dialled name signer.example.com; it has localhost}]
"""

import os

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import bundle, node_bundle
from ansible_collections.noncustodial.lightning.plugins.module_utils._core import document
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import bip32, certificate
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import bundle_file
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.module import LndModule


def main() -> None:
    module = LndModule(
        {
            "path": {"type": "path", "required": True},
            "kit_file": {"type": "path", "required": True},
            "shape": {"type": "str", "default": "watch_only", "choices": list(node_bundle.KINDS)},
            "endpoint": {"type": "str"},
            "p2p_address": {"type": "str"},
            "certificate_file": {"type": "path"},
            "macaroon_file": {"type": "path"},
            "birthday_file": {"type": "path"},
            "signing_key_file": {"type": "path", "required": True, "no_log": False},
            "close_address": {"type": "str"},
            "tunnel_key_file": {"type": "path", "no_log": False},
            "valid_for": {"type": "int", "default": bundle.DEFAULT_VALID_SECONDS},
        },
        needs={"cryptography": certificate.IMPORT_ERROR, "ecdsa": bip32.IMPORT_ERROR},
        required_if=[
            ("shape", "watch_only", ("endpoint", "macaroon_file", "birthday_file")),
            ("shape", "external", ("endpoint", "macaroon_file", "p2p_address")),
            ("shape", "on_premises", ("p2p_address",)),
        ],
    )
    params = module.params
    taken = ("path", "network", "kit_file", "signing_key_file", "shape")
    desired = bundle_file.WantedBundle(
        certificate_file=params["certificate_file"]
        or params["tlscertpath"]
        or os.path.join(params["lnddir"], "tls.cert"),
        close_address=params["close_address"] or None,
        valid_for=params["valid_for"],
        **{name: params[name] for name in taken},
        **{
            name: params[name] or ""
            for name in ("endpoint", "macaroon_file", "birthday_file", "p2p_address", "tunnel_key_file")
        },
    )
    module.ensure(
        read=lambda client: bundle_file.read_offer(client, desired, document.now()),
        plan=bundle_file.plan_offer,
        apply=lambda _client, action: bundle_file.apply_offer(action, desired),
        result=lambda offer: {
            "path": desired.path,
            "mode": offer.mode,
            **bundle_file.shown(offer.outside),
            "bundle": bundle.summary(offer.content, desired.kind),
        },
    )


if __name__ == "__main__":
    main()
