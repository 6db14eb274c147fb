#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lnd_bundle_info
short_description: Open and check a tenant's bundle, without any connection
version_added: 0.1.0
description:
  - Runs on the provider's controller. Decrypts a bundle, verifies the tenant's signature, and makes all checks that
    need no connection.
  - A bundle with any problem is refused. The error names the problems with their paths, such as C(accounts[12].xpub).
    Without the tenant's signature nothing in it is checked or shown.
  - The signed content names this provider's age recipient and the fingerprint of the kit. So a bundle that another
    provider has read, or that was made with an altered kit, is refused.
  - The result holds no secret, unless O(with_secrets) is set.
extends_documentation_fragment:
  - noncustodial.lightning.attributes.info
options:
  path:
    description: The bundle's file.
    type: path
    required: true
  kit_file:
    description: The kit that the tenant got. The bundle must match its tenant, network, recipient and version of lnd.
    type: path
    required: true
  identity_file:
    description: The provider's age identity, a file made by C(age-keygen).
    type: path
    required: true
  signing_key:
    description: The tenant's public key, one line C(ssh-ed25519 AAAA…), as the provider has pinned it when the tenant
      was provisioned.
    type: str
    required: true
  shape:
    description:
      - The shape of the tenant's node, as O(noncustodial.lightning.lnd_bundle#module:shape). A bundle for another shape
        is refused.
    type: str
    default: watch_only
    choices: [watch_only, external, on_premises]
  taken_up:
    description:
      - The RV(sha256) of the bundle that was taken up before, to run onboarding again.
      - If it is this bundle, its date, the kit's fingerprint and the version of lnd that the signer had then are no
        longer checked.
    type: str
  with_secrets:
    description:
      - Also return the macaroon and the accounts. The macaroon signs or pays for the tenant, and the accounts decrypt
        its channel backups.
      - Also return RV(proof_key), from which preimages follow.
      - This is refused unless the task has C(no_log=true). Ansible then also hides the error of a refused bundle, so
        check without secrets first.
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
- name: The bundle is valid
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
  description: The SHA-256 of the bundle in canonical form.
  returned: success
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
bundle:
  description: The content of the bundle.
  returned: success
  type: dict
  contains:
    tenant:
      description: The tenant whose node it is for.
      type: str
      returned: success
      sample: acme
    network:
      description: The network of the lnd.
      type: str
      returned: success
      sample: mainnet
    recipient:
      description: The provider's age public key, as the tenant has signed it.
      type: str
      returned: success
      sample: age1skyj5nxekkd4wxnud5257k8zadnj3taquxua0mu6jhxdpuwlpgzsyafzf2
    kit_fingerprint:
      description: The fingerprint of the kit with which the tenant has made the bundle.
      type: str
      returned: success
      sample: PN6X-BHBQ-OZCM-UFZQ-CHU2-3LVT-PIEW-63MZ
    endpoint:
      description: Host and port at which the lnd is dialled.
      type: str
      returned: unless O(shape=on_premises)
      sample: signer.example.com:10009
    certificate:
      description: The lnd's TLS certificate, PEM; a signer may have several.
      type: str
      returned: unless O(shape=on_premises)
      sample: "-----BEGIN CERTIFICATE-----…"
    certificate_expires:
      description: The end of the certificate, or of the last of several.
      type: str
      returned: unless O(shape=on_premises)
      sample: '2028-01-16T18:13:05Z'
    node_id:
      description: The id of the tenant's node; for a watch-only node it is derived from the accounts.
      type: str
      returned: success
      sample: 02e46be367a3a9f0aac3da844827a506a254d6ea8d46601e0a4a11cdaebb277ebc
    p2p_address:
      description: Host and port at which the gateway dials the node.
      type: str
      returned: unless O(shape=watch_only)
      sample: node.example.com:9735
    birthday:
      description: The birthday of the wallet, seconds since 1970.
      type: int
      returned: when O(shape=watch_only)
      sample: 1795371189
    lnd_version:
      description: The version of the lnd when the bundle was made.
      type: str
      returned: success
      sample: 0.21.3-beta
    close_address:
      description: The address to which coins of closed channels go; null for the wallet.
      type: str
      returned: when O(shape=watch_only)
      sample: bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4
    tunnel_public_key:
      description: The public key of the signer's end of the tunnel.
      type: str
      returned: if the kit has a tunnel
      sample: j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8=
    expires:
      description: The time until which the offer may be taken up.
      type: str
      returned: success
      sample: '2026-12-06T18:00:00Z'
    root_key_id:
      description: The root key of the grant. Deleting it on the lnd revokes the grant.
      type: int
      returned: unless O(shape=on_premises)
      sample: 1
    caveats:
      description: The conditions of the grant.
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
receipt:
  description: The receipt of the grant, for the tenant, which ends the earlier grant only when it has it. It allows
    nothing. Return it when the node runs with this bundle.
  returned: unless O(shape=on_premises)
  type: str
  sample: 7Q4X-M2TN-KBZC-WEH5
proof_key:
  description:
    - The secret from which the preimages of the onboarding's payments follow, hexadecimal. It follows from the
      identity, tenant, network and node id. So it is the same for every bundle of one node, and on every controller
      that has the identity.
  returned: when O(with_secrets=true)
  type: str
  sample: 4b3f…
problems:
  description: On failure, each problem with its path.
  returned: when the bundle is refused
  type: list
  elements: dict
  sample: [{path: 'accounts[12].xpub', text: "(m/1017'/0'/9') has depth 4 in place of 3"}]
"""

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import bundle, envelope, kit, node_bundle
from ansible_collections.noncustodial.lightning.plugins.module_utils._core import document
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import bip32, certificate
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import proof
from ansible_collections.noncustodial.lightning.plugins.module_utils._module.frame import Module


def main() -> None:
    module = Module(
        {
            "path": {"type": "path", "required": True},
            "kit_file": {"type": "path", "required": True},
            "identity_file": {"type": "path", "required": True},
            "signing_key": {"type": "str", "required": True, "no_log": False},
            "shape": {"type": "str", "default": "watch_only", "choices": list(node_bundle.KINDS)},
            "taken_up": {"type": "str"},
            "with_secrets": {"type": "bool", "default": False, "no_log": False},
        },
        needs={"cryptography": certificate.IMPORT_ERROR, "ecdsa": bip32.IMPORT_ERROR},
    )
    params = module.params

    def read() -> dict[str, object]:
        if params["with_secrets"] and not module.no_log:
            raise InvalidInput(
                "with_secrets returns what signs for the tenant, and this task would show it",
                "Set no_log: true on the task",
            )
        provider = envelope.Provider(params["identity_file"], params["signing_key"], params["taken_up"])
        kind = node_bundle.KINDS[params["shape"]]
        terms = bundle.Terms(kit.read(params["kit_file"]), document.now(), kind=kind)
        content = envelope.open_file(params["path"], provider, terms)
        summary = bundle.summary(content, kind)
        open_part = {"sha256": envelope.digest(content), **bundle.receipt(content)}
        if not params["with_secrets"]:
            return {**open_part, "bundle": summary}
        secrets = {name: content[name] for name in kind.secrets}
        proof_key = proof.key(params["identity_file"], terms.kit["age_recipient"], content)
        return {**open_part, "bundle": {**summary, **secrets}, "proof_key": proof_key}

    module.answer(read)


if __name__ == "__main__":
    main()
