"""Checks of the rule catalogue: each rule is complete, and operations and rules agree on errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from difflib import SequenceMatcher

from cart_spec.catalogue import catalogue_problems, first_error
from cart_spec.contract import CATALOGUE_KEY, UNKNOWN_DATE, Contract, Rule
from cart_spec.lint.examples import media
from cart_spec.lint.registry import Problem, Subject, check
from cart_spec.quotes import plain
from cart_spec.source import pointer_of

_QUOTED = re.compile(r"[`\"“]([^`\"”]{5,})[`\"”]")
_WORD = re.compile(r"[A-Za-z]{2,}")
_WORDS_OF_A_TEXT = 3
_NEARLY = 0.85
_RULE_ID = re.compile(r"[a-z]+(-[a-z]+)*")


@check("catalogue-invalid", "The document has a valid rule catalogue")
def catalogue_invalid(subject: Subject) -> Iterator[Problem]:
    """Check the shape first, then look for duplicate and unknown ids."""
    for pointer, problem in catalogue_problems(subject.document):
        message = f"The catalogue cannot be used: {problem}."
        yield Problem(pointer, message, "Correct it; until then no rule can be checked.")


@check(
    "rule-incomplete", "Every rule has an operation, a condition, and a source with its sentence"
)
def rule_incomplete(subject: Subject) -> Iterator[Problem]:
    """Also require that the id is kebab-case words, never a position."""
    for rule in _rules(subject):
        at = subject.rule_pointer(rule.id)
        if not rule.operations:
            yield Problem(at, f"{rule.id} has no operation.", "Name those that it applies to.")
        if not rule.condition.rstrip().endswith("."):
            yield Problem(
                f"{at}/condition",
                f"The condition of {rule.id} is not a sentence.",
                "Write one sentence that ends in a full stop.",
            )
        for name in ("sentence", "page"):
            if not getattr(rule.source, name).strip():
                yield Problem(
                    f"{at}/source", f"The source of {rule.id} has no {name}.", "Quote the source."
                )
        if not _RULE_ID.fullmatch(rule.id):
            yield Problem(f"{at}/id", f"{rule.id} is not kebab-case words.", "Name the fault.")


@check("rule-level-mismatch", "A rule has the level of the document that its source is in")
def rule_level_mismatch(subject: Subject) -> Iterator[Problem]:
    """Prevent that an interpretation is presented as documented."""
    documents = subject.document.data.get(CATALOGUE_KEY, {}).get("documents", {})
    for rule in _rules(subject):
        level = documents[rule.source.document].get("level")
        if level != rule.level:
            yield Problem(
                subject.rule_pointer(rule.id, "level"),
                f"{rule.id} is {rule.level}, but its source {rule.source.document} is {level}.",
                "Quote a source of that level, or give the rule the level of its source.",
            )


@check("rule-freedom-missing", "An interpretation says what a deployment may do instead")
def rule_freedom_missing(subject: Subject) -> Iterator[Problem]:
    """Check rules whose level, or whose exact status and text, are an interpretation."""
    for rule in _rules(subject):
        if "interpretation" in (rule.level, rule.exact) and not rule.freedom:
            yield Problem(
                subject.rule_pointer(rule.id),
                f"{rule.id} is an interpretation and grants no freedom.",
                "Write under freedom what a deployment may do instead.",
            )


@check("rule-text-mismatch", "The example of a refusal has the rule's text and status")
def rule_text_mismatch(subject: Subject) -> Iterator[Problem]:
    """Compare ``title`` with the rule's text, and the start of ``detail`` with it or its detail."""
    contract = subject.contract
    for owner, text, detail, statuses, example in _refusals(contract):
        if contract is None or example is None:
            continue
        at = pointer_of("components", "examples", example, "value", "errors", 0)
        entry = first_error(contract, example)
        for key, holds in (
            ("title", entry.get("title") == text),
            ("detail", str(entry.get("detail", "")).startswith(detail or text)),
            ("status", entry.get("status") in statuses),
        ):
            if not holds:
                yield Problem(
                    at,
                    f"The {key} of the example {example} is not that of {owner}.",
                    "Use one wording.",
                )


@check("rule-text-misquoted", "The text of a refusal is the one that its quoted sentence has")
def rule_text_misquoted(subject: Subject) -> Iterator[Problem]:
    """Find a text that is nearly in the sentence, or a published one that the sentence has not.

    A sentence without an error text in it, which states the rule in other words, fits any text.
    """
    for rule in _rules(subject):
        if rule.text is None or plain(rule.text) in plain(rule.source.sentence):
            continue
        published = rule.documented_text and rule.exact == "documented"
        parts = [rule.source.sentence, *_QUOTED.findall(rule.source.sentence)]
        texts = [each for each in parts[1:] if len(_WORD.findall(each)) >= _WORDS_OF_A_TEXT]
        near = any(_alike(rule.text, each) > _NEARLY for each in parts)
        if near or (published and texts):
            yield Problem(
                subject.rule_pointer(rule.id, "text"),
                f'The text of {rule.id} is "{rule.text}", and its source has '
                f'"{(texts or parts)[0]}".',
                "Use the words of the source, or quote another sentence.",
            )


