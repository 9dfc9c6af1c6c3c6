"""Imports of the suite point down, and no module reaches itself."""

from __future__ import annotations

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "conformance/cart_conformance"
NAME = PACKAGE.name

# A folder may import itself and those after it, with the exceptions below.
ORDER = (
    "traffic", "reports", "run", "schemathesis", "cases", "target", "oracle",
    "supporting", "bodies", "findings", "exchange", "config", "results", "errors",
)  # fmt: skip
# Phases report with the run's aggregator and verdicts, which import no phase.
UPWARDS = {("schemathesis", "run")}


def module_of(path: Path) -> str:
    parts = (NAME, *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in PACKAGE.rglob("*.py")}


def imports_of(path: Path) -> set[str]:
    """Return the modules of the suite that one of them imports, wherever the import stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            # ``from package import module`` imports the module; any other name, the package.
            deeper = {f"{node.module}.{name.name}" for name in node.names}
            found |= {name for name in deeper if name in MODULES} or {node.module}
    return {name for name in found if name in MODULES}


@cache
def imports() -> dict[str, set[str]]:
    """Return the modules that each module of the suite imports."""
    return {module: imports_of(path) for module, path in MODULES.items()}


def folder_of(module: str) -> str:
    return module.removeprefix(f"{NAME}.").partition(".")[0]


def test_modules_import_each_other_in_no_circle() -> None:
    try:
        TopologicalSorter(imports()).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_folders_import_only_those_below() -> None:
    wrong = [
        f"{module} imports {imported}"
        for module, its_imports in imports().items()
        for imported in its_imports
        if folder_of(module) in ORDER and not _is_allowed(folder_of(module), folder_of(imported))
    ]
    assert wrong == []


def _is_allowed(folder: str, imported: str) -> bool:
    if (folder, imported) in UPWARDS:
        return True
    return imported in ORDER and ORDER.index(folder) <= ORDER.index(imported)
