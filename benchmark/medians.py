"""Medians over the rounds of a run, and ratios between two of its servers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import median

from benchmark.measure import Measurement, Results


def of_median(
    measurements: Iterable[Measurement], value: Callable[[Measurement], float]
) -> float | None:
    """The median of a value over measurements; None if there are none."""
    values = [value(measurement) for measurement in measurements]
    return median(values) if values else None


def select(
    measurements: Iterable[Measurement], server: str, load: str, connections: int
) -> list[Measurement]:
    """The measurements of one server under one load, one a round."""
    return [
        m for m in measurements if (m.server, m.load, m.connections) == (server, load, connections)
    ]


def rate(measurement: Measurement) -> float:
    """Requests a second."""
    return measurement.figures.rate


def ratio(
    results: Results,
    of: tuple[str, str],
    to: tuple[str, str],
    connections: int,
    value: Callable[[Measurement], float] = rate,
) -> float | None:
    """The median over the rounds of one (server, load) against another; None without figures.

    Each round is compared with itself, so that a machine that slows down slows both.
    """
    tops = {m.round: value(m) for m in select(results.measurements, *of, connections)}
    bottoms = {m.round: value(m) for m in select(results.measurements, *to, connections)}
    rounds = [number for number in tops if bottoms.get(number)]
    return median(tops[number] / bottoms[number] for number in rounds) if rounds else None
