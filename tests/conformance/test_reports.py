"""Reports of every format contain the findings of a run, also with hostile text from a server."""

from __future__ import annotations

import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from cart_conformance.cli import cli
from cart_conformance.reports import FileReports, ReportDirError, TerminalReport
from cart_conformance.reports.document import DEVIATION_LIMIT, document, schema
from cart_conformance.reports.files import RENDERERS
from cart_conformance.reports.record import Record, unfinished
from cart_conformance.reports.text import clip, visible
from cart_conformance.results import CleanupFinished, Exchange, ExitStatus, Kind, Phase, Verdict
from cart_conformance.run.events import Event, PhaseFinished, RunFinished
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from tests.conformance.streams import (
    CONTRACT,
    DELETE,
    EXCHANGE,
    POST,
    STARTED,
    TARGET,
    deviation,
    finished,
    run,
)

HOSTILE = {
    "closing tags": "</script></pre></style>--><script>alert(1)</script>",
    "end of CDATA": "]]>]]&gt;<![CDATA[",
    "attributes": "\"' onmouseover=alert(1) x='",
    "control characters": "".join(map(chr, range(0x20))) + "\x7f\x80\x9f",
    "terminal escapes": "\x1b[31mred\x1b]0;title\x07",
    "lone surrogates": "\ud800 \udfff \udcff",
    "non-characters": "\ufffe\uffff\ufeff",
    "bidirectional marks": "\u202eabc\u2066",
    "rich markup": "[bold red]x[/] :smile: [link=http://x]y[/link]",
    "jinja": "{{ 7*7 }}{% raw %}",
    "json": '"},"verdict":"conforms","x":{"',
    "line separators": "a\u2028b\u2029c\r\rd\r\ne",
}

DEVIATING = {
    "type-not-customer": Verdict.DEVIATES,
    "delete-missing": Verdict.ADVICE,
    "customer-unknown": Verdict.UNTESTABLE,
    "email-taken": Verdict.ERROR,
}
DEVIATIONS = (deviation(), deviation("delete-missing", DELETE, expected="204", actual="404"))


def deviating_run(**changes: Any) -> list[Event]:
    """A run with one rule of each verdict."""
    return run(
        DEVIATING,
        DEVIATIONS,
        exit_status=ExitStatus.DEVIATES,
        reason="the control failed: 503",
        **changes,
    )


def hostile_run(text: str) -> list[Event]:
    """A run in which everything that a server can influence is ``text``."""
    exchange = Exchange(
        "POST", f"{TARGET}/{text}", (("X-Sent", text),), text, 200, ((text, text),), text, 0.1, text
    )
    lost = replace(exchange, status=None)
    own = [
        deviation(rule, POST, expected=text, actual=text, exchange=each, steps=(text,), case=text)
        for rule in ("type-not-customer", "cart-not-found")
        for each in (exchange, lost, None)
    ]
    verdicts = {"type-not-customer": Verdict.DEVIATES, "cart-not-found": Verdict.ADVICE}
    return run(
        verdicts | {"email-taken": Verdict.ERROR, "customer-unknown": Verdict.UNTESTABLE},
        tuple(own),
        exit_status=ExitStatus.DEVIATES,
        reason=text,
        problem=text,
        cleanup=CleanupFinished(1, (text,), (text,), 2, 0.1),
    )


def report_of(events: Sequence[Event]) -> dict[str, Any]:
    """The document of a run."""
    record = Record()
    for event in events:
        record.add(event)
    last = events[-1]
    assert isinstance(last, RunFinished)
    return document(record, last, CONTRACT)


def files_of(events: Sequence[Event], directory: Path) -> dict[str, bytes]:
    """What a run leaves in its directory for reports."""
    reports = FileReports(directory, CONTRACT)
    for event in events:
        reports.handle(event)
    return {path.name: path.read_bytes() for path in directory.iterdir()}


