"""The rule book has everything in it, needs no network, and shows what the mock answers."""

from __future__ import annotations

import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from cart_spec.book.cases import CaseGroup, grouped_cases
from cart_spec.book.changelog import CHANGELOG_PATH, load_changelog, versions
from cart_spec.book.observation import NothingObservedError, read_observation
from cart_spec.book.recording import RECORDING_PATH, load_recording
from cart_spec.book.render import LEVELS, BookFormat, exact_of, level_of, render
from cart_spec.book.words import EVERYDAY, everyday
from cart_spec.cli import main
from cart_spec.contract import GROUPS, Rule, contract_of, load_contract
from cart_spec.implementations import Evidence
from cart_spec.source import UnreadableDocumentError
from click.testing import CliRunner

from tests.openapi.documents import changed, rule_of
from tests.openapi.recorder import SCENES, dumped, record

CONTRACT = load_contract()
CASES = Evidence(None, {rule.id: (f"{rule.id}/get/a case of its own",) for rule in CONTRACT.rules})

Report = dict[str, Any]


class Page(HTMLParser):
    """The ids, the addresses that a browser would fetch, and the text of each article."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.fetched: list[str] = []
        self.articles: dict[str, str] = {}
        self._article: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if "id" in values:
            assert values["id"] not in self.ids, f"{values['id']} stands twice"
            self.ids.add(str(values["id"]))
        if tag == "a":
            self.links.add(str(values.get("href")))
        elif str(values.get("href")).startswith("data:"):
            pass  # such as the icon: without one a browser asks the server for /favicon.ico
        elif values.get("href") or values.get("src") or tag in {"link", "img", "iframe", "base"}:
            self.fetched.append(tag)
        if tag == "article":
            self._article = str(values["id"])
            self.articles[self._article] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "article":
            self._article = None

    def handle_data(self, data: str) -> None:
        if self._article is not None:
            self.articles[self._article] += data


@pytest.fixture(scope="module")
def html() -> str:
    return render(CONTRACT, CASES)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


@pytest.fixture(scope="module")
def markdown() -> str:
    return render(CONTRACT, CASES, "markdown")


def plain(text: str) -> str:
    return " ".join(text.replace("`", "").split())


@pytest.mark.parametrize("rule", CONTRACT.rules, ids=lambda rule: rule.id)
def test_a_rule_has_all_that_a_reader_asks_for(rule: Rule, page: Page, markdown: str) -> None:
    article = plain(page.articles[rule.id])
    section = plain(markdown.split(f"\n### {rule.id}\n")[1].split("\n### ", maxsplit=1)[0])
    wanted = [
        rule.condition,
        level_of(rule),
        exact_of(rule),
        rule.source.sentence,
        rule.source.page,
    ]
    wanted += [text for text in (rule.text, rule.detail, rule.freedom, rule.beyond_run) if text]
    wanted += [str(status) for status in rule.statuses]
    wanted += [] if rule.beyond_run else ["get: a case of its own"]
    wanted += [each.answer for each in load_recording().exchanges[rule.id]]
    for text in wanted:
        assert plain(text) in article, text
        assert plain(text) in section, text


def test_groups_have_a_title_for_each_group_of_rules() -> None:
    assert {rule.group for rule in CONTRACT.rules} == set(GROUPS)


def test_it_needs_no_network(html: str, page: Page) -> None:
    assert page.fetched == []
    assert not re.search(r"url\(\s*['\"]?(https?:)?//|@import|fetch\(|XMLHttpRequest", html)


def test_render_with_html_gives_the_page_an_icon_of_its_own(html: str) -> None:
    assert '<link rel="icon" href="data:,">' in html


@pytest.mark.parametrize("form", ["html", "markdown"])
def test_render_without_a_suite_names_only_what_no_run_can_check(form: BookFormat) -> None:
    text = render(CONTRACT, Evidence(), form)
    beyond = [rule for rule in CONTRACT.rules if rule.beyond_run]
    assert text.count("Checked by") == len(beyond) > 0


def test_its_links_lead_somewhere(page: Page) -> None:
    inner = {link.removeprefix("#") for link in page.links if link.startswith("#")}
    assert inner - page.ids == set()
    assert {link for link in page.links if not link.startswith(("#", "https://"))} == set()


def test_every_operation_protocol_error_and_disagreement_is_in_it(html: str, markdown: str) -> None:
    for form in (html, markdown):
        for operation_id, (method, path) in CONTRACT.operations.items():
            assert operation_id in form
            assert path in form
            assert method in form
        for error in CONTRACT.protocol_errors:
            assert error.text in form
    for entry in CONTRACT.disagreements:
        assert plain(entry.decision) in plain(markdown)
        assert f'id="disagreement-{entry.id}"' in html


def test_the_order_of_judgement_is_that_of_the_catalogue(html: str) -> None:
    flow = html.split('aria-labelledby="flow-title"')[1].split("</svg>", maxsplit=1)[0]
    shown = re.findall(r'class="id">([a-z-]+)<', flow)
    association = {"createCustomerCartAssociation", "deleteCustomerCartAssociation"}
    judged = [r.id for r in CONTRACT.rules if r.is_refusal and association & set(r.operations)]
    assert shown == judged


def test_the_permissions_are_those_that_were_recorded(html: str) -> None:
    matrix = html.split('aria-labelledby="matrix-title"')[1].split("</svg>", maxsplit=1)[0]
    statuses = [int(status) for status in re.findall(r"[✓✗] (\d+)", matrix)]
    recorded = [s for row in load_recording().permissions for s in row.statuses.values()]
    assert statuses == recorded


def test_text_of_the_contract_cannot_become_markup() -> None:
    document = json.loads(json.dumps(CONTRACT.document))
    document["info"]["title"] = "<script>alert(1)</script>"
    document["x-rule-catalogue"]["rules"][0]["condition"] = "</article><script>alert(2)</script>."
    assert "<script>alert" not in render(contract_of(document), Evidence())


def test_every_rule_has_a_scene() -> None:
    assert set(SCENES) == {rule.id for rule in CONTRACT.rules}


@pytest.fixture(scope="module")
def recording() -> dict[str, Any]:
    return record()


def test_the_recording_is_what_the_mock_answers_now(recording: dict[str, Any]) -> None:
    shipped = RECORDING_PATH.read_text(encoding="utf-8")
    assert dumped(recording) == shipped, "run python -m tests.openapi.recorder and look at the diff"


@pytest.mark.parametrize(
    "rule", [rule for rule in CONTRACT.rules if rule.is_refusal], ids=lambda rule: rule.id
)
def test_the_example_of_a_refusal_shows_that_refusal(rule: Rule, recording: dict[str, Any]) -> None:
    answer = recording["exchanges"][rule.id][-1]["answer"]
    assert answer["status"] == rule.status
    assert answer["body"]["errors"][0]["title"] == rule.text


def test_no_token_or_secret_is_in_the_recording(recording: dict[str, Any]) -> None:
    text = dumped(recording)
    assert not re.search(r"eyJ[\w-]+\.", text)
    assert "my-secret" not in text


# ---- Levels, cases and words ----


@pytest.mark.parametrize("rule", CONTRACT.rules, ids=lambda rule: rule.id)
def test_one_fact_has_one_level(rule: Rule, page: Page) -> None:
    article = plain(page.articles[rule.id])
    head = article.split(plain(rule.condition))[0].removeprefix(rule.id).strip()
    if rule.exact == rule.level:
        assert head == rule.level
        assert exact_of(rule) == ""
    elif rule.is_refusal:
        assert head == f"refusal {rule.level}"
        assert f"answer {rule.exact}" in article
    else:
        assert head == f"{rule.level}, in part {rule.exact}"
        assert rule.freedom, "says which part"


def test_levels_are_explained(html: str) -> None:
    assert all(meaning in unescape(html) for meaning in LEVELS.values())


def test_cases_that_differ_in_operation_or_caller_stand_together() -> None:
    names = [
        f"a-rule/{operation}/{title}"
        for operation in ("post", "delete")
        for title in ("no body, shopper", "no body, administrator", "null, shopper", "text")
    ] + ["a-rule/get/text", "a-rule/alone"]
    assert grouped_cases("a-rule", names) == [
        CaseGroup(
            ("post", "delete"), ("no body (shopper, administrator)", "null, shopper", "text")
        ),
        CaseGroup(("get",), ("text",)),
        CaseGroup((), ("alone",)),
    ]


def test_everyday_words_are_about_rules_that_exist() -> None:
    known = {rule.id for rule in CONTRACT.rules} | {e.id for e in CONTRACT.protocol_errors}
    assert EVERYDAY.keys() - known == set()
    assert everyday("account-not-found") == everyday("customer-not-found").replace(
        "customer", "account"
    )
    assert everyday("a-new-rule") == ""


# ---- What changed ----


def test_the_changelog_of_the_contract_is_in_the_book(html: str, markdown: str) -> None:
    (newest, *_) = load_changelog()
    assert newest.name == CONTRACT.version
    for form in (plain(re.sub(r"<[^>]+>", "", unescape(html))), plain(markdown)):
        for version in load_changelog():
            for change in version.changes:
                assert plain(change.title) in form
                for label, text in change.points:
                    assert label in form
                    assert plain(text) in form


def test_a_rule_names_the_versions_in_which_it_changed(page: Page, markdown: str) -> None:
    assert "Changed in1.1.0" in plain(page.articles["cart-id-is-access"])
    assert "Changed in" not in page.articles["many-carts"]
    assert "- Changed in: 1.1.0" in markdown


def test_changelog_of_another_contract_is_not_in_the_book() -> None:
    document = {**CONTRACT.document, "info": {"title": "Mine", "version": "9.9.9"}}
    assert 'id="versions"' not in render(contract_of(document), Evidence())


def test_versions_reads_points_with_and_without_label() -> None:
    text = "# Title\n\n## 2\n\n### `a` and `b`\n\n- **Now**: one\n  line.\n- Plain.\n\n## 1\n"
    newest, oldest = versions(text)
    assert newest.changes[0].names == ("a", "b")
    assert newest.changes[0].points == (("Now", "one line."), ("", "Plain."))
    assert oldest.changes == ()


def test_every_change_in_the_changelog_is_read() -> None:
    text = CHANGELOG_PATH.read_text(encoding="utf-8")
    changes = [change for version in load_changelog() for change in version.changes]
    assert len(changes) == len(re.findall(r"^### ", text, re.MULTILINE)) > 0
    assert all(change.points for change in changes)


@pytest.mark.parametrize("form", ["html", "markdown"])
def test_book_since_a_document_lists_what_changed(form: BookFormat, tmp_path: Path) -> None:
    old = changed(lambda data: rule_of(data, "last-cart").update(condition="It is the last."))
    (tmp_path / "old.json").write_text(json.dumps(old.data))
    output = tmp_path / "book"
    arguments = ["book", "--since", str(tmp_path / "old.json"), "--format", form]
    assert CliRunner().invoke(main, [*arguments, "-o", str(output)]).exit_code == 0
    text = plain(re.sub(r"<[^>]+>", " ", output.read_text()))
    section = text.split("What changed since")[-1]
    assert "last-cart: " in section.split("Versions")[0]


# ---- What was seen on deployments ----


def report(**changes: Any) -> Report:
    return {
        "target": "https://user:pass@shop.example.com/api/",
        "started_at": "2026-11-23T22:00:00Z",
        "rules": [
            {"id": "cart-not-found", "level": "interpretation", "verdict": "advice",
             "deviations": [{"operation": "createCustomerCartAssociation",
                             "expected": "404", "actual": "200"}]},
            {"id": "last-cart", "level": "documented", "verdict": "conforms", "deviations": []},
        ],
        **changes,
    }  # fmt: skip


def written(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "report.json"
    path.write_text(content)
    return path


@pytest.mark.parametrize("form", ["html", "markdown"])
def test_a_run_becomes_a_column(form: BookFormat, tmp_path: Path) -> None:
    seen = read_observation(written(tmp_path, json.dumps(report())), CONTRACT)
    text = plain(re.sub(r"<[^>]+>", " ", render(CONTRACT, CASES, form, [seen])))
    assert "2026-11-23" in text
    assert "shop.example.com/api" in text
    assert "differs, as advice" in text
    assert "createCustomerCartAssociation: expected 404, came 200" in text
    assert "not in the report" in text
    assert "user:pass" not in text


@pytest.mark.parametrize("form", ["html", "markdown"])
def test_observation_shows_which_cases_differed(form: BookFormat, tmp_path: Path) -> None:
    deviations = [
        {"case": f"payload-not-array/post/bytes that are no UTF-8, {caller}", "operation": "post",
         "title": f"bytes that are no UTF-8, {caller}", "expected": "403", "actual": "400"}
        for caller in ("shopper", "administrator")
    ]  # fmt: skip
    rule = {"id": "payload-not-array", "verdict": "advice", "cases": 84, "deviations": deviations}
    seen = read_observation(written(tmp_path, json.dumps(report(rules=[rule]))), CONTRACT)
    text = plain(re.sub(r"<[^>]+>", " ", render(CONTRACT, CASES, form, [seen])))
    assert "2 of 84 cases: bytes that are no UTF-8 (shopper, administrator)" in text


def never_started() -> Report:
    rules = [{"id": "last-cart", "verdict": "error", "cases": 0, "deviations": []}]
    return report(rules=rules, outcome="could-not-run", problem="http://x: connection refused")


def test_run_that_never_started_has_no_column(tmp_path: Path) -> None:
    with pytest.raises(NothingObservedError, match="never started: http://x: connection refused"):
        read_observation(written(tmp_path, json.dumps(never_started())), CONTRACT)
    (tmp_path / "good.json").write_text(json.dumps(report()))
    output = tmp_path / "book.html"
    arguments = ["observe", str(tmp_path / "good.json"), str(tmp_path / "report.json")]
    result = CliRunner().invoke(main, [*arguments, "-o", str(output)])
    assert result.exit_code == 0
    assert "report.json: left out, the run never started" in result.stderr
    columns = output.read_text().split('id="seen"')[1].split("</thead>")[0]
    assert columns.count("2026-11-23") == 1


def test_observe_with_nothing_but_runs_that_never_started_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps(never_started()))
    result = CliRunner().invoke(main, ["observe", str(path)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1


def test_two_deployments_stand_side_by_side(tmp_path: Path) -> None:
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    first.write_text(json.dumps(report(target="https://one.example.com")))
    second.write_text(json.dumps(report(target="https://two.example.com")))
    output = tmp_path / "book.html"
    arguments = ["observe", str(first), str(second), "-o", str(output)]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    columns = output.read_text().split('id="seen"')[1].split("</thead>")[0]
    assert columns.index("one.example.com") < columns.index("two.example.com")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("<html>", "is not JSON"),
        ("[]", "is not a conformance report"),
        ("{}", "has no list of rules"),
        ("[" * 100_000, "is not JSON"),
        (json.dumps(report(rules=[])), "judges no rule of this contract"),
        (json.dumps(report(rules=[{"id": "x", "verdict": "conforms"}])), "judges no rule"),
        (json.dumps(report(started_at=None)), "says nowhere when it started"),
    ],
)
def test_what_is_no_report_is_refused_in_one_line(content: str, told: str, tmp_path: Path) -> None:
    path = written(tmp_path, content)
    with pytest.raises(UnreadableDocumentError) as caught:
        read_observation(path, CONTRACT)
    assert told in str(caught.value)
    result = CliRunner().invoke(main, ["observe", str(path)])
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
