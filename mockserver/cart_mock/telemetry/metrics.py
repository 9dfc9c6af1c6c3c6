"""Metrics: requests and latency of a process, by operation.

Each request is counted as it is answered: to put them by and count many together costs more, and
the request at which it is done would wait for all of them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from itertools import accumulate

from cart_mock.http.messages import Answer

BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
           2.5, 5.0, 10.0)  # fmt: skip
"""Upper bounds of the latency histogram, in seconds."""


class Latency:
    """How long the requests of one operation took."""

    def __init__(self) -> None:
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.sum = 0.0

    def cumulative(self) -> list[tuple[str, float]]:
        """How many requests took no longer than each bound; the bounds as Prometheus has them."""
        bounds = [*map(str, BUCKETS), "+Inf"]
        return list(zip(bounds, map(float, accumulate(self.buckets)), strict=True))


class Metrics:
    """The metrics of one mock: ``requests`` by operation, status and rule, and ``latency``."""

    def __init__(self) -> None:
        self.requests: dict[tuple[str, int, str | None], int] = {}
        self.latency: defaultdict[str, Latency] = defaultdict(Latency)

    def observe(self, operation_id: str, answer: Answer, seconds: float) -> None:
        """Note a request that took that many seconds."""
        kind = (operation_id, answer.status, answer.broken)
        self.requests[kind] = self.requests.get(kind, 0) + 1
        latency = self.latency[operation_id]
        latency.buckets[bisect_left(BUCKETS, seconds)] += 1
        latency.sum += seconds
