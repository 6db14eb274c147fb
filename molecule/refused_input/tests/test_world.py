# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Onboarding while something that it needs is not as it should be: it names it, and goes on when that is mended.

A signer that is locked, has another macaroon, one that is too wide, another certificate or an older lnd:
tests/real/test_signer.py. A wallet of another seed, found by the node itself:
tests/unit/plugins/modules/test_lnd_watch_wallet.py.
"""

from __future__ import annotations

import json
import typing as t
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from bundles import of_another_seed, sealed
from regtest import Regtest, Run, until

CUT = """
nft -f - <<'RULES'
table inet cut {
  chain output {
    type filter hook output priority filter
    ip daddr %s drop
  }
}
RULES
"""


def channel_is_active(regtest: Regtest, tenant: str) -> bool:
    done = regtest.machine("nodes").run(
        f"lncli --network=regtest --lnddir=/var/lib/lnd/{tenant}"
        f" --rpcserver=localhost:{({'acme': 10010, 'globex': 10011})[tenant]} listchannels --active_only"
    )
    return done.rc == 0 and '"channel_point"' in done.stdout


@contextmanager
def broken(regtest: Regtest, machine: str, how: str, mend: str) -> t.Iterator[None]:
    """Break something on a machine for a while."""
    regtest.sh(machine, how)
    try:
        yield
    finally:
        regtest.sh(machine, mend)
        for tenant in ("acme", "globex"):
            until(f"the channel of {tenant}", partial(channel_is_active, regtest, tenant), timeout=120)


def onboard(regtest: Regtest, tenant: str, *options: str) -> Run:
    return regtest.play("onboard_tenant", f"--limit={tenant}", *options)


def test_signer_off(regtest: Regtest) -> None:
    with broken(regtest, "signer-globex", "systemctl stop lnd@signer", "systemctl start lnd@signer"):
        run = onboard(regtest, "globex")
    assert run.status != 0
    assert "The signer at signer-globex:10009 fails at connect (refused)" in run.text, run.output
    assert "the tenant must start its lnd" in run.text
    assert not any(run.changed.values())


def test_signer_unreachable(regtest: Regtest) -> None:
    address = regtest.sh("signer-globex", "hostname --all-ip-addresses").strip()
    with broken(regtest, "nodes", CUT % address, "nft delete table inet cut"):
        run = onboard(regtest, "globex")
    assert run.status != 0
    assert "fails at connect (unreachable)" in run.text, run.output
    assert "The tenant's machine is off, or a firewall on the way" in run.text
    assert not any(run.changed.values())


def test_gateway_without_funds(regtest: Regtest, tmp_path: Path) -> None:
    """The own node stands in for a gateway that has no coins, and acme, without its report, for a tenant that comes on
    board.
    """
    node = (
        "sha256sum /etc/lnd/acme/* /etc/credstore.encrypted/lnd@acme.*; systemctl show --property=MainPID"
        " lnd@acme.service"
    )
    before = regtest.sh("nodes", node)
    run = onboard(regtest, "acme", f"--extra-vars=tenant_gateway=own-node tenant_report={tmp_path}/report.json")
    assert run.status != 0
    assert "too few coins: 0 sat confirmed" in run.text, run.output
    assert "needed: 1000000 sat, confirmed or not" in run.text, run.output
    assert "Send the difference to bcrt1" in run.text
    assert run.changed == {"acme": 0}
    assert regtest.sh("nodes", node) == before
    assert regtest.lncli("own-node", "pendingchannels")["pending_open_channels"] == []


def test_bitcoind_still_syncing(regtest: Regtest) -> None:
    """A chain whose newest block is old, and a miner that makes none."""
    syncing = (
        "systemctl disable --quiet --now regtest-miner; echo maxtipage=1 > /etc/bitcoind/conf.d/99-test.conf; systemctl"
        " restart bitcoind"
    )
    mend = (
        "rm /etc/bitcoind/conf.d/99-test.conf; systemctl restart bitcoind; systemctl enable --quiet --now regtest-miner"
    )
    with broken(regtest, "chain", syncing, mend):
        run = onboard(regtest, "acme")
    assert run.status != 0
    assert "bitcoind on chain is still syncing: block" in run.text, run.output
    assert "Wait until" in run.text
    assert not any(run.changed.values())


def test_wrong_password_of_the_database(regtest: Regtest) -> None:
    """Somebody has set another one on the server. The node reports it, and its playbook mends it."""
    regtest.sh("chain", "runuser --user=postgres -- psql -qc \"ALTER ROLE lnd_globex PASSWORD 'another'\"")
    regtest.sh("nodes", "systemctl restart --no-block lnd-lock@globex")
    until(
        "the lock to say so",
        lambda: (
            "The database does not let us in"
            in regtest.sh("nodes", "systemctl show --property=StatusText lnd-lock@globex")
        ),
    )
    said = regtest.sh("nodes", "systemctl show --property=StatusText lnd-lock@globex")
    assert "password authentication failed" in said
    assert "run this node's playbook again" in said
    run = regtest.play("provision_tenant", "--limit=globex")
    assert run.status == 0, run.output
    until("the channel of globex", lambda: channel_is_active(regtest, "globex"), timeout=120)


# A second signer, beside the first, on what could be a fresh machine: it has the tenant's seed on the desk, and no
# wallet. The firewall stays that of the first.
FRESH = json.dumps({"lnd_name": "fresh", "lnd_port_offset": 7, "signer_firewall": False})
REMOVE_FRESH = """
systemctl disable --quiet --now lnd@fresh.service
rm -rf /var/lib/lnd/fresh /etc/lnd/fresh /etc/credstore.encrypted/lnd@fresh.* /etc/systemd/system/lnd@fresh.service.d
userdel lnd-fresh
"""


@pytest.mark.parametrize("options", [(), ("--check",)], ids=["run", "check"])
def test_a_fresh_machine_gets_no_other_seed(regtest: Regtest, options: tuple[str, ...]) -> None:
    """The second run, in check mode, finds the lnd that the first has left without a wallet."""
    kept = (regtest.state / "acme/seed.age").read_bytes()
    try:
        run = regtest.play("signer", f"--extra-vars={FRESH}", *options, inventory="acme")
        assert run.status != 0
        assert "There is a seed for this node at" in run.text, run.output
        assert "move that file away" in run.text
        assert regtest.machine("signer-acme").run("ls /etc/lnd/fresh/seed.age").rc != 0
        assert (regtest.state / "acme/seed.age").read_bytes() == kept
    finally:
        if options:
            regtest.sh("signer-acme", REMOVE_FRESH)


@pytest.mark.parametrize("options", [(), ("--check",)], ids=["run", "check"])
def test_another_seed_on_the_desk_is_kept(regtest: Regtest, options: tuple[str, ...]) -> None:
    path = regtest.state / "acme/seed.age"
    kept = path.read_bytes()
    another = (regtest.state / "globex/seed.age").read_bytes()
    path.write_bytes(another)
    try:
        run = regtest.play("signer", *options, inventory="acme")
        assert run.status != 0
        assert "are different seeds" in run.text, run.output
        assert path.read_bytes() == another
    finally:
        path.write_bytes(kept)
    assert not any(run.changed.values())


LOST = "/var/lib/lnd/acme /var/lib/lnd/acme.lost"


@pytest.mark.parametrize(
    ("lose", "bring"),
    [("true", "true"), (f"mv {LOST}", f"mv -T {' '.join(reversed(LOST.split()))}")],
    ids=["down", "lost"],
)
def test_another_seed_while_the_node_is_down(regtest: Regtest, tmp_path: Path, lose: str, bring: str) -> None:
    """Without a report, and without a node that could refuse it, its machine has the signer that it was given; also
    when lnd's directory is lost.
    """
    bundle, report = tmp_path / "bundle.json", tmp_path / "report.json"
    bundle.write_bytes(sealed(regtest, "acme", of_another_seed(regtest)))
    with broken(regtest, "nodes", f"systemctl stop lnd@acme && {lose}", f"{bring} && systemctl start lnd@acme"):
        run = onboard(regtest, "acme", f"--extra-vars=tenant_bundle={bundle} tenant_report={report}")
    assert run.status != 0
    assert "the wallet there is of another seed. Nothing was changed." in run.text, run.output
    assert run.changed == {"acme": 0}
    assert not report.exists()


def test_all_is_as_it_was(regtest: Regtest) -> None:
    run = regtest.play("onboard_tenant")
    assert run.status == 0, run.output
    assert not any(run.changed.values()), run.output
