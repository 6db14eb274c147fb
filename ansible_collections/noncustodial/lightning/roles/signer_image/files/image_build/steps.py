# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a build, each of which is done only when its inputs have changed."""

from __future__ import annotations

import typing as t
import uuid
from pathlib import Path

from .archive import oci
from .build import Build
from .digests import digest
from .disk import qcow2, raw
from .manifest import beside, manifest
from .programs import Failed
from .roots import container, rootfs


class Step(t.NamedTuple):
    """A step.

    Attributes:
        make: makes its outputs.
        inputs: returns the digest of its inputs.
        outputs: files that are there afterwards, in the directory.
    """

    make: t.Callable[[Build], None]
    inputs: t.Callable[[Build], str]
    outputs: tuple[str, ...]


def do(name: str, build: Build, anew: bool) -> bool:
    """Do a step if something has changed, and return whether it was done."""
    step = STEPS[name]
    inputs = step.inputs(build)
    stamp = _stamp(build, name)
    if not anew and _text(stamp) == inputs and all((build.folder / output).exists() for output in step.outputs):
        return False
    stamp.parent.mkdir(exist_ok=True)
    # A step that fails halfway is not taken for done.
    stamp.unlink(missing_ok=True)
    step.make(build)
    _made(build, name).write_text(str(uuid.uuid4()))
    stamp.write_text(inputs)
    return True


def _stamp(build: Build, step: str) -> Path:
    """Return the file with the digest of the inputs from which a step was last made."""
    return build.work / f"{step}.stamp"


def _made(build: Build, step: str) -> Path:
    """Return the file with the id of a step's last making: from the same inputs, another day brings other packages."""
    return build.work / f"{step}.made"


def _text(path: Path) -> str:
    """Return a file's text; empty if it is not there."""
    return path.read_text() if path.exists() else ""


def _roots(build: Build) -> str:
    """Return the digest of the inputs of both roots, among them this program."""
    sizes = ("size_gib", "signing_key")
    settings = {name: value for name, value in build.settings.items() if name not in sizes}
    return digest(build.tree, settings, *sorted(Path(__file__).parent.glob("*.py")))


def _after(step: str, *more: str) -> t.Callable[[Build], str]:
    """Return the function for the inputs of a step that uses another step's outputs."""

    def inputs(build: Build) -> str:
        if not _text(_stamp(build, step)):
            raise Failed(f"the step {step} comes first, and has not been done")
        return digest(_text(_made(build, step)), {name: build.settings[name] for name in more})

    return inputs


def _manifest(build: Build) -> str:
    """Return the digest of the inputs of the manifest."""
    done = [[step, _text(_stamp(build, step)), _text(_made(build, step))] for step in ("raw", "qcow2", "oci")]
    return digest(build.settings, done, *beside(build))


STEPS = {
    "rootfs": Step(rootfs, _roots, ("work/root/etc/os-release",)),
    "raw": Step(raw, _after("rootfs", "size_gib"), ("signer.raw",)),
    "qcow2": Step(qcow2, _after("raw"), ("signer.qcow2",)),
    "container": Step(container, _roots, ("work/container/etc/os-release",)),
    "oci": Step(oci, _after("container"), ("signer-oci.tar",)),
    "manifest": Step(manifest, _manifest, ("manifest.json", "SHA256SUMS")),
}
