"""Prints the progress and the findings of a run to a terminal or a log."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

from cart_spec import Contract
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from cart_conformance.reports.document import document
from cart_conformance.reports.prose import (
    OUTCOME_WORDS,
    causes_first,
    counted,
    duration,
    evidence,
    gaps,
    outcome_sentence,
)
from cart_conformance.reports.record import Record
from cart_conformance.reports.tables import PIPE_WIDTH
from cart_conformance.reports.text import one_line, visible
from cart_conformance.results import CleanupFinished, ExitStatus, Verdict
from cart_conformance.run.events import (
    CaseFinished,
    CaseStarted,
    Event,
    PhaseFinished,
    PhaseStarted,
    Provisioned,
    RunFinished,
    RunStarted,
)
from cart_conformance.run.verdicts import worst

STYLES = {
    "conforms": "green",
    "deviates": "bold red",
    "advice": "yellow",
    "untestable": "magenta",
    "skipped": "dim",
    "error": "bold magenta",
    "could-not-run": "bold magenta",
    "incomplete": "bold yellow",
    "left-behind": "bold yellow",
}

SHOWN = 3
"""Maximum number of deviations printed for one rule; the reports on disk contain more.

One is printed for a rule that follows from another.
"""


LINE_SECONDS = 5.0
"""Seconds between two lines of progress in a pipe."""
TELLING_SECONDS = 60.0
"""A run that takes longer than this says so at its start."""


_LAYER_WORDS = {
    "directed": "Directed cases",
    "model": "Model machine",
    "fuzz": "Coverage and fuzzing",
}


def is_plain(stream: TextIO) -> bool:
    """Return whether to print without colour and progress: a pipe, ``NO_COLOR``, ``TERM=dumb``."""
    return (
        not stream.isatty() or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    )


class _Console(Console):
    """A console that survives a closed pipe, at which rich would end the process and the run."""

    def on_broken_pipe(self) -> None:
        """Discard all later output, and avoid an error message at exit."""
        self.quiet = True
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


class ProgressReport:
    """A reporter of progress that does not print findings."""

    def __init__(self, stream: TextIO) -> None:
        """Write to ``stream``."""
        self._plain = is_plain(stream)
        self._console = _Console(
            file=stream,
            no_color=self._plain,
            force_terminal=not self._plain,
            width=PIPE_WIDTH if not stream.isatty() else None,
            # Text that a server sent must not be read as markup.
            markup=False,
            emoji=False,
            highlight=False,
        )
        self._record = Record()
        self._told: set[tuple[str, str]] = set()
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._line_at = 0.0
        self._done = 0
        self._planned: int | None = None

    def handle(self, event: Event) -> None:
        """Print an event. A closed pipe does not stop the run."""
        self._record.add(event)
        match event:
            case RunStarted():
                self._say(
                    f"{one_line(event.target)}, seed {event.seed}, {event.cases} cases planned"
                )
            case Provisioned():
                self._say_provisioned(event)
            case PhaseStarted():
                self._start_layer(event)
            case CaseStarted():
                self._step(event.rule)
            case CaseFinished():
                self._advance(event)
            case PhaseFinished():
                self._end_layer(event)
            case CleanupFinished():
                self._cleaned(event)
            case RunFinished():
                self._stop()
                self._finish(event)

    def _say_provisioned(self, event: Provisioned) -> None:
        how = "were given" if event.given else "were made"
        self._say(f"{event.customers} customers {how}, {counted(event.requests, 'request')}")
        if event.expected_seconds >= TELLING_SECONDS:
            speed = f"{1000 * event.seconds_a_request:.0f} ms an answer"
            self._say(f"At {speed}, the run takes about {duration(event.expected_seconds)}")
        for note in event.notes:
            self._say(one_line(note, 500), STYLES["advice"])

    def _finish(self, finished: RunFinished) -> None:
        """Print nothing of the findings."""

    def _start_layer(self, event: PhaseStarted) -> None:
        self._line_at = time.monotonic() + LINE_SECONDS
        self._done, self._planned = 0, event.cases
        if self._plain:
            return
        if self._progress is None:
            self._progress = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[now]}", style="dim"),
                console=self._console,
                transient=True,
            )
            self._progress.start()
        self._task = self._progress.add_task(
            _LAYER_WORDS[event.layer.value], total=event.cases, now=""
        )

    def _step(self, now: str) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, now=now)

    def _advance(self, event: CaseFinished) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task)
        self._done += 1
        if self._plain and time.monotonic() >= self._line_at:
            self._line_at = time.monotonic() + LINE_SECONDS
            of = f" of {self._planned}" if self._planned else ""
            self._say(f"  {self._done}{of} cases")
        result = event.result
        told = (result.rule, result.operation)
        if result.verdict is Verdict.DEVIATES and not self._plain and told not in self._told:
            self._told.add(told)
            self._say(f"  deviates  {result.rule}, {result.operation}", STYLES["deviates"])

    def _end_layer(self, event: PhaseFinished) -> None:
        self._stop()
        self._say(
            f"{_LAYER_WORDS[event.layer.value]}: {event.cases} cases,"
            f" {counted(event.requests, 'request')}, {duration(event.elapsed)}"
        )
        if event.problem:
            self._say(f"  ended early: {one_line(event.problem, 500)}", STYLES["error"])
        if event.cut:
            self._say(f"  {counted(event.cut, 'case')} not tried to the end", STYLES["error"])

    def _cleaned(self, event: CleanupFinished) -> None:
        self._stop()
        self._say(
            f"Cleaned up: {event.removed} removed, {counted(event.requests, 'request')},"
            f" {duration(event.elapsed)}"
        )
        for problem in event.problems:
            self._say(f"  {one_line(problem, 500)}", STYLES["advice"])
        if event.left:
            journal = self._record.provisioned and self._record.provisioned.journal
            later = f": cart-conformance cleanup {journal}" if journal else ""
            told = one_line(f"{len(event.left)} things are still there{later}", 500)
            self._say(f"  {told}", STYLES["error"])

    def _stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress, self._task = None, None

    def _lines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._say(visible(line))

    def _say(self, text: str | Text = "", style: str | None = None) -> None:
        # A style passed to print would also colour the progress bar below.
        shown = text if isinstance(text, Text) else Text(text, style or "")
        self._console.print(shown, soft_wrap=True)


class TerminalReport(ProgressReport):
    """A reporter of progress that then prints a table of rules, and the failures last."""

    def __init__(self, stream: TextIO, contract: Contract, report_dir: Path | None = None) -> None:
        """Write to ``stream``. ``report_dir`` is only mentioned at the end."""
        super().__init__(stream)
        self._contract = contract
        self._report_dir = report_dir

    def _finish(self, finished: RunFinished) -> None:
        report = document(self._record, finished, self._contract)
        if finished.exit_status is not ExitStatus.COULD_NOT_RUN:
            self._say()
            self._print_table(self._table(report["rules"]))
            self._group(report["rules"], "advice", "Advice (fails no run)")
            self._untried(report["rules"])
            self._group(report["rules"], "deviates", "Deviations")
        self._say()
        self._ending(report)

    def _table(self, rules: list[dict[str, Any]]) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in ("Rule", "Level", "Verdict"):
            table.add_column(heading, no_wrap=True)
        table.add_column("By method")
        table.add_column("Cases", justify="right", no_wrap=True)
        for rule in rules:
            table.add_row(
                rule["id"],
                rule["level"],
                Text(rule["verdict"], STYLES[rule["verdict"]]),
                self._by_method(rule),
                str(rule["cases"]),
            )
        return table

    def _print_table(self, table: Table) -> None:
        if not self._plain:
            self._console.print(table)
            return
        with self._console.capture() as capture:
            self._console.print(table)
        for line in capture.get().splitlines():
            self._say(line.rstrip())

    def _by_method(self, rule: dict[str, Any]) -> Text:
        """Return the methods of a rule, with a verdict for each if they differ."""
        verdicts: dict[str, list[str]] = {}
        for operation in rule["operations"]:
            verdicts.setdefault(operation["method"], []).append(operation["verdict"])
        if {v for each in verdicts.values() for v in each} <= {rule["verdict"]}:
            return Text(" ".join(verdicts), "dim")
        return Text(", ").join(self._method(*each) for each in verdicts.items())

    @staticmethod
    def _method(method: str, verdicts: list[str]) -> Text:
        """Return the worst verdict of one method, and the number of endpoints that have it."""
        verdict = worst(map(Verdict, verdicts)).value
        same = verdicts.count(verdict)
        share = f" ({same} of {len(verdicts)})" if same < len(verdicts) else ""
        return Text(f"{method} ") + Text(f"{verdict}{share}", STYLES[verdict])

    def _group(self, rules: list[dict[str, Any]], verdict: str, title: str) -> None:
        chosen = causes_first([rule for rule in rules if rule["verdict"] == verdict])
        if not chosen:
            return
        self._say()
        self._say(title, f"{STYLES[verdict]} underline")
        for rule in chosen:
            self._say()
            self._say(f"{rule['id']} ({rule['level']}): {visible(rule['statement'])}", "bold")
            source = rule["source"]
            self._lines([f'  source    "{source["sentence"]}"'])
            self._lines([f"            {source['document']}, {source['page']}"])
            if rule["follows"]:
                self._lines([f"  cause     it follows from {rule['follows']}"])
            self._deviations(rule, 1 if rule["follows"] else SHOWN)

    def _deviations(self, rule: dict[str, Any], most: int) -> None:
        deviations = rule["deviations"]
        for shown in deviations[:most]:
            self._say()
            self._lines(evidence(shown))
        more = max(0, len(deviations) - most) + rule["deviations_left_out"]
        if more:
            where = f"see {self._report_dir}" if self._report_dir else "--report-dir keeps them"
            self._say(f"\n  … and {more} more of this rule ({where})", "dim")

    def _untried(self, rules: list[dict[str, Any]]) -> None:
        reasons: dict[tuple[str, str], list[str]] = {}
        for verdict in ("skipped", "untestable", "error"):
            for rule in rules:
                if rule["verdict"] == verdict:
                    reason = one_line(rule["reason"] or "no case of it was run", 500)
                    reasons.setdefault((verdict, reason), []).append(rule["id"])
        if not reasons:
            return
        self._say()
        self._say("Not tried to the end", "underline")
        for (verdict, reason), ids in reasons.items():
            self._say(f"  {verdict}: {_few(ids)}", STYLES[verdict])
            self._lines([f"    {reason}"])

    def _ending(self, report: dict[str, Any]) -> None:
        outcome = report["outcome"]
        line = Text.assemble(
            (OUTCOME_WORDS[outcome], STYLES[outcome]),
            f" (exit status {report['exit_status']}). {outcome_sentence(report)}",
        )
        self._say(line)
        if report["problem"]:
            self._say(visible(report["problem"]), STYLES["error"])
        for gap in gaps(report):
            self._say(one_line(gap, 500), STYLES["advice"])
        self._say(
            f"{counted(report['requests'], 'request')} in {duration(report['elapsed'])},"
            f" seed {report['seed']}"
        )
        if self._report_dir:
            self._say(f"Reports: {self._report_dir}")


def _few(ids: list[str]) -> str:
    return ", ".join(ids) if len(ids) <= 12 else f"{', '.join(ids[:12])} and {len(ids) - 12} more"


def tolerant(stream: TextIO) -> TextIO:
    """Make ``stream`` escape characters that its encoding cannot represent, and return it."""
    with contextlib.suppress(AttributeError, ValueError):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[attr-defined]  # not all have it
    return stream
