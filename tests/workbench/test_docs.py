"""The commands and tests in docs/workbench.md run, and print what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import running_mock

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/workbench.md").read_text(encoding="utf-8")
SHOWN_URL = "http://127.0.0.1:8080"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sections() -> dict[str, list[tuple[str, str]]]:
    """Return the fenced blocks below each heading, with their languages."""
    parts = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    return {part.partition("\n")[0]: BLOCK.findall(part) for part in parts}


SECTIONS = sections()
COMMANDS = {name: found for name, found in SECTIONS.items() if ("bash" in dict(found))}


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    with running_mock() as url:
        yield url


def test_every_section_with_commands_says_what_they_print() -> None:
    assert COMMANDS
    assert all(
        [language for language, _ in found] == ["bash", "output"] for found in COMMANDS.values()
    )


@pytest.mark.parametrize("section", COMMANDS)
def test_the_commands_print_what_is_shown(mock: str, section: str, tmp_path: Path) -> None:
    blocks = dict(COMMANDS[section])
    # The command is there once the package is installed; a checkout has only the module.
    command = tmp_path / "bin" / "cart-mock"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m cart_mock "$@"\n')
    command.chmod(0o755)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", blocks["bash"].replace(SHOWN_URL, mock)],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{command.parent}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rest = done.stdout
    for line in blocks["output"].splitlines():
        assert line in rest, f"{line!r} is not in what is left: {rest}"
        rest = rest[rest.index(line) + len(line) :]


def test_the_tests_that_are_shown_pass(tmp_path: Path) -> None:
    ((_, shown),) = SECTIONS["Use it from pytest"]
    (tmp_path / "test_shown.py").write_text(shown)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "cart_mock.pytest_plugin",
         "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


@pytest.mark.parametrize("target", re.findall(r"\]\((?!https?:)([^)#]+)\)", PAGE) or ["."])
def test_no_link_leads_nowhere(target: str) -> None:
    assert (ROOT / "docs" / target).exists()
