"""The mock imports only what its start needs, and the rest on first use."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx
import pytest
from cart_mock import app
from cart_mock.app import create_app
from cart_mock.testing import in_process
from cart_spec import load_contract
from connexion.exceptions import InvalidSpecification
from connexion.spec import Specification
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

UNNEEDED = {
    "jsonschema_rs", "filelock", "prometheus_client", "httpx", "jinja2", "requests",
    "starlette.testclient", "cart_mock.breaks", "cart_mock.http.forwarding",
    "cart_mock.workbench.app", "cart_spec.book.render", "cart_conformance", "schemathesis",
    "hypothesis", "pytest",
}  # fmt: skip
IMPORTED = re.compile(r"import time:[^|]*\|[^|]*\|\s*(\S+)$", re.MULTILINE)


def test_starting_imports_nothing_that_no_request_has_asked_for(tmp_path: Path) -> None:
    times = tmp_path / "importtime"  # a pipe that is not read would block the process
    with times.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-X", "importtime", "-m", "cart_mock", "--port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        assert process.stdout is not None
        try:
            # Once it listens, all that it starts with is there.
            line = process.stdout.readline()
            assert line.startswith("Listening on ")
            imported = set(IMPORTED.findall(times.read_text()))
            # What Connexion was imported without is there when it is needed.
            assert "<title>" in httpx.get(line.split()[-1] + "/ui/", timeout=60).text
        finally:
            process.terminate()
            process.communicate(timeout=30)
    assert {"uvicorn.server", "cart_mock.accelerator.protocol", "connexion", "tinydb"} <= imported
    assert not imported & UNNEEDED


def test_the_workbench_is_made_once_and_at_its_first_use_while_others_are_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may_go_on = threading.Event()
    made: list[ASGIApp] = []

    def slow(*_args: Any) -> ASGIApp:
        assert may_go_on.wait(30)
        made.append(PlainTextResponse("made"))
        return made[-1]

    monkeypatch.setattr(app, "_create_workbench", slow)
    with in_process(create_app()) as client, ThreadPoolExecutor(4) as at_once:
        paths = ["/_mock", "/_mock/", "/_mock/health", "/_mock/stores/a/faults"]
        first = [at_once.submit(client.get, path) for path in paths]
        form = {"grant_type": "implicit", "client_id": "shop"}
        assert client.post("/oauth/access_token", data=form).status_code == 200
        assert made == []
        may_go_on.set()
        assert [each.result().text for each in first] == ["made"] * 4
    assert len(made) == 1


def test_the_contract_that_a_start_does_not_validate_is_valid_for_connexion() -> None:
    document = dict(load_contract().document)
    assert Specification.load(deepcopy(document)).version == (3, 0, 3)
    with pytest.raises(InvalidSpecification):
        Specification.load({**deepcopy(document), "info": {}})


def test_an_application_leaves_the_contract_as_it_was() -> None:
    contract = load_contract()
    before = deepcopy(contract.document)
    with in_process(create_app(contract=contract)) as client:
        assert client.get("/nowhere").status_code == 404
    assert contract.document == before
