"""Each command on the page about the review does what the page says."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from cart_conformance.traffic.command import traffic
from cart_spec.cli import main
from cart_spec.contract import CONTRACT_PATH, load_contract
from cart_spec.diff import KINDS
from click.testing import CliRunner

PAGE = Path(__file__).parents[2] / "docs" / "spec-review.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.strip().splitlines()]

SHOP = {
    "log": {
        "entries": [
            {
                "startedDateTime": "2026-11-23T22:00:00Z",
                "request": {
                    "method": "GET",
                    "url": "https://shop.example.com/v2/carts",
                    "headers": [],
                },
                "response": {
                    "status": 401,
                    "content": {
                        "mimeType": "application/json",
                        "text": '{"errors": [{"status": 401, "title": "Unauthorised"}]}',
                    },
                },
            }
        ]
    }
}
JOURNAL = {
    "data": [
        {
            "at": "2026-11-23T22:00:00Z",
            "operation": "getCarts",
            "method": "GET",
            "path": "/v2/carts",
            "status": 200,
            "headers": {"authorization": "[redacted]"},
            "caller": {"grant": "client_credentials", "customer_id": None},
            "answer": {
                "headers": {"content-type": "application/json"},
                "body": load_contract().example("cart-page-empty"),
            },
        }
    ]
}
VENDOR = {
    "openapi": "3.1.0",
    "info": {"title": "Carts", "version": "1"},
    "paths": {"/v2/carts": {"get": {"responses": {"200": {"description": "Carts."}}}}},
}
REPORT = {
    "target": "https://shop.example.com",
    "started_at": "2026-11-23T22:00:00Z",
    "rules": [{"id": "last-cart", "verdict": "conforms", "deviations": []}],
}


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with the files that the page names, and cart-spec with all its commands."""

    class Announced:
        name = "traffic"
        value = "cart_conformance.traffic.command:traffic"

        def load(self) -> Any:
            return traffic

    monkeypatch.setattr("cart_spec.cli.entry_points", lambda **_: [Announced()])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "openapi").mkdir()
    for name in ("contract.yaml", "released.yaml", "openapi/contract.yaml"):
        shutil.copy(CONTRACT_PATH, tmp_path / name)
    # As if it were a revision; test_versions has real ones.
    (tmp_path / "HEAD~1:openapi").mkdir()
    shutil.copy(CONTRACT_PATH, tmp_path / "HEAD~1:openapi/contract.yaml")
    for name in ("overview.html", "carts.yaml"):
        (tmp_path / name).write_text("nothing")
    settings = re.findall(r"```yaml\n(severities.*?)```", TEXT, re.DOTALL)
    (tmp_path / "review.yaml").write_text(settings[0])
    (tmp_path / "reports").mkdir()
    for path, content in (
        ("vendor.json", VENDOR),
        ("shop.har", SHOP),
        ("journal.json", JOURNAL),
        ("traffic.json", REPORT),
        ("reports/report.json", REPORT),
    ):
        (tmp_path / path).write_text(json.dumps(content))
    return tmp_path


def test_the_page_shows_commands() -> None:
    assert len(COMMANDS) >= 10
    assert {shlex.split(command)[0] for command in COMMANDS} == {"cart-spec"}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_on_the_page_works(command: str, workplace: Path) -> None:
    result = CliRunner().invoke(main, shlex.split(command)[1:])
    # Ours promises more than the vendor's small document, which breaks servers of that.
    # The saved pages are empty here, so no quote is in them.
    finds = "vendor.json" in command or command.startswith("cart-spec quotes")
    assert result.exit_code == (1 if finds else 0), result.output
    for output in re.findall(r"-o (\S+)", command):
        assert (workplace / output).stat().st_size > 0


def test_the_table_of_changes_is_that_of_the_tool() -> None:
    rows = {
        "a request may hold more": "request-wider",
        "a request may hold less": "request-narrower",
        "an answer may hold more": "response-wider",
        "an answer promises more": "response-narrower",
        "a new optional member in an answer": "response-property-added",
        "a published text, a status": "rule-text-changed",
        "a rule's wording, freedom or order": "rule-condition-changed",
    }
    for words, kind in rows.items():
        assert f"| {words} | {KINDS[kind].clients} | {KINDS[kind].servers} |" in TEXT


def test_every_command_is_on_the_page() -> None:
    assert {shlex.split(command)[1] for command in COMMANDS} == {*main.commands, "traffic"}
