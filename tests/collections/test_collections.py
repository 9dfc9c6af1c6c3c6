"""The exported collections run against a fresh mock with the tools that they are made for.

The types are compiled by TypeScript, together with a file that uses them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from cart_spec.cli import main
from cart_spec.export.plans import plans_of
from click.testing import CliRunner

from tests.openapi.documents import contract_document

HERE = Path(__file__).parent
TOOLS = HERE / "node_modules/.bin"
TSC = HERE.parents[1] / "examples/node_modules/.bin/tsc"

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
needs_tools = pytest.mark.skipif(
    not TOOLS.is_dir(), reason="newman and bru are not installed; run scripts/setup test"
)
needs_compiler = pytest.mark.skipif(
    not TSC.is_file(), reason="TypeScript is not installed; run scripts/setup test"
)


def expected() -> tuple[int, int]:
    """Return how many requests a collection has, and how many checks."""
    plans = plans_of(contract_document())
    requests = sum(len(plan.steps) for plan in plans)
    return requests, requests + sum(len(step.checks) for plan in plans for step in plan.steps)


def exported(name: str, output: Path) -> Path:
    result = CliRunner().invoke(main, ["export", name, "-o", str(output)])
    assert result.exit_code == 0, result.output
    return output


def run(*command: str | Path, cwd: Path) -> None:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


@needs_node
@needs_tools
def test_postman_collection_runs_against_a_fresh_mock(mock_url: str, tmp_path: Path) -> None:
    collection = exported("postman", tmp_path / "carts.json")
    report = tmp_path / "report.json"
    variables = ("--env-var", f"baseUrl={mock_url}", "--env-var", "clientID=store-of-newman")
    reporter = ("--reporters", "json", "--reporter-json-export", report)
    run(TOOLS / "newman", "run", collection, *variables, *reporter, cwd=tmp_path)
    requests, checks = expected()
    stats = json.loads(report.read_text())["run"]["stats"]
    assert (stats["requests"]["total"], stats["requests"]["failed"]) == (requests, 0)
    assert (stats["assertions"]["total"], stats["assertions"]["failed"]) == (checks, 0)


@needs_node
@needs_tools
def test_bruno_collection_runs_against_a_fresh_mock(mock_url: str, tmp_path: Path) -> None:
    collection = exported("bruno", tmp_path / "carts")
    report = tmp_path / "report.json"
    variables = ("--env-var", f"baseUrl={mock_url}", "--env-var", "clientID=store-of-bruno")
    reporter = ("--reporter-json", report)
    run(TOOLS / "bru", "run", "-r", "--env", "mock", *variables, *reporter, cwd=collection)
    (result,) = json.loads(report.read_text())
    summary = result["summary"]
    requests, checks = expected()
    assert (summary["totalRequests"], summary["failedRequests"]) == (requests, 0)
    assert (summary["totalTests"], summary["failedTests"]) == (checks, 0)


@needs_node
@needs_compiler
def test_types_compile_and_refuse_what_the_contract_refuses(tmp_path: Path) -> None:
    exported("typescript", tmp_path / "contract.d.ts")
    shutil.copy(HERE / "usage.ts", tmp_path)
    run(TSC, "--noEmit", "--strict", "--types", "", "usage.ts", cwd=tmp_path)
