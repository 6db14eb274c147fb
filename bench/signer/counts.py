"""The calls that a signer has answered, as its own lnd counts them."""

from __future__ import annotations

import http.client
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

_CALLS, _SECONDS = "grpc_server_handled_total", "grpc_server_handling_seconds_sum"


@dataclass(frozen=True)
class Count:
    """The calls of one method, and the ms that the signer had them in hand, together."""

    calls: int
    ms: float


def parse(text: str) -> dict[str, Count]:
    """Return the calls by method, from lnd's metrics; refuse metrics with a call that failed."""
    calls: dict[str, int] = {}
    ms: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            method = sample.labels.get("grpc_method", "")
            if sample.name == _CALLS:
                if sample.labels["grpc_code"] != "OK" and sample.value:
                    raise RuntimeError(
                        f"The signer has answered {method} with {sample.labels['grpc_code']}: such calls are not those"
                        " of payments that succeed"
                    )
                calls[method] = calls.get(method, 0) + int(sample.value)
            elif sample.name == _SECONDS:
                ms[method] = sample.value * 1000
    return {method: Count(number, ms.get(method, 0.0)) for method, number in calls.items()}


def difference(before: dict[str, Count], after: dict[str, Count]) -> dict[str, Count]:
    """Return the calls between two readings, without the methods that were not called."""
    none = Count(0, 0.0)
    return {
        method: Count(count.calls - before.get(method, none).calls, count.ms - before.get(method, none).ms)
        for method, count in sorted(after.items())
        if count.calls != before.get(method, none).calls
    }


class Meter:
    """The counters of one signer.

    Args:
        port: of its metrics, at loopback.
    """

    def __init__(self, port: int) -> None:
        self._port = port

    def read(self) -> dict[str, Count]:
        """Return the calls by method since the signer's start."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request("GET", "/metrics")
            return parse(connection.getresponse().read().decode())
        finally:
            connection.close()
