# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A seed in transit between its owner and lnd. It is only in memory; what is written is encrypted to the owner."""

from __future__ import annotations

import re
import time

from .._core import files
from .._core.errors import InvalidInput
from .._core.files import read_file
from .._keys import age

WORD_COUNT = 24

# An age key, or an ssh key that age can encrypt to. Plugins of age are left out: they are programs that would see the
# seed.
_RECIPIENT = re.compile(r"age1[02-9ac-hj-np-z]{58}|ssh-ed25519 [A-Za-z0-9+/]+={0,2}( [^\n]*)?")


def check_recipient(recipient: str) -> None:
    """Refuse a recipient that is not the public key of an owner.

    Raises:
        InvalidInput: the text has the reason.
    """
    if recipient.upper().startswith("AGE-SECRET-KEY-"):
        raise InvalidInput(
            "seed_recipient is a private key of age",
            "Give the public key, which begins with age1, and consider that private key as known to others",
        )
    if not _RECIPIENT.fullmatch(recipient):
        raise InvalidInput(
            "seed_recipient is neither an age key (age1...) nor an ssh-ed25519 public key",
            "Make one with age-keygen, and give the line after 'Public key'",
        )


def read_mnemonic(path: str) -> list[str]:
    """Read the words of a seed from a file; lines that begin with # are left out.

    Raises:
        InvalidInput: the number of words is not that of a seed. The error's text does not contain the words.
    """
    lines = read_file(path, "the seed").decode(errors="replace").splitlines()
    words = [word for line in lines if not line.lstrip().startswith("#") for word in line.split()]
    if len(words) != WORD_COUNT:
        raise InvalidInput(
            f"The file of the seed, {path}, holds {len(words)} words; a seed of lnd has {WORD_COUNT}",
            "Write the words in their order, with spaces between them and no numbers",
        )
    return words


def hand_over(words: list[str], recipient: str, path: str, network: str, birthday: int) -> str | None:
    """Encrypt a seed to its owner and write it to the disk. An older file of that name is kept under a numbered name.

    Args:
        words: the seed.
        recipient: public key of the owner.
        path: the file of the encrypted seed; only its owner can read it.
        network: the network of the wallet, as a remark in the encrypted text.
        birthday: the birthday of the wallet in unix seconds, as a remark in the encrypted text.

    Returns:
        The name under which an older file was kept, None if there was none.

    Raises:
        InvalidInput: it could not be encrypted or written. Then no wallet may be made of the seed.
    """
    day = time.strftime("%Y-%m-%d", time.gmtime(birthday))
    remark = (
        f"# The seed of an lnd wallet (aezeed, {len(words)} words). Network {network}, made {day}, birthday"
        f" {birthday}.\n"
    )
    sealed = age.encrypt((remark + " ".join(words) + "\n").encode(), recipient)
    older = files.keep_older(path)
    files.write_file(path, sealed.encode())
    return older
