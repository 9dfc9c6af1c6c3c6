"""The page with the kill matrix: written from results, and read back by the tests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from cart_conformance.run.events import Verdict
from cart_mock.breaks import BREAKS, Break

from tests.conformance.kills import ADVISED, Result
from tests.conformance.runs import CONTRACT

PAGE = Path(__file__).parents[2] / "docs/kill-matrix.md"
COMMAND = "python -m scripts.kill_matrix --write"
HEAD = f"""# The kill matrix

What `cart-conformance` finds when [a rule is broken on purpose](breaks.md): each way of breaking
each rule, the verdict on the rule that is broken, and the other rules that are accused beside it.
`{COMMAND}` writes this page; the tests try every row again and hold it
against what stands here.

`deviates` fails a run. `advice` does not: the rule, or the part of it that is broken, is none that
the vendor published. *Allowed* is what the contract leaves a deployment free to do: a run may find
nothing, and must not fail. *Beyond a run* is what no run against a live deployment can see. Each
row was tried with directed cases only, and few beside those of the broken rule: whatever is found
here needs no luck.
"""
_ROW = re.compile(r"^\| `([a-z0-9-]+:[a-z0-9-]+)` \| (.+?) \| (.*?) \|$", re.MULTILINE)


class Row(NamedTuple):
    """What the page says of a break: the verdict on its rule, and the other rules accused."""

    verdict: str
    others: str


def row(result: Result) -> Row:
    """What the page has to say of a result."""
    return Row(
        f"{result.verdict}{remark(result.broken)}",
        ", ".join(f"`{rule}`" for rule in result.others),
    )


def remark(broken: Break) -> str:
    """Why a break need not be found, if so."""
    if broken.beyond_run:
        return " (beyond a run)"
    return " (allowed)" if broken.free else ""


def read(page: str) -> dict[str, Row]:
    """The rows of a page by break, in its order."""
    return {name: Row(verdict, others) for name, verdict, others in _ROW.findall(page)}


def written(rows: Mapping[str, Row]) -> str:
    """The page with these rows. Raises KeyError for a row of no break."""
    lines = [HEAD, *_summary(rows)]
    for rule, group in groupby(rows, key=lambda name: BREAKS[name].rule):
        lines += [f"\n## {rule}\n", f"*{CONTRACT.rule(rule).level}*\n"]
        lines += ["| break | verdict | beside it |", "| --- | --- | --- |"]
        lines += [f"| `{name}` | {rows[name].verdict} | {rows[name].others} |" for name in group]
    lines += ["\n## Advice about documented rules\n"]
    lines += ["Why these ways of breaking a documented rule fail no run:\n"]
    lines += [f"- `{name}`: {reason}." for name, reason in ADVISED.items()]
    return "\n".join(lines) + "\n"


def _summary(rows: Mapping[str, Row]) -> Iterator[str]:
    due = {name: row.verdict for name, row in rows.items() if not remark(BREAKS[name])}
    deviating = [name for name, verdict in due.items() if verdict == Verdict.DEVIATES]
    advised = [name for name, verdict in due.items() if verdict == Verdict.ADVICE]
    documented = [n for n in advised if CONTRACT.rule(BREAKS[n].rule).level == "documented"]
    counts = {
        "breaks in all": len(rows),
        "allowed, or beyond a run": len(rows) - len(due),
        "to be found": len(due),
        "found, `deviates`": len(deviating),
        "found, `advice`": len(advised),
        "of these, of documented rules": len(documented),
        "missed": len(due) - len(deviating) - len(advised),
    }
    yield from ("| what | breaks |", "| --- | --- |")
    yield from (f"| {what} | {count} |" for what, count in counts.items())
