# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""python3 -m image_build DIRECTORY rootfs|raw|qcow2|container|oci|manifest [--anew]

Do one step of the build of the images in a directory, from its tree/ and build.json, and print `done`. A step whose
inputs have not changed since the last time does nothing and prints `unchanged`, unless --anew is given.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from . import steps
from .build import Build
from .programs import Failed


def main(arguments: list[str]) -> int:
    """Do one step, and return the exit status."""
    folder, step, *options = arguments if len(arguments) > 1 else ("", "")
    if step not in steps.STEPS or options not in ([], ["--anew"]):
        print(__doc__, file=sys.stderr)
        return 2
    os.umask(0o022)
    try:
        done = steps.do(step, Build.read(Path(folder)), anew=bool(options))
    except Failed as error:
        print(f"image_build {step}: {error}", file=sys.stderr)
        return 1
    print("done" if done else "unchanged")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
