# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in of AWS on loopback: moto's server, a record of all requests, and faults on demand.

Moto keeps less than it is sent, and little more than the name of an image, so that tests also read what was sent.
"""

from __future__ import annotations

import io
import json
import os
import re
import threading
import typing as t
from dataclasses import dataclass
from urllib.parse import parse_qsl

# Before moto is loaded: its own five hundred images are of no use here, and take a second for each region.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"

import boto3
import moto.backends
import moto.ec2.models.amis
import moto.ec2.models.instance_types
import moto.ec2.utils
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

REGION = "eu-central-1"
ACCOUNT = "123456789012"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}

# EBS has paths instead of names.
_EBS = [
    ("POST", r"/snapshots", "StartSnapshot"),
    ("PUT", r"/snapshots/[^/]+/blocks/\d+", "PutSnapshotBlock"),
    ("POST", r"/snapshots/completion/.+", "CompleteSnapshot"),
    ("GET", r"/snapshots/[^/]+/blocks", "ListSnapshotBlocks"),
    ("GET", r"/snapshots/[^/]+/blocks/\d+", "GetSnapshotBlock"),
]

# GiB of an image's disk, for which moto has a fixed value.
IMAGE_GIB = 2
# AWS's name; with moto's own the tags of an address are not found.
moto.ec2.utils.EC2_PREFIX_TO_RESOURCE["eipalloc"] = "elastic-ip"


def _mappings(image: t.Any) -> list[dict[str, t.Any]]:
    its = {
        "SnapshotId": image.ebs_snapshot.id,
        "VolumeSize": IMAGE_GIB,
        "DeleteOnTermination": True,
        "VolumeType": "gp3",
    }
    return [{"DeviceName": image.root_device_name, "Ebs": its}]


moto.ec2.models.amis.Ami.block_device_mappings = property(_mappings)  # type: ignore[method-assign,assignment]


@dataclass(frozen=True)
class Sent:
    """One call as it was received.

    Attributes:
        action: as a policy names it, for example ec2:RegisterImage.
        path: of the request, which for EBS holds the ids.
        arguments: of services that take forms or JSON.
    """

    action: str
    path: str
    arguments: dict[str, t.Any]


@dataclass
class Fault:
    """An error that is answered so many times, after so many calls that succeed."""

    code: str
    message: str
    status: int
    after: int
    times: int


class Stall:
    """Calls that are not answered before the stall is over."""

    def __init__(self, action: str, after: int) -> None:
        self.action, self._left = action, after
        self.reached, self.over = threading.Event(), threading.Event()

    def due(self, action: str) -> bool:
        """Return whether this call must wait."""
        if action != self.action:
            return False
        self._left -= 1
        return self._left < 0


class StandIn:
    """A server that serves until it is stopped."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self._faults: dict[str, Fault] = {}
        self._stall: Stall | None = None
        self._lock = threading.Lock()
        self._session = boto3.Session("testing", "testing", region_name=REGION)
        self._clients: dict[str, t.Any] = {}
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def options(self) -> dict[str, t.Any]:
        """The connection options of modules."""
        return {"region": REGION, "endpoint_url": self.url}

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which boto3 finds the caller, and ignores this machine's own configuration."""
        return dict(ENVIRONMENT)

    def reset(self) -> None:
        """Empty the account."""
        for name in ("ec2", "ebs", "kms", "cloudwatch", "iam", "sts"):
            moto.backends.get_backend(name).reset()
        self.sent.clear()
        self.recovers()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def client(self, service: str) -> t.Any:
        """Return a client for tests to arrange and to look; its calls are recorded, too."""
        if service not in self._clients:
            self._clients[service] = self._session.client(service, endpoint_url=self.url)
        return self._clients[service]

    def fails(
        self, action: str, code: str, message: str = "it is so", status: int = 400, after: int = 0, times: int = 1000
    ) -> None:
        """Make a call fail from now on, after so many that succeed."""
        self._faults[action] = Fault(code, message, status, after, times)

    def stalls(self, action: str, after: int) -> threading.Event:
        """Leave a call unanswered from now on, after so many that succeed; return the event that is set once one
        waits."""
        self._stall = Stall(action, after)
        return self._stall.reached

    def recovers(self) -> None:
        """End all failures, and answer the calls that wait."""
        self._faults.clear()
        if self._stall:
            self._stall.over.set()
            self._stall = None

    def image(self, description: str, state: str = "available", name: str = "noncustodial-signer-1.0.0") -> str:
        """Register an image that somebody shares. Moto keeps only the name and description of the registration."""
        image_id = str(self.client("ec2").register_image(Name=name, Description=description)["ImageId"])
        kept = moto.backends.get_backend("ec2")[ACCOUNT][REGION].amis[image_id]
        kept.architecture, kept.state, kept.root_device_name = "x86_64", state, "/dev/xvda"
        return image_id

    def without(self, instance_type: str, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make a kind of machine unavailable in one zone from now on."""
        offered = moto.ec2.models.instance_types.INSTANCE_TYPE_OFFERINGS
        its = [
            one
            for one in offered["availability-zone"][REGION]
            if (one["InstanceType"], one["Location"]) != (instance_type, zone)
        ]
        monkeypatch.setitem(offered["availability-zone"], REGION, its)

    def of(self, action: str) -> list[dict[str, t.Any]]:
        """Return the arguments of all calls of an action."""
        return [one.arguments for one in self.sent if one.action == action]

    @property
    def actions(self) -> list[str]:
        """The actions of all calls, in their order."""
        return [one.action for one in self.sent]

    def _answer(self, environ: dict[str, t.Any], start_response: t.Any) -> t.Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        one = _sent(environ, body)
        if one.action in ("kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion", "kms:EnableKey"):
            # For these moto knows a key only by the last part of its name.
            body = json.dumps({**one.arguments, "KeyId": one.arguments["KeyId"].rpartition("/")[2]}).encode()
            environ["CONTENT_LENGTH"] = str(len(body))
        environ["wsgi.input"] = io.BytesIO(body)
        with self._lock:
            self.sent.append(one)
            fault = self._due(one.action)
            stall = self._stall if self._stall and self._stall.due(one.action) else None
        if stall:
            stall.reached.set()
            stall.over.wait()
        if fault is None:
            return t.cast("t.Iterable[bytes]", self._moto(environ, start_response))
        if one.action.startswith("ec2:"):
            error = f"<Error><Code>{fault.code}</Code><Message>{fault.message}</Message></Error>"
            text = f"<Response><Errors>{error}</Errors></Response>"
        else:
            text = json.dumps({"__type": fault.code, "message": fault.message, "Message": fault.message})
        start_response(f"{fault.status} no", [("x-amzn-errortype", fault.code), ("Content-Length", str(len(text)))])
        return [text.encode()]

    def _due(self, action: str) -> Fault | None:
        fault = self._faults.get(action)
        if fault is None or fault.times == 0:
            return None
        if fault.after > 0:
            fault.after -= 1
            return None
        fault.times -= 1
        return fault


class _Quiet(MotoRequestHandler):
    def log_request(self, *_arguments: t.Any) -> None:
        """Log nothing."""


def _sent(environ: dict[str, t.Any], body: bytes) -> Sent:
    """Return the call of a request: its service is in the signature, its action depends on the service's protocol."""
    found = re.search(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    service, path = found[1] if found else "", environ["PATH_INFO"]
    if service == "monitoring":
        service = "cloudwatch"
    if service == "ebs":
        name = next(
            name
            for method, pattern, name in _EBS
            if method == environ["REQUEST_METHOD"] and re.fullmatch(pattern, path)
        )
        arguments = (
            json.loads(body)
            if name == "StartSnapshot"
            else {key: value for key, value in environ.items() if key.startswith("HTTP_X_AMZ")}
        )
        return Sent(f"ebs:{name}", path, arguments)
    if "HTTP_X_AMZ_TARGET" in environ:
        return Sent(f"{service}:{environ['HTTP_X_AMZ_TARGET'].rpartition('.')[2]}", path, json.loads(body or b"{}"))
    if "/operation/" in path:
        return Sent(f"{service}:{path.rpartition('/')[2]}", path, {})
    form = dict(parse_qsl(body.decode()))
    return Sent(f"{service}:{form.pop('Action', '')}", path, form)
