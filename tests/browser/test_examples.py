"""The examples for JavaScript tests: they type-check, and Playwright runs them against the mock."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mockserver.faults import KINDS
from mockserver.scenarios import SCENARIOS

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples"
SPEC = (EXAMPLES / "playwright/storefront.spec.ts").read_text(encoding="utf-8")
TYPES = (EXAMPLES / "playwright/cart-mock.d.mts").read_text(encoding="utf-8")
HELPER = (EXAMPLES / "playwright/cart-mock.mjs").read_text(encoding="utf-8")
NODE, CHROMIUM = shutil.which("node"), shutil.which("chromium")

needs_packages = pytest.mark.skipif(
    NODE is None or not (EXAMPLES / "node_modules").is_dir(),
    reason="the examples' packages are not installed; run scripts/setup test",
)


def node(program: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the examples' packages."""
    assert NODE is not None
    return subprocess.run(
        [NODE, EXAMPLES / "node_modules" / program, *arguments],
        cwd=EXAMPLES,
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )


def free_port() -> str:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return str(listening.getsockname()[1])


@needs_packages
def test_the_examples_have_the_types_that_the_helper_declares() -> None:
    checked = node("typescript/bin/tsc", "--noEmit")
    assert checked.returncode == 0, checked.stdout + checked.stderr


@needs_packages
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.xdist_group("browser")
def test_playwright_passes_on_the_storefront_with_the_vendors_sdk(tmp_path: Path) -> None:
    ran = node(
        "@playwright/test/cli.js",
        "test",
        CART_MOCK_PORT=free_port(),
        STOREFRONT_PORT=free_port(),
        PYTHON=sys.executable,
        PYTHONPATH=str(ROOT),
        CHROMIUM=CHROMIUM or "",
        PLAYWRIGHT_OUTPUT=str(tmp_path),
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    written = len(re.findall(r"^test\(", SPEC, re.MULTILINE))
    assert f"{written} passed" in ran.stdout


def test_the_helper_declares_the_methods_that_it_has() -> None:
    written = set(re.findall(r"^  (?:async )?([a-z]\w*)\([^;]*\) \{$", HELPER, re.MULTILINE))
    declared = set(re.findall(r"^  ([a-z]\w*)\(", TYPES, re.MULTILINE))
    assert written == declared
    assert {"constructor", "seed", "verify", "workbench"} <= written


def test_the_helper_declares_the_scenarios_and_faults_that_there_are() -> None:
    assert set(SCENARIOS) == strings_of("Scenario")
    assert set(KINDS) == strings_of("FaultKind")


def strings_of(name: str) -> set[str]:
    """The strings of a union type of the helper."""
    (union,) = re.findall(rf"export type {name} =([^;]+);", TYPES)
    return set(re.findall(r'"([^"]+)"', union))
