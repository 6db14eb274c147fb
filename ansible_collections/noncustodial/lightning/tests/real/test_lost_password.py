# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A watch-only node whose wallet's password is lost, because the machine's TPM or key no longer opens it, gets a new
wallet of the same accounts, and keeps its channels. Steps and statements are those of docs/recovery.md.
"""

from __future__ import annotations

import json
import re
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.noncustodial.lightning.tests.support.daemons import Postgres, chain_image, lnd_binary
from ansible_collections.noncustodial.lightning.tests.support.doc_commands import sealing_loop
from ansible_collections.noncustodial.lightning.tests.support.pairs import WatchOnlyPair
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION, ROOT

pytestmark = [pytest.mark.lnd, pytest.mark.chain, pytest.mark.database]

USED_KEYS = 5


class OneChannel(WatchOnlyPair):
    """One channel, which the world knows."""

    PRIVATE = (False,)


def lncli(pair: WatchOnlyPair, *arguments: str) -> t.Any:
    """Return what lncli reports of the node."""
    command = [str(lnd_binary().parent / "lncli"), f"--rpcserver={pair.inner.rpcserver}", "--network=regtest"]
    command += [f"--lnddir={pair.inner.directory}", *arguments]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def derived(pair: WatchOnlyPair) -> dict[str, int]:
    """Return how many keys of each family for channels are derived."""
    return {
        one["derivation_path"]: one["external_key_count"]
        for one in lncli(pair, "wallet", "accounts", "list")["accounts"]
        if re.fullmatch(r"m/1017'/1'/[0-5]'", one["derivation_path"])
    }


def channels(pair: WatchOnlyPair) -> list[tuple[str, str, bool]]:
    """Return funding, balance and activity of each channel."""
    listed = lncli(pair, "listchannels")["channels"]
    return sorted((one["channel_point"], one["local_balance"], one["active"]) for one in listed)


def has(postgres: Postgres, database: str) -> list[str]:
    """Return what the onboarding learns of a node's database."""
    program = (COLLECTION / "roles/lnd/files/lnd_holds.py").read_text()
    # The credential and the configuration of a node, where the program reads them; PostgreSQL wants no password here.
    script = (
        "mkdir -p /run/unit && echo '*:*:*:*:none' >/run/unit/pgpass && echo \"$1\" >/run/unit/lnd.conf"
        " && exec python3 -I - /run/unit/lnd.conf"
    )
    dsn = f"postgres://postgres@{postgres.loopback}:{postgres.port}/{database}?sslmode=disable"
    command = ["podman", "exec", "--interactive", "--env=CREDENTIALS_DIRECTORY=/run/unit", postgres.name]
    command += ["sh", "-c", script, "sh", f"db.postgres.dsn={dsn}"]
    done = subprocess.run(command, input=program, check=True, capture_output=True, text=True)
    return str(done.stdout).splitlines()


def statements() -> list[str]:
    """Return what the guide has PostgreSQL do."""
    return re.findall(r"-c '([^']+)'", (ROOT / "docs/recovery.md").read_text())


def test_a_lost_password_costs_no_channel(tmp_path: Path, postgres: Postgres) -> None:
    pair = OneChannel(tmp_path, postgres)
    database = pair.databases["inner"]
    try:
        assert has(postgres, database) == []
        pair.start_signer()
        pair.inner.start()
        waiting = pair.inner.module("lnd_state_info", state="NON_EXISTING", wait_timeout=60)
        assert waiting.get("state") == "NON_EXISTING", waiting
        assert has(postgres, database) == []
        pair.inner.stop()
        pair.signer.stop()

        pair.connect()
        assert has(postgres, database) == ["wallet", "channels"]
        before, keys, coins = channels(pair), derived(pair), lncli(pair, "walletbalance")["total_balance"]
        assert [active for _point, _balance, active in before] == [True]
        assert min(keys.values()) == 1
        pair.inner.stop()

        # Of the lost password there is nothing left.
        pair._password.write_text("another-one")
        assert len(statements()) == 3
        for statement in statements():
            done = postgres._psql(pair.databases["inner"], statement)
            assert done.returncode == 0, done.stderr
        for path in (pair.inner.directory / "data/chain/bitcoin/regtest").glob("*.macaroon"):
            path.unlink()

        assert has(postgres, database) == ["channels"]
        pair.inner.start()
        with pytest.raises(AssertionError, match="a new one would use the keys of its channels again"):
            pair.open_watch_only(pair.inner)
        assert has(postgres, database) == ["channels"]
        pair.open_watch_only(pair.inner, recovery_window=USED_KEYS, recovery_window_path=f"{tmp_path}/recovery_window")
        assert has(postgres, database) == ["wallet", "channels"]
        active = pair.inner.module("lnd_channel", channels=pair.wanted, wait=True, wait_timeout=60)
        assert (active.get("failed", False), active["changed"]) == (False, False), active
        pair.await_channels()
        assert channels(pair) == before
        assert lncli(pair, "walletbalance")["total_balance"] == coins
        # No key of a channel of before is used again.
        assert set(derived(pair).values()) == {USED_KEYS}
        # It signs by its signer, both ways.
        invoice = pair.inner.module("lnd_invoice", value_msat=5_000_000)
        assert pair.pay(invoice["payment_request"]) == ""
        paid = pair.inner.module("lnd_payment", payment_request=pair.invoice(3_000_000), fee_limit_msat=10_000)
        assert not paid.get("failed"), paid
        # Again nothing is to be done.
        pair.open_watch_only(pair.inner, recovery_window=USED_KEYS, recovery_window_path=f"{tmp_path}/recovery_window")
        assert set(derived(pair).values()) == {USED_KEYS}
    finally:
        pair.stop()


# Another key of the machine stands for another state of its TPM, which a container has not: systemd refuses both.
SEALED = """set -eu
mkdir -p /etc/credstore.encrypted
echo 0123456789abcdef0123456789abcdef > /etc/machine-id
printf one | systemd-creds encrypt --name=wallet-password - /etc/credstore.encrypted/lnd@acme.wallet-password
printf two | systemd-creds encrypt --name=signer.macaroon - /etc/credstore.encrypted/lnd@acme.signer.macaroon
printf sealed-elsewhere > /etc/credstore.encrypted/lnd@beta.pgpass
{loop}
cd /etc/credstore.encrypted; ls; cat lnd@beta.pgpass; echo
opened() {{
  systemd-creds decrypt --name=signer.macaroon lnd@acme.signer.macaroon - || printf refused
  echo
}}
opened
mv /var/lib/systemd/credential.secret /tmp/lost; opened
printf x | systemd-creds encrypt --with-key=host --name=x - /tmp/x; opened
mv /tmp/lost /var/lib/systemd/credential.secret; opened
echo ffffffffffffffffffffffffffffffff > /etc/machine-id; opened
"""


def test_what_is_sealed_opens_only_with_the_machines_key_and_id() -> None:
    """The guide's loop seals all files of a machine anew, and leaves one that it cannot open as it is."""
    script = SEALED.format(loop=sealing_loop())
    done = subprocess.run(
        ["podman", "run", "--rm", "--interactive", "--network", "none", chain_image(), "bash", "-s"],
        input=script,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == [
        *("lnd@acme.signer.macaroon", "lnd@acme.wallet-password", "lnd@beta.pgpass", "sealed-elsewhere"),
        *("two", "refused", "refused", "two", "refused"),
    ], done.stderr
