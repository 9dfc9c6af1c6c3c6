"""Runs the suite against two deployments and reports their differences, rule by rule."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from enum import IntEnum
from pathlib import Path

import click
from cart_spec import Contract

from cart_conformance.config import Settings
from cart_conformance.reports import FileReports
from cart_conformance.reports.files import write_whole
from cart_conformance.reports.prose import counted
from cart_conformance.reports.tables import table_lines
from cart_conformance.reports.terminal import ProgressReport, tolerant
from cart_conformance.reports.text import one_line, visible
from cart_conformance.results import Deviation, ExitStatus, Phase, RuleVerdict, Verdict
from cart_conformance.run import engine
from cart_conformance.run.engine import Reporter
from cart_conformance.run.events import Event, RunFinished


class Outcome(IntEnum):
    """The exit status of ``compare``."""

    SAME = 0
    DIFFER = 1
    COULD_NOT = 2


class CouldNotCompare(Exception):
    """One of the two runs that did not finish. The message says which one, and why."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A rule and method on which the two deployments differ.

    ``a`` and ``b`` are the verdicts. ``only_a`` and ``only_b`` are sentences that describe
    deviations of only one of them.
    """

    rule: str
    method: str
    path: str
    a: str
    b: str
    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()


class _Collector:
    """A reporter that keeps the last event of a run."""

    finished: RunFinished | None = None

    def handle(self, event: Event) -> None:
        """Process an event."""
        if isinstance(event, RunFinished):
            self.finished = event


def compare(a: Settings, b: Settings, contract: Contract) -> Outcome:
    """Make one run after the other, and print the differences. Progress goes to stderr.

    Raises CouldNotCompare, JournalError and ReportDirError.
    """
    finished_a = _run("a", a, contract)
    finished_b = _run("b", b, contract)
    found = tuple(differences(finished_a.verdicts, finished_b.verdicts))
    for line in told(found, finished_a, finished_b):
        click.echo(line)
    if a.report_dir is not None:
        _write(a.report_dir / "comparison.json", found, finished_a, finished_b)
    return Outcome.DIFFER if found else Outcome.SAME


def _run(name: str, settings: Settings, contract: Contract) -> RunFinished:
    collector = _Collector()
    reporters: list[Reporter] = [collector, ProgressReport(tolerant(sys.stderr))]
    if settings.report_dir is not None:
        settings = replace(settings, report_dir=settings.report_dir / name)
        assert settings.report_dir is not None
        reporters.append(FileReports(settings.report_dir, contract))
    engine.run(settings, contract, reporters)
    finished = collector.finished
    assert finished is not None, "RunFinished always comes"
    if finished.problem or finished.exit_status is ExitStatus.COULD_NOT_RUN:
        raise CouldNotCompare(f"{name.upper()}, {settings.target}: {finished.problem}")
    return finished


def differences(a: Sequence[RuleVerdict], b: Sequence[RuleVerdict]) -> Iterator[Difference]:
    """Yield where the verdicts on two deployments differ, in the order of the catalogue.

    A method differs if its verdicts differ, or if directed cases deviate in different ways. For the
    model and fuzzing phases only the verdicts count, because their findings also depend on chance.
    What one run did not try is ignored, unless the other run found a deviation.
    """
    by_id = {verdict.id: verdict for verdict in b}
    for one in a:
        other = by_id[one.id]
        operations = {each.operation: each for each in (*one.operations, *other.operations)}
        for name, operation in operations.items():
            verdict_a, verdict_b = _verdict(one, name), _verdict(other, name)
            ways_a, ways_b = _ways(one, name), _ways(other, name)
            differ = verdict_a != verdict_b and not _one_was_not_tried(verdict_a, verdict_b)
            if differ or ways_a.keys() != ways_b.keys():
                yield Difference(
                    one.id,
                    operation.method,
                    operation.path,
                    verdict_a.value,
                    verdict_b.value,
                    _told_ways(one, name, ways_a, ways_b),
                    _told_ways(other, name, ways_b, ways_a),
                )


def _one_was_not_tried(a: Verdict, b: Verdict) -> bool:
    """Return whether one run did not try something in which the other found no deviation."""
    return Verdict.SKIPPED in (a, b) and not {Verdict.DEVIATES, Verdict.ADVICE} & {a, b}


def _verdict(rule: RuleVerdict, operation: str) -> Verdict:
    own = [each.verdict for each in rule.operations if each.operation == operation]
    return own[0] if own else Verdict.CONFORMS


_Ways = dict[tuple[str, str], Deviation]


def _ways(rule: RuleVerdict, operation: str) -> _Ways:
    """Return the reproducible deviations of one method, by kind and case."""
    return {
        (deviation.kind.value, deviation.case): deviation
        for deviation in rule.deviations
        if deviation.operation == operation and deviation.layer is Phase.DIRECTED
    }


def _told_ways(rule: RuleVerdict, operation: str, own: _Ways, other: _Ways) -> tuple[str, ...]:
    found = [own[key] for key in own if key not in other]
    if not own and not other:
        # The verdicts differ because of findings of the other phases.
        found = [each for each in rule.deviations if each.operation == operation]
    return tuple(
        f"{each.case}: expected {one_line(each.expected)}, came {one_line(each.actual)}"
        for each in found
    )


SHOWN = 5
"""Maximum number of differences printed for one method; ``comparison.json`` contains all."""


def told(found: Sequence[Difference], a: RunFinished, b: RunFinished) -> Iterator[str]:
    """Yield the comparison as lines for people."""
    yield f"A  {visible(a.target)}  {counted(a.requests, 'request')}, exit status {a.exit_status:d}"
    yield f"B  {visible(b.target)}  {counted(b.requests, 'request')}, exit status {b.exit_status:d}"
    yield f"Seed {a.seed}"
    yield ""
    rules = dict.fromkeys(each.rule for each in found)
    if not found:
        yield f"The same: all {len(a.verdicts)} rules, each with the same verdicts."
        return
    heading, *rows = table_lines(
        ("Rule", "Method", "A", "B", "Path"),
        [(each.rule, each.method, each.a, each.b, each.path) for each in found],
    )
    yield heading
    for each, row in zip(found, rows, strict=True):
        yield row
        yield from _shown("A", each.only_a)
        yield from _shown("B", each.only_b)
    yield ""
    yield f"They differ in {len(rules)} of {len(a.verdicts)} rules: {', '.join(rules)}."


def _shown(name: str, ways: Sequence[str]) -> Iterator[str]:
    yield from (f"    only {name}: {way}" for way in ways[:SHOWN])
    if len(ways) > SHOWN:
        yield f"    only {name}: … and {len(ways) - SHOWN} more"


def _write(path: Path, found: Sequence[Difference], a: RunFinished, b: RunFinished) -> None:
    document = {
        "same": not found,
        "seed": a.seed,
        "a": {"target": a.target, "exit_status": int(a.exit_status)},
        "b": {"target": b.target, "exit_status": int(b.exit_status)},
        "differences": [asdict(each) for each in found],
    }
    write_whole(path, json.dumps(document, indent=2).encode() + b"\n")
