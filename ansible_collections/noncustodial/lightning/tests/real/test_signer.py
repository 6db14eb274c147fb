# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tenant's signer, its bundle and the check of it, against real lnd without a chain, as a signer runs."""

from __future__ import annotations

import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import account_keys
from ansible_collections.noncustodial.lightning.plugins.module_utils._check import signer_check, signer_report
from ansible_collections.noncustodial.lightning.plugins.module_utils._core import document
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.client import Client, Connection
from ansible_collections.noncustodial.lightning.plugins.module_utils._grpc.errors import Denied
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import bip32, grant, macaroon
from ansible_collections.noncustodial.lightning.tests.support.bundles import forged
from ansible_collections.noncustodial.lightning.tests.support.daemons import Lnd, free_port, run_module
from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION, ROOT
from ansible_collections.noncustodial.lightning.tests.support.signers import Signer, make_signer

pytestmark = pytest.mark.lnd

SECRETS = re.compile(r"[tuv](pub|prv)[1-9A-HJ-NP-Za-km-z]{50}|PRIVATE KEY|AGE-SECRET")
STAGES = ["resolve", "connect", "tls", "wallet", "macaroon", "grant", "key", "accounts", "version", "clock", "latency"]


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Signer]:
    """A signer that runs; it also listens at an address that its certificate does not have."""
    made = make_signer(tmp_path_factory.mktemp("signers") / "acme", f"--rpclisten=127.0.0.2:{free_port()}")
    yield made
    made.lnd.stop()


@pytest.fixture(scope="module")
def globex(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Signer]:
    """Another tenant's signer, for tests that stop and lock it."""
    made = make_signer(tmp_path_factory.mktemp("signers") / "globex")
    yield made
    made.lnd.stop()


def failed(target: signer_report.SignerTarget) -> tuple[str, str]:
    """Return stage and reason of the failure; all stages are there, and those after it were skipped."""
    report = signer_check.check(target)
    assert [stage.name for stage in report.stages] == STAGES
    stage = report.failed
    assert stage is not None, report
    after = report.stages[STAGES.index(stage.name) + 1 :]
    assert {one.status for one in after} <= {"skipped"}
    assert stage.seen
    assert stage.cure
    return stage.name, stage.reason


# --- the bundle


def test_bundle(acme: Signer) -> None:
    predicted = acme.bundle(check=True)
    assert not predicted.get("failed"), predicted["msg"]
    assert predicted["changed"] is True
    assert not (acme.folder / "bundle.json").exists()
    written = acme.bundle()
    assert (written["changed"], written["mode"], written["bundle"]["node_id"]) == (True, "0600", acme.node_id)
    assert {name: written[name] for name in ("tenant", "network", "recipient")} == {
        name: predicted[name] for name in ("tenant", "network", "recipient")
    }
    again = acme.bundle()
    assert (again["changed"], again["sha256"], again["actions"]) == (False, written["sha256"], [])
    info = acme.bundle_info()
    assert (info["changed"], info["sha256"]) == (False, written["sha256"])
    assert info["bundle"] == written["bundle"]


def test_the_modules_show_no_secret(acme: Signer) -> None:
    grant_hex = (acme.folder / "grant.macaroon").read_bytes().hex()
    shown = json.dumps([acme.bundle(check=True), acme.bundle(), acme.bundle_info()])
    assert grant_hex not in shown
    assert not SECRETS.search(shown)


def test_secrets_are_given_only_to_a_task_that_hides_them(acme: Signer) -> None:
    acme.bundle()
    refused = acme.bundle_info(with_secrets=True)
    assert refused["failed"] is True
    assert "Set no_log: true" in refused["msg"]
    opened = acme.bundle_info(with_secrets=True, _ansible_no_log=True)
    assert opened["bundle"]["macaroon"] == (acme.folder / "grant.macaroon").read_bytes().hex()
    assert len(opened["bundle"]["accounts"]) == 259


