"""Runs the conformance suite against every break of the mock, and prints what it finds.

By default a run tries only the directed cases of the broken rule.
Exit status: 0 if every break is found that a run can see and the contract does not allow, else 1.
"""

from __future__ import annotations

import fnmatch
import itertools
import sys
from collections.abc import Iterator, Sequence

import click
from cart_conformance.results import Phase, Verdict
from cart_mock.breaks import BREAKS

from tests.conformance.kills import Result, attempt, intact_mock


def lines(results: Sequence[Result]) -> Iterator[str]:
    """Yield the lines of the matrix: rules, breaks, and the result of each break."""
    for rule, group in itertools.groupby(results, key=lambda result: result.broken.rule):
        yield rule
        for result in group:
            others = f"  and {', '.join(result.others)}" if result.others else ""
            yield f"  {result.broken.variant:34} {mark(result)}{others}"


def mark(result: Result) -> str:
    """Return the mark of a result in the matrix."""
    if result.is_found or result.may_be_missed:
        return f"{result.verdict}{_remark(result)}"
    reason = f": {result.named.reason}" if result.named.reason else ""
    return f"MISSED ({result.verdict}{reason})"


def _remark(result: Result) -> str:
    if result.broken.beyond_run:
        return " (beyond a run)"
    return " (allowed)" if result.broken.free else ""


def _layers(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[Phase, ...]:
    try:
        return tuple(Phase(name.strip()) for name in value.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{error}; the layers are {', '.join(Phase)}") from None


@click.command()
@click.argument("patterns", nargs=-1)
@click.option(
    "--layers", default="directed", show_default=True, callback=_layers, help="The layers to run."
)
@click.option("--every-rule", is_flag=True, help="Try all rules against each break.")
@click.option("--seed", default=1, show_default=True, help="The seed of the runs.")
def main(patterns: tuple[str, ...], layers: tuple[Phase, ...], every_rule: bool, seed: int) -> None:
    """Run the suite against each break whose name matches a PATTERN, such as 'shared-cart:*'."""
    chosen = [
        one
        for one in BREAKS.values()
        if not patterns or any(fnmatch.fnmatch(one.id, pattern) for pattern in patterns)
    ]
    results: list[Result] = []
    with intact_mock() as mock:
        for one in chosen:
            rules = () if every_rule else None
            results.append(attempt(one, mock, layers=layers, rules=rules, seed=seed))
            click.echo(f"{len(results)}/{len(chosen)} {one.id}: {mark(results[-1])}", err=True)
    click.echo("\n".join(lines(results)))
    due = [result for result in results if not result.may_be_missed]
    found = [result for result in due if result.is_found]
    deviations = sum(result.verdict is Verdict.DEVIATES for result in found)
    click.echo(
        f"\n{len(found)} of {len(due)} breaks found, {deviations} as deviations; "
        f"{len(results) - len(due)} more are allowed or cannot be seen. "
        f"{sum(r.requests for r in results)} requests in {sum(r.seconds for r in results):.0f} s, "
        f"seed {seed}."
    )
    sys.exit(0 if len(found) == len(due) else 1)


if __name__ == "__main__":
    main()
