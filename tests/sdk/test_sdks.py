"""The vendor's JavaScript SDKs against a live mock: each scenario of theirs is a test here."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cart_spec import load_contract

HERE = Path(__file__).parent
SCENARIOS = {
    "@elasticpath/js-sdk": "gateway.test.mjs",
    "@moltin/sdk": "gateway.test.mjs",
    "@epcc-sdk/sdks-shopper": "shopper.test.mjs",
}
NODE = shutil.which("node")
MISSING = (
    "Node.js is not installed"
    if NODE is None
    else None
    if (HERE / "node_modules").is_dir()
    else "the SDKs are not installed; run scripts/setup test"
)


def node(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    assert NODE is not None
    return subprocess.run(
        [NODE, *arguments],
        cwd=HERE,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )


def names(sdk: str) -> list[str]:
    """The names of an SDK's scenarios, as its file lists them."""
    listed = node(SCENARIOS[sdk], SDK=sdk, MOCK_URL="http://127.0.0.1", LIST_SCENARIOS="yes")
    assert listed.returncode == 0, listed.stderr
    return [json.loads(line) for line in listed.stdout.splitlines()]


@functools.cache
def results(sdk: str, mock_url: str) -> dict[str, dict[str, Any]]:
    """Return the result of each scenario of one SDK. They run once, together."""
    run = node(
        "--test", "--test-reporter=./reporter.mjs", SCENARIOS[sdk], SDK=sdk, MOCK_URL=mock_url
    )
    lines = [json.loads(line) for line in run.stdout.splitlines() if line.startswith('{"name"')]
    assert lines, run.stdout + run.stderr
    return {line["name"]: line for line in lines}


def parameters() -> list[Any]:
    rules = {rule.id for rule in load_contract().rules}
    found = []
    for sdk in SCENARIOS:
        group = pytest.mark.xdist_group(sdk)
        for name in ["all scenarios"] if MISSING else names(sdk):
            rule = name.partition(":")[0]
            marks = [group, pytest.mark.rule(rule)] if rule in rules else [group]
            found.append(pytest.param(sdk, name, id=f"{sdk}: {name}", marks=marks))
    return found


@pytest.mark.skipif(MISSING is not None, reason=MISSING or "")
@pytest.mark.parametrize(("sdk", "name"), parameters())
def test_scenario(sdk: str, name: str, mock_url: str) -> None:
    result = results(sdk, mock_url)[name]
    assert result["passed"], result["error"]
