#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lnd_node_check
short_description: Check a tenant's whole node for the provider's hub
version_added: 0.2.0
description:
  - Runs on the machine of the provider's hub, because the tenant lets in no other machine. Changes nothing.
  - Checks in stages. Each runs only if those before it have passed, and reports what was seen and what to do.
  - C(resolve), C(connect), C(tls) and C(wallet) are as in M(noncustodial.lightning.lnd_signer_check).
  - C(macaroon) checks that the tenant's macaroon is accepted.
  - C(grant) checks that it allows exactly the methods that a hub calls, and that the node denies it to send coins on
    the chain and to bake macaroons.
  - C(node) checks that it is the node of the bundle, and C(chain) that this node is on the right network and synced.
extends_documentation_fragment:
  - noncustodial.lightning.attributes.info
options:
  endpoint:
    description: Host and port of the node's gRPC listener.
    type: str
    required: true
  certificate:
    description: The node's certificate, PEM.
    type: str
  certificate_file:
    description: A file with the certificate, instead of O(certificate).
    type: path
  macaroon:
    description: The macaroon that the tenant has baked for the hub, hexadecimal.
    type: str
  macaroon_credential:
    description: A file with the macaroon, binary and sealed to this machine with C(systemd-creds encrypt), instead of
      O(macaroon).
    type: path
  macaroon_credential_name:
    description: The name under which O(macaroon_credential) was sealed.
    type: str
    default: macaroon
  node_id:
    description: The node's id, as in the bundle.
    type: str
    required: true
  network:
    description: The network that the node must be on.
    type: str
    default: mainnet
    choices: [mainnet, testnet, testnet4, signet, regtest, simnet]
  timeout:
    description: Seconds that one call may take.
    type: float
    default: 10.0
notes:
  - "Reasons of a failed stage are C(name_not_resolved), C(refused), C(unreachable), C(not_answering), C(not_tls),
    C(certificate_differs), C(certificate_name), C(certificate_expired), C(wallet_missing), C(wallet_locked),
    C(wallet_starting), C(macaroon_malformed), C(macaroon_refused), C(caveat_unmet), C(grant_too_wide),
    C(grant_too_narrow), C(grant_root_key_zero), C(grant_not_enforced), C(node_differs), C(network_differs),
    C(not_synced), C(resolutions_not_kept) and C(call_failed)."
  - Reasons of a warning are C(certificate_ends_soon) (in 30 days) and C(grant_ends_soon) (in two weeks).
  - Reasons keep their names and meanings, so that monitors can rely on them.
requirements:
  - python >= 3.11
  - grpcio >= 1.51 (Debian package C(python3-grpcio))
  - protobuf >= 4.21 (Debian package C(python3-protobuf))
  - cryptography (Debian package C(python3-cryptography))
seealso:
  - module: noncustodial.lightning.lnd_bundle_info
  - plugin: noncustodial.lightning.hub_grant
    plugin_type: lookup
author:
  - noncustodial.lightning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: The node is as its bundle describes it
  noncustodial.lightning.lnd_node_check:
    endpoint: "{{ offer.bundle.endpoint }}"
    certificate: "{{ offer.bundle.certificate }}"
    macaroon: "{{ offer.bundle.macaroon }}"
    node_id: "{{ offer.bundle.node_id }}"
    network: mainnet
"""

RETURN = r"""
stages:
  description: Every stage in its order, also when one failed.
  returned: when the node was asked
  type: list
  elements: dict
  contains:
    name:
      description: The name of the stage.
      type: str
      returned: always
      sample: macaroon
    status:
      description: V(ok), V(warn), V(fail), or V(skipped) because an earlier one failed.
      type: str
      returned: always
      sample: fail
    reason:
      description: A code that keeps its name. It is V(ok), V(skipped), or one of those in the notes.
      type: str
      returned: always
      sample: macaroon_refused
    seen:
      description: The observation, in words.
      type: str
      returned: always
      sample: "the node answers: verification failed: signature mismatch after caveat verification"
    cure:
      description: The cure, in words.
      type: str
      returned: always
      sample: "The tenant has revoked the grant, or it is of another lnd: the tenant must hand over a new bundle"
reason:
  description: The reason of the stage that failed.
  returned: failure
  type: str
  sample: macaroon_refused
version:
  description: The version of the node's lnd.
  returned: success
  type: str
  sample: 0.21.3-beta
"""

import dataclasses
import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._check import node_check
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.networks import NETWORKS
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import messages, tls
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import certificate
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import argspec
from ansible_collections.noncustodial.lightning.plugins.module_utils._module.frame import Module


def target(params: t.Mapping[str, t.Any]) -> node_check.NodeTarget:
    taken = ("endpoint", "node_id", "network", "timeout")
    return node_check.NodeTarget(
        certificate=argspec.given_certificate(params, "the node's certificate"),
        macaroon=argspec.given_macaroon(params, "macaroon"),
        **{name: params[name] for name in taken},
    )


def main() -> None:
    module = Module(
        {
            "endpoint": {"type": "str", "required": True},
            "certificate": {"type": "str"},
            "certificate_file": {"type": "path"},
            "macaroon": {"type": "str", "no_log": True},
            "macaroon_credential": {"type": "path", "no_log": False},
            "macaroon_credential_name": {"type": "str", "default": "macaroon", "no_log": False},
            "node_id": {"type": "str", "required": True},
            "network": {"type": "str", "default": "mainnet", "choices": list(NETWORKS)},
            "timeout": {"type": "float", "default": 10.0},
        },
        needs={"grpcio": tls.IMPORT_ERROR, "protobuf": messages.IMPORT_ERROR, "cryptography": certificate.IMPORT_ERROR},
        required_one_of=[("certificate", "certificate_file"), ("macaroon", "macaroon_credential")],
        mutually_exclusive=[("certificate", "certificate_file"), ("macaroon", "macaroon_credential")],
    )
    module.answer(lambda: dataclasses.asdict(node_check.require(target(module.params))))


if __name__ == "__main__":
    main()