class Terminal(io.StringIO):
    """A stream that is, or is not, a terminal."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def told(events: Sequence[Event], *, terminal: bool = False) -> str:
    """What a terminal or a pipe shows of a run."""
    stream = Terminal(terminal=terminal)
    report = TerminalReport(stream, CONTRACT)
    for event in events:
        report.handle(event)
    return stream.getvalue()


def violations(report: Any) -> list[str]:
    """How a report breaks its schema."""
    errors = Draft202012Validator(schema()).iter_errors(report)
    return [f"{error.json_path}: {error.message}" for error in errors]


# --- JSON ---


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema())


RUNS: dict[str, list[Event]] = {
    "conforming": run(),
    "deviating": deviating_run(),
    "without a start": [
        finished(unfinished(STARTED, CONTRACT).verdicts, ExitStatus.COULD_NOT_RUN, "no answer")
    ],
    "incomplete": run(
        {"last-cart": Verdict.UNTESTABLE}, exit_status=ExitStatus.INCOMPLETE, reason="no carts"
    ),
    "lost connection": run(
        {"last-cart": Verdict.DEVIATES},
        (
            deviation(
                "last-cart",
                "deleteACart",
                exchange=replace(EXCHANGE, status=None, failure="reset", request_body=None),
                kind=Kind.SERVER_ERROR,
                layer=Phase.FUZZ,
            ),
        ),
        exit_status=ExitStatus.DEVIATES,
    ),
}


@pytest.mark.parametrize("name", RUNS)
def test_json_matches_its_schema(name: str, tmp_path: Path) -> None:
    report = json.loads(files_of(RUNS[name], tmp_path)["report.json"])
    assert violations(report) == []
    assert [rule["id"] for rule in report["rules"]] == [rule.id for rule in CONTRACT.rules]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("exit_status",), 5),
        (("seed",), None),
        (("rules", 0, "verdict"), "passed"),
        (("rules", 0, "operations", 0, "method"), "post"),
        (("rules", ..., "deviations", 0, "exchange", "curl"), 7),
        (("started_at",), "yesterday"),
        (("counts",), {"conforms": 56}),
    ],
)
def test_the_schema_refuses_what_is_no_report(path: tuple[Any, ...], value: Any) -> None:
    report = report_of(deviating_run())
    deviating = next(i for i, rule in enumerate(report["rules"]) if rule["deviations"])
    place: Any = report
    for step in path[:-1]:
        place = place[deviating if step is ... else step]
    place[path[-1]] = value
    assert violations(report)


def test_json_says_who_when_what_and_how_it_ended() -> None:
    report = report_of(deviating_run())
    assert report["target"] == TARGET
    assert report["seed"] == 4711
    assert (report["exit_status"], report["outcome"]) == (1, "deviates")
    assert report["counts"] == {
        "conforms": len(CONTRACT.rules) - 6,
        "deviates": 1, "advice": 1, "untestable": 1, "skipped": 2, "error": 1,
    }  # fmt: skip
    assert sum(report["counts"].values()) == len(CONTRACT.rules)
    assert report["options"] == {
        "layers": ["directed", "model", "fuzz"], "strict": False, "texts": "fail", "rate": 0.0,
        "profile": "default", "insecure": False,
    }  # fmt: skip
    assert [layer["layer"] for layer in report["layers"]] == ["directed", "model"]


def test_json_gives_a_deviation_with_its_source_its_request_and_its_control() -> None:
    rules = {rule["id"]: rule for rule in report_of(deviating_run())["rules"]}
    rule = rules["type-not-customer"]
    source = CONTRACT.rule("type-not-customer").source
    assert rule["source"]["sentence"] == source.sentence
    (found,) = rule["deviations"]
    assert found["fails"] is True
    assert found["title"] == ""
    assert (found["method"], found["operation"]) == ("POST", POST)
    assert found["exchange"]["curl"].startswith("curl -i https://shop.example/api/v2/carts/")
    assert found["control"]["status"] == 204
    assert {o["operation"]: o["verdict"] for o in rule["operations"]} == {
        POST: "deviates",
        DELETE: "conforms",
    }
    assert rules["delete-missing"]["deviations"][0]["fails"] is False


@pytest.mark.parametrize(
    ("rule", "verdict", "expected"),
    [
        ("last-cart", Verdict.UNTESTABLE, True),
        ("last-cart", Verdict.ERROR, True),
        ("last-cart", Verdict.CONFORMS, False),
        ("last-cart", Verdict.SKIPPED, False),
        ("cart-expired", Verdict.SKIPPED, False),
        ("cart-not-found", Verdict.UNTESTABLE, False),
    ],
)
def test_only_documented_rules_leave_a_run_incomplete(
    rule: str, verdict: Verdict, *, expected: bool
) -> None:
    rules = {each["id"]: each for each in report_of(run({rule: verdict}))["rules"]}
    assert rules[rule]["leaves_incomplete"] is expected


def test_many_deviations_are_counted_and_those_that_fail_are_kept() -> None:
    number = DEVIATION_LIMIT + 7
    many = tuple(deviation(case=f"type-not-customer/{POST}/{i}") for i in range(number))
    *rest, end = run({"type-not-customer": Verdict.DEVIATES}, many)
    assert isinstance(end, RunFinished)
    only_the_last_fails = (False,) * (number - 1) + (True,)
    verdicts = tuple(
        replace(verdict, failing=only_the_last_fails) if verdict.deviations else verdict
        for verdict in end.verdicts
    )
    report = report_of([*rest, replace(end, verdicts=verdicts)])
    rules = {rule["id"]: rule for rule in report["rules"]}
    kept = rules["type-not-customer"]["deviations"]
    assert len(kept) == DEVIATION_LIMIT
    assert rules["type-not-customer"]["deviations_left_out"] == 7
    assert kept[0]["case"].endswith(f"/{DEVIATION_LIMIT + 6}")


# --- The directory ---


def test_every_report_is_there_whatever_the_run_came_to(tmp_path: Path) -> None:
    for name, events in RUNS.items():
        directory = tmp_path / name / "deeper"
        files = files_of(events, directory)
        assert sorted(files) == sorted(RENDERERS), name
        assert all(files.values())


def test_a_run_that_is_killed_leaves_no_verdict_and_not_that_of_an_earlier_run(
    tmp_path: Path,
) -> None:
    files_of(run(), tmp_path)
    files = files_of([STARTED], tmp_path)
    report = json.loads(files["report.json"])
    assert violations(report) == []
    assert report["exit_status"] == 2
    assert {rule["verdict"] for rule in report["rules"]} == {"error"}
    assert b"could not run" in files["badge.svg"]
    assert ET.fromstring(files["junit.xml"]).get("errors") != "0"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("ftp://shop.example",), "'ftp://shop.example' is not a base URL"),
        (("http://127.0.0.1:9", "--rules", "nope"), "no rule nope"),
        (("http://127.0.0.1:9", "--timeout", "0"), "timeout must be a number"),
        (("http://127.0.0.1:9", "--journal", "/dev/null/journal"), "the journal cannot be written"),
        (("http://127.0.0.1:9",), "could not be reached"),
        (("http://127.0.0.1:9", "--texts", "loudly"), "The options are wrong"),
        (("http://127.0.0.1:9", "--no-such-option"), "The options are wrong"),
        (("http://127.0.0.1:9", "two"), "The options are wrong"),
    ],
)
def test_a_run_that_could_not_be_made_is_reported_all_the_same(
    arguments: tuple[str, ...], problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    credentials = ("--client-id", "me", "--client-secret", "a-secret-that-must-not-show")
    directory = tmp_path / "reports"
    done = CliRunner().invoke(
        cli, ["run", *arguments, *credentials, "--report-dir", str(directory)]
    )
    assert done.exit_code == 2, done.output
    assert {path.name for path in directory.iterdir()} == set(RENDERERS)
    report = json.loads((directory / "report.json").read_text())
    assert violations(report) == []
    assert report["exit_status"] == 2
    assert problem in report["problem"]
    assert "a-secret-that-must-not-show" not in done.output + json.dumps(report)


def test_a_directory_that_cannot_be_written_is_refused_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportDirError, match="file: cannot be written"):
        FileReports(tmp_path / "file", CONTRACT)


# --- Hostile servers ---


@pytest.mark.parametrize("name", HOSTILE)
def test_json_holds_what_a_server_sent(name: str, tmp_path: Path) -> None:
    report = json.loads(files_of(hostile_run(HOSTILE[name]), tmp_path)["report.json"])
    assert violations(report) == []
    rules = {rule["id"]: rule for rule in report["rules"]}
    sent = re.sub("[\ud800-\udfff]", "\ufffd", HOSTILE[name])
    assert rules["type-not-customer"]["deviations"][0]["exchange"]["response_body"] == sent


@pytest.mark.parametrize("name", HOSTILE)
def test_junit_stays_xml(name: str, tmp_path: Path) -> None:
    root = ET.fromstring(files_of(hostile_run(HOSTILE[name]), tmp_path)["junit.xml"])
    texts = "".join(root.itertext())
    assert visible(HOSTILE[name].split("\n")[0].strip())[:20] in texts


@pytest.mark.parametrize("name", HOSTILE)
def test_html_shows_what_a_server_sent_and_obeys_none_of_it(name: str, tmp_path: Path) -> None:
    page = files_of(hostile_run(HOSTILE[name]), tmp_path)["report.html"].decode()
    parser = Outline()
    parser.feed(page)
    assert parser.tags == outline_of_a_tame_page(tmp_path / "tame")
    assert visible(HOSTILE[name]) in parser.text


def outline_of_a_tame_page(directory: Path) -> list[str]:
    """The tags and attributes of the page of the same run, with harmless text."""
    parser = Outline()
    parser.feed(files_of(hostile_run("tame"), directory)["report.html"].decode())
    return parser.tags


class Outline(HTMLParser):
    """The tags of a page with the names of their attributes, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(f"{tag} {' '.join(name for name, _ in attrs)}")
        self.links += [value for name, value in attrs if name in ("src", "href") and value]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_terminal_obeys_nothing_that_a_server_sent(name: str, *, terminal: bool) -> None:
    shown = told(hostile_run(HOSTILE[name]), terminal=terminal)
    tame = told(hostile_run("tame"), terminal=terminal)
    assert control_characters(shown) <= control_characters(tame)
    assert "]0;title\x07" not in shown
    assert "\x1b[31mred" not in shown


