"""The page with the kill matrix: the expected verdicts on breaks, counted by rule."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from cart_conformance.results import Verdict
from cart_mock.breaks import BREAKS, Break

from tests.conformance.kills import ADVISED, expected
from tests.conformance.runs import CONTRACT

PAGE = Path(__file__).parents[2] / "docs/kill-matrix.md"
HEAD = """# The kill matrix

What `cart-conformance` finds when [a rule is broken on purpose](breaks.md), counted by rule. The
tests run the suite against every break and hold each verdict; `python -m scripts.kill_matrix`
prints them, break by break.

- `deviates` fails a run.
- `advice` does not: the vendor did not publish the rule, or the part of it that is broken.
- *Free* breaks are ones that the contract leaves to a deployment, or that no run against a live
  deployment can see. A run may find nothing, and must not fail.

Each break is tried with the directed cases of its own rule only: the results are deterministic.

"""


def page() -> str:
    """Return the page for the current breaks."""
    breaks = list(BREAKS.values())
    due = [one for one in breaks if not is_free(one)]
    documented = [one for one in due if one.id in ADVISED]
    totals = {
        "breaks in all": len(breaks),
        "free": len(breaks) - len(due),
        "to be found": len(due),
        "found, `deviates`": count(due, Verdict.DEVIATES),
        "found, `advice`": count(due, Verdict.ADVICE),
        "of these, of documented rules": len(documented),
    }
    lines = ["| what | breaks |", "| --- | ---: |"]
    lines += [f"| {what} | {number} |" for what, number in totals.items()]
    lines += ["", *_by_rule(breaks), "", "## Advice about documented rules", ""]
    lines += ["Why these ways of breaking a documented rule fail no run:", ""]
    lines += [f"- `{name}`: {reason}." for name, reason in ADVISED.items()]
    return HEAD + "\n".join(lines) + "\n"


def is_free(broken: Break) -> bool:
    """Return whether a run need not find the break."""
    return broken.free or broken.beyond_run


def count(breaks: list[Break], verdict: Verdict) -> int:
    """Return how many of the breaks get exactly this verdict."""
    return sum(expected(one) == {verdict} for one in breaks)


def _by_rule(breaks: list[Break]) -> Iterator[str]:
    yield from ("| rule | level | breaks | `deviates` | `advice` | free |",)
    yield "| --- | --- | ---: | ---: | ---: | ---: |"
    for rule, group in groupby(breaks, key=lambda one: one.rule):
        found = list(group)
        numbers = (
            len(found),
            count(found, Verdict.DEVIATES),
            count(found, Verdict.ADVICE),
            sum(map(is_free, found)),
        )
        cells = (f"`{rule}`", CONTRACT.rule(rule).level, *map(str, numbers))
        yield f"| {' | '.join(cells)} |"
