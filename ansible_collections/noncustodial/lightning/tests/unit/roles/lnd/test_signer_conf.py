# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments with which lnd is started, according to the tenant's bundle."""

from __future__ import annotations

import re
import shlex

import jinja2
import pytest
import yaml

from ansible_collections.noncustodial.lightning.tests.support.paths import COLLECTION

ROLE = COLLECTION / "roles/lnd"
TEMPLATE = ROLE / "templates/signer.conf.j2"
HOME = "bcrt1q6rhpng9evdsfnn833a4f4vej0asu6dk5srld6x"


def arguments(**bundle: str | None) -> list[str]:
    """Return the arguments that the unit adds."""
    # As Ansible renders a template.
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)  # noqa: S701
    text = environment.from_string(TEMPLATE.read_text()).render(
        lnd_gate_home="/usr/lib", lnd_remote_signer={"endpoint": "signer:10009", **bundle}
    )
    (line,) = [line for line in text.splitlines() if line.startswith("Environment=")]
    (setting,) = shlex.split(line.removeprefix("Environment="))
    return setting.removeprefix("SIGNER=").split()


def test_the_close_address_is_lnds() -> None:
    assert arguments(close_address=HOME)[-1] == f"--upfront-shutdown-address={HOME}"


@pytest.mark.parametrize("bundle", [{}, {"close_address": ""}, {"close_address": None}])
def test_without_one_the_option_is_not_given(bundle: dict[str, str | None]) -> None:
    assert arguments(**bundle) == arguments(close_address=HOME)[:-1]


def test_the_unit_of_an_older_release_names_the_present_check() -> None:
    """It is only written with a bundle, and earlier bundles are refused."""
    (present,) = [line for line in TEMPLATE.read_text().splitlines() if line.startswith("ExecStartPre=")]
    older = re.sub(r"-m \S+", "-m _lnd.signer_check", present)
    tasks = yaml.safe_load((ROLE / "tasks/machine.yml").read_text())
    (found,) = [task["ansible.builtin.find"]["contains"] for task in tasks if "ansible.builtin.find" in task]
    (change,) = [task["ansible.builtin.replace"] for task in tasks if "ansible.builtin.replace" in task]
    assert re.match(found, older)
    assert not re.match(found, present)
    assert re.sub(change["regexp"], change["replace"], older) == present
