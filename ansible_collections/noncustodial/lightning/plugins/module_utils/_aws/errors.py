# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of calls to AWS, one class for each kind, so that callers decide according to class and never to text."""

from __future__ import annotations

from .._core.errors import LightningError


class AwsError(LightningError):
    """A call to AWS that failed.

    Args:
        region: the region of the call.
        call: the call as a policy names it, for example ec2:RegisterImage.
        code: AWS's name of the error, for example UnauthorizedOperation.
        detail: AWS's own text.
        cure: the advice.
    """

    default_cure = "See what AWS says of this error, and run again"

    def __init__(self, region: str, call: str, code: str, detail: str, cure: str = "") -> None:
        self.region = region
        self.call = call
        self.code = code
        self.detail = detail
        super().__init__(f"AWS in {region} answered {code} to {call}: {detail}", cure or self.default_cure)


class Unreachable(AwsError):
    """There was no answer. A change may or may not have happened."""

    default_cure = (
        "Check the region's name, the network, and endpoint_url if it is given. Run again: what was done already is"
        " found and kept"
    )


class Throttled(AwsError):
    """AWS asked for fewer calls at a time, also at the last attempt."""

    default_cure = "Run again in a minute, what was done already is kept; or lower the number of parallel calls"


class NoCredentials(AwsError):
    """There are no credentials, or they are no longer valid."""

    default_cure = "Log in again, or name another profile; the docs on AWS say where credentials are looked for"


class Denied(AwsError):
    """These credentials may not do this."""

    def __init__(self, region: str, call: str, code: str, detail: str) -> None:
        cure = (
            f"Allow {call} to the user or role that runs this. The docs on AWS hold a policy with everything that is"
            " needed"
        )
        super().__init__(region, call, code, detail, cure)


class QuotaReached(AwsError):
    """The account has reached a limit."""

    default_cure = (
        "Remove what is not needed any more, or have the quota raised (Service Quotas in AWS's console), and run again"
    )


class Gone(AwsError):
    """The named thing does not exist."""

    default_cure = "Check the id, the region and the account"


class NotPossible(AwsError):
    """AWS has nothing of that kind there, or cannot do it in this combination."""
