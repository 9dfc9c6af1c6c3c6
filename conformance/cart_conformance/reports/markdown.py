"""Writes the outcome of a run as Markdown, for the summary page of a CI job."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cart_conformance.reports.prose import (
    OUTCOME_WORDS,
    causes_first,
    counted,
    duration,
    gaps,
    outcome_sentence,
)
from cart_conformance.reports.text import one_line

SHOWN = 30
"""Maximum number of deviations in one table; ``report.json`` contains all."""


def render(report: dict[str, Any]) -> bytes:
    """Return the summary in UTF-8."""
    return "\n".join(_lines(report)).encode() + b"\n"


def statement(report: dict[str, Any]) -> str:
    """Return what the run says of the target: version of the contract, day, target and outcome."""
    words = OUTCOME_WORDS[report["outcome"]]
    return (
        f"{words}: {_cell(report['target'])}, contract {report['contract_version']},"
        f" {report['started_at'][:10]}"
    )


def _lines(report: dict[str, Any]) -> Iterator[str]:
    yield f"### {statement(report)}"
    yield ""
    yield outcome_sentence(report)
    if report["problem"]:
        yield ""
        yield f"**{_cell(report['problem'], 500)}**"
    found = [*gaps(report)]
    if found:
        yield ""
        yield from (f"- {_cell(gap, 500)}" for gap in found)
    yield from _deviations(report, "deviates", "Deviations")
    yield from _deviations(report, "advice", "Advice, which fails no run")
    yield from _untried(report)
    yield ""
    yield (
        f"{counted(report['requests'], 'request')} in {duration(report['elapsed'])},"
        f" seed {report['seed']}, suite {report['suite']['version']}."
    )


def _deviations(report: dict[str, Any], verdict: str, title: str) -> Iterator[str]:
    found = [
        (rule, deviation)
        for rule in causes_first([r for r in report["rules"] if r["verdict"] == verdict])
        for deviation in rule["deviations"]
    ]
    if not found:
        return
    yield ""
    yield f"#### {title}"
    yield ""
    yield "| rule | case | expected | came |"
    yield "| --- | --- | --- | --- |"
    for rule, deviation in found[:SHOWN]:
        where = f"{deviation['method'] or ''} {deviation['title'] or deviation['case']}"
        known = f" (known: {deviation['known']['reason']})" if deviation["known"] else ""
        cause = f", follows from `{rule['follows']}`" if rule["follows"] else ""
        yield (
            f"| `{rule['id']}`{cause} | {_cell(where)} | {_cell(deviation['expected'])}"
            f" | {_cell(deviation['actual'] + known)} |"
        )
    if len(found) > SHOWN:
        yield ""
        yield f"… and {len(found) - SHOWN} more in report.json."


def _untried(report: dict[str, Any]) -> Iterator[str]:
    reasons: dict[tuple[str, str], list[str]] = {}
    for rule in report["rules"]:
        if rule["verdict"] in ("untestable", "error", "skipped"):
            reason = _cell(rule["reason"] or "no case of it was run", 300)
            reasons.setdefault((rule["verdict"], reason), []).append(f"`{rule['id']}`")
    if not reasons or report["outcome"] == "could-not-run":
        return
    yield ""
    yield "#### Not tried to the end"
    yield ""
    yield from (
        f"- {verdict}: {', '.join(ids)}: {reason}" for (verdict, reason), ids in reasons.items()
    )


def _cell(text: str, limit: int = 200) -> str:
    """Return a text in one line, in which nothing is Markdown or HTML."""
    line = one_line(text, limit)
    for sign in "\\`*_[]|":
        line = line.replace(sign, f"\\{sign}")
    return line.replace("<", "&lt;").replace(">", "&gt;")
