"""The metrics of a mock in Prometheus' text format, with the sizes of the stores."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from cart_mock.telemetry.metrics import BUCKETS, Metrics
from cart_mock.tenants.registry import TenantRegistry

CONTENT_TYPE = "text/plain; version=0.0.4"

_SIZES = {
    "customers": "Customers of a store.",
    "accounts": "Accounts of a store.",
    "carts": "Carts of a store.",
    "registered_carts": "Carts of a store that have a customer or an account.",
}


def exposition(metrics: Metrics, tenants: TenantRegistry) -> bytes:
    """Return all metrics in Prometheus' text format.

    It may run in a thread, because it copies the counts that it reads.
    """
    registry = CollectorRegistry()
    registry.register(_Collector(metrics, tenants))
    return generate_latest(registry)


class _Collector(Collector):
    def __init__(self, metrics: Metrics, tenants: TenantRegistry) -> None:
        self._metrics = metrics
        self._tenants = tenants

    def collect(self) -> Iterator[Metric]:
        """Yield each family of metrics, as ``prometheus_client`` asks for them."""
        for family in (self._requests(), self._latency(), *self._sizes(), *self._counts()):
            process = self._tenants.process
            if process is not None:
                # Behind one address, two scrapes may come from two processes.
                family.samples = [
                    sample._replace(labels={**sample.labels, "process": process})
                    for sample in family.samples
                ]
            yield family

    def _counts(self) -> Iterator[Metric]:
        for name, text, count in self._tenants.counts():
            yield CounterMetricFamily(f"cart_mock_shared_{name}", text, value=count)

    def _requests(self) -> Metric:
        family = CounterMetricFamily(
            "cart_mock_requests",
            "Requests answered. status is 0 if a fault closed the connection first.",
            labels=("operation", "status", "rule"),
        )
        counted = [
            ((operation_id, str(status), rule or ""), count)
            for (operation_id, status, rule), count in self._metrics.requests.copy().items()
        ]
        for labels, count in sorted(counted):
            family.add_metric(labels, count)
        return family

    def _latency(self) -> Metric:
        family = HistogramMetricFamily(
            "cart_mock_request_seconds",
            "Seconds from a request's head to its answer, injected latency included.",
            labels=("operation",),
        )
        bounds = [*map(str, BUCKETS), "+Inf"]
        for operation_id, latency in sorted(self._metrics.latency.copy().items()):
            buckets = list(zip(bounds, accumulate(latency.counts), strict=True))
            family.add_metric((operation_id,), buckets, latency.seconds)
        return family

    def _sizes(self) -> Iterator[Metric]:
        families = {
            name: GaugeMetricFamily(f"cart_mock_store_{name}", text, labels=("store",))
            for name, text in _SIZES.items()
        }
        for tenant in self._tenants:
            for name, count in tenant.store.counts().items():
                families[name].add_metric((tenant.name,), count)
        yield from families.values()
