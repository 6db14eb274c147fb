# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with a call to AWS, by kind, so that callers decide by class and never by text."""

from __future__ import annotations

from .._lnd.errors import LndError


class AwsError(LndError):
    """A call to AWS that failed.

    Args:
        region: where it was made.
        call: as a policy names it, for example ec2:RegisterImage.
        code: AWS's name of the error, for example UnauthorizedOperation.
        detail: AWS's own text.
        cure: what to look at.
    """

    default_cure = "See what AWS says of this error, and run again"

    def __init__(self, region: str, call: str, code: str, detail: str, cure: str = "") -> None:
        self.region = region
        self.call = call
        self.code = code
        self.detail = detail
        super().__init__(f"AWS in {region} answered {code} to {call}: {detail}", cure or self.default_cure)


class Unreachable(AwsError):
    """No answer. A change may have happened or not."""

    default_cure = (
        "Check the region's name, the network, and endpoint_url if it is given. Run again: what was done already is found and kept"
    )


class Throttled(AwsError):
    """AWS asked for fewer calls at a time, and kept to it."""

    default_cure = "Run again in a minute, what was done already is kept; or lower the number of parallel calls"


class NoCredentials(AwsError):
    """There are no credentials, or they are not valid any more."""

    default_cure = "Log in again, or name another profile; the docs on AWS say where credentials are looked for"


class Denied(AwsError):
    """These credentials may not do this."""

    def __init__(self, region: str, call: str, code: str, detail: str) -> None:
        cure = f"Allow {call} to the user or role that runs this. The docs on AWS hold a policy with everything that is needed"
        super().__init__(region, call, code, detail, cure)


class QuotaReached(AwsError):
    """The account has reached a limit."""

    default_cure = "Remove what is not needed any more, or have the quota raised (Service Quotas in AWS's console), and run again"


class Gone(AwsError):
    """What was named does not exist."""

    default_cure = "Check the id, the region and the account"


class NotPossible(AwsError):
    """AWS has nothing of that kind there, or cannot do it in this combination."""
