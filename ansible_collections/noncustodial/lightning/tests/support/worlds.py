# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub on a fake lnd, which can be made to do what a real one does too seldom, and the condition that must hold at the
end of every test.
"""

from __future__ import annotations

import typing as t
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from ansible_collections.noncustodial.lightning.tests.support.daemons import Postgres, until
from ansible_collections.noncustodial.lightning.tests.support.fake_lnd import MACAROON, FakeLnd
from ansible_collections.noncustodial.lightning.tests.support.hubs import ADMIN_TOKEN, Process, Setting, Wallet


class World:
    """A fake lnd, and a hub on it."""

    def __init__(self, folder: Path, postgres: Postgres, **options: dict[str, t.Any]) -> None:
        self.lnd = FakeLnd()
        self.setting = Setting(
            folder, postgres, self.lnd.rpcserver, self.lnd.certificate, MACAROON, **options
        ).migrate()
        self.started: list[Process] = []
        self.threads = ThreadPoolExecutor(32)

    def hub(self) -> Process:
        """Start one more process."""
        self.started.append(self.setting.start())
        return self.started[-1]

    def rich(self, process: Process, sat: int = 1000) -> Wallet:
        """Make a new user with money."""
        wallet = process.user()
        assert self.lnd.pay_from_outside(wallet.invoice(sat))
        until("the deposit", lambda: wallet.msat == sat * 1000)
        return wallet

    def later(self, call: t.Callable[..., t.Any], *arguments: t.Any, **named: t.Any) -> Future[t.Any]:
        """Run something beside the test."""
        return self.threads.submit(call, *arguments, **named)

    def pending(self, process: Process) -> int:
        """Return the number of payments without an end."""
        text = process.http.get("/metrics", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}).text
        return int(float(text.split("\nlndhub_pending_payments ")[1].split()[0]))

    def pass_time(self) -> None:
        """Move lnd's clock past every send_before and its grace."""
        self.lnd.clock += 3600

    def balanced(self) -> None:
        """Check that lnd and the ledger agree, msat by msat."""
        with self.lnd.lock:
            came = sum(
                htlc["amt_msat"]
                for invoice in self.lnd.invoices.values()
                for htlc in invoice.htlcs
                if self.lnd.htlc_ends.get((htlc["chan_id"], htlc["htlc_index"])) is not False
            )
            went = sum(one.value_msat + one.fee_msat for one in self.lnd.payments.values() if one.status == "SUCCEEDED")
        query = """SELECT (SELECT coalesce(sum(msat), 0) FROM entries) || ' ' ||
            (SELECT (SELECT coalesce(sum(msat), 0) FROM balances) + coalesce(sum(msat), 0) FROM entries
              WHERE account_id = 0) || ' ' ||
            (SELECT coalesce(sum(msat), 0) FROM entries WHERE account_id = 3)"""
        done = self.setting.postgres._psql(self.setting.database, query)
        assert done.stdout.split() == ["0", str(came - went), "0"], (done, came, went)

    def close(self) -> None:
        """Stop everything; the logs of the hubs hold no secret."""
        self.lnd.before_taking = self.lnd.after_taking = self.lnd.before_cancel = lambda: None
        self.lnd.stop()
        for process in self.started:
            process.kill()
        self.threads.shutdown(wait=True, cancel_futures=True)
        secret = [
            (self.setting.credentials / name).read_text(errors="replace").strip() for name in ("jwt_key", "admin_token")
        ]
        secret += [invoice.r_preimage.hex() for invoice in self.lnd.invoices.values()] + ["ab" * 32]
        for process in self.started:
            log = process.log.read_text()
            assert not [one for one in secret if one in log]
            assert "Traceback" not in log, log[log.index("Traceback") :][-4000:]
