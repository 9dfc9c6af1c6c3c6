"""Versions are chosen in pyproject.toml alone; the lock file follows from it."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "constraints.txt").read_text()
NODE_FOLDERS = ("tests/sdk", "tests/browser", "examples")


def chosen() -> list[Requirement]:
    lists = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    requirements = [Requirement(line) for lines in lists for line in lines]
    # An extra may take in another one.
    return [requirement for requirement in requirements if requirement.name != PROJECT["name"]]


def test_every_dependency_is_pinned() -> None:
    loose = [str(r) for r in chosen() if not re.fullmatch(r"==[^*,]+", str(r.specifier))]
    assert not loose


def test_the_lock_agrees_with_the_versions_chosen() -> None:
    locked = {
        requirement.name: str(requirement.specifier)
        for requirement in map(Requirement, re.findall(r"^[^#\s].*$", LOCK, re.MULTILINE))
    }
    wrong = [str(r) for r in chosen() if locked.get(r.name) != str(r.specifier)]
    assert not wrong, f"run scripts/lock; constraints.txt differs for {wrong}"


def test_the_locks_name_no_download_address() -> None:
    assert "://" not in LOCK
    for folder in NODE_FOLDERS:
        locked = json.loads((ROOT / folder / "package-lock.json").read_text())
        addressed = [name for name, package in locked["packages"].items() if "resolved" in package]
        assert not addressed, folder


@pytest.mark.parametrize("folder", NODE_FOLDERS)
def test_node_packages_are_pinned(folder: str) -> None:
    package = json.loads((ROOT / folder / "package.json").read_text())
    versions = {**package["dependencies"], **package.get("devDependencies", {})}
    assert versions
    loose = [n for n, version in versions.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)]
    assert not loose
