"""The metrics in Prometheus' text format, with the sizes of the stores."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from cart_mock.telemetry.metrics import Metrics
from cart_mock.tenants.registry import TenantRegistry


def exposition(metrics: Metrics, stores: TenantRegistry) -> bytes:
    """All metrics as text."""
    registry = CollectorRegistry()
    registry.register(_Collector(metrics, stores))
    return generate_latest(registry)


class _Collector(Collector):
    def __init__(self, metrics: Metrics, stores: TenantRegistry) -> None:
        self._metrics = metrics
        self._stores = stores

    def collect(self) -> Iterator[Metric]:
        """The metrics as Prometheus' client wants them."""
        requests = CounterMetricFamily(
            "cart_mock_requests",
            "Requests answered. status is 0 where a fault closed the connection first.",
            labels=("operation", "status", "rule"),
        )
        for (operation_id, status, broken), count in sorted(
            self._metrics.requests.items(),
            key=lambda entry: (entry[0][0], entry[0][1], entry[0][2] or ""),
        ):
            requests.add_metric((operation_id, str(status), broken or ""), count)
        yield requests
        latency = HistogramMetricFamily(
            "cart_mock_request_seconds",
            "Seconds from a request's head to its answer, injected latency included.",
            labels=("operation",),
        )
        for operation_id, found in sorted(self._metrics.latency.items()):
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
