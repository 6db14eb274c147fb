# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One bundle after the other, as a tenant's signer is replaced: a newer one is taken up, and an older one does not come
back by a wrong file.
"""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import yaml

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import envelope
from ansible_collections.noncustodial.lightning.plugins.module_utils._core import document
from ansible_collections.noncustodial.lightning.tests.support import bundles
from ansible_collections.noncustodial.lightning.tests.support.paths import ROOT


class Desk:
    """The provider's desk, and the two steps of an onboarding that have to do with bundles.

    Args:
        folder: of it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys = bundles.make_keys(folder / "keys")
        self.report = folder / "report.json"
        self._kit = bundles.kit(age_recipient=self._keys.recipient)
        (folder / "kit.json").write_text(json.dumps(self._kit))
        tasks = [
            {"ansible.builtin.import_role": {"name": "noncustodial.lightning.tenant", "tasks_from": name}}
            for name in ("bundle", "report")
        ]
        (folder / "play.yml").write_text(yaml.safe_dump([{"hosts": "tenants", "gather_facts": False, "tasks": tasks}]))
        groups = {
            "tenants": {"hosts": {"acme": None}},
            "gateways": {"hosts": {"gateway": None}},
            "own": {"hosts": {"own": None}},
        }
        # The inventory of a site whose machines are reached without root, and a controller where nobody is let in to.
        become = {"ansible_become": True, "ansible_become_user": "nobody", "ansible_become_exe": "/bin/false"}
        common = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "lnd_network": "regtest",
            **become,
        }
        (folder / "hosts.json").write_text(json.dumps({"all": {"children": groups, "vars": common}}))

    def bundle(self, **changes: t.Any) -> Path:
        """Return a bundle that the tenant has made today, of one signer or another."""
        expires = document.date_text(document.now() + datetime.timedelta(days=14))
        content = bundles.good(self._kit, expires=expires, **changes)
        path = self._folder / f"{envelope.digest(content)}.json"
        path.write_bytes(envelope.seal(content, self._keys.recipient, self._keys.signing_key_file))
        return path

    def take_up(self, bundle: Path, **variables: t.Any) -> tuple[int, str]:
        """Take up the bundle; return the exit status and the output."""
        given = {
            "tenant_bundle": str(bundle),
            "tenant_kit": str(self._folder / "kit.json"),
            "tenant_report": str(self.report),
            "tenant_provider_identity": self._keys.identity,
            "tenant_signing_key": self._keys.signing_key,
            "_tenant_predicted": {"results": []},
            "_tenant_opened": {"results": []},
            "tenant_proof": {},
            **variables,
        }
        command = [
            "ansible-playbook",
            "-i",
            str(self._folder / "hosts.json"),
            str(self._folder / "play.yml"),
            "-e",
            json.dumps(given),
        ]
        environment = {**os.environ, "ANSIBLE_NOCOLOR": "1"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def reported(self, name: str) -> t.Any:
        """Return the content of the report, if there is one."""
        return json.loads(self.report.read_text()).get(name)


def test_an_older_bundle_does_not_come_back_unnoticed(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    old = desk.bundle()
    new = desk.bundle(macaroon=bundles.baked(root_key_id=2).encode().hex())
    for bundle in (old, new, new):
        status, said = desk.take_up(bundle)
        assert status == 0, said
        assert desk.reported("bundle_sha256") == bundle.stem
    assert "changed=0 " in said
    assert desk.reported("bundles_replaced") == [old.stem]
    before = desk.report.read_text()
    status, said = desk.take_up(old)
    assert status != 0
    assert "another one has replaced it since" in said
    assert desk.report.read_text() == before
    # A tenant may have gone back; on the command line it is a text.
    status, said = desk.take_up(old, tenant_bundle_again="true")
    assert status == 0, said
    assert (desk.reported("bundle_sha256"), desk.reported("bundles_replaced")) == (old.stem, [new.stem])


def test_what_was_replaced_is_told_in_order(tmp_path: Path) -> None:
    """Otherwise a report would change by itself."""
    desk = Desk(tmp_path)
    made = [desk.bundle(macaroon=bundles.baked(root_key_id=number).encode().hex()) for number in range(1, 6)]
    for bundle in made:
        status, said = desk.take_up(bundle)
        assert status == 0, said
    assert desk.reported("bundles_replaced") == [bundle.stem for bundle in made[:-1]]
