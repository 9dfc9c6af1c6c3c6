"""Writes a run as JUnit XML, with a test case for each rule and method.

A deviation that fails the run is a failure. A documented rule that could not be tried completely
is an error; any other such rule is skipped. Advice passes, and is reported in ``system-out``. So
the file contains failures or errors if and only if the run's exit status is not 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cart_spec.junit import Case, Outcome, Suite, render_suites

from cart_conformance.reports.prose import described, gaps, outcome_sentence
from cart_conformance.reports.text import one_line, visible
from cart_conformance.results import Verdict
from cart_conformance.run.verdicts import UNKNOWN, leaves_incomplete

# The operation of a test case that concerns a rule as a whole.
_RULE: dict[str, Any] = {"operation": "", "elapsed": 0.0}

_PROPERTIES = ("target", "seed", "run_id", "contract_version", "exit_status")


def render(report: dict[str, Any]) -> bytes:
    """Return the report as XML in UTF-8."""
    suites = [_suite(report, "run", [*_run_cases(report)])]
    if report["outcome"] == "could-not-run":
        # One error says why. An error for each rule would hide it.
        return render_suites("cart-conformance", suites, report["elapsed"])
    for group in dict.fromkeys(rule["group"] for rule in report["rules"]):
        rules = [rule for rule in report["rules"] if rule["group"] == group]
        suites.append(_suite(report, group, [case for rule in rules for case in _cases(rule)]))
    return render_suites("cart-conformance", suites, report["elapsed"])


def _suite(report: dict[str, Any], name: str, cases: list[Case]) -> Suite:
    return Suite(
        name,
        cases,
        properties={key: visible(str(report[key])) for key in _PROPERTIES},
        started_at=report["started_at"],
        hostname=one_line(report["target"]),
    )


def _run_cases(report: dict[str, Any]) -> Iterator[Case]:
    """Yield test cases that say whether the run did what it was asked to do."""
    sentence = visible("\n".join([outcome_sentence(report), *gaps(report)]))
    if report["problem"]:
        message, kind = one_line(report["problem"], 500), report["outcome"]
        yield Case("run", "is finished", 0.0, "error", message, kind, text=sentence)
    else:
        yield Case("run", "is finished", output=sentence)
    if report["cut"]:
        message = one_line("; ".join(report["cut"]), 500)
        yield Case("run", "left nothing out", 0.0, "error", message, "cut", text=sentence)
    if report["stale"]:
        message = one_line("; ".join(report["stale"]), 500)
        yield Case("run", "has no stale baseline", 0.0, "failure", message, "stale", text=sentence)
    cleanup = report["cleanup"]
    if cleanup and cleanup["left"]:
        message = one_line(f"still there: {', '.join(cleanup['left'])}", 500)
        yield Case("run", "is cleaned up", 0.0, "error", message, "left-behind", text=sentence)


def _cases(rule: dict[str, Any]) -> Iterator[Case]:
    for operation in rule["operations"] or [_RULE | {"verdict": rule["verdict"], "reason": None}]:
        deviations = [
            deviation
            for deviation in rule["deviations"]
            if not operation["operation"] or deviation["operation"] == operation["operation"]
        ]
        failing = [deviation for deviation in deviations if deviation["fails"]]
        advising = [deviation for deviation in deviations if not deviation["fails"]]
        outcome, message, kind = _ending(rule, operation, failing)
        name = " ".join(filter(None, (operation.get("method"), operation.get("path"))))
        yield Case(
            f"{rule['group']}.{rule['id']}",
            name or rule["id"],
            operation["elapsed"],
            outcome,
            message,
            kind,
            text=described(rule, failing) if outcome == "failure" else "",
            output=f"Advice, which fails no run.\n{described(rule, advising)}" if advising else "",
        )


def _ending(
    rule: dict[str, Any], operation: dict[str, Any], failing: list[dict[str, Any]]
) -> tuple[Outcome, str, str]:
    """Return the outcome of a test case, with its message and type."""
    verdict = Verdict(operation["verdict"])
    reason = one_line(operation["reason"] or rule["reason"] or verdict)
    if verdict is Verdict.DEVIATES:
        if not failing:
            return "failure", reason, verdict
        return "failure", _message(failing[0]), failing[0]["kind"]
    if leaves_incomplete(rule["level"], verdict):
        return "error", reason, verdict
    if verdict in (*UNKNOWN, Verdict.SKIPPED):
        return "skipped", f"{verdict}: {reason}", ""
    return "passed", "", ""


def _message(deviation: dict[str, Any]) -> str:
    return one_line(f"expected {deviation['expected']}, came {deviation['actual']}")
