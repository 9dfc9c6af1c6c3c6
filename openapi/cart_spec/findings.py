"""Findings of a review, and the formats that show them: text, JSON, SARIF 2.1.0 and GitHub."""

from __future__ import annotations

import json
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import quote

import click

Severity = Literal["error", "warning", "note"]

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""The severities, the worst first."""

_COLOURS: dict[Severity, str] = {"error": "red", "warning": "yellow", "note": "cyan"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: its place, what is wrong, and how to fix it.

    ``id`` is the permanent name of the kind of finding. ``pointer`` is a JSON pointer into the file
    ``document``; ``line`` is its line, from 1. ``facts`` are further values by name. ``uses`` are
    the places that the finding affects, if they are several. ``also`` are further kinds that it is.
    """

    id: str
    severity: Severity
    document: str
    pointer: str
    line: int
    message: str
    advice: str
    facts: Mapping[str, str] = field(default_factory=dict)
    uses: tuple[str, ...] = ()
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Review:
    """The findings of one command: ``tool`` is its name, ``titles`` the kinds of finding by id.

    ``summary`` says in one sentence what was reviewed, with which result.
    """

    tool: str
    findings: Sequence[Finding]
    titles: Mapping[str, str]
    summary: str

    def count(self, severity: Severity) -> int:
        """Return the number of findings of that severity."""
        return sum(finding.severity == severity for finding in self.findings)


def as_text(review: Review) -> str:
    """Return the findings as styled text; ``click.echo`` removes the styles in a pipe."""
    lines: list[str] = []
    for finding in review.findings:
        severity = click.style(finding.severity, fg=_COLOURS[finding.severity], bold=True)
        facts = "".join(f"  {name}: {value}" for name, value in finding.facts.items())
        where = click.style(f"{finding.document}:{finding.line}", bold=True)
        lines += [
            f"{where}  {severity}  {finding.id}{facts}",
            f"    {finding.message}",
            *_uses_as_text(finding),
            f"    {click.style('-> ' + finding.advice, dim=True)}",
            f"    {click.style('at ' + (finding.pointer or '/'), dim=True)}",
            "",
        ]
    lines.append(review.summary)
    return "\n".join(lines)


def _uses_as_text(finding: Finding) -> list[str]:
    if not finding.uses:
        return []
    text = "in " + "; ".join(_grouped(finding.uses))
    lines = textwrap.wrap(text, 96, break_long_words=False, break_on_hyphens=False)
    return [f"    {line}" if at == 0 else f"       {line}" for at, line in enumerate(lines)]


def _grouped(uses: Iterable[str]) -> list[str]:
    """Return uses such as ``getCarts: the 200 answer`` by their place: it, then what has it."""
    owners: dict[str, list[str]] = {}
    for use in uses:
        owner, _, place = use.partition(": ")
        owners.setdefault(place, []).append(owner)
    return [
        f"{place} of {', '.join(each)}" if place else ", ".join(each)
        for place, each in owners.items()
    ]


def as_json(review: Review) -> str:
    """Return the findings as one JSON object: tool, summary, counts and findings."""
    counts = Counter(finding.severity for finding in review.findings)
    return json.dumps(
        {
            "tool": review.tool,
            "summary": review.summary,
            "counts": {severity: counts[severity] for severity in _COLOURS},
            "findings": [asdict(finding) for finding in review.findings],
        },
        indent=2,
        ensure_ascii=False,
    )


