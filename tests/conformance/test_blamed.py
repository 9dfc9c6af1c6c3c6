"""The rule that is broken is named first; what only follows from it comes after it."""

from __future__ import annotations

from pathlib import Path

import pytest
from cart_conformance.reports.document import DocumentReport
from cart_conformance.reports.prose import causes_first

from tests.conformance.runs import CONTRACT, run
from tests.conformance.servers.blamed import BLAMED
from tests.conformance.servers.reference import serving


@pytest.mark.parametrize("name", BLAMED)
def test_the_broken_rule_is_named_first(name: str, tmp_path: Path) -> None:
    make, rule, rules = BLAMED[name]
    report = DocumentReport(CONTRACT)
    with serving(make()) as url:
        made = run(url, tmp_path, report, rules=rules, profile="pr")
    assert report.document is not None
    named = [each for each in report.document["rules"] if each["verdict"] in ("deviates", "advice")]
    first, *others = [(each["id"], each["follows"]) for each in causes_first(named)]
    assert first == (rule, None), made.told()
    assert {cause for _, cause in others} <= {rule}, made.told()
