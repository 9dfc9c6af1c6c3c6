"""For those who run the mock: health, readiness, logs, traces; and the pytest plugin."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from cart_mock.app import create_app
from cart_mock.telemetry.logs import FIELDS, JsonFormatter
from cart_mock.telemetry.tracing import TelemetryMissing, instrumented
from cart_mock.tenants.registry import TenantRegistry
from cart_mock.testing import CartMock, in_process

ROOT = Path(__file__).parents[2]


def test_health_names_the_versions(cart_mock_client: httpx.Client) -> None:
    answer = cart_mock_client.get("/_mock/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert {"version", "contract", "uptime"} <= set(answer.json())


def test_a_mock_is_ready_until_its_data_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = TenantRegistry(data=tmp_path / "data")
    with in_process(create_app(stores=stores)) as client:
        assert client.get("/_mock/ready").status_code == 200
        # Permissions would not stop a privileged user, as CI's is.
        monkeypatch.setattr(os, "access", lambda *_: False)
        answer = client.get("/_mock/ready")
        assert answer.status_code == 503
        assert "cannot be written" in answer.json()["errors"][0]["detail"]
    stores.close()


def test_the_rules_are_listed_in_the_order_of_judgement(cart_mock: CartMock) -> None:
    from cart_spec import load_contract

    listed = cart_mock.workbench("GET", "/rules")
    assert [rule["id"] for rule in listed["data"]] == [rule.id for rule in load_contract().rules]
    assert "getCarts" in listed["operations"]


# ---- Logs -------------------------------------------------------------------------------------


def test_a_log_line_is_one_json_object_with_its_fields() -> None:
    record = logging.LogRecord("name", logging.INFO, "", 0, "to %s\nand", ("be",), None)
    setattr(record, FIELDS, {"status": 200})
    line = JsonFormatter().format(record)
    assert "\n" not in line
    written = json.loads(line)
    assert written["message"] == "to be\nand"
    assert (written["level"], written["logger"], written["status"]) == ("info", "name", 200)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_requests_are_logged_without_secrets(log_format: str) -> None:
    script = (
        "import sys, logging\n"
        "from cart_mock.telemetry.logs import log_to\n"
        "from cart_mock.app import create_app\n"
        "from cart_mock.testing import CartMock, in_process\n"
        f"log_to(sys.stderr, 'info', {log_format!r})\n"
        "with in_process(create_app()) as client:\n"
        "    mock = CartMock(client, 'logged')\n"
        "    mock.seed('one-shopper')\n"
        "    headers = mock.headers('ada@example.com', 'ada-password')\n"
        "    client.get('/v2/carts/a%0Ab', headers=headers)\n"
        "    print(headers['Authorization'].split()[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    lines = [line for line in done.stderr.splitlines() if "cart_mock.tenants.request_log" in line]
    assert len(lines) == 3
    assert "POST /v2/customers/tokens: 200" in lines[1]
    assert done.stdout.strip() not in done.stderr
    assert "ada-password" not in done.stderr
    if log_format == "json":
        logged = json.loads(lines[0])
        assert (logged["operation"], logged["status"]) == ("createAccessToken", 200)
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{6}", logged["request_id"])


# ---- Traces -----------------------------------------------------------------------------------


async def nothing(_scope: object, _receive: object, _send: object) -> None: ...


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
        {"OTEL_TRACES_EXPORTER": "console", "OTEL_SDK_DISABLED": "true"},
    ],
)
def test_nothing_is_traced_unless_the_environment_asks(environment: dict[str, str]) -> None:
    assert instrumented(nothing, environment) is nothing


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(TelemetryMissing, match=r"cart-associations\[telemetry\]"):
        instrumented(nothing, {"OTEL_TRACES_EXPORTER": "console"})


def test_requests_are_traced_where_the_environment_asks() -> None:
    script = (
        "from cart_mock.app import create_app\n"
        "from cart_mock.telemetry.tracing import instrumented\n"
        "from cart_mock.testing import CartMock, in_process\n"
        "with in_process(instrumented(create_app())) as client:\n"
        "    mock = CartMock(client, 'traced')\n"
        "    client.get('/v2/carts', headers=mock.headers())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "OTEL_TRACES_EXPORTER": "console"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert '"http.target": "/v2/carts"' in done.stdout or '"url.path": "/v2/carts"' in done.stdout
    assert '"service.name": "cart-mock"' in done.stdout
    assert "eyJ" not in done.stdout  # how every token begins


# ---- The pytest plugin ------------------------------------------------------------------------

SUITE = """
import httpx
import pytest

@pytest.mark.parametrize("n", range(6))
def test_in_process(cart_mock, n):
    cart_mock.seed("one-shopper")
    ada = cart_mock.headers("ada@example.com", "ada-password")
    assert len(cart_mock.client.get("/v2/carts", headers=ada).json()["data"]) == 2
    assert len(cart_mock.workbench("GET", f"/stores/{cart_mock.client_id}/requests")["data"]) == 3

@pytest.mark.parametrize("n", range(6))
def test_live(live_cart_mock, n):
    live_cart_mock.fault("error", rule="service-unavailable", operation="getCarts", times=1)
    headers = live_cart_mock.headers()
    statuses = [httpx.get(live_cart_mock.url + "/v2/carts", headers=headers).status_code
                for _ in range(2)]
    assert statuses == [503, 200]
    live_cart_mock.verify(operation="getCarts", times=2)
"""


@pytest.mark.full
@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_plugin_gives_each_test_a_store_also_in_parallel(tmp_path: Path, workers: str) -> None:
    (tmp_path / "test_suite.py").write_text(SUITE)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "cart_mock.pytest_plugin",
         "-p", "no:cacheprovider", "-n", workers, str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 passed" in done.stdout
