"""Tables as lines of plain text, for output to pipes and logs."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 200
"""Width of a line in characters: enough that a table's lines are never wrapped in a log."""


def table_lines(headings: Sequence[str], rows: Iterable[Sequence[str | int]]) -> list[str]:
    """Return a table as lines. Columns of numbers are aligned to the right."""
    kept = [list(row) for row in rows]
    table = Table(box=None, pad_edge=False)
    for at, heading in enumerate(headings):
        numbers = any(isinstance(row[at], int) for row in kept)
        # The last column may be long. It is never cut or wrapped.
        table.add_column(heading, justify="right" if numbers else "left", no_wrap=True)
    for row in kept:
        table.add_row(*(Text(str(cell)) for cell in row))
    widest = sum(max([len(h), *(len(str(r[i])) for r in kept)]) + 2 for i, h in enumerate(headings))
    console = Console(
        file=io.StringIO(), width=max(PIPE_WIDTH, widest), no_color=True, force_terminal=False
    )
    with console.capture() as capture:
        console.print(table)
    return [line.rstrip() for line in capture.get().splitlines()]