def test_a_bundle_with_faults_is_not_written(acme: Signer) -> None:
    before = (acme.folder / "bundle.json").read_bytes()
    wide = acme.bake("wide.macaroon", (*grant.PERMISSIONS, "onchain:write"), 5)
    done = acme.bundle(endpoint="signer.example.com:10009", macaroon_file=str(wide))
    assert done["failed"] is True
    assert {problem["path"] for problem in done["problems"]} == {"certificate", "macaroon"}
    assert (acme.folder / "bundle.json").read_bytes() == before


def test_a_bundle_signed_by_another_tenant_is_refused(acme: Signer, globex: Signer) -> None:
    acme.bundle()
    done = acme.bundle_info(signing_key=globex.keys.signing_key)
    assert done["failed"] is True
    assert [problem["path"] for problem in done["problems"]] == ["signature"]


PLAY = """
- name: As the documentation of lnd_bundle_info shows it
  hosts: localhost
  gather_facts: false
  module_defaults:
    noncustodial.lightning.lnd_bundle_info: "{{ options }}"
  tasks:
    - name: The bundle is right
      noncustodial.lightning.lnd_bundle_info:

    - name: The bundle is opened
      noncustodial.lightning.lnd_bundle_info:
        with_secrets: true
      no_log: true
      register: offer

    - name: The signer is what the bundle says
      noncustodial.lightning.lnd_signer_check:
        endpoint: "{{ offer.bundle.endpoint }}"
        certificate: "{{ offer.bundle.certificate }}"
        macaroon: "{{ offer.bundle.macaroon }}"
        node_id: "{{ offer.bundle.node_id }}"
        accounts: "{{ offer.bundle.accounts }}"
        node_version: "{{ node_version }}"
"""


def test_a_play_at_vvv_shows_no_secret(acme: Signer, tmp_path: Path) -> None:
    assert not acme.bundle().get("failed")
    (tmp_path / "play.yml").write_text(PLAY)
    options = {
        "path": str(acme.folder / "bundle.json"),
        "kit_file": str(acme.folder / "kit.json"),
        "identity_file": acme.keys.identity,
        "signing_key": acme.keys.signing_key,
    }
    variables = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "options": options}

    def play(**changes: t.Any) -> subprocess.CompletedProcess[str]:
        extra = json.dumps({**variables, **changes})
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "ansible",
                "playbook",
                "-vvv",
                "-i",
                "localhost,",
                "-e",
                extra,
                str(tmp_path / "play.yml"),
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": str(ROOT),
                "ANSIBLE_LOCAL_TEMP": str(tmp_path / "ansible"),
            },
        )

    passed, failed_check = play(node_version="0.21.3-beta"), play(node_version="99.0.0-beta")
    (tmp_path / "cut.json").write_bytes((acme.folder / "bundle.json").read_bytes()[:5000])
    cut = play(node_version="0.21.3-beta", options={**options, "path": str(tmp_path / "cut.json")})
    assert [run.returncode for run in (passed, failed_check, cut)] == [0, 2, 2], passed.stdout + passed.stderr
    assert "version_older" in failed_check.stdout
    assert "is not JSON: it was cut, altered" in cut.stdout
    shown = "".join(run.stdout + run.stderr for run in (passed, failed_check, cut))
    assert (acme.folder / "grant.macaroon").read_bytes().hex() not in shown
    assert not SECRETS.search(shown)


# --- the check


def test_a_signer_as_it_should_be(acme: Signer) -> None:
    report = signer_check.check(acme.target())
    assert [(stage.name, stage.status) for stage in report.stages] == [(name, "ok") for name in STAGES]
    assert report.version == "0.21.3-beta"
    assert report.clock_skew == (-2, 2)
    assert report.latency_p50 is not None
    assert report.latency_p95 is not None
    assert 0 < report.latency_p50 <= report.latency_p95


