# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls to AWS. The only file that imports boto3."""

from __future__ import annotations

import threading
import typing as t
from dataclasses import dataclass

from .._core.errors import InvalidInput
from .errors import AwsError, Denied, Gone, NoCredentials, NotPossible, QuotaReached, Throttled, Unreachable

try:
    import boto3
    import botocore
    import botocore.config
    import botocore.exceptions
except ImportError as error:
    IMPORT_ERROR: ImportError | None = error
else:
    IMPORT_ERROR = None

# Seconds. An answer that takes longer counts as lost, and the call is made again.
_CONNECT_TIMEOUT_SECONDS, _READ_TIMEOUT_SECONDS = 10, 60

_DENIED_CODES = {
    "UnauthorizedOperation",
    "AccessDenied",
    "AccessDeniedException",
    "OptInRequired",
    "KMSKeyNotAccessibleFault",
}
_CREDENTIAL_CODES = {
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_THROTTLED_CODES = {
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "Throttling",
    "ThrottlingException",
}
_NOT_POSSIBLE_CODES = {"InsufficientInstanceCapacity", "Unsupported", "UnsupportedOperation"}


@dataclass(frozen=True)
class Connection:
    """The region, endpoint and profile with which calls are made.

    Attributes:
        region: for example eu-central-1.
        profile: the profile of AWS's own configuration; None for its default.
        endpoint_url: instead of AWS's own, for a service that is not AWS.
        attempts: the largest number of attempts of a call that gets no answer or is throttled.
    """

    region: str
    profile: str | None = None
    endpoint_url: str | None = None
    attempts: int = 6


class Client:
    """A client of AWS in one region. Several threads may use it."""

    def __init__(self, connection: Connection) -> None:
        self.region = connection.region
        self._connection = connection
        self._clients: dict[str, t.Any] = {}
        self._lock = threading.Lock()
        try:
            self._session = boto3.Session(region_name=connection.region, profile_name=connection.profile)
        except botocore.exceptions.ProfileNotFound as error:
            raise InvalidInput(
                f"There is no profile {connection.profile} in AWS's configuration", "Correct profile, or log in"
            ) from error

    def call(self, service: str, operation: str, **arguments: t.Any) -> dict[str, t.Any]:
        """Make one call and return its answer.

        Args:
            service: for example ec2.
            operation: AWS's own name, for example RegisterImage.
            arguments: AWS's own names.

        Raises:
            AwsError: it failed; the class is the kind of failure.
        """
        try:
            return t.cast(
                "dict[str, t.Any]", getattr(self._client(service), botocore.xform_name(operation))(**arguments)
            )
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            raise self._named(f"{service}:{operation}", error) from error

    def pages(self, service: str, operation: str, key: str, **arguments: t.Any) -> list[dict[str, t.Any]]:
        """Return everything that a call lists, page by page.

        Args:
            key: the name of the list in the answer.

        Raises:
            AwsError: it failed; the class is the kind of failure.
        """
        found: list[dict[str, t.Any]] = []
        token: dict[str, t.Any] = {}
        while True:
            answer = self.call(service, operation, **arguments, **token)
            found += answer[key]
            if not answer.get("NextToken"):
                return found
            token = {"NextToken": answer["NextToken"]}

    def _client(self, service: str) -> t.Any:
        with self._lock:
            if service not in self._clients:
                config = botocore.config.Config(
                    connect_timeout=_CONNECT_TIMEOUT_SECONDS,
                    read_timeout=_READ_TIMEOUT_SECONDS,
                    retries={"mode": "standard", "total_max_attempts": self._connection.attempts},
                    max_pool_connections=32,
                )
                self._clients[service] = self._session.client(
                    service, endpoint_url=self._connection.endpoint_url, config=config
                )
            return self._clients[service]

    def _named(self, call: str, error: Exception) -> AwsError:
        """Translate an error of botocore's into one of this collection's."""
        if not isinstance(error, botocore.exceptions.ClientError):
            lacking = (
                botocore.exceptions.CredentialRetrievalError,
                botocore.exceptions.NoCredentialsError,
                botocore.exceptions.PartialCredentialsError,
                botocore.exceptions.SSOError,
                botocore.exceptions.TokenRetrievalError,
            )
            kind = NoCredentials if isinstance(error, lacking) else Unreachable
            return kind(self.region, call, type(error).__name__, str(error))
        told = error.response.get("Error", {})
        code, detail = str(told.get("Code", "")), str(told.get("Message", ""))
        if code in _DENIED_CODES:
            return Denied(self.region, call, code, detail)
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return _kind(code, status)(self.region, call, code, detail)


def _kind(code: str, status: int) -> type[AwsError]:
    """Return the class for an error of AWS's, according to its code, or else to the answer's status."""
    if code in _CREDENTIAL_CODES:
        return NoCredentials
    if code in _THROTTLED_CODES:
        return Throttled
    if code in _NOT_POSSIBLE_CODES:
        return NotPossible
    if "LimitExceeded" in code or "QuotaExceeded" in code:
        return QuotaReached
    if code.endswith((".NotFound", ".Unavailable", "NotFoundException")):
        return Gone
    return Unreachable if status >= 500 else AwsError
