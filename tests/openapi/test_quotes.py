"""Quotes are compared with saved copies of their sources, and carry the date of the reading."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

import pytest
from cart_spec.cli import main
from cart_spec.contract import CATALOGUE_KEY, load_contract
from cart_spec.implementations import Evidence
from cart_spec.lint import CHECKS, Subject
from click.testing import CliRunner, Result

from tests.openapi.documents import edited, rule_of

CONTRACT = load_contract()
UNDATED = [rule.id for rule in CONTRACT.rules if rule.source.read is None]
OVERVIEW = [rule.source.sentence for rule in CONTRACT.rules if rule.source.document == "overview"]
LOST = CONTRACT.rule("last-cart").source


def page(*sentences: str) -> str:
    """A page as a browser saves it: tags in sentences, entities, other quotation marks."""
    shown = (html.escape(each).replace(" ", "\n <b>", 1).replace(" a ", "&nbsp;a</b> ")
             for each in sentences)  # fmt: skip
    return "<script>no.text()</script>" + "".join(f"<p>{each}</p>" for each in shown)


def run(tmp_path: Path, text: str, *options: str) -> Result:
    path = tmp_path / "saved.html"
    path.write_text(text, encoding="utf-8")
    return CliRunner().invoke(main, ["quotes", f"overview={path}", *options])


def test_quotes_of_a_source_that_has_them_are_found(tmp_path: Path) -> None:
    result = run(tmp_path, page(*OVERVIEW))
    assert (result.exit_code, "0 of" in result.stdout) == (0, True), result.output
    assert (
        "quotes are of published, read by 2026-11-23, in the edition 2025-12 and" in result.stdout
    )
    assert "in the edition 2026-09. No copy of it was given." in result.stdout


def test_quotes_sentence_that_changed_is_reported_with_the_nearest_one(tmp_path: Path) -> None:
    quoted = next(each for each in OVERVIEW if len(each.split()) > 8)
    words = quoted.split()
    now = " ".join([*words[:3], "certainly", *words[4:]])
    text = page(now, *(each for each in OVERVIEW if each != quoted))
    result = run(tmp_path, text, "--format", "json")
    findings = [e for e in json.loads(result.stdout)["findings"] if e["severity"] == "error"]
    assert result.exit_code == 1
    assert {each["id"] for each in findings} == {"quote-missing"}
    assert all(quoted in each["message"] for each in findings)
    assert "certainly" in findings[0]["advice"]
    assert findings[0]["line"] > 1


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("overview", "write SOURCE=FILE; the sources are overview,"),
        ("nowhere=saved.html", "write SOURCE=FILE"),
        ("overview=absent.html", "cannot be read"),
    ],
)
def test_quotes_bad_argument_is_refused_in_one_line(argument: str, told: str) -> None:
    result = CliRunner().invoke(main, ["quotes", argument])
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (2, "", 1)
    assert told in result.stderr


def problems(check_id: str, edit: Any) -> list[str]:
    subject = Subject(edited(edit), Evidence())
    assert subject.contract is not None
    return [problem.message for problem in CHECKS[check_id].run(subject)]


def test_check_source_whose_date_is_unknown_has_to_say_so() -> None:
    def silent(data: dict[str, Any]) -> None:
        del data[CATALOGUE_KEY]["documents"][LOST.document]["read"]

    of_document = [
        rule.id
        for rule in CONTRACT.rules
        if rule.source.document == LOST.document and rule.id in UNDATED
    ]
    assert problems("source-read-missing", lambda _: None) == []
    assert len(problems("source-read-missing", silent)) == len(of_document)


def test_quotes_date_of_a_quote_goes_before_that_of_its_source(tmp_path: Path) -> None:
    def dated(data: dict[str, Any]) -> None:
        data[CATALOGUE_KEY]["documents"]["overview"]["read"] = "2026-11-20"
        rule_of(data, "payload-not-array")["source"]["read"] = "2026-11-21"

    path = tmp_path / "dated.yaml"
    path.write_text(json.dumps(edited(dated).data), encoding="utf-8")
    result = run(tmp_path, page(), "--contract", str(path))
    assert result.stdout.count("The source was read on 2026-11-21.") == 1, result.stdout
    missing = result.stdout.count("The source was read on 2026-11-20.")
    assert missing == len(OVERVIEW) - 1


def test_check_one_source_with_a_date_asks_for_those_of_the_others() -> None:
    def dated(data: dict[str, Any]) -> None:
        for name, entry in data[CATALOGUE_KEY]["documents"].items():
            entry.pop("read", None)
            if name != LOST.document:
                entry["read"] = "2026-11-20"
        rule_of(data, "last-cart")["source"]["read"] = "2026-11-20"

    told = problems("source-read-missing", dated)
    of_document = [
        rule.id
        for rule in CONTRACT.rules
        if rule.source.document == LOST.document and rule.id in UNDATED
    ]
    assert len(told) == len(of_document) - 1
    assert not any("last-cart was read" in each for each in told)


@pytest.mark.parametrize("read", ["2026-02-30", "9999-01-01", "by 9999-01-01"])
def test_check_date_that_is_none_or_to_come_is_reported(read: str) -> None:
    def dated(data: dict[str, Any]) -> None:
        for entry in data[CATALOGUE_KEY]["documents"].values():
            entry["read"] = "2026-11-20"
        rule_of(data, "last-cart")["source"]["read"] = read

    assert problems("source-read-missing", dated) == [f"{read} is not a date in the past."]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Invalid json payload", False),
        ("Invalid JSON payload.", False),  # letter case and a full stop do not count
        ("Invalid json payloads", True),
        ("The body is wrong", True),
    ],
)
def test_check_text_that_its_sentence_has_not_is_reported(text: str, found: bool) -> None:
    def reworded(data: dict[str, Any]) -> None:
        rule_of(data, "payload-not-array")["text"] = text

    assert bool(problems("rule-text-misquoted", reworded)) is found