def test_the_module(acme: Signer, globex: Signer) -> None:
    options: dict[str, t.Any] = {
        "endpoint": f"localhost:{acme.port}",
        "certificate_file": str(acme.lnd.directory / "tls.cert"),
        "macaroon": (acme.folder / "grant.macaroon").read_bytes().hex(),
        "samples": 2,
    }
    done = run_module("lnd_signer_check", node_id=acme.node_id, accounts=acme.accounts(), **options)
    assert done["changed"] is False
    assert {stage["status"] for stage in done["stages"]} == {"ok"}
    refused = run_module("lnd_signer_check", node_id=globex.node_id, **options)
    assert (refused["failed"], refused["reason"], len(refused["stages"])) == (True, "key_differs", len(STAGES))
    assert "has another seed than that of the bundle" in refused["msg"]
    mixed = run_module("lnd_signer_check", node_id=acme.node_id, accounts=of_another_seed(acme, globex), **options)
    assert (mixed["failed"], mixed["reason"]) == (True, "accounts_differ")
    shown = json.dumps([done, refused, mixed])
    assert options["macaroon"] not in shown
    assert not SECRETS.search(shown)


def test_the_start_gate(acme: Signer, globex: Signer, tmp_path: Path) -> None:
    """The same check as a program, of just the folders that the role lnd ships, and with the macaroon among the unit's
    credentials.
    """
    core = "ansible_collections/noncustodial/lightning/plugins/module_utils"
    for folder in yaml.safe_load((COLLECTION / "roles/lnd/vars/main.yml").read_text())["lnd_gate_folders"]:
        shutil.copytree(COLLECTION / "plugins/module_utils" / folder, tmp_path / core / folder)
    config = {
        "endpoint": f"localhost:{acme.port}",
        "certificate_file": str(acme.lnd.directory / "tls.cert"),
        "macaroon_file": "grant.macaroon",
        "node_id": acme.node_id,
        "keys_file": str(tmp_path / "keys.json"),
        "samples": 1,
    }
    (tmp_path / "keys.json").write_text(json.dumps(account_keys.account_keys(acme.accounts())))

    def gate(**changes: t.Any) -> subprocess.CompletedProcess[str]:
        (tmp_path / "config.json").write_text(json.dumps({**config, **changes}))
        return subprocess.run(
            [
                sys.executable,
                "-BPs",
                "-m",
                f"{core.replace('/', '.')}._check.signer_check",
                str(tmp_path / "config.json"),
            ],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "CREDENTIALS_DIRECTORY": str(acme.folder), "PYTHONPATH": str(tmp_path)},
        )

    passed = gate()
    assert passed.returncode == 0, passed.stderr
    assert [line.split()[:3] for line in passed.stdout.splitlines()] == [["ok", name, "ok"] for name in STAGES]
    stopped = gate(node_version="99.0.0-beta")
    assert stopped.returncode == 1
    assert "fail    version  version_older" in stopped.stdout
    (tmp_path / "mixed.json").write_text(json.dumps(account_keys.account_keys(of_another_seed(acme, globex))))
    mixed = gate(keys_file=str(tmp_path / "mixed.json"))
    assert mixed.returncode == 1
    assert "fail    accounts accounts_differ" in mixed.stdout
    # The file of a node that was onboarded before this was asked.
    del config["keys_file"]
    older = gate()
    assert older.returncode == 0
    assert "warn    accounts accounts_unasked" in older.stdout
    wrong = gate(colour="red")
    assert wrong.returncode == 1
    assert "is not an object with some of" in wrong.stdout


def test_another_seed(acme: Signer, globex: Signer) -> None:
    assert failed(acme.target(node_id=globex.node_id)) == ("key", "key_differs")


