"""Prints every exchange of a run, for ``cart-conformance replay``."""

from __future__ import annotations

from typing import TextIO

import click

from cart_conformance.reports.text import curl, one_line, visible
from cart_conformance.results import Exchange
from cart_conformance.run.events import CaseStarted, Event, ExchangeFinished

BODY = 2000
"""Maximum number of characters of a body that is printed."""


class ExchangesReport:
    """A reporter that prints each request as a curl line, and its answer, as they happen."""

    def __init__(self, stream: TextIO) -> None:
        """Write to ``stream``."""
        self._stream = stream

    def handle(self, event: Event) -> None:
        """Print an event about a case or an exchange."""
        match event:
            case CaseStarted(case):
                click.echo(f"\n=== {visible(case)}", file=self._stream)
            case ExchangeFinished(_, exchange):
                for line in _lines(exchange):
                    click.echo(line, file=self._stream)


def _lines(exchange: Exchange) -> list[str]:
    found = [exchange.at or "", f"{1000 * exchange.elapsed:.0f} ms"]
    if exchange.request_id:
        found.append(f"request id {one_line(exchange.request_id)}")
    lines = ["", visible(curl(exchange)), f"→ {exchange.status}  [{', '.join(found)}]"]
    if exchange.response_body:
        lines.append(f"  {one_line(exchange.response_body, BODY)}")
    return lines
