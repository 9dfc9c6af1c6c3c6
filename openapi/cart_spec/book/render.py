"""Renders the rule book as one HTML file that needs no network, or as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal

from jinja2 import (
    Environment,
    PackageLoader,
    StrictUndefined,
    TemplateError,
    select_autoescape,
)
from markupsafe import Markup, escape

from cart_spec.book.cases import grouped_cases
from cart_spec.book.changelog import Version, changes_of, load_changelog
from cart_spec.book.diagrams import decision_flow, matrix
from cart_spec.book.observation import Observation, only
from cart_spec.book.recording import Recording, load_recording
from cart_spec.book.words import PHRASES, SYNONYMS, everyday
from cart_spec.catalogue import first_error
from cart_spec.contract import GROUPS, Contract, Rule
from cart_spec.findings import Finding
from cart_spec.implementations import Evidence

BookFormat = Literal["html", "markdown"]

ASSOCIATION_OPERATIONS = ("createCustomerCartAssociation", "deleteCustomerCartAssociation")

LEVELS = {
    "documented": "The vendor publishes it. A run fails on it.",
    "observed": "Read off the vendor's runbook and SDKs. A run advises on it.",
    "interpretation": "What this project decided because both are silent. A run advises on it.",
}
"""The levels of a rule, explained."""


@dataclass(frozen=True, slots=True)
class Since:
    """The differences from another document, which is called ``name``."""

    name: str
    changes: Sequence[Finding]


def level_of(rule: Rule) -> str:
    """Return what a rule's level is about, in words: all of it, or the part that is so sure."""
    if rule.exact == rule.level:
        return rule.level
    if rule.is_refusal:
        return f"refusal {rule.level}"
    return f"{rule.level}, in part {rule.exact}"


def exact_of(rule: Rule) -> str:
    """Return how sure the status and the text of a refusal are, if less sure than the refusal."""
    return f"answer {rule.exact}" if rule.is_refusal and rule.exact != rule.level else ""


@dataclass(frozen=True)
class Book:
    """The content of the book. ``observations`` are runs against deployments."""

    contract: Contract
    evidence: Evidence
    recording: Recording
    observations: Sequence[Observation] = field(default=())

    def history(self) -> Sequence[Version]:
        """Return the changelog from this version back; empty if it is about another contract."""
        versions = load_changelog()
        names = [version.name for version in versions]
        version = self.contract.version
        return versions[names.index(version) :] if version in names else ()

    def groups(self) -> list[tuple[str, str, list[Rule]]]:
        """Return the rules by group, as (group, its title, rules), in the catalogue's order."""
        known = list(GROUPS)
        ordered = sorted(
            self.contract.rules,
            key=lambda rule: known.index(rule.group) if rule.group in GROUPS else len(known),
        )
        return [
            (group, GROUPS.get(group, group.capitalize()), list(rules))
            for group, rules in groupby(ordered, key=lambda rule: rule.group)
        ]

    def operations(self) -> list[dict[str, Any]]:
        """Return the operations with their success statuses and the rules that refuse."""
        document = self.contract.document
        return [
            {
                "id": operation_id,
                "method": method,
                "path": path,
                "data": document["paths"][path][method.lower()],
                "successes": [
                    status
                    for status in document["paths"][path][method.lower()]["responses"]
                    if status.startswith("2")
                ],
                "refusals": [
                    rule for rule in self.contract.rules_of(operation_id) if rule.is_refusal
                ],
            }
            for operation_id, (method, path) in self.contract.operations.items()
        ]


def render(
    contract: Contract,
    evidence: Evidence,
    form: BookFormat = "html",
    observations: Sequence[Observation] = (),
    since: Since | None = None,
) -> str:
    """Return the rule book of a contract as text, with what changed ``since`` another document.

    Raises ValueError if the document does not have the form of OpenAPI.
    """
    book = Book(contract, evidence, load_recording(), observations)
    history = book.history()
    known = {rule.id for rule in contract.rules}

    def status(rule_id: str) -> str:
        """Return the status that a rule answers, or nothing if the contract has no such rule."""
        rule = contract.rule(rule_id) if rule_id in known else None
        return str(rule.status or "") if rule else ""

    template = _environment().get_template({"html": "book.html.j2", "markdown": "book.md.j2"}[form])
    try:
        return template.render(
            book=book,
            contract=contract,
            evidence=evidence,
            recording=book.recording,
            observations=observations,
            seen=lambda rule_id: only(observations, rule_id),
            flow=decision_flow(contract, ASSOCIATION_OPERATIONS),
            matrix=matrix(book.recording),
            status=status,
            detail_of=lambda example: first_error(contract, example).get("detail", ""),
            levels=LEVELS,
            search={"phrases": PHRASES, "synonyms": SYNONYMS},
            everyday=everyday,
            cases=lambda rule_id: grouped_cases(rule_id, evidence.cases_of(rule_id)),
            own_errors=[each for each in contract.protocol_errors if each.operations],
            http_errors=[each for each in contract.protocol_errors if not each.operations],
            history=history,
            changed_in=lambda rule_id: changes_of(history, rule_id),
            since=since,
            known=known,
            level_of=level_of,
            exact_of=exact_of,
            info=contract.document["info"],
        )
    except TemplateError as error:
        raise ValueError(f"the document cannot be rendered: {error}") from error


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("cart_spec.book"),
        autoescape=select_autoescape(["html.j2", "svg.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = _code
    environment.filters["css"] = _css
    environment.filters["cell"] = lambda text: str(text).replace("|", "\\|").replace("\n", " ")
    return environment


def _css(text: Any) -> Markup:
    """Return text for a string in a style sheet: what could end the string becomes an escape."""
    escaped = re.sub(r"[^\w .,:-]", lambda found: f"\\{ord(found[0]):x} ", str(text))
    return Markup(escaped)  # noqa: S704 - of letters, digits and escapes


def _code(text: str) -> Markup:
    """Return text as HTML, with `code` in back quotes as code elements."""
    parts = str(text).split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part)
        for number, part in enumerate(parts)
    )
