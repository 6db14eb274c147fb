# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest for Kubernetes has the form of its API, and its pod runs under podman, which takes the same file."""

from __future__ import annotations

import base64
import json
import secrets
import typing as t
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from ansible_collections.noncustodial.lightning.plugins.module_utils._bundle.kit import fingerprint
from ansible_collections.noncustodial.lightning.tests.support.daemons import until
from ansible_collections.noncustodial.lightning.tests.support.image_containers import IMAGE, PORT, Network, podman
from ansible_collections.noncustodial.lightning.tests.support.signer_desk import Provider, age_key

pytestmark = pytest.mark.image

# The oldest and the newest whose schema there is, of those that are maintained.
VERSIONS = ["1.34", "1.37"]
CONTAINER = "signer-0-signer"


def manifest() -> list[dict[str, t.Any]]:
    """Return the manifest beside the image."""
    return list(yaml.safe_load_all((IMAGE / "signer.yaml").read_text()))


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_of_the_form_of_the_api(version: str) -> None:
    """Strictly: a field that there is not is an error."""
    objects = manifest()
    assert [one["kind"] for one in objects] == ["StatefulSet", "Service", "NetworkPolicy"]
    for one in objects:
        kubernetes_validate.validate(one, version, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**objects[0], "spec": {**objects[0]["spec"], "replica": 2}}, version, strict=True)


class Pod:
    """The pod of the manifest, as the controller of its StatefulSet would make it; podman has no such controller.

    Args:
        folder: for its description.
        network: where it is.
        kit: what the provider gave.
    """

    def __init__(self, folder: Path, network: Network, kit: dict[str, t.Any]) -> None:
        self.address, self._file = network.address(), folder / "pod.yaml"
        workload = manifest()[0]["spec"]
        (claim,) = workload["volumeClaimTemplates"]
        spec = workload["template"]["spec"]
        spec["volumes"].append(
            {"name": claim["metadata"]["name"], "persistentVolumeClaim": {"claimName": network.name}}
        )
        # podman would open it on this host, too.
        del spec["containers"][0]["ports"]
        password = base64.b64encode(secrets.token_hex(32).encode()).decode()
        objects = [
            {
                "kind": "ConfigMap",
                "metadata": {"name": "signer-kit"},
                "data": {"kit.json": json.dumps(kit), "kit_fingerprint": fingerprint(kit)},
            },
            {"kind": "Secret", "metadata": {"name": "signer"}, "data": {"wallet-password": password}},
            {"kind": "PersistentVolumeClaim", "metadata": {"name": network.name}, "spec": claim["spec"]},
            {"kind": "Pod", "metadata": {"name": "signer-0"}, "spec": spec},
        ]
        self._file.write_text(yaml.safe_dump_all([{"apiVersion": "v1", **one} for one in objects]))
        self._volume = network.name
        podman("kube", "play", "--network", network.name, "--ip", self.address, self._file)

    def inside(self, *command: str) -> str:
        """Run a command in the pod."""
        return podman("exec", CONTAINER, *command).stdout

    def read(self, path: str) -> bytes:
        """Return a file of its volume."""
        return self.inside("cat", f"/data{path}").encode()

    def remove(self) -> None:
        """Remove everything."""
        podman("kube", "down", self._file)
        podman("volume", "rm", self._volume)
        # A newer podman has removed it with the pod.
        podman("secret", "rm", "signer", check=False)


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory, network: Network, provider: Provider) -> t.Iterator[Pod]:
    made = Pod(tmp_path_factory.mktemp("pod"), network, provider.kit("acme"))
    try:
        yield made
    finally:
        made.remove()


def test_its_pod_signs(pod: Pod, provider: Provider, tmp_path: Path) -> None:
    """The pod starts with the files that kubectl would provide, and ends with signatures for the provider."""
    until("what it says", lambda: "Waiting for signer-init" in podman("logs", CONTAINER).stdout, 30)
    pod.inside("signer-init", "--address", pod.address, "--seed-recipient", age_key(tmp_path, "owner")[1])
    provider.check(f"{pod.address}:{PORT}", provider.open(pod.read, "acme"))


def test_its_pod_may_do_nothing_else(pod: Pod) -> None:
    (its,) = json.loads(podman("container", "inspect", CONTAINER).stdout)
    assert (its["HostConfig"]["ReadonlyRootfs"], its["HostConfig"]["Memory"]) == (True, 1 << 30)
    assert pod.inside("id", "--user").strip() == "988"
    assert pod.inside("sh", "-c", "grep -E '^Cap(Eff|Prm|Bnd)' /proc/1/status").split()[1::2] == ["0" * 16] * 3
    assert pod.inside("sh", "-c", "grep '^NoNewPrivs' /proc/1/status").split()[1] == "1"
