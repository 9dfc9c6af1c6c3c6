"""The suite finds the defect of a server that is not the mock, and names the rule.

Only the cases of the broken rule, and of rules about every answer, are run here.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from cart_conformance.results import Verdict

from tests.conformance.kills import serving_break
from tests.conformance.runs import run
from tests.conformance.servers.defects import DEFECTS
from tests.conformance.servers.reference import serving

# A refusal that still changes state breaks both rules.
BESIDE = {"refusal-changes-nothing"}
# Violations of these rules are found by the cases of other rules.
SHOWN_BY = {
    "error-envelope": ("error-envelope", "type-not-customer"),
    "password-never-returned": ("password-never-returned", "email-taken"),
    "refusal-changes-nothing": (
        "refusal-changes-nothing",
        "payload-not-array",
        "more-than-one-customer",
        "type-not-customer",
    ),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_broken_rule_is_found_and_named(name: str, tmp_path: Path) -> None:
    defect = DEFECTS[name]
    with serving(defect.make()) as url:
        made = run(url, tmp_path, rules=SHOWN_BY.get(defect.rule, (defect.rule,)))
    deviating = made.with_verdict(Verdict.DEVIATES)
    assert made.status == 1, made.told()
    assert defect.rule in deviating
    assert set(deviating) <= {defect.rule} | BESIDE, made.told()


def test_strict_fails_on_advice(tmp_path: Path) -> None:
    with serving_break("shared-cart:delete-takes-all") as url:
        made = run(url, tmp_path, rules=("shared-cart",), strict=True)
    assert made.status == 1
    assert made.with_verdict(Verdict.DEVIATES) == ["shared-cart"]


@pytest.mark.parametrize(
    ("texts", "status", "verdict"),
    [("fail", 1, Verdict.DEVIATES), ("advise", 0, Verdict.ADVICE), ("ignore", 0, Verdict.CONFORMS)],
)
def test_another_text_counts_as_it_is_asked_to(
    texts: str, status: int, verdict: Verdict, tmp_path: Path
) -> None:
    with serving_break("type-not-customer:wrong-text") as url:
        made = run(url, tmp_path, rules=("type-not-customer",), texts=texts)
    assert made.status == status
    assert "type-not-customer" in made.with_verdict(verdict)
