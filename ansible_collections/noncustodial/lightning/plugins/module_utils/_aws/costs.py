# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cost of a signer at AWS, according to prices that its tenant has looked up."""

from __future__ import annotations

import typing as t

HOURS_OF_MONTH = 730
"""Hours of a month, as AWS counts them."""

Prices = t.Mapping[str, t.Any]


def monthly(prices: Prices, instance_type: str, volume_gib: int, public: bool) -> dict[str, float]:
    """Return the monthly cost of each part.

    Args:
        prices: instance_hour for each kind of machine, volume_gib_month, public_address_hour, key_month and
            alarm_month, in one currency.

    Raises:
        KeyError: it names the price that is missing.
    """
    hours = prices["instance_hour"]
    if instance_type not in hours:
        raise KeyError(f"instance_hour of {instance_type}")
    return {
        "machine": HOURS_OF_MONTH * float(hours[instance_type]),
        "disk": volume_gib * float(prices["volume_gib_month"]),
        "address": HOURS_OF_MONTH * float(prices["public_address_hour"]) if public else 0.0,
        "key": float(prices["key_month"]),
        "alarm": float(prices["alarm_month"]),
    }


def estimate(prices: Prices, date: str, instance_type: str, volume_gib: int, public: bool) -> str:
    """Return the estimate as text, to be shown before a launch.

    Args:
        date: the date at which the prices were looked up.
    """
    try:
        parts = monthly(prices, instance_type, volume_gib, public)
    except KeyError as error:
        return (
            f"What it costs is not known: signer_ec2_prices has no {error.args[0]}. Look it up for your region, and set"
            " signer_ec2_prices_date"
        )
    listed = ", ".join(f"{name} {cost:.2f}" for name, cost in parts.items())
    return (
        f"About {sum(parts.values()):.2f} {prices.get('currency', 'USD')} a month before tax, by prices of"
        f" {date or 'an unknown date'}: {listed}; traffic comes on top"
    )