def control_characters(text: str) -> set[str]:
    """The control characters in ``text``."""
    return set(re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u202a-\u202e\u2066-\u2069]", text))


def test_a_body_of_ten_megabytes_is_cut_with_a_note(tmp_path: Path) -> None:
    files = files_of(hostile_run("x" * 10_000_000), tmp_path)
    assert all(len(content) < 1_000_000 for content in files.values())
    for name in ("report.json", "junit.xml", "report.html"):
        assert b"of 10,000,000 characters" in files[name], name


# --- Text ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain ä € 😀", "plain ä € 😀"),
        ("tab\tline\n", "tab\tline\n"),
        ("\r\n", "\n"),
        ("\x00\x1b\x7f", "␀␛␡"),
        ("\x85\u202e\ufffe", "\\u0085\\u202e\\ufffe"),
        ("\ud83d", "\ufffd"),
    ],
)
def test_what_shows_as_nothing_is_made_visible(text: str, expected: str) -> None:
    assert visible(text) == expected


def test_text_is_cut_only_when_it_is_too_long() -> None:
    assert clip("x" * 10, 10) == "x" * 10
    assert clip("x" * 11, 10) == "xxxxxxxxxx\n… (cut after 10 of 11 characters)"


# --- JUnit ---


def test_junit_has_a_case_for_each_rule_and_method() -> None:
    root = ET.fromstring(RENDERERS["junit.xml"](report_of(run())))
    found = [(c.get("classname"), c.get("name")) for c in root.iter("testcase")]
    assert found[0] == ("run", "is finished")
    assert sorted(found[1:]) == sorted(
        (f"{rule.group}.{rule.id}", " ".join(CONTRACT.operations[operation]))
        for rule in CONTRACT.rules
        for operation in rule.operations
    )


