"""Coverage: which rules and answers of the contract a store's requests have exercised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree import ElementTree as ET

from cart_spec import Contract, Rule

Counts = Mapping[tuple[str, int, str | None, bool], int]
"""How often each (operation, status, rule, injected by a fault) was answered."""


def coverage(
    contract: Contract, counts: Counts, storeless: Counts, required: Iterable[str] = ()
) -> dict[str, Any]:
    """What was exercised and what was not.

    A rule is covered when a request was refused by it, or a fault answered with its error: the
    client has met that answer. A request without a valid access token belongs to no store; what it
    was refused by (``storeless``) counts for the rules of every store, and not for answers. Rules
    that are no refusals show in no single answer; they are not measured. ``missing`` are the
    ``required`` rules that are not covered.
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
    """Those of the ids that are no rule whose coverage is measured."""
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
    """A coverage as JUnit XML: a test case for each rule and answer.

    What was not exercised is skipped, or failed if it was required.
    """
    cases = [
        *(("rules", line["rule"], line) for line in measured["rules"]),
        *(("answers", f"{a['operation']} {a['status']}", a) for a in measured["answers"]),
    ]
    missing, skipped = set(measured["missing"]), 0
    suite = ET.Element("testsuite", name=f"coverage of {name}", tests=str(len(cases)))
    for group, title, line in cases:
        case = ET.SubElement(suite, "testcase", classname=f"coverage.{group}", name=title)
        if group == "rules" and title in missing:
            ET.SubElement(case, "failure", message="required, and not exercised")
        elif not line["covered"]:
            skipped += 1
            ET.SubElement(case, "skipped", message="not exercised")
    suite.set("failures", str(len(missing)))
    suite.set("skipped", str(skipped))
    suite.set("errors", "0")
    document: bytes = ET.tostring(suite, encoding="utf-8", xml_declaration=True)
    return document
