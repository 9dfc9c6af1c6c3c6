"""The same findings in each format, and the exit status that goes with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from cart_spec.cli import main
from cart_spec.contract import CONTRACT_PATH
from cart_spec.findings import Finding, Review, as_github, as_json, as_sarif, as_text
from cart_spec.lint import CHECKS
from click.testing import CliRunner

FINDING = Finding(
    "an-id", "error", "dir/a,b.yaml", "/paths/~1a", 7, "100% wrong:\nso it is.", "Mend it.",
    {"clients": "breaking"},
)  # fmt: skip
REVIEW = Review("cart-spec check", [FINDING], {"an-id": "It is so"}, "1 to correct.")


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    data = yaml.safe_load(CONTRACT_PATH.read_text())
    del data["info"]["license"]
    path = tmp_path / "faulty.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return path


def test_text_tells_place_id_message_and_advice() -> None:
    text = as_text(REVIEW)
    for part in (
        "dir/a,b.yaml:7",
        "an-id",
        "100% wrong",
        "Mend it.",
        "/paths/~1a",
        "1 to correct.",
    ):
        assert part in text


def test_json_has_every_value() -> None:
    report = json.loads(as_json(REVIEW))
    assert report["counts"] == {"error": 1, "warning": 0, "note": 0}
    assert report["findings"] == [
        {
            "id": "an-id",
            "severity": "error",
            "document": "dir/a,b.yaml",
            "pointer": "/paths/~1a",
            "line": 7,
            "message": "100% wrong:\nso it is.",
            "advice": "Mend it.",
            "facts": {"clients": "breaking"},
            "uses": [],
            "also": [],
        }
    ]


def test_sarif_points_at_the_line_and_describes_each_rule() -> None:
    log = json.loads(as_sarif(REVIEW))
    run = log["runs"][0]
    result = run["results"][0]
    assert log["version"] == "2.1.0"
    assert result["level"] == "error"
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "an-id"
    place = result["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "dir/a,b.yaml"},
        "region": {"startLine": 7},
    }


@pytest.mark.parametrize(
    ("document", "uri"),
    [("a b#c.yaml", "sub/a%20b%23c.yaml"), ("../d%.yaml", "d%25.yaml")],
)
def test_as_sarif_of_a_file_in_a_repository_has_its_escaped_path_from_the_root(
    document: str, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    log = json.loads(as_sarif(replace(REVIEW, findings=[replace(FINDING, document=document)])))
    location = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"] == {"uri": uri}


def test_github_annotations_are_one_escaped_line_each() -> None:
    assert as_github(REVIEW) == (
        "::error file=dir/a%2Cb.yaml,line=7,title=an-id::"
        "100%25 wrong:%0Aso it is. Mend it. (/paths/~1a) [clients: breaking]"
    )


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
def test_a_fault_has_exit_status_1_in_every_format(form: str, faulty: Path) -> None:
    result = CliRunner().invoke(main, ["check", str(faulty), "--format", form])
    assert result.exit_code == 1
    assert "info-incomplete" in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
def test_a_report_can_be_written_to_a_file(form: str, faulty: Path, tmp_path: Path) -> None:
    output = tmp_path / "report"
    arguments = ["check", str(faulty), "--format", form, "-o", str(output)]
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "info-incomplete" in output.read_text()


def test_an_output_that_cannot_be_written_is_one_line(faulty: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["check", str(faulty), "-o", str(tmp_path)])
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)


def test_sarif_lists_every_check_that_was_made(faulty: Path) -> None:
    result = CliRunner().invoke(main, ["check", str(faulty), "--format", "sarif"])
    rules = json.loads(result.stdout)["runs"][0]["tool"]["driver"]["rules"]
    assert {rule["id"] for rule in rules} == set(CHECKS)


def drop_summary(data: dict[str, Any]) -> None:
    del data["paths"]["/v2/carts"]["get"]["summary"]


def unknown_type(data: dict[str, Any]) -> None:
    data["components"]["schemas"]["CartBody"]["type"] = 0


def responses_in_a_number(data: dict[str, Any]) -> None:
    data["paths"]["/v2/carts"]["get"]["responses"] = 5


@pytest.mark.parametrize(
    ("edit", "command", "status"),
    [
        (drop_summary, "check", 1),
        (drop_summary, "book", 0),
        (drop_summary, "diff", 0),
        (unknown_type, "check", 1),
        (unknown_type, "book", 0),
        (responses_in_a_number, "check", 1),
        (responses_in_a_number, "book", 2),
        (responses_in_a_number, "diff", 2),
    ],
)
def test_an_odd_document_is_judged_or_refused_in_one_line(
    edit: Callable[[dict[str, Any]], None], command: str, status: int, tmp_path: Path
) -> None:
    data = yaml.safe_load(CONTRACT_PATH.read_text())
    edit(data)
    path = tmp_path / "odd.json"
    path.write_text(json.dumps(data))
    files = [str(CONTRACT_PATH), str(path)] if command == "diff" else [str(path)]
    result = CliRunner().invoke(main, [command, *files])
    assert result.exit_code == status
    assert len(result.stderr.splitlines()) == (1 if status == 2 else 0)
