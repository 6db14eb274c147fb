# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""With which arguments lnd is started, by what is in the tenant's bundle."""

from __future__ import annotations

import shlex
from pathlib import Path

import jinja2
import pytest

TEMPLATE = Path(__file__).resolve().parents[4] / "roles/lnd/templates/signer.conf.j2"
HOME = "bcrt1q6rhpng9evdsfnn833a4f4vej0asu6dk5srld6x"


def arguments(**bundle: str | None) -> list[str]:
    """Those that the unit adds."""
    # As Ansible renders a template.
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)  # noqa: S701
    text = environment.from_string(TEMPLATE.read_text()).render(
        ansible_managed="", lnd_gate_home="/usr/lib", lnd_remote_signer={"endpoint": "signer:10009", **bundle}
    )
    (line,) = [line for line in text.splitlines() if line.startswith("Environment=")]
    (setting,) = shlex.split(line.removeprefix("Environment="))
    return setting.removeprefix("SIGNER=").split()


def test_the_close_address_is_lnds() -> None:
    assert arguments(close_address=HOME)[-1] == f"--upfront-shutdown-address={HOME}"


@pytest.mark.parametrize("bundle", [{}, {"close_address": ""}, {"close_address": None}])
def test_without_one_the_option_is_not_given(bundle: dict[str, str | None]) -> None:
    assert arguments(**bundle) == arguments(close_address=HOME)[:-1]
