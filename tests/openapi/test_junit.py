"""JUnit XML: counted, and XML whatever the texts hold."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from cart_spec.junit import Case, Suite, render_suite, render_suites, xml_text

CASES = [
    Case("group.rule", "GET /a", 0.25, text="ignored: it passed", output="advice"),
    Case("group.rule", "GET /b", 0.5, "failure", "expected 4, came 5", "status", "all of it"),
    Case("group.rule", "GET /c", 0, "error", "no answer", "untestable"),
    Case("group.rule", "GET /d", outcome="skipped", message="skipped: asked for"),
]


def test_render_suites_counts_and_tells_outcomes_apart() -> None:
    suites = [
        Suite("one", CASES, {"seed": "7"}, "2026-11-28T20:00:00Z", "http://localhost"),
        Suite("two", CASES[:1]),
    ]
    root = ET.fromstring(render_suites("run", suites, seconds=3.14159))
    assert root.tag == "testsuites"
    counts = {"tests": "5", "failures": "1", "errors": "1", "skipped": "1"}
    assert root.attrib == {"name": "run", "time": "3.142", **counts}
    first, second = root
    assert first.attrib == {
        "name": "one", "timestamp": "2026-11-28T20:00:00", "hostname": "http://localhost",
        "time": "0.75", **counts, "tests": "4",
    }  # fmt: skip
    assert second.get("tests") == "1"
    assert [child.tag for child in first] == ["properties", *["testcase"] * 4]
    found = [[(child.tag, child.attrib, child.text) for child in case] for case in first[1:]]
    assert found == [
        [("system-out", {}, "advice")],
        [("failure", {"message": "expected 4, came 5", "type": "status"}, "all of it")],
        [("error", {"message": "no answer", "type": "untestable"}, None)],
        [("skipped", {"message": "skipped: asked for"}, None)],
    ]


def test_render_suite_has_the_suite_as_root() -> None:
    root = ET.fromstring(render_suite(Suite("coverage", CASES)))
    assert root.tag == "testsuite"
    assert root.get("failures") == "1"


@pytest.mark.parametrize("character", ["\0", "\x1b", "\x0b", "\ud800", "\ufffe", "\uffff", "\r"])
def test_render_suite_with_characters_that_xml_forbids_escapes_them(character: str) -> None:
    hostile = f"a{character}b<&\"'"
    case = Case(hostile, hostile, 0, "failure", hostile, hostile, hostile, hostile)
    root = ET.fromstring(render_suite(Suite(hostile, [case], {hostile: hostile}, "", hostile)))
    escaped = f"a\\u{ord(character):04x}b<&\"'"
    assert root.get("name") == root.get("hostname") == escaped
    failure = root.find("testcase/failure")
    assert failure is not None
    assert failure.text == failure.get("message") == failure.get("type") == escaped


def test_xml_text_other_characters_stay() -> None:
    assert xml_text("a\tb\r\nc ä 🙂 \ufffd") == "a\tb\nc ä 🙂 \ufffd"
