"""Writes a run as one self-contained HTML file with a matrix of rules and methods."""

from __future__ import annotations

import shlex
from typing import Any

from cart_spec.contract import GROUPS
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from cart_conformance.reports import prose
from cart_conformance.reports.text import visible
from cart_conformance.results import Verdict
from cart_conformance.run.verdicts import worst

# Each verdict has its own shape, because colour alone is not accessible.
MARKS = {
    "conforms": "✓",
    "deviates": "✕",
    "advice": "!",
    "untestable": "?",
    "skipped": "\u2013",
    "error": "⚡\ufe0e",
}

UNFOLDED = 4
"""Deviations of one rule that are expanded initially; the reader can expand the rest."""

DEFAULT_OPTIONS = {"strict": False, "texts": "fail", "profile": "default"}


def render(report: dict[str, Any]) -> bytes:
    """Return the report as HTML in UTF-8."""
    methods = {o["method"]: None for rule in report["rules"] for o in rule["operations"]}
    template = _environment().get_template("report.html.j2")
    return template.render(
        report=report,
        methods=sorted(methods, key=_method_order),
        groups=_groups(report),
        cell=_cell,
        marks=MARKS,
        kinds=prose.KIND_WORDS,
        outcome=prose.OUTCOME_WORDS[report["outcome"]],
        sentence=prose.outcome_sentence(report),
        duration=prose.duration,
        control=prose.control,
        command=command(report),
        unfolded=UNFOLDED,
        gaps=list(prose.gaps(report)),
        story=prose.story,
        causes_first=prose.causes_first,
        found_by=prose.found_by,
    ).encode()


def command(report: dict[str, Any]) -> str:
    """Return the command that repeats the run, without its credentials."""
    words = ["cart-conformance", "run", report["target"], "--seed", str(report["seed"])]
    options = report["options"]
    if options:
        if options["strict"]:
            words.append("--strict")
        if options["texts"] != DEFAULT_OPTIONS["texts"]:
            words += ["--texts", options["texts"]]
        if options["profile"] != DEFAULT_OPTIONS["profile"]:
            words += ["--profile", options["profile"]]
    return shlex.join(words)


def _groups(report: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    rules = report["rules"]
    return [
        (GROUPS.get(group, group), [rule for rule in rules if rule["group"] == group])
        for group in dict.fromkeys(rule["group"] for rule in rules)
    ]


def _method_order(method: str) -> tuple[int, str]:
    order = ("POST", "DELETE", "GET", "PUT")
    return (order.index(method) if method in order else len(order), method)


def _cell(rule: dict[str, Any], method: str) -> dict[str, Any] | None:
    """Return one cell of the matrix: the worst verdict, and the verdicts behind it."""
    operations = [each for each in rule["operations"] if each["method"] == method]
    if not operations:
        return None
    verdict = worst(Verdict(each["verdict"]) for each in operations).value
    same = sum(each["verdict"] == verdict for each in operations)
    told = [f"{each['verdict']}: {each['path']}" for each in operations]
    return {
        "verdict": verdict,
        "mark": MARKS[verdict],
        "share": f"{same}/{len(operations)}" if same < len(operations) else "",
        "title": "\n".join(told),
    }


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("cart_conformance.reports"),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Text from a server is escaped, so it is displayed literally.
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    environment.filters["when"] = lambda time: time[:19].replace("T", " ") + " UTC"
    return environment
