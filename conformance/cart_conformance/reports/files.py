"""Writes the files of ``--report-dir``."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from cart_spec import Contract
from cart_spec.files import write_atomically

from cart_conformance.reports import badge, junit, markdown, page
from cart_conformance.reports.document import document
from cart_conformance.reports.record import Record, unfinished, untried
from cart_conformance.results import ExitStatus, Verdict
from cart_conformance.run.events import Event, RunFinished, RunStarted


class ReportDirError(OSError):
    """A directory for reports that cannot be written. The message says why, in one line."""


def as_json(report: dict[str, Any]) -> bytes:
    """Return the report as JSON in UTF-8."""
    return json.dumps(report, ensure_ascii=False, indent=2).encode() + b"\n"


RENDERERS: dict[str, Callable[[dict[str, Any]], bytes]] = {
    "report.json": as_json,
    "junit.xml": junit.render,
    "report.html": page.render,
    "badge.svg": badge.render,
    "summary.md": markdown.render,
}


class FileReports:
    """A reporter that writes all files when the run ends, each of them atomically.

    When a run starts, it replaces the files of an earlier run with reports of an unfinished one. So
    if the process is killed, no outdated result is left.
    """

    def __init__(self, directory: Path, contract: Contract) -> None:
        """Make ``directory`` if it is missing. Raises ReportDirError."""
        self.directory = directory
        self._contract = contract
        self._record = Record()
        try:
            directory.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=directory):
                pass
        except OSError as error:
            raise ReportDirError(f"{directory}: cannot be written: {error.strerror}") from error

    def handle(self, event: Event) -> None:
        """Process an event; write files at the first and the last. Raises ReportDirError."""
        self._record.add(event)
        match event:
            case RunStarted():
                self._write_all(unfinished(event, self._contract))
            case RunFinished():
                self._write_all(event)

    def _write_all(self, finished: RunFinished) -> None:
        report = document(self._record, finished, self._contract)
        for name, render in RENDERERS.items():
            write_whole(self.directory / name, render(report))


def write_refusal(directory: Path, contract: Contract, problem: str) -> None:
    """Write the reports of a run that could not start because of ``problem``.

    ``problem`` must not contain secrets. Raises ReportDirError.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    verdicts = untried(contract, problem)
    FileReports(directory, contract).handle(
        RunFinished(
            run_id="",
            target="",
            seed=0,
            verdicts=verdicts,
            counts={Verdict.ERROR.value: len(verdicts)},
            requests=0,
            started_at=now,
            finished_at=now,
            elapsed=0.0,
            exit_status=ExitStatus.COULD_NOT_RUN,
            problem=problem,
        )
    )


def write_whole(path: Path, content: bytes) -> None:
    """Write a file atomically: a reader sees the old or the new content, never a part of it.

    Raises ReportDirError.
    """
    try:
        write_atomically(path, content, mode=0o644)
    except OSError as error:
        raise ReportDirError(f"{path}: cannot be written: {error.strerror}") from error
