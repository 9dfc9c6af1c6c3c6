"""Severities can be changed, and findings accepted for a time."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cart_spec.cli import main
from click.testing import CliRunner, Result

from tests.openapi.small import small, written

NAME_AT = "/components/schemas/Thing/properties/name"
TODAY = datetime.now(UTC).date()


def acceptance(**fields: str) -> dict[str, str]:
    return {
        "id": "request-narrower",
        "at": NAME_AT,
        "reason": "Agreed with the shop.",
        "expires": TODAY.isoformat(),
        **fields,
    }


def diff(tmp_path: Path, *options: str, settings: Any = None, form: str = "json") -> Result:
    """Compare two documents: a name of the new one has at most 5 characters instead of 10."""
    old = written(tmp_path / "old.yaml", small())
    new = written(tmp_path / "new.yaml", small(maxLength=5, title="Name"))
    arguments = ["diff", str(old), str(new), "--format", form, *options]
    if settings is not None:
        arguments += ["--settings", str(written(tmp_path / "settings.yaml", settings))]
    return CliRunner().invoke(main, arguments)


def severities(result: Result) -> dict[str, str]:
    return {each["id"]: each["severity"] for each in json.loads(result.stdout)["findings"]}


def test_diff_fact_of_both_directions_is_one_finding_with_all_its_uses(tmp_path: Path) -> None:
    result = diff(tmp_path)
    (error,) = [e for e in json.loads(result.stdout)["findings"] if e["severity"] == "error"]
    assert result.exit_code == 1
    assert (error["id"], error["also"]) == ("request-narrower", ["response-narrower"])
    assert error["facts"] == {"clients": "breaking", "servers": "breaking"}
    assert error["uses"] == [
        "getThings: the 200 answer[].name",
        "createThing: the body.name",
        "createThing: the 201 answer.name",
    ]


def test_diff_text_groups_the_uses_by_their_place(tmp_path: Path) -> None:
    text = diff(tmp_path, form="text").stdout
    assert "in the 200 answer[].name of getThings; the body.name of createThing; the" in text


@pytest.mark.parametrize(
    ("switches", "severity", "status"),
    [
        (["request-narrower=warning"], "error", 1),  # it is a response-narrower, too
        (["request-narrower=warning", "response-narrower=note"], "warning", 0),
        (["request-narrower=off", "response-narrower=off"], None, 0),
    ],
)
def test_diff_severity_option_switches_the_finding(
    switches: list[str], severity: str | None, status: int, tmp_path: Path
) -> None:
    result = diff(tmp_path, *(f"--severity={each}" for each in switches))
    assert severities(result).get("request-narrower") == severity
    assert result.exit_code == status


def test_diff_settings_file_can_make_a_note_an_error(tmp_path: Path) -> None:
    settings = {"severities": {"wording-changed": "error"}, "accepted": [acceptance()]}
    result = diff(tmp_path, settings=settings)
    assert severities(result) == {"wording-changed": "error", "request-narrower": "note"}
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("fields", "status", "told"),
    [
        ({}, 0, f"until {TODAY}: Agreed with the shop."),
        ({"message": "maxLength was 10 and is 5"}, 0, "Agreed with the shop."),
        ({"message": "maxLength was 10 and is 4"}, 1, "Nothing is request-narrower at"),
        ({"at": "/components/schemas/Other"}, 1, "Nothing is request-narrower at"),
        ({"expires": (TODAY - timedelta(days=1)).isoformat()}, 1, "the acceptance expired on"),
    ],
)
def test_diff_acceptance_holds_for_its_finding_until_it_expires(
    fields: dict[str, str], status: int, told: str, tmp_path: Path
) -> None:
    for form in ("text", "markdown"):
        result = diff(tmp_path, settings={"accepted": [acceptance(**fields)]}, form=form)
        assert result.exit_code == status
        assert told in result.stdout


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"severitys": {}}, "has `severities` and `accepted`, and nothing else"),
        ({"severities": ["wording-changed"]}, "`severities` has to be a mapping"),
        ({"severities": {"request-narower": "off"}}, "it may be request-narrower"),
        ({"severities": {"request-narrower": "loud"}}, "write error, warning, note, off"),
        ({"accepted": [{"id": "request-narrower"}]}, "has the texts id, at, reason, expires"),
        ({"accepted": [acceptance(reason=" ")]}, "the reason is empty"),
        ({"accepted": [acceptance(expires="soon")]}, "write a date such as 2027-03-01"),
        ({"accepted": [acceptance(until="2027-01-01")]}, "has the texts"),
    ],
)
def test_diff_bad_settings_are_refused_in_one_line(
    settings: Any, told: str, tmp_path: Path
) -> None:
    result = diff(tmp_path, settings=settings)
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1
    assert told in result.stderr
    assert "settings.yaml: line" in result.stderr


def test_check_takes_severities_too(tmp_path: Path) -> None:
    path = written(tmp_path / "small.yaml", small())
    arguments = ["check", str(path), "--format", "json"]
    before = severities(CliRunner().invoke(main, arguments))
    assert before["info-incomplete"] == "error"
    switches = [f"--severity={each}=off" for each in before]
    result = CliRunner().invoke(main, [*arguments, *switches])
    assert (result.exit_code, json.loads(result.stdout)["findings"]) == (0, [])


def test_check_unknown_severity_is_refused_in_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["check", "--severity=no-such-check=off"])
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)


def test_diff_markdown_shows_text_as_it_is_and_mentions_no_user(tmp_path: Path) -> None:
    old = written(tmp_path / "old.yaml", small())
    data = small(pattern="^(a|b)<script>@octocat `#1`$")
    new = written(tmp_path / "new.yaml", data)
    result = CliRunner().invoke(main, ["diff", str(old), str(new), "--format", "markdown"])
    row = next(line for line in result.stdout.splitlines() if "request-narrower" in line)
    assert "a\\|b" in row
    assert "\\<script\\>" in row
    assert "@octocat" not in row
    assert row.replace("\\|", "").count("|") == 4


def test_diff_markdown_stays_below_the_limit_of_a_comment(tmp_path: Path) -> None:
    old, new = small(), small()
    properties = new["components"]["schemas"]["Thing"]["properties"]
    properties.update({f"member-{at}-{'x' * 200}": {"type": "string"} for at in range(400)})
    new["components"]["schemas"]["Thing"]["required"] = list(properties)
    files = written(tmp_path / "old.yaml", old), written(tmp_path / "new.yaml", new)
    result = CliRunner().invoke(main, ["diff", *map(str, files), "--format", "markdown"])
    assert len(result.stdout) < 65_536
    assert "more: see the whole report." in result.stdout
