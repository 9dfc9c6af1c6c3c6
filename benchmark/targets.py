"""The targets of the mock, as ratios within one run, and whether they are met."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from benchmark.loads import ASSOCIATE, GET_CART, LIST_CARTS, REFUSED
from benchmark.measure import Measurement, Results
from benchmark.medians import cpu_us, ratio
from benchmark.peers import Mock
from benchmark.peers.project import Hello, MockApp

CONNECTIONS = 16
OURS = Mock.title

# The minimum ratio of our rate to a peer's, by the peer's title: GET cart, POST association,
# refused POST.
RATES = {
    "raw ASGI hello": (0.85, 0.55, 0.55),
    "Prism": (3, 2, 2),
    "Mockoon": (3, 2, 2),
    "Specmatic": (3, 2, 2),
    "Scalar mock-server": (3, 2, 2),
    "moto server": (3, 5, 2),
    "localstripe": (3, 5, 2),
    "json-server": (3, 5, 2),
    "commercetools-mock": (1.4, 3, 1),
    "WireMock": (1.3, 1.1, 1.1),
}
LOADS = (GET_CART, ASSOCIATE, REFUSED)
HELLO = Hello.title
# The maximum ratio of our CPU time a request to that of a hello: GET cart, the list, POST
# association, refused POST.
CPU = {MockApp.title: (2.0, 3.0, 3.0, 2.5), OURS: (1.2, 1.8, 1.8, 1.4)}
CPU_LOADS = (GET_CART, LIST_CARTS, ASSOCIATE, REFUSED)
TAIL_AGAINST = "WireMock"
TAIL = 0.25
COLD_START_CPU_SECONDS = 0.4


@dataclass(frozen=True)
class Verdict:
    """A target and its measurement. ``least`` says whether the bound is a minimum or a maximum."""

    what: str
    bound: float
    measured: float | None
    least: bool = True

    @property
    def wanted(self) -> str:
        """Return the bound in words."""
        return f"{self.bound:g} or {'more' if self.least else 'less'}"

    @property
    def word(self) -> str:
        """Return in a word whether the target is met."""
        if self.measured is None:
            return ""
        met = self.measured >= self.bound if self.least else self.measured <= self.bound
        return "met" if met else "**not met**"


def verdicts(results: Results) -> Iterator[Verdict]:
    """Return the targets for which this run has figures."""

    def tail(measurement: Measurement) -> float:
        return measurement.figures.p99_ms

    for title, bounds in RATES.items():
        if title not in results.servers:
            continue
        for load, bound in zip(LOADS, bounds, strict=True):
            measured = ratio(results, (OURS, load), (title, load), CONNECTIONS)
            yield Verdict(f"{load}: rate against {title}", bound, measured)
    yield from _cpu_verdicts(results)
    if TAIL_AGAINST in results.servers:
        for load in LOADS:
            measured = ratio(results, (OURS, load), (TAIL_AGAINST, load), CONNECTIONS, tail)
            yield Verdict(f"{load}: p99 against {TAIL_AGAINST}", TAIL, measured, least=False)
    own = ratio(results, (OURS, LIST_CARTS), (OURS, GET_CART), CONNECTIONS)
    yield Verdict("a customer's 20 carts: rate against GET cart", 0.5, own)
    starts = {
        title: median(start.cpu_seconds for start in outcome.cold_starts)
        for title, outcome in results.servers.items()
        if outcome.cold_starts
    }
    yield Verdict("cold start, CPU s", COLD_START_CPU_SECONDS, starts.get(OURS), least=False)
    if "moto server" in starts:
        yield Verdict("cold start, CPU s (moto's)", starts["moto server"], starts.get(OURS), False)


def _cpu_verdicts(results: Results) -> Iterator[Verdict]:
    for title, bounds in CPU.items():
        for load, bound in zip(CPU_LOADS, bounds, strict=True):
            measured = ratio(results, (title, load), (HELLO, load), CONNECTIONS, cpu_us)
            if measured is not None:
                yield Verdict(f"{load}: CPU of {title} against {HELLO}", bound, measured, False)
