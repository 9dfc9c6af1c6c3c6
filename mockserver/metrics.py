"""Prometheus metrics: requests and latency of a process, and the sizes of its stores.

A request only appends to a list; the list is counted when it has grown, and when somebody asks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from mockserver.http import Answer
from mockserver.stores import Stores

BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
           2.5, 5.0, 10.0)  # fmt: skip
"""Upper bounds of the latency histogram, in seconds."""
_COUNT_AFTER = 4096


class _Latency:
    def __init__(self) -> None:
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.sum = 0.0

    def add(self, seconds: list[float]) -> None:
        seconds.sort()
        self.sum += sum(seconds)
        before = 0
        for i, bound in enumerate(BUCKETS):
            until = bisect_right(seconds, bound)
            self.buckets[i] += until - before
            before = until
        self.buckets[-1] += len(seconds) - before

    def cumulative(self) -> list[tuple[str, float]]:
        total, shown = 0, []
        for bound, count in zip([*map(str, BUCKETS), "+Inf"], self.buckets, strict=True):
            total += count
            shown.append((bound, float(total)))
        return shown


class Metrics(Collector):
    """The metrics of one mock."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._pending: list[tuple[str, int, str | None, float]] = []
        self._requests: Counter[tuple[str, int, str | None]] = Counter()
        self._latency: defaultdict[str, _Latency] = defaultdict(_Latency)
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def observe(self, operation_id: str, answer: Answer, seconds: float) -> None:
        """Note a request that took that many seconds."""
        self._pending.append((operation_id, answer.status, answer.broken, seconds))
        if len(self._pending) >= _COUNT_AFTER:
            self._count()

    def _count(self) -> None:
        pending, self._pending = self._pending, []
        self._requests.update([entry[:3] for entry in pending])
        latencies: defaultdict[str, list[float]] = defaultdict(list)
        for operation_id, _, _, seconds in pending:
            latencies[operation_id].append(seconds)
        for operation_id, found in latencies.items():
            self._latency[operation_id].add(found)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """The metrics as Prometheus' client wants them."""
        self._count()
        requests = CounterMetricFamily(
            "cart_mock_requests",
            "Requests answered. status is 0 where a fault closed the connection first.",
            labels=("operation", "status", "rule"),
        )
        for (operation_id, status, broken), count in sorted(
            self._requests.items(), key=lambda entry: (entry[0][0], entry[0][1], entry[0][2] or "")
        ):
            requests.add_metric((operation_id, str(status), broken or ""), count)
        yield requests
        latency = HistogramMetricFamily(
            "cart_mock_request_seconds",
            "Seconds from a request's head to its answer, injected latency included.",
            labels=("operation",),
        )
        for operation_id, found in sorted(self._latency.items()):
            latency.add_metric((operation_id,), found.cumulative(), found.sum)
        yield latency
        yield from self._sizes()

    def _sizes(self) -> Iterator[Metric]:
        sizes = {
            name: GaugeMetricFamily(f"cart_mock_store_{name}", text, labels=("store",))
            for name, text in (
                ("customers", "Customers of a store."),
                ("carts", "Carts of a store."),
                ("registered_carts", "Carts of a store that have a customer."),
            )
        }
        for store in self._stores:
            for name, count in store.counts().items():
                sizes[name].add_metric((store.name,), count)
        yield from sizes.values()
