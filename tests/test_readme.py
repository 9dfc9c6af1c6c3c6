"""The commands of the README run as printed, with the output that it promises."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from cart_spec import load_contract

from scripts import rule_table
from tests.live import running_mock

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN_URL = "http://127.0.0.1:8080"
START = "scripts/mock"
NODE = shutil.which("node")
SDKS = ROOT / "tests/sdk"

pytestmark = pytest.mark.xdist_group("readme")


class Block(NamedTuple):
    """A fenced block of the README."""

    section: str
    language: str
    text: str


def blocks() -> list[Block]:
    found = []
    for part in re.split(r"^## ", README, flags=re.MULTILINE)[1:]:
        section = part.partition("\n")[0]
        for language, text in re.findall(r"^```(\w+)\n(.*?)^```$", part, re.MULTILINE | re.DOTALL):
            found.append(Block(section, language, text))
    return found


def texts(section: str, language: str) -> list[str]:
    return [
        block.text for block in blocks() if (block.section, block.language) == (section, language)
    ]


def shell(script: str, cwd: Path = ROOT) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def objects(printed: str) -> list[Any]:
    """The JSON values that were printed one after the other."""
    found, decoder = [], json.JSONDecoder()
    while printed := printed.lstrip():
        value, end = decoder.raw_decode(printed)
        found.append(value)
        printed = printed[end:]
    return found


@pytest.fixture(scope="module")
def started_mock() -> Iterator[str]:
    with running_mock(command=[str(ROOT / START)]) as url:
        yield url


def test_the_two_commands_come_first_and_ci_runs_the_second() -> None:
    first = re.search(r"(?:^    .*\n)+", README, re.MULTILINE)
    assert first is not None
    assert [line.split()[0] for line in first.group().splitlines()] == [START, "scripts/test"]
    assert all(os.access(ROOT / path, os.X_OK) for path in (START, "scripts/test", ".ci/run"))
    assert "scripts/test" in (ROOT / ".ci/run").read_text()


def test_every_command_of_the_readme_is_run_by_a_test_here() -> None:
    run = {
        "A first session with curl",
        "A first session with the SDK",
        "A shop to start with",
        "Working on it",
    }
    assert {block.section for block in blocks()} == run


def test_the_session_with_curl_prints_what_is_shown(started_mock: str) -> None:
    section = "A first session with curl"
    (shown,) = texts(section, "json")
    script = "".join(texts(section, "bash")).replace(SHOWN_URL, started_mock)
    # The last command, a DELETE, is answered 204: it adds nothing.
    cart, association, carts, refusal = objects(shell(script))
    assert cart["data"]["id"] == "gifts"
    assert carts["data"][0]["relationships"]["customers"] == association
    assert refusal == json.loads(shown)


@pytest.mark.skipif(NODE is None, reason="Node.js is not installed")
@pytest.mark.skipif(not (SDKS / "node_modules").is_dir(), reason="the SDKs are not installed")
def test_the_session_with_the_sdk_prints_what_is_shown(started_mock: str) -> None:
    section = "A first session with the SDK"
    (code,), (shown,) = texts(section, "js"), texts(section, "text")
    program = code.replace(SHOWN_URL.removeprefix("http://"), started_mock.removeprefix("http://"))
    assert NODE is not None
    done = subprocess.run(
        [NODE, "--input-type=module", "-e", program],
        cwd=SDKS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed = [line for line in done.stdout.splitlines() if not line.startswith("Token status")]
    assert printed == shown.splitlines()


def test_the_shop_to_start_with_is_served(tmp_path: Path) -> None:
    (script,) = texts("A shop to start with", "bash")
    preparation, _, arguments = script.partition(START)
    shell(preparation, tmp_path)
    options = [
        str(tmp_path / word) if word.endswith(".json") else word for word in arguments.split()
    ]
    with (
        running_mock(*options, command=[str(ROOT / START)]) as url,
        httpx.Client(base_url=url) as client,
    ):
        form = {"grant_type": "implicit", "client_id": "any-store"}
        access = client.post("/oauth/access_token", data=form).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {access}"
        login = {"email": "alice@example.com", "password": "correct horse"}
        token = {"type": "token", "authentication_mechanism": "password", **login}
        given = client.post("/v2/customers/tokens", json={"data": token}).json()["data"]["token"]
        carts = client.get("/v2/carts", headers={"X-Moltin-Customer-Token": given}).json()["data"]
    assert {cart["name"] for cart in carts} == {"Gifts", "The week's shopping"}


@pytest.mark.timeout(600)
def test_the_commands_for_working_on_it_succeed_and_every_rule_has_a_test() -> None:
    (script,) = texts("Working on it", "bash")
    tested = set(re.findall(r"^tested rule: (.+)$", shell(script), re.MULTILINE))
    rules = {rule.id for rule in load_contract().rules}
    assert not rules - tested, "rules that no test is marked with"
    assert not tested - rules, "markers of no rule"


def test_the_rule_table_is_that_of_the_catalogue() -> None:
    assert rule_table.with_table(README) == README, "run python -m scripts.regenerate"


@pytest.mark.parametrize("target", re.findall(r"\]\((?!https?:)([^)#]+)\)", README))
def test_a_link_leads_to_a_file(target: str) -> None:
    assert (ROOT / target).exists()
