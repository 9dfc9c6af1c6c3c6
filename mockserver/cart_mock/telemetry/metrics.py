"""Counts of requests and latencies by operation.

The counts are plain Python, and exposed by ``prometheus_client``
(:mod:`cart_mock.telemetry.prometheus`). Its
``Counter`` and ``Histogram`` cost 1.9 to 2.3 µs a request with their children looked up beforehand
(5.5 µs through ``labels()``), because each takes a lock; plain Python costs 0.5 µs.
"""

from __future__ import annotations

from bisect import bisect_left

from cart_mock.messages import Answer

BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
           2.5, 5.0, 10.0)  # fmt: skip
"""Upper bounds of the latency histogram, in seconds."""


class Latency:
    """The latency histogram of one operation: requests by bucket, and their total seconds."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0


class Metrics:
    """Counts of one mock: ``requests`` by operation, status and rule, and ``latency``."""

    def __init__(self) -> None:
        self.requests: dict[tuple[str, int, str | None], int] = {}
        self.latency: dict[str, Latency] = {}

    def observe(self, operation_id: str, answer: Answer, seconds: float) -> None:
        """Count a request that was answered within that many seconds."""
        kind = (operation_id, answer.status, answer.refused_by)
        self.requests[kind] = self.requests.get(kind, 0) + 1
        latency = self.latency.get(operation_id)
        if latency is None:
            latency = self.latency[operation_id] = Latency()
        latency.counts[bisect_left(BUCKETS, seconds)] += 1
        latency.seconds += seconds
