# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container in the place of a machine: no systemd, no firewall, no TPM, any user. All files that it writes are in one
volume.

The wallet's password comes from outside, as a secret of podman's or of Kubernetes's, and files are sealed with it. Who
can reach lnd, once it has a wallet, is decided by the configuration with which the container is run.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import typing as t
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle import agreement
from ansible_collections.noncustodial.lightning.plugins.module_utils._core import wait
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.errors import InvalidInput, Refused
from ansible_collections.noncustodial.lightning.plugins.module_utils._core.files import read_file, write_file
from ansible_collections.noncustodial.lightning.plugins.module_utils._keys.password import PasswordSource
from ansible_collections.noncustodial.lightning.plugins.module_utils._lnd import wallet

from .host import Machine
from .place import Place

_VOLUME = "/data"
_SECRETS = "/run/secrets"
_KIT = Path("/etc/signer/kit.json")
_SUPERVISOR_PID = 1
_START_TIMEOUT_SECONDS = 60.0
_NONCE_BYTES = 12
# Characters of lnd's log in which its last words are.
_LOG_END_CHARACTERS = 2000

START_SIGNAL, STOP_SIGNAL, KILL_SIGNAL = signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2
"""The signals to the supervisor: run lnd with the configuration on disk, stop lnd, and kill it, also one that is being
stopped.
"""
KILLED_FILE = "lnd.killed"
"""The mark in the tenant's folder of an lnd that was killed for good: nothing starts it while that is there."""


class Container(Machine):
    """This container.

    Args:
        place: its files.
        secrets: the directory with the password.
        supervisor: the process that runs lnd.
    """

    keeps_passwords = False
    has_firewall = False
    journal = "podman logs THIS-CONTAINER"
    restart_command = (
        f"podman exec THIS-CONTAINER rm {_VOLUME}{Place().desk}/{KILLED_FILE} && podman restart THIS-CONTAINER"
    )

    def __init__(self, place: Place | None = None, secrets: str = _SECRETS, supervisor: int = _SUPERVISOR_PID) -> None:
        super().__init__(place or Place(root=_VOLUME))
        self.credentials = secrets
        self._supervisor = supervisor

    @staticmethod
    def is_this() -> bool:
        """Return whether this is a container of ours: the build has left a mark."""
        return Path(Place().home, "container").exists()

    def check_user(self) -> None:
        """Accept any user."""

    def check(self) -> None:
        """Refuse to begin without a password or without space.

        Raises:
            Refused, InvalidInput: the message names what is missing.
        """
        if len(self.password().read()) < 16:
            raise Refused(
                "The password of the wallet is shorter than 16 characters. Nothing was changed",
                "Make one with openssl rand -hex 32",
            )
        self.check_space()

    def fetching(self, path: Path) -> str:
        return f"podman exec THIS-CONTAINER cat {path}"

    def offered_kit(self) -> Path | None:
        """Return the kit that is mounted into the container, or None."""
        return _KIT if _KIT.exists() else None

    def offered_agreement(self) -> agreement.Agreement:
        """Return the agreement that is mounted beside the kit."""
        return agreement.remembered(str(_KIT.parent))

    def has_tpm(self) -> bool:
        return False

    def have_password(self) -> None:
        """Do nothing: the password comes from outside."""

    def password(self) -> PasswordSource:
        return PasswordSource(f"{self.credentials}/wallet-password", None, "")

    def _cipher(self, name: str) -> ChaCha20Poly1305:
        # The password is random and long, so that one round of a hash makes a key of it.
        return ChaCha20Poly1305(hashlib.sha256(name.encode() + b"\0" + self.password().read()).digest())

    def seal(self, path: Path, name: str, content: bytes) -> None:
        nonce = os.urandom(_NONCE_BYTES)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(str(path), nonce + self._cipher(name).encrypt(nonce, content, name.encode()))

    def unseal(self, path: Path, name: str, what: str) -> bytes:
        sealed = read_file(str(path), f"the {what}")
        try:
            return self._cipher(name).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
        except InvalidTag as error:
            raise InvalidInput(
                f"{path} was sealed by another password", "Run the container with the password that it had"
            ) from error

    def _owner(self, group: str | None) -> tuple[str | None, str | None]:
        return None, None

    def apply_rules(self, content: str) -> None:
        """Do nothing: who can reach the container is decided where it is run."""

    def active(self) -> bool:
        return started(self.place).exists()

    def run_lnd(self) -> None:
        wanted = _digest(self.place)
        self._tell(
            START_SIGNAL,
            "lnd to be started",
            lambda: started(self.place).exists() and started(self.place).read_text() == wanted,
        )

    def stop_lnd(self) -> None:
        self._tell(STOP_SIGNAL, "lnd to be stopped", lambda: not started(self.place).exists())

    def kill_lnd(self) -> None:
        """End lnd at once and for good: nothing starts it again while the mark is there, not even a start of the
        container.
        """
        write_file(str(_killed(self.place)), b"An emergency revocation has killed lnd.\n")
        self._tell(KILL_SIGNAL, "the end of lnd", lambda: not started(self.place).exists())

    def _tell(self, number: signal.Signals, text: str, is_done: t.Callable[[], bool]) -> None:
        if not is_done():
            os.kill(self._supervisor, number)
        wait.until(text, is_done, bool, _START_TIMEOUT_SECONDS)


