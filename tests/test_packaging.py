"""What pyproject.toml promises: ranges with reasons, locks that follow, complete extras."""

from __future__ import annotations

import ast
import json
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts import audit

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "pyproject.toml").read_text()
PYPROJECT: dict[str, Any] = tomllib.loads(TEXT)
PROJECT: dict[str, Any] = PYPROJECT["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
GROUPS: dict[str, list[str]] = PYPROJECT["dependency-groups"]
LOCKS = {
    "setup": (),
    "mock": ("mock", "speed"),
    "shared": ("mock", "speed", "shared"),
    "benchmark": ("mock", "speed"),
    "test": tuple(EXTRAS),
}
"""The extras that each file of requirements/ is for, as scripts/lock says."""
NODE_FOLDERS = ("tests/sdk", "tests/browser", "tests/collections", "examples", "packages/cart-mock")
ROOMS = {
    "openapi/cart_spec": ("review",),
    "mockserver/cart_mock": ("mock", "speed", "telemetry", "mcp", "shared"),
    "conformance/cart_conformance": ("conformance",),
}
IMPORTED_BUT_NOT_DECLARED = {
    "mockserver/cart_mock": {
        "pytest": "only pytest itself loads the plugin",
        "hiredis": "the extra shared has it as redis[hiredis]",
    },
}
DECLARED_BUT_NOT_IMPORTED = {
    "uvloop": "uvicorn loads it by name",
    "opentelemetry-instrumentation-asgi": "imported from the namespace package opentelemetry",
    "opentelemetry-sdk": "imported from the namespace package opentelemetry",
}


def requirements(lines: Iterable[str]) -> list[Requirement]:
    """Return requirements of other distributions: an extra may take in another extra."""
    found = [Requirement(line) for line in lines]
    return [requirement for requirement in found if requirement.name != PROJECT["name"]]


LIBRARY = requirements([*PROJECT["dependencies"], *(r for lines in EXTRAS.values() for r in lines)])
TOOLS = requirements(line for lines in GROUPS.values() for line in lines)


def locked(name: str) -> dict[str, set[str]]:
    """Return the versions of each package in a lock; some depend on the Python version."""
    found: dict[str, set[str]] = {}
    text = (ROOT / f"requirements/{name}.txt").read_text()
    for package, version in re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE):
        found.setdefault(canonicalize_name(package), set()).add(version)
    return found


@pytest.mark.parametrize("requirement", LIBRARY, ids=str)
def test_requirement_of_the_library_is_a_range_with_a_lower_bound(requirement: Requirement) -> None:
    operators = {specifier.operator for specifier in requirement.specifier}
    assert ">=" in operators
    assert operators <= {">=", "<"}


def test_upper_bound_has_its_reason_next_to_it() -> None:
    bounded = [line for line in TEXT.splitlines() if re.match(r'\s+"[^";]*<', line)]
    library = [line for line in bounded if "hatchling" not in line]
    assert library
    assert not [line for line in library if "#" not in line]


@pytest.mark.parametrize("name", LOCKS)
def test_lock_has_only_versions_that_are_allowed(name: str) -> None:
    versions = locked(name)
    wrong = [
        f"{requirement} is locked as {version}"
        for requirement in (*LIBRARY, *TOOLS)
        for version in versions.get(canonicalize_name(requirement.name), ())
        if version not in requirement.specifier
    ]
    assert not wrong, "run scripts/lock"


def test_every_lock_is_tested() -> None:
    assert {path.stem for path in (ROOT / "requirements").glob("*.txt")} == set(LOCKS)


@pytest.mark.parametrize(("name", "extras"), LOCKS.items())
def test_lock_has_every_requirement_of_its_extras(name: str, extras: tuple[str, ...]) -> None:
    asked = requirements(line for extra in extras for line in EXTRAS[extra])
    if extras:
        asked += requirements(PROJECT["dependencies"])
    if name == "test":
        asked += TOOLS
    missing = {canonicalize_name(each.name) for each in asked} - set(locked(name))
    assert not missing, "run scripts/lock"


def test_locks_agree_with_each_other() -> None:
    largest = locked("test")
    for name in LOCKS:
        for package, versions in locked(name).items():
            assert versions <= largest[package], (name, package)


@pytest.mark.parametrize("name", LOCKS)
def test_lock_has_hashes_and_no_download_address(name: str) -> None:
    text = (ROOT / f"requirements/{name}.txt").read_text()
    assert "://" not in text
    entries = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert entries
    assert all("--hash=sha256:" in entry for entry in entries)


def test_audit_finds_packages_and_files_that_are_not_those_of_the_lock(tmp_path: Path) -> None:
    pins = audit.pinned("click==1.0 \\\n    --hash=sha256:00\nnix==1 ; python_version < '3'\n")
    assert pins == {"click": "1.0"}
    folder = tmp_path / "click-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Name: Click\nVersion: 1.0\n")
    (tmp_path / "click.py").write_bytes(b"")
    of_nothing = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
    (folder / "RECORD").write_text(
        f"click.py,sha256={of_nothing},0\nclick-1.0.dist-info/RECORD,,\n"
    )
    package = Distribution.at(folder)
    assert list(audit.problems([package], pins)) == []
    assert list(audit.problems([package], {"click": "2"})) == ["click 1.0: the lock has 2"]
    assert list(audit.problems([package], {})) == ["click 1.0: no lock has it"]
    (tmp_path / "click.py").write_bytes(b"evil")
    [found] = audit.problems([package], pins)
    assert found == "click: click.py is not the file of its wheel"


