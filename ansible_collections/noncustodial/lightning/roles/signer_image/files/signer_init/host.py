# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions on the machine: units, firewall, keys, files, and the check for a TPM."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import agreement
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput, Refused
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.files import sync_folder, write_file
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys import credential
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys.password import PasswordSource
from ansible_collections.noncustodial.lightning.plugins.module_utils._machine import config_files, secret
from ansible_collections.noncustodial.lightning.plugins.module_utils._machine import unit as _unit

from .place import UNIT, USER, Place, self_node
from .terminal import connection

# Where systemctl keeps what is masked (systemd.unit(5)).
_UNIT_FOLDER = "/etc/systemd/system"

NEEDED_BYTES = 256 << 20
"""Free space that lnd needs, with a reserve: its files take some megabytes."""


def _run(command: list[str]) -> tuple[int, str, str]:
    """Run a command in the form that _unit takes. Its arguments and output contain no secret."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


class Machine:
    """A machine that is used only for the signer.

    Args:
        place: its files.
    """

    keeps_passwords = True
    """True if the wallet's password is sealed here, and does not come from outside."""
    has_firewall = True
    """True if the signer has a firewall of its own."""
    journal = f"journalctl --unit {UNIT}"
    """The command that shows lnd's log."""
    restart_command = f"sudo systemctl unmask {UNIT} && sudo systemctl start {UNIT}"
    """The command that starts an lnd again that was killed."""
    credentials = self_node("mainnet").credentials
    """The directory in which lnd finds its password."""

    def __init__(self, place: Place) -> None:
        self.place = place

    # --- look

    def check_user(self) -> None:
        """Refuse a user who may not read the signer's files.

        Raises:
            Refused: the user is not root.
        """
        if os.geteuid():
            raise Refused("This needs root", "Run it with sudo")

    def check(self) -> None:
        """Refuse a machine that is no signer's image, or whose disk has too little space for lnd.

        Raises:
            InvalidInput: it is no signer's image.
            Refused: too little space is free.
        """
        if _run(["id", "--user", USER])[0]:
            raise InvalidInput(
                f"This machine has no user {USER}, so that it is no signer's image",
                "Start from the image of your provider",
            )
        self.check_space()

    def fetching(self, path: Path) -> str:
        """Return the command with which the tenant gets a file."""
        return f"ssh -T signer-admin@THIS-MACHINE sudo cat {path}"

    def connection(self) -> str:
        """Return SSH_CONNECTION of the login; empty if the login is not over ssh."""
        return connection(Path("/proc"), os.getpid())

    def offered_kit(self) -> Path | None:
        """Return the path of a kit in another place than its usual one; None on a machine."""
        return None

    def offered_agreement(self) -> agreement.Agreement:
        """Return an agreement about the kit from another place than the usual one; an empty one on a machine."""
        return agreement.Agreement()

    def check_space(self) -> None:
        """Refuse a disk with too little space for lnd.

        Raises:
            Refused: too little space is free.
        """
        free = self.free()
        if free < NEEDED_BYTES:
            raise Refused(
                f"Only {free >> 20} MiB are free on this machine's disk, and the signer needs {NEEDED_BYTES >> 20}."
                " Nothing was changed",
                "Enlarge the machine's disk (4 GiB is enough for years), start it again, and run signer-init again",
            )

    def free(self) -> int:
        """Return the number of bytes that lnd can still write."""
        return shutil.disk_usage(self.place.root or "/").free

    def has_tpm(self) -> bool:
        """Return whether systemd can seal to a TPM here; firmware, driver and library must all be there."""
        return _run(["systemd-creds", "has-tpm2", "--quiet"])[0] == 0

    def active(self) -> bool:
        """Return whether lnd's unit is active."""
        return _run(["systemctl", "is-active", "--quiet", UNIT])[0] == 0

    # --- secrets

    def have_password(self) -> None:
        """Make the wallet's password and seal it, if there is none; the role lnd does the same."""
        secret.ensure(str(self.place.password), "wallet-password", secret.PLACEHOLDER, "hex", False)

    def password(self) -> PasswordSource:
        """Return the source of the wallet's password."""
        return PasswordSource(None, str(self.place.password), "wallet-password")

    def keep_password(self, content: bytes) -> None:
        """Seal a password that comes from another machine."""
        credential.seal(str(self.place.password), "wallet-password", content)

    def seal(self, path: Path, name: str, content: bytes) -> None:
        """Write a file that only this machine can read."""
        credential.seal(str(path), name, content)

    def unseal(self, path: Path, name: str, what: str) -> bytes:
        """Read a sealed file.

        Raises:
            InvalidInput: it was sealed elsewhere.
        """
        return credential.unseal(str(path), name, what)

    def end_cloud_init(self) -> None:
        """Turn cloud-init off for this machine. With another instance-id it would run as root whatever a cloud or a
        seed disk contains.
        """
        if self.place.cloud_init_off.parent.is_dir():
            write_file(str(self.place.cloud_init_off), b"This machine is a signer.\n", 0o644)

    def have_signing_key(self, tenant: str) -> None:
        """Make the tenant's key for bundles, if there is none.

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
        """Write a file with its content, group and mode, as the roles do, if it differs; return whether it did."""
        owner, group = self._owner(group)
        wanted = config_files.Entry(path=str(path), mode=mode, owner=owner, group=group, content=content)
        return bool(config_files.ensure([wanted], check_mode=False)["changed"])

    def folder(self, path: Path, group: str | None, mode: int) -> None:
        """Make a directory with its group and mode, if it differs."""
        owner, group = self._owner(group)
        wanted = config_files.Entry(path=str(path), mode=mode, owner=owner, group=group)
        config_files.ensure([wanted], check_mode=False)

    def write_for_lnd(self, path: Path, content: bytes, mode: int) -> None:
        """Write a file in lnd's own directory, as lnd itself would have written it, if it differs."""
        owner = self._lnd_user()
        for folder in [*reversed(path.parents), path]:
            if folder.is_relative_to(self.place.lnddir):
                own = folder == path
                wanted = config_files.Entry(
                    path=str(folder),
                    mode=mode if own else 0o700,
                    owner=owner,
                    group=owner,
                    content=content if own else None,
                )
                config_files.ensure([wanted], check_mode=False)

    def _owner(self, group: str | None) -> tuple[str | None, str | None]:
        return "root", group or "root"

    def _lnd_user(self) -> str | None:
        return USER

    # --- firewall

    def apply_rules(self, content: str) -> None:
        """Write the firewall's rules and put them into force.

        Raises:
            InvalidInput: nft refuses them. Nothing was changed.
        """
        done = subprocess.run(
            ["nft", "--check", "--file", "-"], input=content, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise InvalidInput(
                f"The firewall's rules are refused: {done.stderr.strip()}",
                "This is a fault of the image: report it to your provider",
            )
        self.write(self.place.rules, content.encode(), None, 0o644)
        # Also when nothing was written: an earlier run may have been cut off before this.
        self._do(["reload-or-restart", "nftables.service"])

    def _do(self, command: list[str]) -> None:
        code, _out, error = _run(["systemctl", *command])
        if code:
            raise InvalidInput(
                f"systemctl {' '.join(command)} failed: {error.strip()}", f"See journalctl --unit {command[-1]}"
            )

    # --- lnd

    def run_lnd(self) -> None:
        """Run lnd with the configuration on disk, now and whenever the machine starts.

        Raises:
            UnitError: it does not start.
        """
        # The birthday is written before lnd is asked for a wallet. If lnd has run since before, it may have made one
        # for a caller who was gone, and then serves nobody until it is started again.
        files = [self.place.lnd_conf, self.place.password, self.place.birthday]
        _unit.ensure_unit(_run, UNIT, [str(path) for path in files], check_mode=False)

    def stop_lnd(self) -> None:
        """Stop lnd."""
        self._do(["stop", UNIT])

    def kill_lnd(self) -> None:
        """End lnd at once and for good: nothing starts it again before unfence, not even a start of the machine. A stop
        would wait for an lnd that is frozen or busy, which could answer meanwhile.

        Raises:
            InvalidInput: lnd may still run, or start again.
        """
        # Without a process it fails; a process that is left is ended by the stop.
        _run(["systemctl", "kill", "--signal=KILL", UNIT])
        try:
            self._do(["mask", UNIT])
            sync_folder(_UNIT_FOLDER)
        finally:
            self._do(["stop", UNIT])

    def fence(self) -> None:
        """Stop lnd for good: nothing starts it again before unfence, not even a start of the machine.

        Raises:
            InvalidInput: lnd still runs.
        """
        self._do(["mask", "--now", UNIT])
        sync_folder(_UNIT_FOLDER)
        if self.active():
            raise InvalidInput(f"{UNIT} still runs", f"See systemctl status {UNIT}")

    def unfence(self) -> None:
        """Allow lnd to be started again."""
        self._do(["unmask", UNIT])
        sync_folder(_UNIT_FOLDER)

    def wipe(self) -> None:
        """Remove all that makes this machine the signer: first the password, without which nobody can open the
        wallet."""
        place = self.place
        place.password.unlink(missing_ok=True)
        sync_folder(str(place.password.parent))
        for path in [*place.lnddir.glob("*"), *place.config.glob("*"), *place.desk.glob("*")]:
            if path != place.upgrade:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def new_certificate(self) -> None:
        """Remove lnd's certificate, so that lnd makes a new one at its next start; it does not change the names in an
        existing one.
        """
        self.stop_lnd()
        for path in (self.place.certificate, self.place.certificate.with_suffix(".key")):
            path.unlink(missing_ok=True)

    def set_aside(self) -> Path:
        """Stop lnd, rename its data directory, and return the new path; nothing is deleted.

        This is for a wallet that lnd was making when it was interrupted, and whose seed is at hand.
        """
        self.stop_lnd()
        aside = self.place.lnddir / f"data.incomplete_{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}"
        os.rename(self.place.lnddir / "data", aside)
        sync_folder(str(self.place.lnddir))
        return aside
