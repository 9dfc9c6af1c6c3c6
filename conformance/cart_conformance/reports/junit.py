"""Writes a run as JUnit XML: a test case for each rule and method.

A deviation that fails the run is a failure. A documented rule that could not be tried to its end is
an error; any other such rule is skipped. Advice passes, and is told in ``system-out``. So there are
failures or errors in the file exactly when the run's exit status is not 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from cart_conformance.reports.document import UNKNOWN
from cart_conformance.reports.prose import described, outcome_sentence
from cart_conformance.reports.text import one_line, visible

# The operation of a test case that is about a rule as a whole.
_RULE: dict[str, Any] = {"operation": "", "elapsed": 0.0}


def render(report: dict[str, Any]) -> bytes:
    """The report as XML in UTF-8."""
    root = Element("testsuites", name="cart-conformance", time=_seconds(report["elapsed"]))
    _suite(root, report, "run", [_run_case(report)])
    for group in dict.fromkeys(rule["group"] for rule in report["rules"]):
        rules = [rule for rule in report["rules"] if rule["group"] == group]
        _suite(root, report, group, [case for rule in rules for case in _cases(rule)])
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    indent(root)
    xml: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return xml


def _suite(root: Element, report: dict[str, Any], name: str, cases: list[Element]) -> None:
    suite = SubElement(
        root,
        "testsuite",
        name=name,
        tests=str(len(cases)),
        failures=str(sum(case.find("failure") is not None for case in cases)),
        errors=str(sum(case.find("error") is not None for case in cases)),
        skipped=str(sum(case.find("skipped") is not None for case in cases)),
        time=_seconds(sum(float(case.get("time", "0")) for case in cases)),
        # The schema that most readers follow knows no offset.
        timestamp=report["started_at"][:19],
        hostname=one_line(report["target"]),
    )
    properties = SubElement(suite, "properties")
    for key in ("target", "seed", "run_id", "contract_version", "exit_status"):
        SubElement(properties, "property", name=key, value=visible(str(report[key])))
    suite.extend(cases)


def _run_case(report: dict[str, Any]) -> Element:
    """Whether the run could be made and finished: verdicts on rules do not say."""
    case = Element("testcase", classname="run", name="is finished", time=_seconds(0))
    sentence = visible(outcome_sentence(report))
    if report["problem"]:
        problem = one_line(report["problem"])
        SubElement(case, "error", type=report["outcome"], message=problem).text = sentence
    else:
        SubElement(case, "system-out").text = sentence
    return case


def _cases(rule: dict[str, Any]) -> Iterator[Element]:
    for operation in rule["operations"] or [_RULE | {"verdict": rule["verdict"], "reason": None}]:
        name = " ".join(filter(None, (operation.get("method"), operation.get("path"))))
        case = Element(
            "testcase",
            classname=f"{rule['group']}.{rule['id']}",
            name=name or rule["id"],
            time=_seconds(operation["elapsed"]),
        )
        _judge(case, rule, operation)
        yield case


def _judge(case: Element, rule: dict[str, Any], operation: dict[str, Any]) -> None:
    deviations = [
        deviation
        for deviation in rule["deviations"]
        if not operation["operation"] or deviation["operation"] == operation["operation"]
    ]
    failing = [deviation for deviation in deviations if deviation["fails"]]
    advising = [deviation for deviation in deviations if not deviation["fails"]]
    verdict = operation["verdict"]
    reason = one_line(operation["reason"] or rule["reason"] or verdict)
    if verdict == "deviates":
        element = SubElement(
            case,
            "failure",
            type=failing[0]["kind"] if failing else verdict,
            message=_message(failing[0]) if failing else reason,
        )
        element.text = described(rule, failing)
    elif verdict in UNKNOWN and rule["level"] == "documented":
        SubElement(case, "error", type=verdict, message=reason)
    elif verdict in (*UNKNOWN, "skipped"):
        SubElement(case, "skipped", message=f"{verdict}: {reason}")
    if advising:
        SubElement(case, "system-out").text = "Advice, which fails no run.\n" + described(
            rule, advising
        )


def _message(deviation: dict[str, Any]) -> str:
    return one_line(f"expected {deviation['expected']}, came {deviation['actual']}")


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"
