"""Findings of a review, and the formats that show them: text, JSON, SARIF 2.1.0 and GitHub."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import click

Severity = Literal["error", "warning", "note"]

_COLOURS: dict[Severity, str] = {"error": "red", "warning": "yellow", "note": "cyan"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: its place, what is wrong, and how to fix it.

    ``id`` is the permanent name of the kind of finding. ``pointer`` is a JSON pointer into the file
    ``document``; ``line`` is its line, from 1. ``facts`` are further values by name. ``uses`` are
    the places that the finding affects, if they are several.
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
            f"    {click.style('-> ' + finding.advice, dim=True)}",
            f"    {click.style('at ' + (finding.pointer or '/'), dim=True)}",
            "",
        ]
    lines.append(review.summary)
    return "\n".join(lines)


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
        "properties": dict(finding.facts),
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
    text = f"{finding.message} {finding.advice} ({finding.pointer or '/'}){facts}"
    properties = f"file={_property(finding.document)},line={finding.line},title={finding.id}"
    return f"::{kind} {properties}::{_escaped(text)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


FORMATS: dict[str, Callable[[Review], str]] = {
    "text": as_text,
    "json": as_json,
    "sarif": as_sarif,
    "github": as_github,
}


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings by file and line."""
    return sorted(findings, key=lambda each: (each.document, each.line, each.pointer, each.id))
