"""The code names in the glossary exist, and each word is explained once."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = {"cart_spec": "openapi", "cart_mock": "mockserver", "cart_conformance": "conformance"}
ROWS = re.findall(
    r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE
)[1:]
WORDS = [word for word, _, _ in ROWS if word != "---"]
NAMES = sorted({name for _, _, code in ROWS for name in re.findall(r"`(\w+\.\w+)`", code)})


def defined(package: str) -> Iterator[str]:
    """Return the names that the modules of a package define at their top."""
    for module in (ROOT / ROOMS[package] / package).rglob("*.py"):
        for node in ast.parse(module.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield node.name
            elif isinstance(node, ast.Assign):
                yield from (target.id for target in node.targets if isinstance(target, ast.Name))
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                yield node.target.id


@pytest.fixture(scope="module")
def names() -> dict[str, set[str]]:
    return {package: set(defined(package)) for package in ROOMS}


def test_glossary_explains_each_word_once_and_in_one_or_two_sentences() -> None:
    assert len(WORDS) >= 25
    assert len(set(WORDS)) == len(WORDS)
    for word, meaning, _ in ROWS:
        if word != "---":
            assert meaning.endswith("."), word
            assert meaning.count(". ") <= 1, word


@pytest.mark.parametrize("name", NAMES)
def test_code_name_in_the_glossary_exists(names: dict[str, set[str]], name: str) -> None:
    package, _, code = name.partition(".")
    assert code in names[package], f"{name} was renamed: change docs/glossary.md"
