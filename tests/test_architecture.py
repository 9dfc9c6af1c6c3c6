"""The architecture: import directions, and the parts that every rule must have."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cart_spec import load_contract

from tests.rule_parts import missing_parts

ROOT = Path(__file__).parent.parent
PACKAGES = {
    "cart_spec": ROOT / "openapi/cart_spec",
    "cart_mock": ROOT / "mockserver/cart_mock",
    "cart_conformance": ROOT / "conformance/cart_conformance",
}
FORBIDDEN = {
    "cart_spec": {"cart_mock", "cart_conformance", "tests", "benchmark"},
    "cart_mock": {"cart_conformance", "tests", "benchmark"},
    "cart_conformance": {"cart_mock", "tests", "benchmark"},
}
CONTRACT = load_contract()


def imported_packages(source: str) -> Iterator[str]:
    """The top-level packages that a module imports, anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


def test_the_import_check_sees_every_form_of_import() -> None:
    source = "import a.b\ndef f():\n    from c.d import e\n    import f as g\nfrom . import h\n"
    assert set(imported_packages(source)) == {"a", "c", "f"}


@pytest.mark.parametrize("room", FORBIDDEN)
def test_a_room_imports_none_that_it_must_not_know(room: str) -> None:
    modules = list(PACKAGES[room].rglob("*.py"))
    assert modules
    crossing = {
        f"{module.relative_to(ROOT)} imports {package}"
        for module in modules
        for package in imported_packages(module.read_text(encoding="utf-8"))
        if package in FORBIDDEN[room]
    }
    assert not crossing, "\n".join(sorted(crossing))


def test_imports_of_every_folder_point_down() -> None:
    # In a process of its own: import-linter switches off the loggers of its process.
    linted = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(str(p.parent) for p in PACKAGES.values())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert "1 kept, 0 broken" in linted.stdout


def test_every_rule_has_all_its_parts() -> None:
    missing = list(missing_parts(CONTRACT))
    assert not missing, "\n".join(("", *missing))


def test_missing_parts_lists_what_a_new_rule_lacks_in_one_line() -> None:
    added = replace(CONTRACT.rule("cart-name-blank"), id="cart-name-rude")
    contract = replace(CONTRACT, rules=(*CONTRACT.rules, added))
    (line,) = (each for each in missing_parts(contract) if each.startswith(added.id))
    assert line.startswith("cart-name-rude lacks a predicate (")
    for part in ("a condition", "a directed case", "a probe row", "a broken variant"):
        assert f"; {part} (" in line


def test_the_mock_writes_out_no_text_of_the_catalogue() -> None:
    texts = {rule.text for rule in CONTRACT.rules} | {e.text for e in CONTRACT.protocol_errors}
    texts |= {rule.detail for rule in CONTRACT.rules}
    texts.discard("format")  # the title of an email that is not one, and a common word
    copied = [
        f"{module.relative_to(ROOT)}:{node.lineno}: {node.value}"
        for module in PACKAGES["cart_mock"].rglob("*.py")
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value is not None and node.value in texts
    ]
    assert not copied, "\n".join(copied)
