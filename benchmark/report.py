"""The report of a run: medians and ratios, as Markdown and as JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmark.measure import Outcome, Results
from benchmark.medians import of_median, ratio, select
from benchmark.targets import Verdict

Row = Sequence[str]


def table(header: Row, rows: Iterable[Row]) -> str:
    """Return a Markdown table. The first column is aligned to the left, the others to the right."""
    lines = ["| " + " | ".join(header) + " |"]
    lines.append("| --- |" + " ---: |" * (len(header) - 1))
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def load_tables(results: Results, reference: str) -> Iterator[str]:
    """Return a table for each load and number of connections. Ratios are the reference to a row."""
    header = ("server", "requests/s", f"{reference} is", "p50 ms", "p99 ms", "CPU µs/request", "")
    for load in results.settings.loads:
        for connections in results.settings.connections:
            rows = []
            for server, outcome in results.servers.items():
                ms = select(results.measurements, server, load, connections)
                if not ms:
                    continue
                times = ratio(results, (reference, load), (server, load), connections)
                rows.append(
                    (
                        server,
                        _number(of_median(ms, lambda m: m.figures.rate), 0),
                        "" if server == reference else _number(times, 2, " times"),
                        _number(of_median(ms, lambda m: m.figures.p50_ms), 2),
                        _number(of_median(ms, lambda m: m.figures.p99_ms), 2),
                        _number(of_median(ms, lambda m: m.cpu_us), 0),
                        outcome.notes.get(load, ""),
                    )
                )
            yield f"### {load}, {connections} connections\n\n{table(header, rows)}"


def resource_table(results: Results) -> str:
    """Return a table of cold start and memory of each server."""
    header = (
        "server", "cold start s", "its CPU s", "memory MB: empty", "with its state", "after loads"
    )  # fmt: skip
    return table(header, (_resources(*item) for item in results.servers.items()))


def _resources(server: str, outcome: Outcome) -> Row:
    starts = outcome.cold_starts
    return (
        server,
        _number(median(s.seconds for s in starts) if starts else None, 2),
        _number(median(s.cpu_seconds for s in starts) if starts else None, 2),
        _number(outcome.memory_at_start, 0),
        _number(outcome.memory_with_state, 0),
        _number(outcome.memory_after_loads, 0),
    )


def verdict_table(verdicts: Iterable[Verdict]) -> str:
    """Return a table of the targets with their measurements."""
    rows = [
        (v.what, v.wanted, "not measured" if v.measured is None else f"{v.measured:.2f}", v.word)
        for v in verdicts
    ]
    return table(("target", "wanted", "measured", ""), rows)


def problems(results: Results) -> str:
    """Return the invalid measurements as a list."""
    return "".join(
        f"- {m.server}, {m.load}, {m.connections} connections, round {m.round}: {m.problem}\n"
        for m in results.measurements
        if m.problem
    )


def machine() -> str:
    """Describe the machine in a line."""
    with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
        models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    model = models[0] if models else platform.processor()
    return (
        f"{os.cpu_count()} cores, {model}; {platform.system()}, Python {platform.python_version()}"
    )


def as_data(results: Results, **more: Any) -> dict[str, Any]:
    """Return the whole run as JSON values."""
    return {"machine": machine(), **asdict(results), **more}


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write indented JSON."""
    path.write_text(json.dumps(data, indent=2, default=str) + "\n", encoding="utf-8")


def _number(value: float | None, digits: int, unit: str = "") -> str:
    return "" if value is None else f"{value:,.{digits}f}{unit}"
