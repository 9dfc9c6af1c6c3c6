"""Writes JUnit XML, on ``junitparser``: suites of cases, for CI services to show."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

Outcome = Literal["passed", "failure", "error", "skipped"]

_RESULTS: dict[Outcome, type[Error | Failure | Skipped]] = {
    "failure": Failure,
    "error": Error,
    "skipped": Skipped,
}
# What XML 1.0 cannot hold, lone surrogates among it. A carriage return is read back as a newline.
_FORBIDDEN = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Case:
    """One test case. ``message`` is a line, ``type`` the kind of failure, ``text`` the details."""

    classname: str
    name: str
    seconds: float = 0.0
    outcome: Outcome = "passed"
    message: str = ""
    type: str = ""
    text: str = ""
    output: str = ""


@dataclass(frozen=True, slots=True)
class Suite:
    """Test cases under one name. ``started_at`` is in ISO 8601; its offset is left out."""

    name: str
    cases: Iterable[Case]
    properties: Mapping[str, str] = field(default_factory=dict)
    started_at: str = ""
    hostname: str = ""


def render_suites(name: str, suites: Iterable[Suite], seconds: float | None = None) -> bytes:
    """Return a ``testsuites`` document in UTF-8; ``seconds`` is how long the whole run took.

    Suites of the same name, host, time and properties become one.
    """
    root = JUnitXml(xml_text(name))
    for suite in suites:
        root.add_testsuite(_suite(suite))
    root.update_statistics()  # type: ignore[no-untyped-call]  # the one that it leaves untyped
    if seconds is not None:
        root.time = round(seconds, 3)
    return _written(root)


def render_suite(suite: Suite) -> bytes:
    """Return a document in UTF-8 of which one ``testsuite`` is the root."""
    return _written(_suite(suite))


def xml_text(text: str) -> str:
    r"""Return a text with an escape, such as ``\u0001``, for each character XML cannot hold."""
    return _FORBIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text.replace("\r\n", "\n"))


def _suite(suite: Suite) -> TestSuite:
    made = TestSuite(xml_text(suite.name))
    if suite.started_at:
        # The schema that most readers follow knows no offset.
        made.timestamp = xml_text(suite.started_at[:19])
    if suite.hostname:
        made.hostname = xml_text(suite.hostname)
    for name, value in suite.properties.items():
        made.add_property(xml_text(name), xml_text(value))
    made.add_testcases([_case(case) for case in suite.cases])
    return made


def _case(case: Case) -> TestCase:
    made = TestCase(xml_text(case.name), xml_text(case.classname), round(case.seconds, 3))
    kind = _RESULTS.get(case.outcome)
    if kind is not None:
        result = kind(xml_text(case.message), xml_text(case.type))
        if case.text:
            result.text = xml_text(case.text)
        made.result = [result]
    if case.output:
        made.system_out = xml_text(case.output)
    return made


def _written(root: JUnitXml | TestSuite) -> bytes:
    file = io.BytesIO()
    root.write(file)
    return file.getvalue()
