"""The README's rule table, made from the catalogue; ``scripts.regenerate`` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from cart_spec import Rule, load_contract
from cart_spec.contract import GROUPS

README = Path(__file__).parent.parent / "README.md"
BEGIN = "<!-- rules: written by scripts/regenerate.py -->"
END = "<!-- end of rules -->"


def table() -> str:
    """Return the catalogue as Markdown: a table for each group, in the catalogue's order."""
    rules = sorted(load_contract().rules, key=lambda rule: list(GROUPS).index(rule.group))
    return "\n".join(
        line
        for group, members in groupby(rules, key=lambda rule: rule.group)
        for line in _group(GROUPS[group], members)
    )


def _group(title: str, rules: Iterator[Rule]) -> Iterator[str]:
    yield from (
        "",
        f"**{title}**",
        "",
        "| rule | when | answer | level |",
        "| --- | --- | --- | --- |",
    )
    for rule in rules:
        cells = (f"`{rule.id}`", rule.condition, _answer(rule), _level(rule))
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _answer(rule: Rule) -> str:
    statuses = " or ".join(map(str, rule.statuses))
    return f"{statuses} `{rule.text}`" if rule.text else statuses


def _level(rule: Rule) -> str:
    return rule.level if rule.exact == rule.level else f"{rule.level}; exact answer: {rule.exact}"


def with_table(readme: str) -> str:
    """Return the README with the present table between its markers, or raise ValueError."""
    if BEGIN not in readme or END not in readme:
        raise ValueError(f"{README} lacks the line {BEGIN} or {END}")
    before, rest = readme.split(BEGIN, 1)
    return f"{before}{BEGIN}\n{table()}\n\n{END}{rest.split(END, 1)[1]}"
