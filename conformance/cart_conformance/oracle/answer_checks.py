"""Checks whether one answer is the refusal of a rule, and whether it is a well-formed error.

These are pure functions of an answer and the catalogue. A text may be in the title or detail of any
entry; letter case, white space and a final full stop are ignored. A 5xx is never a refusal. The
status in the body may be a number or a string.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from cart_spec.contract import LEVELS, Level, Rule

from cart_conformance.exchange import NOT_JSON, Answer, Request
from cart_conformance.findings import Finding
from cart_conformance.results import Kind

STATUS_INSIDE = {
    ("createCustomerCartAssociation", 422): ("422", "400"),
    ("createAccountCartAssociation", 422): ("422", "400"),
}
"""The published 422 for a contact email has 400 in its body; allow either, for both owners."""

WITHOUT_STATUS = {
    "createCustomer", "getCustomers", "getCustomer", "updateCustomer", "deleteCustomer",
}  # fmt: skip
"""The operations whose recorded errors repeat no status: its absence is taken."""


# What makes firewalls for web applications suspect an attack: mark-up, quotes, shell and SQL signs.
_ALARMING = re.compile(r"[<>'`;|$\\\x00-\x1f]|\.\./|--|%")


def is_of_a_firewall(answer: Answer) -> bool:
    """Return whether a firewall refused the request before it reached the deployment.

    Its answer is a page for people, and the request has characters that firewalls suspect. A page
    in answer to any other request is the deployment's own: error-envelope reports it.
    """
    return answer.refused and answer.is_page and _is_alarming(answer.request)


def _is_alarming(request: Request) -> bool:
    path = unquote(request.url.partition("://")[2].partition("/")[2])
    texts = [path, *_strings(_json(request.body))]
    return any(_ALARMING.search(text) or '"' in text for text in texts)


def _json(body: bytes | None) -> Any:
    try:
        return json.loads(body or b"null")
    except (ValueError, RecursionError):
        return (body or b"").decode("utf-8", "replace")


def _strings(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, str):
            yield found
        elif isinstance(found, dict):
            waiting += [*found, *found.values()]
        elif isinstance(found, list):
            waiting += found


def normalised(text: str) -> str:
    """Return ``text`` without the differences that a comparison of texts ignores."""
    return " ".join(text.split()).casefold().removesuffix(".").rstrip()


def entries(answer: Answer) -> list[dict[str, Any]]:
    """Return the entries of an error answer, empty if it does not have the envelope."""
    document = answer.document
    errors = document.get("errors") if isinstance(document, dict) else None
    return (
        [entry for entry in errors if isinstance(entry, dict)] if isinstance(errors, list) else []
    )


def _has_titles(answer: Answer) -> bool:
    """Return whether the answer has entries, each with a title, in which a text can be."""
    found = entries(answer)
    return bool(found) and all(isinstance(entry.get("title"), str) for entry in found)


def has_text(answer: Answer, text: str) -> bool:
    """Return whether title or detail of an entry contains ``text``."""
    wanted = normalised(text)
    return any(
        wanted in normalised(value)
        for entry in entries(answer)
        for value in (entry.get("title"), entry.get("detail"))
        if isinstance(value, str)
    )


def shown(answer: Answer) -> str:
    """Summarise the answer: its status, and the texts of its errors."""
    texts = [
        " / ".join(str(entry[key]) for key in ("title", "detail") if entry.get(key))
        for entry in entries(answer)
    ]
    return f"{answer.status} {_cut('; '.join(filter(None, texts)))}".rstrip()


def _cut(text: str, limit: int = 300) -> str:
    """Return a text cut between two words: half a secret could not be redacted later."""
    return text if len(text) <= limit else f"{text[:limit].rpartition(' ')[0]} …"


def refusal_findings(
    rule: Rule,
    operation: str,
    answer: Answer,
    *,
    control: Answer | None = None,
    level: Level | None = None,
    exact: Level | None = None,
    statuses: tuple[int, ...] | None = None,
    detail_is_free: bool = False,
) -> Iterator[Finding]:
    """Yield the differences between ``answer`` and the refusal of ``rule``.

    ``level``, ``exact`` and ``statuses`` default to those of the rule. ``detail_is_free`` says that
    only the title is published for this request: by ``last-cart``, for the cart of an account.
    """
    level = level or rule.level
    exact = _weaker(level, exact or rule.exact)
    statuses = statuses or rule.statuses
    wanted = " or ".join(map(str, statuses)) or "4xx"
    text = f" {rule.text}" if rule.text and rule.documented_text else ""

    def finding(kind: Kind, at: Level, expected: str) -> Finding:
        return Finding(
            rule.id, at, kind, operation, expected, shown(answer), answer=answer, control=control
        )

    if answer.status >= 500:
        yield finding(Kind.SERVER_ERROR, level, f"a refusal: {wanted}{text}")
    elif not answer.refused:
        kind = Kind.ERROR_INSIDE if answer.ok and entries(answer) else Kind.NOT_REFUSED
        yield finding(kind, level, f"a refusal: {wanted}{text}")
    elif statuses and answer.status not in statuses:
        yield finding(Kind.WRONG_STATUS, exact, f"{wanted}{text}")
    elif _has_titles(answer):
        # An error without a title breaks error-envelope, and has no text to compare.
        for sentence in documented_texts(rule):
            if detail_is_free and sentence == rule.detail:
                continue
            if not has_text(answer, sentence):
                yield finding(Kind.WRONG_TEXT, exact, f"{wanted} {sentence}")


def documented_texts(rule: Rule) -> tuple[str, ...]:
    """Return the sentences that are published for a refusal."""
    if not rule.documented_text:
        return ()
    return tuple(filter(None, (rule.text, rule.detail)))


def envelope_problem(answer: Answer, operation: str) -> str | None:
    """Return the problem with the form of an error answer, or None."""
    media_type = answer.headers.get("Content-Type", "")
    if answer.document is NOT_JSON:
        return f"the body is not JSON (Content-Type: {media_type or 'none'})"
    if "json" not in media_type.lower():
        return f"the Content-Type is {media_type or 'missing'}"
    if not isinstance(answer.document, dict):
        return "the body is not an object"
    errors = answer.document.get("errors")
    if not isinstance(errors, list):
        return "'errors' is missing" if errors is None else "'errors' is not an array"
    if not errors:
        return "'errors' is empty"
    good = STATUS_INSIDE.get((operation, answer.status), (str(answer.status),))
    for i, entry in enumerate(errors):
        problem = _entry_problem(entry, good, needs_status=operation not in WITHOUT_STATUS)
        if problem:
            return f"errors[{i}]: {problem}"
    return None


def _entry_problem(entry: object, statuses: tuple[str, ...], *, needs_status: bool) -> str | None:
    if not isinstance(entry, dict):
        return "is not an object"
    title = entry.get("title")
    if not isinstance(title, str) or not title.strip():
        return "'title' is missing" if title is None else "'title' is not a text"
    status = entry.get("status")
    if status is None:
        return "'status' is missing" if needs_status else None
    if isinstance(status, bool) or not isinstance(status, int | float | str):
        return "'status' is not a number"
    text = str(int(status)) if isinstance(status, float) and status.is_integer() else str(status)
    if text.strip() not in statuses:
        return f"'status' is {text}, the HTTP status is {statuses[0]}"
    return None


def _weaker(one: Level, other: Level) -> Level:
    return max(one, other, key=LEVELS.index)
