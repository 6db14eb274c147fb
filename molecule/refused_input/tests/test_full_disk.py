# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that is full in the middle of an onboarding."""

from __future__ import annotations

from regtest import Regtest

CONFIG = "/etc/lnd/globex"
# A small disk with the node's configuration, but for the signer's certificate, and not a byte free.
FILL = f"""set -e
mkdir /run/small
mount -t tmpfs -o size=256k tmpfs /run/small
rm {CONFIG}/signer.crt
cp -a {CONFIG}/. /run/small
chown --reference={CONFIG} /run/small
chmod --reference={CONFIG} /run/small
mount --bind /run/small {CONFIG}
dd if=/dev/zero of={CONFIG}/filler bs=1k status=none || true"""
MEND = f"umount {CONFIG}; umount /run/small; rmdir /run/small"


def test_full_disk(regtest: Regtest) -> None:
    before = regtest.sh("nodes", "systemctl show --property=MainPID lnd@globex")
    regtest.sh("nodes", FILL)
    try:
        run = regtest.play("onboard_tenant", "--limit=globex")
    finally:
        regtest.sh("nodes", MEND)
    assert run.status != 0
    assert f"Cannot write {CONFIG}/signer.crt: No space left on device" in run.text, run.output
    assert "the space on its disk" in run.text
    assert run.changed == {"globex": 0}
    assert regtest.sh("nodes", "systemctl show --property=MainPID lnd@globex") == before, "the node runs on as it was"

    run = regtest.play("onboard_tenant", "--limit=globex")
    assert run.status == 0, run.output
    assert regtest.sh("nodes", f"head -n 1 {CONFIG}/signer.crt") == "-----BEGIN CERTIFICATE-----"
    assert regtest.play("onboard_tenant", "--limit=globex").changed == {"globex": 0}