def test_lock_of_the_mock_is_free_of_the_suite() -> None:
    assert not {"schemathesis", "hypothesis", "pytest"} & set(locked("mock"))


def imports_of(module: Path) -> Iterator[str]:
    """Return the full names of what a module imports, anywhere in it."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def file_of(name: str) -> Path | None:
    """Return the file of a module of ``cart_spec``, which all rooms share; else None."""
    path = ROOT / "openapi" / name.replace(".", "/")
    files = (path.with_suffix(".py"), path / "__init__.py")
    return next((f for f in files if name.startswith("cart_spec") and f.is_file()), None)


def imported(room: str) -> set[str]:
    """Return the distributions that a room imports, itself or through modules of ``cart_spec``."""
    if room == "openapi/cart_spec":
        # What only the other rooms use of it is not for the review to install.
        waiting = [ROOT / room / "__main__.py", ROOT / room / "cli.py"]
    else:
        waiting = list((ROOT / room).rglob("*.py"))
    seen: set[Path] = set()
    tops = set()
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            names = list(imports_of(module))
            tops |= {name.partition(".")[0] for name in names}
            waiting += [file for file in map(file_of, names) if file]
    tops -= {*sys.stdlib_module_names, "cart_spec", "cart_mock", "cart_conformance"}
    distributions = packages_distributions()
    return {canonicalize_name(distributions.get(top, [top])[0]) for top in tops}


def declared(room: str) -> set[str]:
    lines = [*PROJECT["dependencies"], *(line for extra in ROOMS[room] for line in EXTRAS[extra])]
    return {canonicalize_name(requirement.name) for requirement in requirements(lines)}


@pytest.mark.parametrize("room", ROOMS)
def test_room_imports_only_what_its_extras_install(room: str) -> None:
    allowed = declared(room) | set(IMPORTED_BUT_NOT_DECLARED.get(room, ()))
    # Parts of OpenTelemetry come with the packages that are declared.
    undeclared = {n for n in imported(room) if not n.startswith("opentelemetry")} - allowed
    assert not undeclared, f"add to an extra of {ROOMS[room]} in pyproject.toml"


@pytest.mark.parametrize("room", ROOMS)
def test_extra_has_only_libraries_that_its_room_imports(room: str) -> None:
    unused = declared(room) - imported(room) - set(DECLARED_BUT_NOT_IMPORTED)
    assert not unused, "remove from pyproject.toml, or name the reason here"


def test_node_locks_name_no_download_address() -> None:
    for folder in NODE_FOLDERS:
        lock = json.loads((ROOT / folder / "package-lock.json").read_text())
        addressed = [name for name, package in lock["packages"].items() if "resolved" in package]
        assert not addressed, folder


@pytest.mark.parametrize("folder", NODE_FOLDERS)
def test_node_packages_are_pinned(folder: str) -> None:
    package = json.loads((ROOT / folder / "package.json").read_text())
    versions = {**package.get("dependencies", {}), **package.get("devDependencies", {})}
    assert versions
    loose = [n for n, version in versions.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)]
    assert not loose


def workflows() -> dict[str, Any]:
    folder = ROOT / ".github/workflows"
    return {path.name: yaml.safe_load(path.read_text()) for path in sorted(folder.glob("*.yml"))}


def test_workflow_tests_every_python_version_that_is_claimed() -> None:
    prefix = "Programming Language :: Python :: "
    claimed = [c.removeprefix(prefix) for c in PROJECT["classifiers"] if c.startswith(prefix)]
    assert workflows()["ci.yml"]["jobs"]["test"]["strategy"]["matrix"]["python"] == claimed


@pytest.mark.parametrize("name", ["ci.yml", "release.yml"])
def test_workflow_pins_actions_by_major_version(name: str) -> None:
    steps = [step for job in workflows()[name]["jobs"].values() for step in job["steps"]]
    used = [step["uses"] for step in steps if step.get("uses", "./") != "./"]
    assert used
    assert not [
        action for action in used if not re.fullmatch(r"[\w./-]+@(v\d+|release/v\d+)", action)
    ]


@pytest.mark.parametrize("name", ["ci.yml", "release.yml"])
def test_workflow_runs_scripts_that_exist(name: str) -> None:
    text = (ROOT / ".github/workflows" / name).read_text()
    scripts = set(re.findall(r"(?:scripts|\.ci)/[\w-]+", text))
    assert scripts
    assert all((ROOT / script).is_file() for script in scripts)


def test_changelog_has_the_version_of_the_project() -> None:
    assert f"## [{PROJECT['version']}]" in (ROOT / "CHANGELOG.md").read_text()