def of_another_seed(acme: Signer, globex: Signer) -> list[dict[str, t.Any]]:
    """acme's accounts, but lnd's own, all save the node's, are those of another seed, which say that they have the same
    parent as the node's.
    """
    own, other = acme.accounts(), globex.accounts()
    node = (account_keys.LND_PURPOSE, 1, account_keys.NODE_FAMILY)
    parent = bip32.decode(next(one["xpub"] for one in own if place(one) == node)).parent
    return [
        (
            mine
            if place(mine) == node or mine["purpose"] != account_keys.LND_PURPOSE
            else {**theirs, "xpub": forged(theirs["xpub"], 5, parent)}
        )
        for mine, theirs in zip(own, other, strict=True)
    ]


def place(account: dict[str, t.Any]) -> tuple[int, int, int]:
    return account["purpose"], account["coin_type"], account["account"]


def test_accounts_of_another_seed(acme: Signer, globex: Signer) -> None:
    """No public data shows it: accounts are hardened, so that none follows from another.

    The signer is asked for each.
    """
    mixed = of_another_seed(acme, globex)
    assert mixed != acme.accounts()
    assert account_keys.account_problems(mixed, "regtest", acme.node_id) == []
    assert failed(acme.target(keys=account_keys.account_keys(mixed))) == ("accounts", "accounts_differ")


@pytest.mark.parametrize("index", [0, 1, 2, 3, 10, 258])
def test_one_account_of_another_seed(acme: Signer, globex: Signer, index: int) -> None:
    """Accounts for coins are checked too, though none of them is another's sibling."""
    keys = account_keys.account_keys(acme.accounts())
    path = list(keys)[index]
    assert path != "m/1017'/1'/6'/0/0"
    other = account_keys.account_keys(globex.accounts())
    report = signer_check.check(acme.target(keys={**keys, path: other[path]}))
    assert report.failed is not None
    assert (report.failed.name, report.failed.reason) == ("accounts", "accounts_differ")
    assert report.failed.seen == f"of 259 keys the signer does not have {path}"


def test_asking_for_all_accounts_leaves_nothing_on_the_signer(acme: Signer) -> None:
    """Unlike SignMessage with a family of which the wallet has no account."""
    target = acme.target(samples=1)
    assert signer_check.check(target).failed is None
    wallet = acme.lnd.directory / "data/chain/bitcoin/regtest/wallet.db"
    before = (len(acme.lnd.module("lnd_accounts_info")["accounts"]), wallet.stat().st_size)
    for _time in range(3):
        assert signer_check.check(target).failed is None
    assert (len(acme.lnd.module("lnd_accounts_info")["accounts"]), wallet.stat().st_size) == before
    acme.admin().call("signrpc.Signer/SignMessage", msg=b"x", key_loc={"key_family": 300, "key_index": 0})
    assert len(acme.lnd.module("lnd_accounts_info")["accounts"]) == before[0] + 1


def test_another_certificate(acme: Signer, globex: Signer) -> None:
    certificate = (globex.lnd.directory / "tls.cert").read_text()
    assert failed(acme.target(certificate=certificate)) == ("tls", "certificate_differs")


def test_old_and_new_certificate_together(acme: Signer, globex: Signer) -> None:
    both = (globex.lnd.directory / "tls.cert").read_text() + (acme.lnd.directory / "tls.cert").read_text()
    assert signer_check.check(acme.target(certificate=both)).failed is None


def test_a_certificate_without_the_dialled_address(acme: Signer) -> None:
    listening = next(option for option in acme.lnd._arguments if option.startswith("--rpclisten=127.0.0.2")).partition(
        "="
    )[2]
    assert failed(acme.target(endpoint=listening)) == ("tls", "certificate_name")


def test_a_macaroon_of_another_signer(acme: Signer, globex: Signer) -> None:
    assert failed(acme.target(macaroon=(globex.folder / "grant.macaroon").read_bytes())) == (
        "macaroon",
        "macaroon_refused",
    )