@pytest.mark.parametrize(
    ("rule", "verdict", "element"),
    [
        ("last-cart", Verdict.CONFORMS, None),
        ("last-cart", Verdict.DEVIATES, "failure"),
        ("last-cart", Verdict.ERROR, "error"),
        ("last-cart", Verdict.UNTESTABLE, "error"),
        ("cart-not-found", Verdict.UNTESTABLE, "skipped"),
        ("cart-not-found", Verdict.ERROR, "skipped"),
        ("last-cart", Verdict.SKIPPED, "skipped"),
        ("cart-not-found", Verdict.ADVICE, "system-out"),
    ],
)
def test_junit_tells_the_verdicts_apart(rule: str, verdict: Verdict, element: str | None) -> None:
    operation = CONTRACT.rule(rule).operations[0]
    own = (deviation(rule, operation),) if verdict in ("deviates", "advice") else ()
    root = ET.fromstring(RENDERERS["junit.xml"](report_of(run({rule: verdict}, own, reason="why"))))
    name = " ".join(CONTRACT.operations[operation])
    (case,) = (
        case
        for case in root.iter("testcase")
        if case.get("classname", "").endswith(f".{rule}") and case.get("name") == name
    )
    assert [child.tag for child in case] == ([element] if element else [])


@pytest.mark.parametrize("name", RUNS)
def test_junit_keeps_to_the_schema_that_its_readers_follow(name: str) -> None:
    root = ET.fromstring(RENDERERS["junit.xml"](report_of(RUNS[name])))
    assert junit_faults(root) == []


