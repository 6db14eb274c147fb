#!/usr/bin/python
# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lnd_signer_check
short_description: Check a tenant's signer
version_added: 0.1.0
description:
  - Runs on the machine of the tenant's node, because only that machine reaches the signer. Changes nothing.
  - Checks in stages. Each runs only if those before it have passed, and reports what was seen and what to do.
  - C(resolve) checks that the endpoint's name resolves, C(connect) that a TCP connection opens, C(tls) that the
    certificate is the pinned one, has the dialled name and is valid now, C(wallet) that the wallet is open, C(macaroon)
    that the grant is accepted.
  - C(grant) checks that it has exactly the permissions that a node needs, and that the signer really denies other
    calls. For a grant with MuSig2 methods it reports that private keys may be known, and what to do.
  - C(key) lets the node's key sign a fresh challenge and verifies the signature with O(node_id).
  - C(accounts) lets the first key below each account of O(accounts) or O(keys_file) sign another challenge, in one
    call, so that no account is of another seed. The challenge is a transaction that no chain can ever accept.
  - C(version) checks that the signer's lnd is not older than the node's. C(clock) measures how far its clock is off,
    and C(latency) how long a signature takes.
  - The same check is the start gate of the node's unit and the probe of a monitor, as the program
    C(module_utils/_check/signer_check.py). The role P(noncustodial.lightning.lnd#role) installs it below
    C(/usr/lib/noncustodial-lightning/lnd), with the configuration C(/etc/lnd/NODE/signer.json). There C(grant_too_wide)
    is a warning that does not stop the node, because it must run to close its channels.
extends_documentation_fragment:
  - noncustodial.lightning.attributes.info
options:
  endpoint:
    description: Host and port of the signer.
    type: str
    required: true
  certificate:
    description: The signer's certificate, PEM. If there are several, such as the old and the new one during a renewal,
      the signer must serve one of them.
    type: str
  certificate_file:
    description: A file with the certificate, instead of O(certificate).
    type: path
  macaroon:
    description: The grant, hexadecimal.
    type: str
  macaroon_file:
    description: A file with the grant, binary, instead of O(macaroon).
    type: path
  macaroon_credential:
    description: A file with the grant, binary and sealed to this machine with C(systemd-creds encrypt), instead of
      O(macaroon).
    type: path
  macaroon_credential_name:
    description: The name under which O(macaroon_credential) was sealed.
    type: str
    default: signer.macaroon
  node_id:
    description: The id of the tenant's node, as in the bundle.
    type: str
    required: true
  accounts:
    description:
      - The accounts of the bundle. The signer must have the private key of each.
      - Without them and without O(keys_file) only the node's own key is challenged, and the stage C(accounts) warns.
    type: list
    elements: dict
    suboptions:
      purpose:
        description: The first step of the account's path.
        type: int
        required: true
      coin_type:
        description: The second step.
        type: int
        required: true
      account:
        description: The third step.
        type: int
        required: true
      xpub:
        description: The account's extended public key. It is confidential.
        type: str
        required: true
  keys_file:
    description:
      - A file with one public key below each account, instead of O(accounts). It is a JSON object of derivation paths
        with keys.
      - The role P(noncustodial.lightning.lnd#role) writes it, as C(/etc/lnd/NODE/signer.keys.json).
    type: path
  node_version:
    description: The version of the provider's lnd. The signer's must not be older. Without this option the version is
      only reported.
    type: str
  timeout:
    description: Seconds that one call may take.
    type: float
    default: 10.0
  samples:
    description: The number of signatures that the latency is measured from.
    type: int
    default: 20
notes:
  - "Reasons of a failed stage are C(name_not_resolved), C(refused), C(unreachable), C(not_answering), C(not_tls),
    C(certificate_differs), C(certificate_name), C(certificate_expired), C(wallet_missing), C(wallet_locked),
    C(wallet_starting), C(macaroon_malformed), C(macaroon_refused), C(caveat_unmet), C(grant_too_wide),
    C(grant_too_narrow), C(grant_root_key_zero), C(grant_not_enforced), C(key_differs), C(key_unsigned),
    C(accounts_differ), C(accounts_unsigned), C(version_older), C(version_unknown) and C(call_failed)."
  - Reasons of a warning are C(accounts_unasked), C(certificate_ends_soon) (in 30 days), C(grant_ends_soon) (in two
    weeks), C(clock_skewed) (by more than 30 s) and C(latency_high) (more than 500 ms in one of twenty).
  - Reasons keep their names and meanings, so that monitors can rely on them.
requirements:
  - python >= 3.11
  - grpcio >= 1.51 (Debian package C(python3-grpcio))
  - protobuf >= 4.21 (Debian package C(python3-protobuf))
  - cryptography (Debian package C(python3-cryptography))
  - ecdsa (Debian package C(python3-ecdsa))
seealso:
  - module: noncustodial.lightning.lnd_bundle_info
author:
  - noncustodial.lightning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: The signer is as the bundle describes it
  noncustodial.lightning.lnd_signer_check:
    endpoint: "{{ offer.bundle.endpoint }}"
    certificate: "{{ offer.bundle.certificate }}"
    macaroon: "{{ offer.bundle.macaroon }}"
    node_id: "{{ offer.bundle.node_id }}"
    accounts: "{{ offer.bundle.accounts }}"
    node_version: 0.21.3-beta

- name: The signer is still as the bundle describes it
  noncustodial.lightning.lnd_signer_check:
    endpoint: signer.example.com:10009
    certificate_file: /etc/lnd/acme/signer.crt
    macaroon_credential: /etc/credstore.encrypted/lnd@acme.signer.macaroon
    node_id: 02e46be367a3a9f0aac3da844827a506a254d6ea8d46601e0a4a11cdaebb277ebc
    keys_file: /etc/lnd/acme/signer.keys.json
"""

RETURN = r"""
stages:
  description: Every stage in its order, also when one failed.
  returned: when the signer was asked
  type: list
  elements: dict
  contains:
    name:
      description: The name of the stage.
      type: str
      returned: always
      sample: tls
    status:
      description: V(ok), V(warn), V(fail), or V(skipped) because an earlier one failed.
      type: str
      returned: always
      sample: fail
    reason:
      description: A code that keeps its name. It is V(ok), V(skipped), or one of those in the notes.
      type: str
      returned: always
      sample: certificate_name
    seen:
      description: The observation, in words.
      type: str
      returned: always
      sample: the certificate does not have signer.example.com; it has localhost, 127.0.0.1
    cure:
      description: The cure, in words.
      type: str
      returned: always
      sample: >-
        The tenant must set the name (lnd_tls_names), stop its lnd, remove its tls.cert and tls.key, and run its
        playbook again; then the tenant must hand over a new bundle
reason:
  description: The reason of the stage that failed.
  returned: failure
  type: str
  sample: certificate_name
version:
  description: The version of the signer's lnd.
  returned: success
  type: str
  sample: 0.21.3-beta
clock_skew:
  description: Two bounds in seconds. The signer's clock is ahead by a time between them. Null for a bound that was not
    found.
  returned: success
  type: list
  elements: int
  sample: [-2, 2]
latency_p50:
  description: Milliseconds for one signature, the median.
  returned: success
  type: float
  sample: 1.3
latency_p95:
  description: Milliseconds that one signature in twenty exceeds.
  returned: success
  type: float
  sample: 1.9
"""

import dataclasses
import typing as t

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import account_keys
from ansible_collections.noncustodial.lightning.plugins.module_utils._check import (
    possession,
    signer_check,
    signer_report,
)
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc import messages, tls
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import bip32, certificate
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import argspec
from ansible_collections.noncustodial.lightning.plugins.module_utils._module.frame import Module


def keys(params: t.Mapping[str, t.Any]) -> dict[str, str]:
    if params["keys_file"]:
        return possession.read(params["keys_file"])
    return account_keys.account_keys(params["accounts"] or ())


def target(params: t.Mapping[str, t.Any]) -> signer_report.SignerTarget:
    taken = ("endpoint", "node_id", "node_version", "timeout", "samples")
    return signer_report.SignerTarget(
        certificate=argspec.given_certificate(params, "the signer's certificate"),
        macaroon=argspec.given_macaroon(params, "grant"),
        keys=keys(params),
        **{name: params[name] for name in taken},
    )


def main() -> None:
    module = Module(
        {
            "endpoint": {"type": "str", "required": True},
            "certificate": {"type": "str"},
            "certificate_file": {"type": "path"},
            "macaroon": {"type": "str", "no_log": True},
            "macaroon_file": {"type": "path"},
            "macaroon_credential": {"type": "path", "no_log": False},
            "macaroon_credential_name": {"type": "str", "default": "signer.macaroon", "no_log": False},
            "node_id": {"type": "str", "required": True},
            "accounts": {"type": "list", "elements": "dict", "options": argspec.ACCOUNT_SPEC},
            "keys_file": {"type": "path", "no_log": False},
            "node_version": {"type": "str"},
            "timeout": {"type": "float", "default": 10.0},
            "samples": {"type": "int", "default": 20},
        },
        needs={
            "grpcio": tls.IMPORT_ERROR,
            "protobuf": messages.IMPORT_ERROR,
            "cryptography": certificate.IMPORT_ERROR,
            "ecdsa": bip32.IMPORT_ERROR,
        },
        required_one_of=[("certificate", "certificate_file"), ("macaroon", "macaroon_file", "macaroon_credential")],
        mutually_exclusive=[
            ("certificate", "certificate_file"),
            ("macaroon", "macaroon_file", "macaroon_credential"),
            ("accounts", "keys_file"),
        ],
    )
    module.answer(lambda: dataclasses.asdict(signer_check.require(target(module.params))))


if __name__ == "__main__":
    main()