def test_a_revoked_macaroon(acme: Signer) -> None:
    target = acme.target(macaroon=acme.bake("revoked.macaroon", root_key_id=9).read_bytes())
    assert signer_check.check(target).failed is None
    assert acme.lnd.module("lnd_macaroon", state="absent", root_key_id=9)["changed"] is True
    assert failed(target) == ("macaroon", "macaroon_refused")


def test_who_came_back_after_a_revocation_has_one_grant(acme: Signer) -> None:
    """The grant has another root key, made once; the inventory still names the first, and later runs use that."""
    options: dict[str, t.Any] = {
        "path": str(acme.folder / "came_back.macaroon"),
        "permissions": list(grant.PERMISSIONS),
        "revoked": "refuse",
    }

    def run(root_key_id: int) -> dict[str, t.Any]:
        return acme.lnd.module("lnd_macaroon", root_key_id=root_key_id, **options)

    def live() -> set[int]:
        return {11, 12} & set(acme.admin().call("lnrpc.Lightning/ListMacaroonIDs").root_key_ids)

    assert run(11)["changed"] is True
    assert acme.lnd.module("lnd_macaroon", state="absent", root_key_id=11)["changed"] is True
    assert "was revoked on this node" in run(11)["msg"]
    assert (run(12)["changed"], live()) == (True, {12})
    later = run(11)
    assert (later.get("changed"), later.get("root_key_id"), live()) == (False, 12, {12})
    assert acme.lnd.module("lnd_macaroon", state="absent", root_key_id=12)["changed"] is True
    refused = run(11)
    assert "The grant 12 in" in refused["msg"]
    assert live() == set()


@pytest.mark.parametrize(
    "caveat",
    ["time-before 2020-01-01T00:00:00Z", "ipaddr 192.0.2.1", "iprange 192.0.2.0/24", "lnd-custom guard tenant"],
)
def test_a_caveat_that_does_not_hold(acme: Signer, caveat: str) -> None:
    narrowed = macaroon.decode(acme.target().macaroon).attenuated(caveat)
    assert failed(acme.target(macaroon=narrowed.encode()))[0] == "macaroon"


def test_caveats_that_hold_are_shown(acme: Signer) -> None:
    narrowed = macaroon.decode(acme.target().macaroon).attenuated(
        "time-before 2100-01-01T00:00:00Z", "ipaddr 127.0.0.1"
    )
    report = signer_check.check(acme.target(macaroon=narrowed.encode()))
    assert report.failed is None
    assert "time-before 2100-01-01T00:00:00Z, ipaddr 127.0.0.1" in report.stages[STAGES.index("macaroon")].seen


def test_a_damaged_macaroon(acme: Signer) -> None:
    assert failed(acme.target(macaroon=acme.target().macaroon[:-1])) == ("macaroon", "macaroon_malformed")


@pytest.mark.parametrize(
    ("permissions", "reason"),
    [
        ((*grant.PERMISSIONS, "uri:/lnrpc.Lightning/SendCoins"), "grant_too_wide"),
        ((*grant.PERMISSIONS, "onchain:write"), "grant_too_wide"),
        # The one of lnd's own guide to remote signing.
        (("message:write", "onchain:write", "signer:generate", "info:read"), "grant_too_wide"),
        (grant.PERMISSIONS[1:], "grant_too_narrow"),
    ],
)
def test_a_grant_that_is_not_just_what_is_needed(acme: Signer, permissions: tuple[str, ...], reason: str) -> None:
    path = acme.bake("other.macaroon", permissions, 6)
    assert failed(acme.target(macaroon=path.read_bytes())) == ("grant", reason)
    path.unlink()


def test_a_grant_without_the_version_says_so(acme: Signer) -> None:
    path = acme.bake("three.macaroon", grant.PERMISSIONS[:-1], 7)
    assert failed(acme.target(macaroon=path.read_bytes())) == ("macaroon", "grant_too_narrow")


def test_the_macaroon_of_an_administrator(acme: Signer) -> None:
    assert failed(acme.target(macaroon=acme.lnd.credentials()[1])) == ("grant", "grant_too_wide")


