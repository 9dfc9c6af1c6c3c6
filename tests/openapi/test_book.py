"""The rule book has everything in it, needs no network, and shows what the mock answers."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from cart_spec.book.observation import read_observation
from cart_spec.book.recording import RECORDING_PATH, load_recording
from cart_spec.book.render import BookFormat, render
from cart_spec.cli import main
from cart_spec.contract import Rule, contract_of, load_contract
from cart_spec.implementations import Evidence
from cart_spec.source import UnreadableDocumentError
from click.testing import CliRunner

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
    wanted = [rule.condition, rule.level, rule.source.sentence, rule.source.page]
    wanted += [text for text in (rule.text, rule.detail, rule.freedom, rule.beyond_run) if text]
    wanted += [str(status) for status in rule.statuses]
    wanted += [] if rule.beyond_run else ["get/a case of its own"]
    wanted += [each.answer for each in load_recording().exchanges[rule.id]]
    for text in wanted:
        assert plain(text) in article
        assert plain(text) in section


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
