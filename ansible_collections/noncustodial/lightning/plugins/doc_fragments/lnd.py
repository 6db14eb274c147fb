# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection options; argspec.CONNECTION_SPEC is their other half, and a test compares the two."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of the connection to one lnd."""

    DOCUMENTATION = r"""
options:
  rpcserver:
    description: Host and port of the lnd's gRPC listener.
    type: str
    default: localhost:10009
  lnddir:
    description: The lnd's own directory, in which its certificate and macaroons are looked up.
    type: path
    default: ~/.lnd
  network:
    description: The network that the lnd is on.
    type: str
    default: mainnet
    choices: [mainnet, testnet, testnet4, signet, regtest, simnet]
  tlscertpath:
    description:
      - The lnd's TLS certificate, to which the connection is pinned.
      - The file must hold one certificate. Of several with the same subject, such as the old and the new one of an lnd,
        gRPC sees only the first.
      - By default C(tls.cert) in O(lnddir).
    type: path
  macaroonpath:
    description:
      - The macaroon that authorises the calls.
      - By default C(data/chain/bitcoin/NETWORK/admin.macaroon) in O(lnddir).
    type: path
  macaroon_credential:
    description:
      - A file with the macaroon, which C(systemd-creds encrypt) has sealed to this machine under the name C(macaroon).
        It is used instead of O(macaroonpath).
    type: path
  timeout:
    description: Seconds that one call may take.
    type: float
    default: 30.0
notes:
  - A module that changes something needs neither node nor libraries in check mode. If one of these, or a file that
    comes with the node, is not there yet, the module predicts a change, returns nothing else, and names in a warning
    what is missing.
requirements:
  - python >= 3.11
  - grpcio >= 1.51 (Debian package C(python3-grpcio))
  - protobuf >= 4.21 (Debian package C(python3-protobuf))
"""