def as_sarif(review: Review) -> str:
    """Return the findings as SARIF 2.1.0, which code-scanning services read."""
    ids = sorted({finding.id for finding in review.findings} | set(review.titles))
    rules = [{"id": id_, "shortDescription": {"text": review.titles.get(id_, id_)}} for id_ in ids]
    results = [_sarif_result(finding, ids.index(finding.id)) for finding in review.findings]
    run: dict[str, Any] = {
        "tool": {"driver": {"name": review.tool, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return json.dumps(log, indent=2, ensure_ascii=False)


def _sarif_result(finding: Finding, rule_index: int) -> dict[str, Any]:
    return {
        "ruleId": finding.id,
        "ruleIndex": rule_index,
        "level": finding.severity,
        "message": {"text": f"{finding.message} {finding.advice}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(finding.document)},
                    "region": {"startLine": finding.line},
                },
                "logicalLocations": [{"fullyQualifiedName": finding.pointer or "/"}],
            }
        ],
        "properties": {**finding.facts, **({"uses": finding.uses} if finding.uses else {})},
    }


def _uri(document: str) -> str:
    """Return the address of a file relative to its repository's root, as code scanning needs it."""
    path = Path(document).resolve()
    for root in path.parents:
        if (root / ".git").exists():
            return quote(path.relative_to(root).as_posix(), safe="/,")
    return quote(document.replace("\\", "/"), safe="/,")


def as_github(review: Review) -> str:
    """Return the findings as workflow commands, which GitHub shows next to the lines."""
    return "\n".join(_github_line(finding) for finding in review.findings)


def _github_line(finding: Finding) -> str:
    kind = {"error": "error", "warning": "warning", "note": "notice"}[finding.severity]
    facts = "".join(f" [{name}: {value}]" for name, value in finding.facts.items())
    uses = f" In {'; '.join(_grouped(finding.uses))}." if finding.uses else ""
    text = f"{finding.message}{uses} {finding.advice} ({finding.pointer or '/'}){facts}"
    properties = f"file={_property(finding.document)},line={finding.line},title={finding.id}"
    return f"::{kind} {properties}::{_escaped(text)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


_MARKDOWN_LIMIT = 60_000
_MARKS: dict[Severity, str] = {"error": "❌", "warning": "⚠️", "note": "ℹ️"}  # noqa: RUF001


def as_markdown(review: Review) -> str:
    """Return the findings as Markdown for a comment on a pull request, below GitHub's limit."""
    first, *others = review.summary.splitlines() or [""]
    lines = [f"### {review.tool}", "", _markdown(first), ""]
    if others:
        lines += ["```text", *(line.replace("```", "") for line in others), "```", ""]
    told = [each for each in review.findings if each.severity != "note"]
    notes = [each for each in review.findings if each.severity == "note"]
    lines += _markdown_table(told)
    if notes:
        lines += [f"<details><summary>Notes: {len(notes)}</summary>", ""]
        lines += [*_markdown_table(notes), "</details>", ""]
    return "\n".join(lines)


def _markdown_table(findings: Sequence[Finding]) -> list[str]:
    if not findings:
        return []
    rows, size = ["| | where | what |", "| --- | --- | --- |"], 0
    for at, finding in enumerate(findings):
        row = _markdown_row(finding)
        size += len(row)
        if size > _MARKDOWN_LIMIT // 2:
            return [*rows, "", f"{len(findings) - at} more: see the whole report.", ""]
        rows.append(row)
    return [*rows, ""]


def _markdown_row(finding: Finding) -> str:
    parts = [_markdown(finding.message)]
    if finding.uses:
        parts.append(f"in {_markdown('; '.join(_grouped(finding.uses)))}")
    parts.append(f"*{_markdown(finding.advice)}*")
    parts += [f"{name}: {_markdown(value)}" for name, value in finding.facts.items()]
    where = _markdown(f"{finding.document}:{finding.line}")
    return f"| {_MARKS[finding.severity]} `{finding.id}` | {where} | {'<br>'.join(parts)} |"


def _markdown(text: str) -> str:
    """Return text that Markdown shows as it is, and that mentions and refers to nothing."""
    text = re.sub(r"([\\`*_\[\]<>|~$])", r"\\\1", " ".join(text.split()))
    return re.sub(r"([@#])(?=\w)", "\\1\u200b", text)


FORMATS: dict[str, Callable[[Review], str]] = {
    "text": as_text,
    "json": as_json,
    "sarif": as_sarif,
    "github": as_github,
    "markdown": as_markdown,
}


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings by file and line."""
    return sorted(findings, key=lambda each: (each.document, each.line, each.pointer, each.id))
