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

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples"
SPEC = (EXAMPLES / "playwright/storefront.spec.ts").read_text(encoding="utf-8")
PAGE = (ROOT / "docs/workbench-page.md").read_text(encoding="utf-8")
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
def test_the_examples_have_the_types_of_the_package() -> None:
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
        PYTHONPATH=os.pathsep.join(str(ROOT / room) for room in ("openapi", "mockserver")),
        PLAYWRIGHT_OUTPUT=str(tmp_path),
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    written = len(re.findall(r"^test\(", SPEC, re.MULTILINE))
    assert f"{written} passed" in ran.stdout


def test_the_documentation_names_the_bounds_that_the_page_has() -> None:
    page = ROOT / "mockserver/cart_mock/workbench/page"
    model = (page / "model.js").read_text(encoding="utf-8")
    arrangement = (page / "arrangement.js").read_text(encoding="utf-8")
    (drawn,) = re.findall(r"MOST_DRAWN = (\d+);", arrangement)
    (folded,) = re.findall(r"FOLD_ABOVE = (\d+);", arrangement)
    (undo,) = re.findall(r'UNDO = "(.+)";', model)
    text = " ".join(PAGE.split())
    assert f"With more than {folded} carts" in text
    assert f"With more than {drawn} customers and carts" in text
    assert f"`{undo}`" in text