@pytest.mark.parametrize("name", RUNS)
def test_junit_is_red_exactly_when_the_exit_status_is_not_0(name: str) -> None:
    report = report_of(RUNS[name])
    root = ET.fromstring(RENDERERS["junit.xml"](report))
    red = root.get("failures") != "0" or root.get("errors") != "0"
    assert red == (report["exit_status"] != 0)


JUNIT_ATTRIBUTES = {
    "testsuite": {
        "name",
        "tests",
        "failures",
        "errors",
        "skipped",
        "time",
        "timestamp",
        "hostname",
    },
    "testcase": {"name", "classname", "time"},
    "failure": {"message", "type"},
    "error": {"message", "type"},
    "skipped": {"message"},
    "property": {"name", "value"},
}
JUNIT_CHILDREN = {
    "testsuites": ["testsuite"],
    "testsuite": ["properties", "testcase"],
    "properties": ["property"],
    "testcase": ["failure", "error", "skipped", "system-out"],
}
JUNIT_COUNTS = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def junit_faults(root: ET.Element) -> list[str]:
    """How a document breaks what the usual JUnit schemas ask for in common."""
    faults = [] if root.tag == "testsuites" else [f"the root is {root.tag}"]
    for element in root.iter():
        missing = JUNIT_ATTRIBUTES.get(element.tag, set()) - set(element.attrib)
        faults += [f"{element.tag} lacks {name}" for name in missing]
        allowed = JUNIT_CHILDREN.get(element.tag, [])
        order = [allowed.index(child.tag) if child.tag in allowed else -1 for child in element]
        if -1 in order or order != sorted(order):
            faults.append(f"{element.tag} holds {[child.tag for child in element]}")
    for attribute in ("tests", *JUNIT_COUNTS):
        if root.get(attribute) != str(sum(int(suite.get(attribute, "")) for suite in root)):
            faults.append(f"the total of {attribute} is wrong")
    return faults + [fault for suite in root for fault in suite_faults(suite)]


def suite_faults(suite: ET.Element) -> list[str]:
    """How the counts and times of one suite do not fit its cases."""
    cases = suite.findall("testcase")
    faults = []
    for attribute, tag in JUNIT_COUNTS.items():
        if suite.get(attribute) != str(sum(case.find(tag) is not None for case in cases)):
            faults.append(f"{suite.get('name')} miscounts {attribute}")
    if suite.get("tests") != str(len(cases)):
        faults.append(f"{suite.get('name')} miscounts tests")
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp", "")):
        faults.append("a timestamp is none")
    if any(sum(case.find(tag) is not None for tag in JUNIT_COUNTS.values()) > 1 for case in cases):
        faults.append("a case came to two ends")
    return faults


# --- HTML ---


def test_html_needs_no_network_and_runs_nothing() -> None:
    page = RENDERERS["report.html"](report_of(deviating_run())).decode()
    outline = Outline()
    outline.feed(page)
    tags = {tag.split()[0] for tag in outline.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    published = {rule.source.url for rule in CONTRACT.rules}
    assert {link for link in outline.links if not link.startswith("#")} <= published
    assert "url(" not in page
    assert "@import" not in page


def test_html_has_a_row_for_each_rule_and_every_link_inside_leads_somewhere() -> None:
    page = RENDERERS["report.html"](report_of(deviating_run())).decode()
    outline = Outline()
    outline.feed(page)
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert {f"rule-{rule.id}" for rule in CONTRACT.rules} <= set(ids)
    assert {link[1:] for link in outline.links if link.startswith("#")} <= set(ids)


def test_html_shows_failures_unfolded_and_advice_folded() -> None:
    page = RENDERERS["report.html"](report_of(deviating_run())).decode()
    before_failure = page[: page.index('id="deviations-type-not-customer"')]
    before_advice = page[: page.index('id="deviations-delete-missing"')]
    assert before_failure.count("<details") == before_failure.count("</details>")
    assert before_advice.count("<details") == before_advice.count("</details>") + 1


def test_html_gives_the_command_that_repeats_the_run() -> None:
    page = RENDERERS["report.html"](report_of(run())).decode()
    assert f"cart-conformance run {TARGET} --seed 4711" in page


# --- The badge ---


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (RUNS["conforming"], f"conforms {CONTRACT.version}"),
        (RUNS["deviating"], f"1 of {len(CONTRACT.rules)} rules deviates"),
        (RUNS["without a start"], "could not run"),
        (RUNS["incomplete"], "incomplete"),
    ],
)
def test_the_badge_says_how_it_ended_to_the_eye_and_the_ear(
    events: list[Event], message: str
) -> None:
    root = ET.fromstring(RENDERERS["badge.svg"](report_of(events)))
    svg = "{http://www.w3.org/2000/svg}"
    assert root.tag == f"{svg}svg"
    assert root.get("role") == "img"
    assert root.get("aria-label") == f"cart associations: {message}"
    title = root.findtext(f"{svg}title") or ""
    assert message.split(maxsplit=1)[0] in title
    assert f"cart associations {CONTRACT.version}" in title
    assert "2026-11-23" in title
    assert "shop.example" in title
    assert [text.text for text in root.iter(f"{svg}text")] == ["cart associations", message]


