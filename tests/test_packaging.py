"""Versions are chosen in pyproject.toml alone; the lock file follows from it."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "constraints.txt").read_text()


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
    sdks = json.loads((ROOT / "tests/sdk/package-lock.json").read_text())
    addressed = [name for name, package in sdks["packages"].items() if "resolved" in package]
    assert not addressed


def test_the_sdks_are_pinned() -> None:
    sdks = json.loads((ROOT / "tests/sdk/package.json").read_text())["dependencies"]
    assert len(sdks) == 3
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in sdks.values())
