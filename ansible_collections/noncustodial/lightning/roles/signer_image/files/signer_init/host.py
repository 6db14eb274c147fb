# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to the machine: units, firewall, keys, and the question whether it has a TPM."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from ansible_collections.noncustodial.lightning.plugins.module_utils import _config_files, _secret, _unit
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import credential
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.errors import InvalidInput, Refused
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.files import sync_folder, write_file
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd.password import PasswordSource

from .place import UNIT, USER, Place
from .terminal import connection

# Where systemctl keeps what is masked (systemd.unit(5)).
_UNITS = "/etc/systemd/system"

NEEDED_BYTES = 256 << 20
"""Free space that lnd needs with room to spare: its files are some megabytes."""


def _run(command: list[str]) -> tuple[int, str, str]:
    """As _unit takes it. Nothing secret passes here."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


class Machine:
    """A machine that is the signer's alone.

    Args:
        place: its files.
    """

    keeps_passwords = True
    """Whether the wallet's password is sealed here, and does not come from elsewhere."""
    has_firewall = True
    """Whether the signer closes itself to others."""
    journal = f"journalctl --unit {UNIT}"
    """The command that shows what lnd says."""
    credentials = f"/run/credentials/{UNIT}"
    """The directory in which lnd finds its password."""

    def __init__(self, place: Place) -> None:
        self.place = place

    # --- look

    def check_user(self) -> None:
        """Refuse who may not read what a signer has.

        Raises:
            Refused: it is not root.
        """
        if os.geteuid():
            raise Refused("This needs root", "Say sudo before it")

    def check(self) -> None:
        """Refuse what is no signer's image, or has a disk on which lnd would stop.

        Raises:
            InvalidInput: it is none.
            Refused: too little is free.
        """
        if _run(["id", "--user", USER])[0]:
            raise InvalidInput(f"This machine has no user {USER}, so that it is no signer's image", "Start from the image of your provider")
        self.check_space()

    def fetching(self, path: Path) -> str:
        """The command by which the tenant gets a file."""
        return f"ssh -T signer-admin@THIS-MACHINE sudo cat {path}"

    def connection(self) -> str:
        """SSH_CONNECTION of the login; empty if there is none over ssh."""
        return connection(Path("/proc"), os.getpid())

    def offered_kit(self) -> Path | None:
        """A kit that lies elsewhere than where it is kept."""
        return None

    def check_space(self) -> None:
        """Refuse a disk on which lnd would stop.

        Raises:
            Refused: too little is free.
        """
        free = self.free()
        if free < NEEDED_BYTES:
            raise Refused(
                f"Only {free >> 20} MiB are free on this machine's disk, and the signer needs {NEEDED_BYTES >> 20}. Nothing was changed",
                "Give the machine a larger disk (4 GiB will do for years), start it again, and run signer-init again",
            )

    def free(self) -> int:
        """Bytes that lnd can still write."""
        return shutil.disk_usage(self.place.root or "/").free

    def has_tpm(self) -> bool:
        """Whether systemd can seal to a TPM here, all of it: firmware, driver and library."""
        return _run(["systemd-creds", "has-tpm2", "--quiet"])[0] == 0

    def active(self) -> bool:
        """Whether lnd's unit is up."""
        return _run(["systemctl", "is-active", "--quiet", UNIT])[0] == 0

    # --- secrets

    def have_password(self) -> None:
        """Have the wallet's password, made and sealed here; the role lnd has the same."""
        _secret.ensure(str(self.place.password), "wallet-password", _secret.PLACEHOLDER, "hex", False)

    def password(self) -> PasswordSource:
        """Where it lies."""
        return PasswordSource(None, str(self.place.password), "wallet-password")

    def keep_password(self, content: bytes) -> None:
        """Seal one that comes from another machine."""
        credential.seal(str(self.place.password), "wallet-password", content)

    def seal(self, path: Path, name: str, content: bytes) -> None:
        """Write a file that only this machine can read."""
        credential.seal(str(path), name, content)

    def unseal(self, path: Path, name: str, what: str) -> bytes:
        """Read it.

        Raises:
            InvalidInput: it was sealed elsewhere.
        """
        return credential.unseal(str(path), name, what)

    def end_cloud_init(self) -> None:
        """Have this machine take no more orders from a cloud or a seed disk: with another instance-id it would do as root whatever is in them."""
        if self.place.cloud_init_off.parent.is_dir():
            write_file(str(self.place.cloud_init_off), b"This machine is a signer.\n", 0o644)

    def have_signing_key(self, tenant: str) -> None:
        """Have the tenant's key for bundles.

        Raises:
            InvalidInput: it could not be made.
        """
        key = self.place.signing_key
        if key.exists():
            return
        scratch = self.place.desk / ".signing_key"
        for path in (scratch, scratch.with_suffix(".pub")):
            path.unlink(missing_ok=True)
        code, _out, error = _run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", tenant, "-f", str(scratch)])
        if code:
            raise InvalidInput(f"Cannot make the key for bundles: {error.strip()}", "Run signer-init again")
        os.rename(f"{scratch}.pub", f"{key}.pub")
        os.rename(scratch, key)
        sync_folder(str(self.place.desk))

    # --- files

    def write(self, path: Path, content: bytes, group: str | None, mode: int) -> bool:
        """Have a file with its content, group and mode, as the roles have it; gives whether it was changed."""
        wanted = _config_files.Entry(str(path), mode, *self._owner(group), content)
        differs = _config_files.differs(wanted, _config_files.read_entry(wanted))
        if differs:
            _config_files.apply_entry(wanted)
        return differs

    def folder(self, path: Path, group: str | None, mode: int) -> None:
        """Have a directory."""
        wanted = _config_files.Entry(str(path), mode, *self._owner(group))
        if _config_files.differs(wanted, _config_files.read_entry(wanted)):
            _config_files.apply_entry(wanted)

    def write_for_lnd(self, path: Path, content: bytes, mode: int) -> None:
        """Have a file in lnd's own directory, as lnd itself would have written it."""
        owner = self._lnd_user()
        for folder in [*reversed(path.parents), path]:
            if folder.is_relative_to(self.place.lnddir):
                own = folder == path
                wanted = _config_files.Entry(str(folder), mode if own else 0o700, owner, owner, content if own else None)
                if _config_files.differs(wanted, _config_files.read_entry(wanted)):
                    _config_files.apply_entry(wanted)

    def _owner(self, group: str | None) -> tuple[str | None, str | None]:
        return "root", group or "root"

    def _lnd_user(self) -> str | None:
        return USER

    # --- firewall

    def apply_rules(self, content: str) -> None:
        """Have the firewall's rules written and in force.

        Raises:
            InvalidInput: nft does not take them. Nothing was changed.
        """
        done = subprocess.run(["nft", "--check", "--file", "-"], input=content, capture_output=True, text=True, check=False)
        if done.returncode:
            raise InvalidInput(
                f"The firewall's rules are refused: {done.stderr.strip()}", "This is a fault of the image: tell your provider"
            )
        self.write(self.place.rules, content.encode(), None, 0o644)
        # Also when nothing was written: an earlier run may have been cut off before this.
        self._do(["reload-or-restart", "nftables.service"])

    def _do(self, command: list[str]) -> None:
        code, _out, error = _run(["systemctl", *command])
        if code:
            raise InvalidInput(f"systemctl {' '.join(command)} failed: {error.strip()}", f"See journalctl --unit {command[-1]}")

    # --- lnd

    def run_lnd(self) -> None:
        """Have lnd run by what is on disk, now and from each start of the machine on.

        Raises:
            UnitError: it does not start.
        """
        unit = _unit.read_unit(_run, UNIT, [str(self.place.lnd_conf), str(self.place.password)])
        _unit.apply_unit(_run, UNIT, _unit.plan_unit(unit))

    def stop_lnd(self) -> None:
        """Stop it."""
        self._do(["stop", UNIT])

    def fence(self) -> None:
        """Have lnd stopped for good: nothing and nobody starts it again, not a start of the machine either, before the fence is taken away.

        Raises:
            InvalidInput: it still runs.
        """
        self._do(["mask", "--now", UNIT])
        sync_folder(_UNITS)
        if self.active():
            raise InvalidInput(f"{UNIT} still runs", f"See systemctl status {UNIT}")

    def unfence(self) -> None:
        """Let lnd be started again."""
        self._do(["unmask", UNIT])
        sync_folder(_UNITS)

    def wipe(self) -> None:
        """Remove all that makes this machine the signer: first the password, without which the wallet opens for nobody."""
        place = self.place
        place.password.unlink(missing_ok=True)
        sync_folder(str(place.password.parent))
        for path in [*place.lnddir.glob("*"), *place.config.glob("*"), *place.desk.glob("*")]:
            if path != place.upgrade:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def new_certificate(self) -> None:
        """Have lnd make a new certificate at its next start; it does not change the names in one that is there."""
        self.stop_lnd()
        for path in (self.place.certificate, self.place.certificate.with_suffix(".key")):
            path.unlink(missing_ok=True)

    def set_aside(self) -> Path:
        """Take what lnd has on disk out of its way; nothing is deleted. For a wallet that was cut off while lnd made it, of which the seed is at hand."""
        self.stop_lnd()
        aside = self.place.lnddir / f"data.incomplete_{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}"
        os.rename(self.place.lnddir / "data", aside)
        sync_folder(str(self.place.lnddir))
        return aside
