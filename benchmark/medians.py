"""Medians over the rounds of a run, and ratios between two of its servers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import median

from benchmark.measure import Measurement, Results


def of_median(
    measurements: Iterable[Measurement], value: Callable[[Measurement], float]
) -> float | None:
    """Return the median of a value over measurements; None without measurements."""
    values = [value(measurement) for measurement in measurements]
    return median(values) if values else None


def select(
    measurements: Iterable[Measurement], server: str, load: str, connections: int
) -> list[Measurement]:
    """Return the measurements of one server under one load, one for each round."""
    return [
        m for m in measurements if (m.server, m.load, m.connections) == (server, load, connections)
    ]


def rate(measurement: Measurement) -> float:
    """Return the requests a second."""
    return measurement.figures.rate


def cpu_us(measurement: Measurement) -> float:
    """Return the CPU time of the server for a request, in microseconds."""
    return measurement.cpu_us


def ratio(
    results: Results,
    of: tuple[str, str],
    to: tuple[str, str],
    connections: int,
    value: Callable[[Measurement], float] = rate,
) -> float | None:
    """Return the median ratio of one (server, load) to another; None without figures.

    The ratio is computed within each round, so a machine that slows down affects both sides.
    """
    tops = {m.round: value(m) for m in select(results.measurements, *of, connections)}
    bottoms = {m.round: value(m) for m in select(results.measurements, *to, connections)}
    rounds = [number for number in tops if bottoms.get(number)]
    return median(tops[number] / bottoms[number] for number in rounds) if rounds else None
