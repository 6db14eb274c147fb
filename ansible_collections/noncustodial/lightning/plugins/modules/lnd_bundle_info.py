#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lnd_bundle_info
short_description: Open a tenant's bundle and check it, without any connection
version_added: 0.1.0
description:
  - Runs on the provider's controller. Decrypts a bundle, verifies the tenant's signature, and checks all that can be checked offline.
  - A bundle with any fault is refused. The error names the faults with their paths, such as C(accounts[12].xpub). Without the tenant's signature
    nothing in it is judged, or shown.
  - What the tenant has signed names this provider's age recipient and the fingerprint of the kit, so that a bundle which another provider has read, or
    which was made with an altered kit, is refused.
  - What it returns holds no secret, unless O(with_secrets) is set.
extends_documentation_fragment:
  - noncustodial.lightning.attributes.info
options:
  path:
    description: The bundle's file.
    type: path
    required: true
  kit_file:
    description: The kit that the tenant was given. The bundle must be for its tenant, network, recipient and version of lnd.
    type: path
    required: true
  identity_file:
    description: The provider's age identity, a file made by C(age-keygen).
    type: path
    required: true
  signing_key:
    description: The tenant's public key, one line C(ssh-ed25519 AAAA…), as the provider has pinned it when the tenant was provisioned.
    type: str
    required: true
  shape:
    description:
      - The shape of the tenant's node, as O(noncustodial.lightning.lnd_bundle#module:shape). A bundle of another is refused.
    type: str
    default: watch_only
    choices: [watch_only, external, on_premises]
  taken_up:
    description:
      - The RV(sha256) of the bundle that was taken up before, for reruns of onboarding.
      - If it is this one, its date and the version of lnd that the signer had then are no longer judged.
    type: str
  with_secrets:
    description:
      - Return the macaroon and the accounts too. The macaroon signs or pays for the tenant, and the accounts open its channel backups.
      - Refused unless the task has C(no_log=true). Ansible then also hides the error of a refused bundle, so check without secrets first.
    type: bool
    default: false
requirements:
  - python >= 3.11
  - cryptography (Debian package C(python3-cryptography))
  - ecdsa (Debian package C(python3-ecdsa))
  - the programs age and ssh-keygen (Debian packages C(age), C(openssh-client))
seealso:
  - module: noncustodial.lightning.lnd_bundle
  - module: noncustodial.lightning.lnd_signer_check
author:
  - noncustodial.lightning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: The bundle is right
  noncustodial.lightning.lnd_bundle_info: &bundle
    path: bundles/acme.json
    kit_file: kits/acme.json
    identity_file: provider/identity.txt
    signing_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0cWj0g0bTe0P9c1y0U4o8q4m2qFhQ5o9zq9J8q6h3k
  delegate_to: localhost

- name: The bundle is opened
  noncustodial.lightning.lnd_bundle_info:
    <<: *bundle
    with_secrets: true
  delegate_to: localhost
  no_log: true
  register: offer
