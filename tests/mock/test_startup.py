"""The mock starts with what it needs, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from copy import deepcopy

from mockserver.app import create_app
from openapi import load_contract

UNNEEDED = {
    "requests", "httpx", "starlette.testclient", "uvicorn.supervisors", "watchfiles", "websockets",
    "filelock", "prometheus_client", "mockserver.breaks", "mockserver.workbench.app",
    "jsonschema_rs", "openapi.book.render", "conformance", "schemathesis", "hypothesis", "pytest",
}  # fmt: skip
IMPORTED = re.compile(r"import time:[^|]*\|[^|]*\|\s*(\S+)$", re.MULTILINE)


def test_starting_imports_nothing_that_no_request_has_asked_for() -> None:
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "mockserver", "--port", "0"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        # Once it listens, all that it starts with is there.
        assert process.stdout.readline().startswith("Listening on ")
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=30)
    imported = set(IMPORTED.findall(errors))
    assert {"connexion", "uvicorn.server", "mockserver.connection", "tinydb"} <= imported
    assert not imported & UNNEEDED


def test_an_application_leaves_the_contract_as_it_was() -> None:
    contract = load_contract()
    before = deepcopy(contract.document)
    create_app(contract=contract)
    assert contract.document == before
