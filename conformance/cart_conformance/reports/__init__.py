"""Reports of a run: writers that consume its events and send nothing.

``terminal`` prints progress and the summary. ``files`` writes ``--report-dir`` from one document,
which ``report.schema.json`` describes. The events are already redacted; text from a server is
escaped for its format. It may import ``run`` and ``config``. Start reading at
:mod:`cart_conformance.reports.document`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

from cart_spec import Contract

from cart_conformance.reports.document import DocumentReport
from cart_conformance.reports.files import FileReports, ReportDirError, write_refusal
from cart_conformance.reports.har import HarReport
from cart_conformance.reports.terminal import ProgressReport, TerminalReport, tolerant

if TYPE_CHECKING:
    from cart_conformance.config import Settings
    from cart_conformance.run.events import Event

__all__ = [
    "DocumentReport",
    "FileReports",
    "HarReport",
    "ProgressReport",
    "ReportDirError",
    "TerminalReport",
    "reporters",
    "write_refusal",
]


class Reporter(Protocol):
    """A consumer of the events of a run."""

    def handle(self, event: Event) -> None:
        """Process the next event."""


def reporters(settings: Settings, contract: Contract) -> list[Reporter]:
    """Return the reporters of a run. Files come first, so they exist when the summary is printed.

    Raises ReportDirError if ``settings.report_dir`` cannot be written.
    """
    found: list[Reporter] = []
    if settings.har is not None:
        found.append(HarReport(settings.har))
    if settings.report_dir is not None:
        found.append(FileReports(settings.report_dir, contract))
    return [*found, TerminalReport(tolerant(sys.stdout), contract, settings.report_dir)]