"""

RETURN = r"""
sha256:
  description: Of the bundle, in canonical form.
  returned: success
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
bundle:
  description: What the bundle says.
  returned: success
  type: dict
  contains:
    tenant:
      description: For whose node it is.
      type: str
      returned: success
      sample: acme
    network:
      description: Of the lnd.
      type: str
      returned: success
      sample: mainnet
    recipient:
      description: The provider's age public key, as the tenant has signed it.
      type: str
      returned: success
      sample: age1skyj5nxekkd4wxnud5257k8zadnj3taquxua0mu6jhxdpuwlpgzsyafzf2
    kit_fingerprint:
      description: Of the kit with which the tenant has made the bundle.
      type: str
      returned: success
      sample: PN6X-BHBQ-OZCM-UFZQ-CHU2-3LVT-PIEW-63MZ
    endpoint:
      description: Where to dial the lnd.
      type: str
      returned: unless O(shape=on_premises)
      sample: signer.example.com:10009
    certificate:
      description: The lnd's TLS certificate, or of a signer several, PEM.
      type: str
      returned: unless O(shape=on_premises)
      sample: "-----BEGIN CERTIFICATE-----…"
    certificate_expires:
      description: The end of the certificate, or of the last of several.
      type: str
      returned: unless O(shape=on_premises)
      sample: '2028-01-16T18:13:05Z'
    node_id:
      description: The id of the tenant's node; of a watch-only one derived from the accounts.
      type: str
      returned: success
      sample: 02e46be367a3a9f0aac3da844827a506a254d6ea8d46601e0a4a11cdaebb277ebc
    p2p_address:
      description: Where the gateway dials the node.
      type: str
      returned: unless O(shape=watch_only)
      sample: node.example.com:9735
    birthday:
      description: Of the wallet, seconds since 1970.
      type: int
      returned: when O(shape=watch_only)
      sample: 1795371189
    lnd_version:
      description: Of the lnd, when the bundle was made.
      type: str
      returned: success
      sample: 0.21.3-beta
    close_address:
      description: Where coins of closed channels go; null for the wallet.
      type: str
      returned: when O(shape=watch_only)
      sample: bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4
    expires:
      description: Until when the offer may be taken up.
      type: str
      returned: success
      sample: '2026-12-06T18:00:00Z'
    root_key_id:
      description: The root key of the grant. Deleting it on the lnd revokes the grant.
      type: int
      returned: unless O(shape=on_premises)
      sample: 1
    caveats:
      description: Conditions of the grant.
      type: list
      elements: str
      returned: unless O(shape=on_premises)
      sample: [iprange 192.0.2.0/24]
    macaroon:
      description: The grant, hexadecimal. Secret.
      type: str
      returned: when O(with_secrets=true), unless O(shape=on_premises)
      sample: "0201036c6e64…"
    accounts:
      description: Every account as purpose, coin_type, account and xpub. Confidential.
      type: list
      elements: dict
      returned: when O(with_secrets=true) and O(shape=watch_only)
      sample: [{purpose: 84, coin_type: 0, account: 0, xpub: "zpub6qiKG…"}]
problems:
  description: On failure, each fault with its path.
  returned: when the bundle is refused
  type: list
  elements: dict
  sample: [{path: 'accounts[12].xpub', text: "(m/1017'/0'/9') has depth 4 in place of 3"}]
"""

from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import (
    bip32,
    bundle,
    certificate,
    document,
    envelope,
    kit,
    node_bundle,
)
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import InvalidInput
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.module import LndModule


def main() -> None:
    module = LndModule(
        {
            "path": {"type": "path", "required": True},
            "kit_file": {"type": "path", "required": True},
            "identity_file": {"type": "path", "required": True},
            "signing_key": {"type": "str", "required": True, "no_log": False},
            "shape": {"type": "str", "default": "watch_only", "choices": list(node_bundle.KINDS)},
            "taken_up": {"type": "str"},
            "with_secrets": {"type": "bool", "default": False, "no_log": False},
        },
        connects=False,
        needs={"cryptography": certificate.IMPORT_ERROR, "ecdsa": bip32.IMPORT_ERROR},
    )
    params = module.params

    def read() -> dict[str, object]:
        if params["with_secrets"] and not module.ansible.no_log:
            raise InvalidInput(
                "with_secrets returns what signs for the tenant, and this task would show it", "Set no_log: true on the task"
            )
        provider = envelope.Provider(params["identity_file"], params["signing_key"], params["taken_up"])
        kind = node_bundle.KINDS[params["shape"]]
        content = envelope.open_file(params["path"], provider, bundle.Terms(kit.read(params["kit_file"]), document.now(), kind=kind))
        secrets = {name: content[name] for name in kind.secrets} if params["with_secrets"] else {}
        return {"sha256": envelope.digest(content), "bundle": {**bundle.summary(content, kind), **secrets}}

    module.answer(read)


if __name__ == "__main__":
    main()
