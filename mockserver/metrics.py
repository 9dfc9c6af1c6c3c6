"""Metrics: requests and latency of a process, by operation.

A request only appends to a list; the list is counted when it has grown, and when somebody asks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict

from mockserver.http import Answer

BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
           2.5, 5.0, 10.0)  # fmt: skip
"""Upper bounds of the latency histogram, in seconds."""
_COUNT_AFTER = 4096


class Latency:
    """How long the requests of one operation took."""

    def __init__(self) -> None:
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.sum = 0.0

    def add(self, seconds: list[float]) -> None:
        """Note these requests; the list is sorted."""
        seconds.sort()
        self.sum += sum(seconds)
        before = 0
        for i, bound in enumerate(BUCKETS):
            until = bisect_right(seconds, bound)
            self.buckets[i] += until - before
            before = until
        self.buckets[-1] += len(seconds) - before

    def cumulative(self) -> list[tuple[str, float]]:
        """How many requests took no longer than each bound; the bounds as Prometheus has them."""
        total, shown = 0, []
        for bound, count in zip([*map(str, BUCKETS), "+Inf"], self.buckets, strict=True):
            total += count
            shown.append((bound, float(total)))
        return shown


class Metrics:
    """The metrics of one mock: ``requests`` by operation, status and rule, and ``latency``.

    Both are complete once ``count`` was called.
    """

    def __init__(self) -> None:
        self._pending: list[tuple[str, int, str | None, float]] = []
        self.requests: Counter[tuple[str, int, str | None]] = Counter()
        self.latency: defaultdict[str, Latency] = defaultdict(Latency)

    def observe(self, operation_id: str, answer: Answer, seconds: float) -> None:
        """Note a request that took that many seconds."""
        self._pending.append((operation_id, answer.status, answer.broken, seconds))
        if len(self._pending) >= _COUNT_AFTER:
            self.count()

    def count(self) -> None:
        """Count what was observed since."""
        pending, self._pending = self._pending, []
        self.requests.update([entry[:3] for entry in pending])
        latencies: defaultdict[str, list[float]] = defaultdict(list)
        for operation_id, _, _, seconds in pending:
            latencies[operation_id].append(seconds)
        for operation_id, found in latencies.items():
            self.latency[operation_id].add(found)
