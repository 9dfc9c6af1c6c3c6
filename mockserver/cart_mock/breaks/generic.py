"""The breaks of every refusal, generated from the catalogue.

A new rule has them without further code. Breaks that are specific to a rule are in the table of
that rule. The table also says whether the operation can act without the rule, because the catalogue
does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cart_spec import OwnerKind, Rule, load_contract

from cart_mock.breaks.helpers import cut_text, done, status, text
from cart_mock.breaks.hooks import Break, IgnoreRule, PatchError, Row, break_of, on
from cart_mock.owners import OwnerType

CONTRACT = load_contract()
KINDS = tuple(CONTRACT.owners.values())
"""The kinds of owner that rules are stated for."""


def owner_type(kind: OwnerKind) -> OwnerType:
    """Return the type of owner that the words of a kind are about."""
    return "account" if kind.name == "account" else "customer"


_SIMILAR_STATUS = {400: 422, 401: 403, 403: 400, 404: 400, 409: 400, 422: 409}
"""For each status of a refusal, another one that a deployment might plausibly use."""
IGNORED = ("ignored", "ignored-on-post", "ignored-on-delete")
"""The generic variants that ignore a request, for tables that list them first."""


def refusal(
    rule_id: str,
    rows: Sequence[Row | str] = (),
    *,
    free_rows: Sequence[Row | str] = (),
    subject: str = "What the rule refuses",
    needed: bool = False,
    free: bool = False,
    wrong_status: int | None = None,
) -> tuple[Break, ...]:
    """Return the breaks of one refusal: its own ``rows``, and the generic ones that apply to it.

    A string in ``rows`` adds the generic variant of that name at that position. ``subject`` is the
    subject of the sentences about accepted requests. ``needed`` says that the operation cannot act
    without the rule, so its requests are ignored instead of accepted. ``free`` says that the
    contract allows a deployment to accept or ignore them. It also allows the breaks in
    ``free_rows``.
    """
    rule = CONTRACT.rule(rule_id)
    generic = {row[0]: row for row in _generic(rule, subject, wrong_status)}
    accepted = () if needed else _by_method(rule, "accepted")
    ignored = _by_method(rule, "ignored") if needed and _has_empty_success(rule) else ()
    chosen: list[Row | str] = [*(() if free else accepted), *rows, *(() if free else ignored)]
    chosen += _reworded(rule)
    if free and rule.group == "association":
        # Together with these, a rule of the association endpoints has three breaks that a run must
        # find.
        chosen += _by_method(rule, "server-error")[1:]
    chosen.append("server-error")
    own = {row[0] for row in rows if not isinstance(row, str)}
    due = [each for each in dict.fromkeys(chosen) if each not in own]
    allowed = [*((*accepted, *ignored) if free else ()), *free_rows]

    def broken(row: Row | str, *, is_free: bool) -> Break:
        chosen_row = generic[row] if isinstance(row, str) else row
        return break_of(rule_id, chosen_row, free=is_free, owner=rule.owner)

    return (
        *(broken(each, is_free=False) for each in due),
        *(broken(each, is_free=True) for each in allowed),
    )


def _methods(rule: Rule) -> list[str]:
    """Return the methods of a rule's operations, each once, in the order of the catalogue."""
    return list(dict.fromkeys(CONTRACT.operations[each][0] for each in rule.operations))


def _by_method(rule: Rule, variant: str) -> tuple[str, ...]:
    """Return the name of a variant, and if the rule has two methods, its names for each of them."""
    methods = _methods(rule)
    return (variant, *(f"{variant}-on-{m.lower()}" for m in methods if len(methods) == 2))


def _has_empty_success(rule: Rule) -> bool:
    """Return whether each operation of the rule can succeed without content."""
    operations = [CONTRACT.operations[each] for each in rule.operations]
    return all(
        "204" in CONTRACT.document["paths"][path][method.lower()]["responses"]
        for method, path in operations
    )


def _reworded(rule: Rule) -> Iterator[str]:
    """Yield the variants with a different answer, if the rule's answer is published."""
    if rule.exact != "documented":
        return
    yield from _by_method(rule, "wrong-status")
    if rule.documented_text:
        yield from (*_by_method(rule, "wrong-text"), "cut-text")


def _generic(rule: Rule, subject: str, wrong_status: int | None) -> Iterator[Row]:
    """Yield every generic variant of a rule, for all methods and for each."""
    if rule.status is None:
        raise ValueError(f"{rule.id} refuses nothing")
    code = wrong_status or _SIMILAR_STATUS[rule.status]
    refused = "it is refused with"
    other = "the right status and another text"
    yield "accepted", f"{subject} is accepted.", IgnoreRule()
    yield "ignored", "It is answered with 204 and has no effect.", PatchError(done)
    yield "wrong-status", f"It is refused with {code} and the right text.", PatchError(status(code))
    yield "wrong-text", f"It is refused with {other}.", PatchError(text)
    yield "cut-text", "The text lacks its last word.", PatchError(cut_text)
    yield "server-error", "It is answered with 500.", PatchError(status(500))
    for method in _methods(rule):
        when, name = on(method), f"on-{method.lower()}"
        yield f"accepted-{name}", f"{subject} is accepted on {method}.", IgnoreRule(when)
        ignored = f"{method} is answered with 204 and has no effect."
        yield f"ignored-{name}", ignored, PatchError(done, when)
        sentence = f"On {method} {refused} {code} and the right text."
        yield f"wrong-status-{name}", sentence, PatchError(status(code), when)
        yield f"wrong-text-{name}", f"On {method} {refused} {other}.", PatchError(text, when)
        sentence = f"On {method} it is answered with 500."
        yield f"server-error-{name}", sentence, PatchError(status(500), when)
