"""Measures the mock while its state grows: rates, memory and recovery, with and without journal."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.loads import ASSOCIATE, GET_CART, LIST_CARTS, REFUSED, Request
from benchmark.measure import Entry, Results, Settings, Tell, measure
from benchmark.medians import cpu_us, of_median, rate, ratio, select
from benchmark.peers import Mock, Site
from benchmark.peers.project import access_token
from benchmark.report import table
from benchmark.server import Client, ColdStart, Server, ServerError, free_port
from benchmark.targets import CONNECTIONS, Verdict

SIZES = (1_000, 10_000, 100_000, 1_000_000)
LOADS = (GET_CART, LIST_CARTS, ASSOCIATE, REFUSED)
FLAT = {GET_CART: 1.1, LIST_CARTS: 1.1, ASSOCIATE: 1.15, REFUSED: 1.1}
"""The maximum ratio of the CPU time of a request at 1,000,000 carts to that at 1,000."""


@dataclass(frozen=True)
class Step:
    """The mock at one size, with the journal in ``data`` or in memory only."""

    carts: int
    data: Path | None

    @property
    def label(self) -> str:
        """The name in the report."""
        return f"{self.carts:,} carts" + (", journal" if self.data else "")


@dataclass
class Growth:
    """The measurements: the loads at each size, and the recovery from each journal."""

    steps: tuple[Step, ...]
    results: Results
    recoveries: dict[str, ColdStart] = field(default_factory=dict)


def measure_growth(sizes: Sequence[int], settings: Settings, work: Path, tell: Tell) -> Growth:
    """Measure every size with and without journal, with all servers running.

    Then recover the journals.
    """
    steps = tuple(Step(carts, data) for carts in sizes for data in (None, work / f"data-{carts}"))
    entries = [Entry(step.label, Mock(step.carts, step.data), work) for step in steps]
    recoveries: dict[str, ColdStart] = {}

    def recover(running: Sequence[tuple[Entry, Server]]) -> None:
        for _, server in running:
            server.kill()
        for step in steps:
            if step.data is not None:
                tell(f"recovering {step.label}")
                recoveries[step.label] = _recover(step, work)

    return Growth(steps, measure(entries, settings, work, tell, recover), recoveries)


def _recover(step: Step, work: Path) -> ColdStart:
    """Measure a start on the journal of a killed server, until one of its carts is read again."""
    mock = Mock(step.carts, step.data, seeded=False)
    site = Site(work, work, free_port())
    started = time.perf_counter()
    log = work / f"recovery-{step.carts}.log"
    with Server(mock.command(site), site.port, log, mock.environment) as server:
        server.wait_for_answer(mock.first_request)
        client = Client(server.port)
        try:
            cart = f"cart-{step.carts - 1:07d}"
            headers = {"Authorization": f"Bearer {access_token(client)}"}
            answer = client.expect(Request("GET", f"/v2/carts/{cart}", headers))
        finally:
            client.close()
        seconds = time.perf_counter() - started
        # Reading an unknown id creates a cart, so the name shows whether it was recovered.
        if f"Cart {cart}".encode() not in answer.body:
            raise ServerError(f"{step.label}: {cart} was not recovered: {answer.body!r}")
        return ColdStart(seconds, server.cpu_seconds())


def growth_table(growth: Growth) -> str:
    """Return a table with a row for each size, with and without journal."""
    header = ("", *LOADS, "p99 ms of GET", "memory MB", "bytes a cart", "recovered s", "CPU s")
    return table(header, _rows(growth))


def _rows(growth: Growth) -> Iterator[Sequence[str]]:
    results = growth.results
    smallest = {bool(step.data): step for step in reversed(growth.steps)}
    for step in growth.steps:
        rates = []
        for load in LOADS:
            value = of_median(select(results.measurements, step.label, load, CONNECTIONS), rate)
            rates.append("" if value is None else f"{value:,.0f}")
        gets = select(results.measurements, step.label, GET_CART, CONNECTIONS)
        tail = of_median(gets, lambda m: m.figures.p99_ms)
        memory = results.servers[step.label].memory_with_state
        recovery = growth.recoveries.get(step.label)
        yield (
            step.label,
            *rates,
            "" if tail is None else f"{tail:.2f}",
            "" if memory is None else f"{memory:,.0f}",
            _bytes_a_cart(results, smallest[bool(step.data)], step),
            "" if recovery is None else f"{recovery.seconds:.2f}",
            "" if recovery is None else f"{recovery.cpu_seconds:.2f}",
        )


def _bytes_a_cart(results: Results, smallest: Step, step: Step) -> str:
    """Return the bytes of memory for each cart beyond the smallest size."""
    more = step.carts - smallest.carts
    memory = results.servers[step.label].memory_with_state
    base = results.servers[smallest.label].memory_with_state
    if more <= 0 or memory is None or base is None:
        return ""
    return f"{(memory - base) * 1e6 / more:,.0f}"


def growth_verdicts(growth: Growth) -> Iterator[Verdict]:
    """Return the targets of growth: flat rates, a cheap journal, little memory, quick recovery."""
    labels = {(step.carts, bool(step.data)): step.label for step in growth.steps}
    results = growth.results
    large, small = labels.get((100_000, False)), labels.get((1_000, False))
    if large and small:
        for load in (GET_CART, ASSOCIATE, REFUSED):
            measured = ratio(results, (large, load), (small, load), CONNECTIONS)
            yield Verdict(f"{load}: rate at 100,000 carts against 1,000", 0.95, measured)
    huge = labels.get((1_000_000, False))
    if huge and small:
        for load, bound in FLAT.items():
            measured = ratio(results, (huge, load), (small, load), CONNECTIONS, cpu_us)
            what = f"{load}: CPU at 1,000,000 carts against 1,000"
            yield Verdict(what, bound, measured, least=False)
    recovered = growth.recoveries.get(labels.get((1_000_000, True), ""))
    if recovered:
        yield Verdict("1,000,000 carts: recovered s", 4, recovered.seconds, least=False)
    journal = labels.get((100_000, True))
    if large and journal:
        measured = ratio(results, (journal, ASSOCIATE), (large, ASSOCIATE), CONNECTIONS)
        yield Verdict("POST association: rate with the journal against without", 0.8, measured)
        memory = results.servers[large].memory_with_state
        yield Verdict("100,000 carts: memory MB", 250, memory, least=False)
        recovery = growth.recoveries.get(journal)
        seconds = None if recovery is None else recovery.seconds
        yield Verdict("100,000 carts: recovered s", 1.5, seconds, least=False)