def test_what_the_grant_cannot_do(acme: Signer) -> None:
    """The signer itself denies what is not in the grant; test_grant.py shows it for all of lnd's methods."""
    certificate, _secret = acme.lnd.credentials()
    with Client(Connection(acme.lnd.rpcserver, certificate, acme.target().macaroon)) as granted:
        for method in (
            "Lightning/WalletBalance",
            "Lightning/SendCoins",
            "Lightning/BakeMacaroon",
            "Lightning/ListMacaroonIDs",
            "Lightning/GetInfo",
        ):
            with pytest.raises(Denied):
                granted.call(f"lnrpc.{method}")
        with pytest.raises(Denied):
            granted.call("walletrpc.WalletKit/ListAccounts")
        assert granted.call("signrpc.Signer/SignMessage", msg=b"x", key_loc={"key_family": 6, "key_index": 0}).signature


def test_an_older_signer(acme: Signer) -> None:
    assert failed(acme.target(node_version="0.22.0-beta.rc1")) == ("version", "version_older")
    assert failed(acme.target(node_version="mine")) == ("version", "version_unknown")
    assert signer_check.check(acme.target(node_version="0.20.0-beta")).failed is None


@pytest.mark.parametrize(
    ("seconds", "seen"),
    [
        (45, "30 to 120 s behind"),
        (-45, "30 to 120 s ahead"),
        (9000, "more than 3600 s behind"),
        (-9000, "more than 3600 s ahead"),
    ],
)
def test_a_clock_that_is_off(acme: Signer, monkeypatch: pytest.MonkeyPatch, seconds: int, seen: str) -> None:
    """Ours is moved; what counts is the difference."""
    off = datetime.timedelta(seconds=seconds)
    monkeypatch.setattr(document, "now", lambda: datetime.datetime.now(datetime.UTC) + off)
    report = signer_check.check(acme.target())
    stage = report.stages[STAGES.index("clock")]
    assert (report.failed, stage.status, stage.reason) == (None, "warn", "clock_skewed")
    assert seen in stage.seen


def test_a_signer_that_hangs(globex: Signer) -> None:
    target = globex.target(timeout=0.5)
    globex.lnd.freeze()
    try:
        assert failed(target) == ("tls", "not_answering")
    finally:
        globex.lnd.thaw()


def test_locked_and_off(globex: Signer) -> None:
    """The two cases come in this order, because the test ends with the signer off."""
    globex.lnd.stop()
    assert failed(globex.target()) == ("connect", "refused")
    globex.lnd.start()
    assert globex.lnd.module("lnd_state_info", state="LOCKED")["state"] == "LOCKED"
    assert failed(globex.target()) == ("wallet", "wallet_locked")
    globex.lnd.stop()


def test_no_wallet(tmp_path: Path, acme: Signer) -> None:
    lnd = Lnd(tmp_path / "lnd", None)
    lnd.start()
    try:
        assert lnd.module("lnd_state_info", state="NON_EXISTING")["state"] == "NON_EXISTING"
        target = acme.target(endpoint=lnd.rpcserver, certificate=(lnd.directory / "tls.cert").read_text())
        assert failed(target) == ("wallet", "wallet_missing")
    finally:
        lnd.stop()


def test_a_signer_that_looks_at_no_macaroon(tmp_path: Path, acme: Signer) -> None:
    lnd = Lnd(tmp_path / "lnd", None, "--no-macaroons", "--noseedbackup")
    lnd.start()
    try:
        assert lnd.module("lnd_state_info", state="SERVER_ACTIVE")["state"] == "SERVER_ACTIVE"
        target = acme.target(endpoint=lnd.rpcserver, certificate=(lnd.directory / "tls.cert").read_text())
        assert failed(target) == ("grant", "grant_not_enforced")
    finally:
        lnd.stop()
