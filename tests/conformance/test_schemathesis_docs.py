"""The commands and the code of docs/schemathesis.md, run against an intact and a broken mock."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cart_mock.testing import CartMock

from tests.conformance.kills import intact_mock

PAGE = (Path(__file__).parents[2] / "docs" / "schemathesis.md").read_text("utf-8")
SECTIONS = {
    title: re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for title, _, text in (
        part.partition("\n") for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)
    )
}
((_, EXPORTS),) = SECTIONS["# The contract's rules as Schemathesis checks"]
((_, COMMAND),) = SECTIONS["With the command"]
((_, TESTS),) = SECTIONS["In a pytest file"]
((_, MACHINE),) = SECTIONS["As a state machine"]
((_, TITLE),) = SECTIONS["What you see"]
FEW_EXAMPLES = """\
from hypothesis import settings

settings.register_profile("few", max_examples=20, derandomize=True, database=None)
settings.load_profile("few")
"""
BROKEN = "type-not-customer:accepted"


@pytest.fixture(scope="module")
def intact() -> Iterator[httpx.Client]:
    with intact_mock() as client:
        yield client


def run(script: str, mock: CartMock, folder: Path) -> tuple[int, str]:
    """Run commands of the page as a shell does. Gives the exit status and what was printed."""
    placed = EXPORTS.replace("http://127.0.0.1:8080", mock.url).replace("my-store", mock.client_id)
    commands = Path(sys.executable).parent
    environment = {
        "PATH": f"{commands}:{os.environ['PATH']}",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "HOME": str(folder),
        "XDG_STATE_HOME": str(folder / "state"),
        "LANG": "C.UTF-8",
    }
    done = subprocess.run(
        ["sh", "-ec", placed.replace("my-secret", mock.client_secret) + script],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=170, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def in_a_file(code: str, folder: Path) -> str:
    """The command that runs a test file with this code in it."""
    (folder / "conftest.py").write_text(FEW_EXAMPLES)
    (folder / "test_carts.py").write_text(code)
    return "pytest -q -p no:cacheprovider test_carts.py"


def short(script: str) -> str:
    """The command, made to try a few cases only."""
    assert "--seed 1" in script
    return script.replace("--seed 1", "--seed 1 --phases coverage --include-tag associations")


def journals(folder: Path) -> list[Path]:
    """What is left of runs that could not clean up."""
    return list((folder / "state").rglob("*.jsonl"))


def test_command_on_the_intact_mock_passes_and_cleans_up(
    intact: httpx.Client, tmp_path: Path
) -> None:
    mock = CartMock(intact)
    status, printed = run(short(COMMAND), mock, tmp_path)
    assert status == 0, printed
    assert "4 selected / " in printed
    requests = mock.requests()
    assert any(each["operation"] == "deleteCustomer" for each in requests)
    assert journals(tmp_path) == []
    assert mock.client_secret not in printed


def test_command_on_a_broken_mock_names_the_rule(intact: httpx.Client, tmp_path: Path) -> None:
    mock = CartMock(intact)
    mock.breaks(BROKEN)
    status, printed = run(short(COMMAND), mock, tmp_path)
    assert status == 1, printed
    assert TITLE.strip() in printed
    assert journals(tmp_path) == []


def test_command_without_its_variables_says_which(intact: httpx.Client, tmp_path: Path) -> None:
    script = "unset CART_CONFORMANCE_CLIENT_SECRET\n" + COMMAND
    status, printed = run(script, CartMock(intact), tmp_path)
    assert status != 0
    assert "CART_CONFORMANCE_CLIENT_SECRET" in " ".join(printed.split())


@pytest.mark.parametrize("broken", [False, True])
def test_pytest_file_fails_on_a_broken_mock_only(
    broken: bool, intact: httpx.Client, tmp_path: Path
) -> None:
    mock = CartMock(intact)
    if broken:
        mock.breaks(BROKEN)
    status, printed = run(in_a_file(TESTS, tmp_path), mock, tmp_path)
    assert status == int(broken), printed
    assert (TITLE.strip() in printed) is broken
    assert journals(tmp_path) == []


@pytest.mark.parametrize("broken", [False, True])
def test_state_machine_fails_on_a_broken_mock_only(
    broken: bool, intact: httpx.Client, tmp_path: Path
) -> None:
    mock = CartMock(intact)
    if broken:
        mock.breaks("association-visible:not-stored")
    code = TESTS[: TESTS.index("@schema")] + MACHINE
    status, printed = run(in_a_file(code, tmp_path), mock, tmp_path)
    assert status == int(broken), printed
    assert ("association-visible: effect" in printed) is broken
    assert journals(tmp_path) == []
