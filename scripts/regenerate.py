"""Writes all files that are derived from the catalogue and from the probe table.

After a change of a rule, run ``python -m scripts.regenerate`` and look at the diff. With
``--check`` it writes nothing, and fails if a file is not current.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import click
from cart_mock.breaks import BREAKS, listing
from cart_spec.book.recording import RECORDING_PATH

from scripts import contract_examples, reference, rule_table
from tests.conformance import kill_page
from tests.openapi import recorder

ROOT = Path(__file__).parent.parent
BREAKS_PAGE = ROOT / "docs/breaks.md"
BREAK_NAMES = ROOT / "tests/breaks/names.txt"
SHOWN_RULE = "more-than-one-customer"
"""The rule whose first break is the sample on the page about breaks."""


@cache
def recorded() -> dict[str, Any]:
    """Return what the mock answers to the examples of every rule."""
    return recorder.record()


def contract(current: str) -> str:
    """Return the contract document with the examples of its refusals."""
    answers = contract_examples.answers(recorded()["exchanges"])
    examples = contract_examples.with_examples(current, answers)
    return contract_examples.with_references(examples)


def recording(_current: str) -> str:
    """Return the exchanges that the rule book shows."""
    return recorder.dumped(recorded())


def breaks_page(current: str) -> str:
    """Return the page about breaks with its sample of the list."""
    lines = listing(one for one in BREAKS.values() if one.rule == SHOWN_RULE)
    sample = "\n".join(next(lines) for _ in range(3))
    flags = re.MULTILINE | re.DOTALL
    return re.sub(r"(?<=^```text\n).*?(?=\n```$)", lambda _: sample, current, count=1, flags=flags)


def break_names(current: str) -> str:
    """Return the names of all breaks that were ever published, in their order."""
    return "".join(f"{name}\n" for name in sorted({*current.split(), *BREAKS}))


DERIVED: dict[Path, Callable[[str], str]] = {
    contract_examples.PATH: contract,
    RECORDING_PATH: recording,
    rule_table.README: rule_table.with_table,
    BREAKS_PAGE: breaks_page,
    kill_page.PAGE: lambda _: kill_page.page(),
    BREAK_NAMES: break_names,
    reference.DOCS / "options.md": reference.options_page,
    reference.DOCS / "endpoints.md": reference.endpoints_page,
    reference.DOCS / "rules.md": reference.rules_page,
    reference.DOCS / "troubleshooting.md": reference.errors,
    reference.DOCS / "differences.md": reference.differences,
}
"""Each file with the function that derives its new text from the current one."""


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail if a file is not current.")
def main(check: bool) -> None:
    """Write all that is derived from the catalogue and from the probe table."""
    stale = 0
    for path, made in DERIVED.items():
        current = path.read_text(encoding="utf-8")
        wanted = made(current)
        if current == wanted:
            continue
        stale += 1
        name = path.relative_to(ROOT)
        if check:
            click.echo(f"{name} is not current: run python -m scripts.regenerate", err=True)
        else:
            path.write_text(wanted, encoding="utf-8")
            click.echo(f"{name}: written")
    if not stale:
        click.echo("The derived files are current.")
    sys.exit(1 if check and stale else 0)


if __name__ == "__main__":
    main()
