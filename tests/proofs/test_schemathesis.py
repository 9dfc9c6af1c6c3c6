"""Schemathesis finds no 5xx, neither of the API nor of the control API."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from cart_mock.testing import CartMock
from cart_mock.workbench.app import DOCUMENT_PATH
from cart_spec.contract import CONTRACT_PATH

from tests.mock.processes import mock
from tests.proofs.sizes import SHARE, portion, said

OPERATIONS = 46
"""About how many operations each document has."""


@pytest.mark.parametrize("of", ["API", "workbench"])
def test_schemathesis_meets_no_server_error(of: str, tmp_path: Path) -> None:
    examples = portion(1, 10_000 // OPERATIONS)
    phases = "examples,coverage,fuzzing,stateful" if SHARE else "examples,fuzzing"
    report = tmp_path / "report.json"
    with (
        mock("--log-level", "error") as (process, url),
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        shop = CartMock(client, "shop")
        document = CONTRACT_PATH if of == "API" else DOCUMENT_PATH
        address = url if of == "API" else f"{url}/_mock"
        subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")), "run", str(document),
                "--url", address, "-H", f"Authorization: {shop.headers()['Authorization']}",
                "--checks", "not_a_server_error", "--phases", phases, "--seed", "1",
                "--max-examples", str(examples), "--continue-on-failure", "--no-shrink",
                "--report", "json", "--report-json-path", str(report),
            ],
            cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip
        process.terminate()
        _, errors = process.communicate(timeout=60)
    told = json.loads(report.read_text("utf-8"))
    said(f"{told['test_cases']['generated']} cases of Schemathesis, {of}")
    assert told["test_cases"]["generated"] > OPERATIONS // 2
    assert [failure["title"] for failure in told["failures"]] == []
    assert errors == "", errors[-5000:]
