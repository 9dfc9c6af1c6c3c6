"""The rule table: the catalogue at a glance, in Markdown, for a README."""

from __future__ import annotations

from openapi.contract import Contract, Rule
from openapi.reading import UnreadableDocumentError

BEGIN, END = "<!-- rules:begin -->", "<!-- rules:end -->"
"""The lines that a README has around its rule table."""


def rule_table(contract: Contract) -> str:
    """Each rule with its condition, its answer and its level."""
    rows = ["| Rule | Condition | Answer | Level |", "| --- | --- | --- | --- |"]
    rows += [
        f"| `{rule.id}` | {_cell(rule.condition)} | {_cell(_answer(rule))} | {rule.level} |"
        for rule in contract.rules
    ]
    return "\n".join(rows)


def with_table(text: str, contract: Contract, name: str) -> str:
    """``text`` with the catalogue's table between the markers.

    Raises UnreadableDocumentError where the file called ``name`` has not each marker once.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise UnreadableDocumentError(f"{name}: needs one line {BEGIN} and one line {END} after it")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{rule_table(contract)}\n\n{END}{after}"


def _answer(rule: Rule) -> str:
    statuses = " or ".join(str(status) for status in rule.statuses)
    return f"{statuses} {rule.text or ''}".strip() or "(no single answer)"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
