"""The mock starts with what it needs, and nothing else; the rest comes when it is asked for."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any

import pytest
from cart_mock import app
from cart_mock.app import create_app
from cart_mock.testing import in_process
from cart_spec import load_contract
from starlette.types import ASGIApp

UNNEEDED = {
    "connexion", "jinja2", "werkzeug", "jsonschema", "jsonschema_rs", "requests", "httpx",
    "filelock", "prometheus_client", "cart_mock.breaks", "cart_mock.http.connexion_app",
    "cart_mock.workbench.app", "cart_spec.book.render", "cart_conformance", "schemathesis", "hypothesis",
    "pytest",
}  # fmt: skip
IMPORTED = re.compile(r"import time:[^|]*\|[^|]*\|\s*(\S+)$", re.MULTILINE)


def test_starting_imports_nothing_that_no_request_has_asked_for() -> None:
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "cart_mock", "--port", "0"],
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
    assert {"uvicorn.server", "cart_mock.accelerator.protocol", "tinydb"} <= imported
    assert not imported & UNNEEDED


def test_what_is_made_on_first_use_is_made_once_while_others_are_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may_go_on = threading.Event()
    made: list[ASGIApp] = []
    original = app._plain

    def slow(*args: Any) -> ASGIApp:
        assert may_go_on.wait(30)
        made.append(original(*args))
        return made[-1]

    monkeypatch.setattr(app, "_plain", slow)
    with in_process(create_app()) as client, ThreadPoolExecutor(4) as at_once:
        paths = ["/nowhere", "/v2/nothing", "/ui/", "/openapi.json"]
        first = [at_once.submit(client.get, path) for path in paths]
        form = {"grant_type": "implicit", "client_id": "shop"}
        assert client.post("/oauth/access_token", data=form).status_code == 200
        assert made == []
        may_go_on.set()
        assert [each.result().status_code for each in first] == [404, 404, 200, 200]
    assert len(made) == 1


def test_an_application_leaves_the_contract_as_it_was() -> None:
    contract = load_contract()
    before = deepcopy(contract.document)
    with in_process(create_app(contract=contract)) as client:
        assert client.get("/nowhere").status_code == 404
    assert contract.document == before
