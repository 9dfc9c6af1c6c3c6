"""Reports of a run: each a pure writer over the same stream of events.

``terminal`` tells people while it runs and at the end. ``files`` writes ``--report-dir``: every
file is made from the one document that :mod:`cart_conformance.reports.document` builds, which
``report.schema.json`` describes. Nothing here sends a request, and nothing here sees a secret: the
events are redacted before they come. What a server sent is shown escaped for where it is shown.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

from cart_spec import load_contract

from cart_conformance.reports.document import DocumentReport
from cart_conformance.reports.files import FileReports, ReportDirError, write_refusal
from cart_conformance.reports.terminal import ProgressReport, TerminalReport, tolerant

if TYPE_CHECKING:
    from cart_conformance.config import Settings
    from cart_conformance.run.events import Event

__all__ = [
    "DocumentReport",
    "FileReports",
    "ProgressReport",
    "ReportDirError",
    "TerminalReport",
    "reporters",
    "write_refusal",
]


class Reporter(Protocol):
    """Consumes the events of a run."""

    def handle(self, event: Event) -> None:
        """Take in the next event."""


def reporters(settings: Settings) -> list[Reporter]:
    """The reporters that a run is to have: files first, so that they stand when people read on.

    Raises ReportDirError where ``settings.report_dir`` cannot be written.
    """
    contract = load_contract()
    terminal = TerminalReport(tolerant(sys.stdout), contract, settings.report_dir)
    if settings.report_dir is None:
        return [terminal]
    return [FileReports(settings.report_dir, contract), terminal]