@check("source-read-missing", "Every source says when it was read, or that this is unknown")
def source_read_missing(subject: Subject) -> Iterator[Problem]:
    """Accept a date for the whole document. An interpretation is read nowhere."""
    documents = subject.document.data.get(CATALOGUE_KEY, {}).get("documents", {})
    dates = (
        {name: entry.get("read") for name, entry in documents.items()} if _rules(subject) else {}
    )
    for name, read in dates.items():
        if read not in (None, UNKNOWN_DATE) and not _is_past_date(read):
            at = pointer_of(CATALOGUE_KEY, "documents", name, "read")
            yield Problem(at, f"{read} is not a date in the past.", "Write the day of the reading.")
    for rule in _rules(subject):
        read = rule.source.read or dates.get(rule.source.document)
        own = documents[rule.source.document].get("level") == "interpretation"
        at = subject.rule_pointer(rule.id, "source")
        if read is None and not own:
            yield Problem(
                at,
                f"It is not said when the source of {rule.id} was read.",
                f"Write the date, or {UNKNOWN_DATE}, under read in "
                f"documents.{rule.source.document}.",
            )
        elif rule.source.read is not None and not _is_past_date(rule.source.read):
            yield Problem(
                f"{at}/read",
                f"{rule.source.read} is not a date in the past.",
                "Write the day of the reading.",
            )


def _is_past_date(written: str) -> bool:
    try:
        return date.fromisoformat(written.removeprefix("by ")) <= datetime.now(UTC).date()
    except ValueError:
        return False


def _alike(first: str, second: str) -> float:
    return SequenceMatcher(None, plain(first), plain(second), autojunk=False).ratio()


@check("error-rule-missing", "Every documented error belongs to a rule of its operation")
def error_rule_missing(subject: Subject) -> Iterator[Problem]:
    """Require that each named example of an error is that of a rule or a protocol error."""
    contract = subject.contract
    if contract is None:
        return
    everywhere = {error.example for error in contract.protocol_errors if not error.operations}
    for medium in media(subject.document):
        if medium.status is None or medium.status.startswith(("1", "2", "3")):
            continue
        known = everywhere | {rule.example for rule in contract.rules_of(medium.operation.id)}
        known |= {
            error.example
            for error in contract.protocol_errors
            if medium.operation.id in error.operations
        }
        for name, _, at in medium.examples(subject.document):
            example = at.split("/")[-2]
            if example not in known:
                yield Problem(
                    f"{medium.pointer}/examples/{name}",
                    f"{medium.operation.id} documents {example}, which none of its rules answers.",
                    "Catalogue the rule, add the operation to it, or remove the example.",
                )


@check(
    "error-operation-missing", "Every refusal is documented by every operation that it applies to"
)
def error_operation_missing(subject: Subject) -> Iterator[Problem]:
    """Require the rule's status in the operation, with the rule's example among its examples."""
    contract = subject.contract
    if contract is None:
        return
    shown = {
        (medium.operation.id, medium.status, at.split("/")[-2])
        for medium in media(subject.document)
        for _, _, at in medium.examples(subject.document)
    }
    for rule in contract.rules:
        for operation in rule.operations if rule.is_refusal else ():
            if (operation, str(rule.status), rule.example) not in shown:
                yield Problem(
                    subject.rule_pointer(rule.id, "operations"),
                    f"{operation} has no {rule.status} answer with the example {rule.example}.",
                    "Document the answer there, or remove the operation from the rule.",
                )
    for index, error in enumerate(contract.protocol_errors):
        for operation in error.operations:
            if (operation, str(error.status), error.example) not in shown:
                yield Problem(
                    pointer_of(CATALOGUE_KEY, "protocol_errors", index),
                    f"{operation} has no {error.status} answer with the example {error.example}.",
                    "Document the answer there, or remove the operation from the error.",
                )


@check("disagreement-incomplete", "Every disagreement names both sides, a decision and its rules")
def disagreement_incomplete(subject: Subject) -> Iterator[Problem]:
    """Also require at least two published statements."""
    for index, entry in enumerate(subject.contract.disagreements if subject.contract else ()):
        at = pointer_of(CATALOGUE_KEY, "disagreements", index)
        if len(entry.published) < 2:
            yield Problem(at, f"{entry.id} quotes fewer than two sides.", "Quote both.")
        for name in ("topic", "decision", "rules"):
            if not getattr(entry, name):
                yield Problem(at, f"{entry.id} has no {name}.", "Add it.")


def _rules(subject: Subject) -> tuple[Rule, ...]:
    return subject.contract.rules if subject.contract else ()


def _refusals(
    contract: Contract | None,
) -> Iterator[tuple[str, str, str | None, tuple[int, ...], str | None]]:
    for rule in contract.rules if contract else ():
        if rule.text is not None:
            yield rule.id, rule.text, rule.detail, rule.statuses, rule.example
    for error in contract.protocol_errors if contract else ():
        yield error.id, error.text, error.detail, (error.status,), error.example