# --- The terminal ---


def test_a_pipe_gets_neither_colour_nor_progress() -> None:
    shown = told(deviating_run())
    assert "\x1b" not in shown
    assert "\r" not in shown


@pytest.mark.parametrize("variable", [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_without_colour_gets_neither_colour_nor_progress(
    variable: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(*variable)
    shown = told(deviating_run(), terminal=True)
    assert "\x1b" not in shown


def test_a_terminal_gets_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[1;31mdeviates" in told(deviating_run(), terminal=True)


def test_progress_says_each_rule_and_operation_that_deviates_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    shown = told(deviating_run(), terminal=True)
    assert shown.count(f"  deviates  type-not-customer, {POST}") == 1
    assert f"type-not-customer, {DELETE}" not in shown
    assert "  deviates  type-not-customer" not in told(deviating_run())


def test_the_table_has_each_rule_and_failures_come_last() -> None:
    shown = told(deviating_run())
    for rule in CONTRACT.rules:
        assert re.search(rf"^{rule.id} +{rule.level} ", shown, re.MULTILINE), rule.id
    assert shown.index("Rule ") < shown.index("Advice") < shown.index("\nDeviations\n")
    last = shown[shown.index("\nDeviations\n") :]
    assert CONTRACT.rule("type-not-customer").source.sentence in last
    assert "  expected  400 The type does not exist or is not listed as customer\n" in last
    assert "  came      204\n" in last
    assert "  sent      curl -i " in last
    assert "  control   the same request without the fault: 204" in last
    assert "Deviates (exit status 1)" in last
    assert "seed 4711" in last


@pytest.mark.parametrize(
    ("requests", "said"), [(0, "0 requests"), (1, "1 request"), (2, "2 requests")]
)
def test_terminal_report_counts_requests_in_the_right_number(requests: int, said: str) -> None:
    *before, last = run()
    assert isinstance(last, RunFinished)
    assert f"\n{said} in " in told([*before, replace(last, requests=requests)])


def test_a_method_that_differs_from_its_rule_is_named() -> None:
    shown = told(deviating_run())
    assert re.search(r"type-not-customer .* POST deviates, DELETE conforms +6\n", shown)


def test_the_shortest_sequence_is_shown() -> None:
    steps = ("make cart 1", "associate cart 1 with customer A")
    events = run(
        {"association-visible": Verdict.DEVIATES},
        (deviation("association-visible", steps=steps, layer=Phase.MODEL),),
        exit_status=ExitStatus.DEVIATES,
    )
    assert "    1. make cart 1\n    2. associate cart 1 with customer A\n" in told(events)
    page = RENDERERS["report.html"](report_of(events)).decode()
    assert "<li>make cart 1</li><li>associate cart 1 with customer A</li>" in page


def test_what_is_left_behind_is_said_with_the_command_that_removes_it() -> None:
    events = run(cleanup=CleanupFinished(3, ("cart-1",), ("DELETE was refused.",), 4, 0.1))
    shown = told(events)
    assert "1 things are still there: cart-conformance cleanup run-7.journal" in shown
    assert "DELETE was refused." in shown


def test_a_layer_that_ended_early_says_why() -> None:
    shown = told([STARTED, PhaseFinished(Phase.FUZZ, 3, 4, 0.5, "the budget is spent")])
    assert "ended early: the budget is spent" in shown


def test_a_reader_that_went_away_stops_no_run() -> None:
    class Closed(Terminal):
        def write(self, text: str) -> int:
            raise BrokenPipeError(text)

    report = TerminalReport(Closed(terminal=False), CONTRACT)
    handled = 0
    for event in run():
        report.handle(event)
        handled += 1
    assert handled == len(run())
