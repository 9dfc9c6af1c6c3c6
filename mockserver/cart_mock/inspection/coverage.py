"""Measures which rules and answers of the contract a store's requests have exercised."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from cart_spec import Contract, Rule
from cart_spec.junit import Case, Suite, render_suite

Counts = Mapping[tuple[str, int, str | None, bool], int]
"""Number of answers for each (operation, status, rule, injected by a fault)."""


def coverage(
    contract: Contract, counts: Counts, storeless: Counts, required: Iterable[str] = ()
) -> dict[str, Any]:
    """Return what was exercised and what was not.

    A rule is covered if it refused a request, or if a fault answered with its error, because the
    client then received that answer. A request without a valid access token belongs to no store.
    Its refusal (``storeless``) counts for the rules of every store, but not for answers. Rules that
    are not refusals cannot be observed in one answer, so they are not measured. ``missing`` lists
    the ``required``
    rules that are not covered.
    """
    rules = [_rule_line(rule, counts, storeless) for rule in contract.rules if rule.is_refusal]
    answers = [
        {
            "operation": operation,
            "status": status,
            **_counted({key: n for key, n in counts.items() if key[:2] == (operation, status)}),
        }
        for operation, status in _documented_answers(contract)
    ]
    covered = {line["rule"] for line in rules if line["covered"]}
    return {
        "summary": {"rules": _share(rules), "answers": _share(answers)},
        "rules": rules,
        "answers": answers,
        "not_measured": [rule.id for rule in contract.rules if not rule.is_refusal],
        "missing": [rule_id for rule_id in required if rule_id not in covered],
    }


def unmeasured(contract: Contract, rule_ids: Iterable[str]) -> list[str]:
    """Return the ids that are not rules whose coverage is measured."""
    measured = {rule.id for rule in contract.rules if rule.is_refusal}
    return [rule_id for rule_id in rule_ids if rule_id not in measured]


def _rule_line(rule: Rule, counts: Counts, storeless: Counts) -> dict[str, Any]:
    found = {key: n for key, n in counts.items() if key[2] == rule.id}
    outside = sum(n for key, n in storeless.items() if key[2] == rule.id)
    counted = _counted(found)
    return {
        "rule": rule.id,
        "level": rule.level,
        "operations": list(rule.operations),
        **counted,
        "storeless": outside,
        "covered": counted["covered"] or outside > 0,
    }


def _counted(found: Counts) -> dict[str, Any]:
    injected = sum(n for key, n in found.items() if key[3])
    answered = sum(found.values()) - injected
    return {"covered": bool(found), "answered": answered, "injected": injected}


def _documented_answers(contract: Contract) -> Iterable[tuple[str, int]]:
    for operation, (method, path) in contract.operations.items():
        responses = contract.document["paths"][path][method.lower()]["responses"]
        yield from ((operation, int(status)) for status in responses if status.isdigit())


def _share(lines: list[dict[str, Any]]) -> dict[str, int]:
    return {"covered": sum(line["covered"] for line in lines), "total": len(lines)}


def junit(name: str, measured: Mapping[str, Any]) -> bytes:
    """Return a coverage as JUnit XML: a test case for each rule and answer.

    A test case is skipped if it was not exercised, and fails if it was also required.
    """
    missing = set(measured["missing"])
    cases = [
        *(_case("rules", line["rule"], line, missing) for line in measured["rules"]),
        *(_case("answers", f"{a['operation']} {a['status']}", a, ()) for a in measured["answers"]),
    ]
    return render_suite(Suite(f"coverage of {name}", cases))


def _case(group: str, title: str, line: Mapping[str, Any], missing: Collection[str]) -> Case:
    classname = f"coverage.{group}"
    if title in missing:
        return Case(classname, title, outcome="failure", message="required, and not exercised")
    if not line["covered"]:
        return Case(classname, title, outcome="skipped", message="not exercised")
    return Case(classname, title)