def _killed(place: Place) -> Path:
    return place.desk / KILLED_FILE


def started(place: Place) -> Path:
    """Return the path of the file with the digest of the configuration with which lnd runs; the file is absent while
    lnd does not run.
    """
    return place.desk / "lnd.started"


def _digest(place: Place) -> str:
    # The birthday is written before lnd is asked for a wallet. If lnd has run since before, it may have made one for a
    # caller who was gone, and then serves nobody until it is started again.
    birthday = place.birthday.read_bytes() if place.birthday.exists() else b""
    return hashlib.sha256(place.lnd_conf.read_bytes() + birthday).hexdigest()


def supervise(place: Place) -> int:
    """Run lnd for as long as the container lives, as its first process, and return the exit status.

    It ends when lnd ends by itself, so that podman or Kubernetes notices and starts the container again.
    """
    signals = {START_SIGNAL, STOP_SIGNAL, KILL_SIGNAL, signal.SIGCHLD, signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    started(place).unlink(missing_ok=True)
    place.desk.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Without one lnd would wait for a wallet, or end; it is signer-init's to start it then.
    child = _start(place) if place.networks() and not _killed(place).exists() else None
    if _killed(place).exists():
        print(f"A revocation has killed lnd. It is not started while {_killed(place)} is there", flush=True)
    elif child is None:
        print("Waiting for signer-init: podman exec -it NAME signer-init", flush=True)
    while True:
        got = signal.sigwait(signals)
        if got == signal.SIGCHLD:
            status = _reap(child)
            if status is not None:
                started(place).unlink(missing_ok=True)
                print(f"lnd has ended, exit status {status}. {_reason(place)}", file=sys.stderr, flush=True)
                return status or 1
            continue
        if child is not None:
            _stop(place, child, signal.SIGKILL if got == KILL_SIGNAL else signal.SIGTERM)
        child = _start(place) if got == START_SIGNAL and not _killed(place).exists() else None
        if got in (signal.SIGTERM, signal.SIGINT):
            return 0


def _reason(place: Place) -> str:
    """Return an explanation of lnd's end, where one is known; else an empty text."""
    logs = sorted(place.lnddir.glob("logs/bitcoin/*/lnd.log"), key=lambda path: path.stat().st_mtime)
    if not logs or wallet.MASTER_KEY_ERROR_TEXT not in logs[-1].read_text(errors="replace")[-_LOG_END_CHARACTERS:]:
        return ""
    return str(
        wallet.not_ours(
            "nothing was granted, and nothing was changed",
            f"See who could reach this container's loopback. Then remove {place.lnddir}/data from the volume, start"
            " the container, and run signer-init again, which continues with your seed, or bring"
            " the seed that you wrote down: signer-init --bring-seed",
        )
    )


def _start(place: Place) -> int:
    command = ["/usr/local/bin/lnd", f"--lnddir={place.lnddir}", f"--configfile={place.lnd_conf}"]
    place.lnddir.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = _digest(place)
    child = os.posix_spawn(command[0], command, {"PATH": os.defpath, "HOME": str(place.lnddir)}, setsigmask=[])
    write_file(str(started(place)), digest.encode())
    return child


def _stop(place: Place, child: int, number: signal.Signals) -> None:
    os.kill(child, number)
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        # An lnd that hangs is not waited for by a revocation.
        if signal.sigwait({signal.SIGCHLD, KILL_SIGNAL}) == KILL_SIGNAL:
            os.kill(child, signal.SIGKILL)
    started(place).unlink(missing_ok=True)


def _reap(child: int | None) -> int | None:
    """Reap processes that have ended; return lnd's exit status if it is among them, else None."""
    exit_status = None
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return exit_status
        if process == 0:
            return exit_status
        if process == child:
            exit_status = os.waitstatus_to_exitcode(status)
