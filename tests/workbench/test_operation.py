"""Operation: health, readiness, logs, traces, the command; and the pytest plugin."""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from cart_mock.app import create_app
from cart_mock.messages import Answer, Request
from cart_mock.telemetry.logs import JsonLineFormatter, TextLineFormatter, log_request
from cart_mock.telemetry.tracing import TelemetryMissing, instrumented
from cart_mock.tenants.registry import TenantRegistry
from cart_mock.testing import CartMock, in_process

from tests.mock.processes import mock, run

ROOT = Path(__file__).parents[2]


def test_health_names_the_versions(cart_mock_client: httpx.Client) -> None:
    answer = cart_mock_client.get("/_mock/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert {"version", "contract", "uptime"} <= set(answer.json())


def fail(**_: object) -> None:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def test_a_mock_is_ready_until_its_data_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = TenantRegistry(data=tmp_path / "data")
    with in_process(create_app(tenants=stores)) as client:
        assert client.get("/_mock/ready").status_code == 200
        # Permissions would not stop a privileged user, as CI's is.
        monkeypatch.setattr(tempfile, "TemporaryFile", fail)
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
    record.status = 200
    line = JsonLineFormatter().format(record)
    assert "\n" not in line
    written = json.loads(line)
    assert written["message"] == "to be\nand"
    assert (written["level"], written["logger"], written["status"]) == ("info", "name", 200)


@pytest.mark.parametrize("formatter", [TextLineFormatter(), JsonLineFormatter()])
def test_log_line_shows_control_characters_and_direction_marks(
    formatter: logging.Formatter,
) -> None:
    hostile = "\x1b[2J \x9b2J \x85 \u202e \u2066 \u200f \u2028 \ud800 \r \n end"
    record = logging.LogRecord("name", logging.INFO, "", 0, "%s", (hostile,), None)
    line = formatter.format(record)
    assert not re.search("[\x00-\x1f\x7f-\x9f\u200f\u2028-\u202e\u2066-\u2069\ud800]", line)
    assert "\\u202e" in line
    line.encode()


def test_token_in_a_path_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2lnbmF0dXJl"
    request = Request("id", "GET", f"/v2/carts/{token}", {}, b"", {}, b"")
    with caplog.at_level(logging.INFO):
        log_request(request, "getACart", Answer(200), 0.1)
    [record] = caplog.records
    assert "eyJhIjoxfQ" not in record.getMessage() + str(vars(record))


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
    lines = [line for line in done.stderr.splitlines() if "cart_mock.requests" in line]
    assert len(lines) == 3
    assert "POST /v2/customers/tokens: 200" in lines[1]
    assert done.stdout.strip() not in done.stderr
    assert "ada-password" not in done.stderr
    if log_format == "json":
        logged = json.loads(lines[0])
        assert (logged["operation"], logged["status"]) == ("createAccessToken", 200)
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{6}", logged["request_id"])


def test_json_logs_of_a_served_mock_are_json_in_every_line_of_both_streams() -> None:
    with (
        mock("--log-format", "json", "--log-level", "debug") as (process, url),
        ThreadPoolExecutor(1) as reader,
    ):
        assert process.stdout is not None
        assert process.stderr is not None
        # Connexion logs more at level debug than a pipe holds.
        errors = reader.submit(process.stderr.read)
        address = urlsplit(url)
        with socket.create_connection((str(address.hostname), address.port or 0)) as connection:
            connection.sendall(b"not HTTP\r\n\r\n")
            connection.recv(1000)
        for path in ("/ui/", "/_mock/health", "/_mock/stores/none", "/v2/none", "/v2/carts"):
            httpx.get(url + path, timeout=60)
        second = run("--log-format", "json", "--port", str(address.port))
        assert second.returncode == 2
        assert "cannot listen" in json.loads(second.stderr)["message"]
        process.send_signal(signal.SIGTERM)
        lines = [json.loads(line) for line in errors.result(30).splitlines()]
        announced = [json.loads(line) for line in process.stdout]
    assert len(announced) >= 4
    lines += announced
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)
    loggers = {line["logger"].partition(".")[0] for line in lines}
    assert {"cart_mock", "connexion", "uvicorn"} <= loggers


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
    with pytest.raises(TelemetryMissing, match=r"OTEL_SDK_DISABLED=true, or install it\. .*run: "):
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
def test_plugin_in_parallel_and_with_warnings_as_errors_gives_each_test_a_store(
    tmp_path: Path, workers: str
) -> None:
    (tmp_path / "test_suite.py").write_text(SUITE)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "cart_mock.pytest_plugin",
         "-p", "no:cacheprovider", "-n", workers, str(tmp_path)],
        cwd=tmp_path,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 passed" in done.stdout


# ---- The command ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "env", "accelerated"),
    [
        ([], {}, True),
        (["--no-accelerator"], {}, False),
        ([], {"CART_MOCK_NO_ACCELERATOR": "1"}, False),
    ],
)
def test_command_with_no_accelerator_serves_without_it(
    arguments: list[str], env: dict[str, str], accelerated: bool
) -> None:
    script = (
        "import sys\n"
        "from cart_mock import cli, launch\n"
        "launch.server_of = lambda *_, accelerator, **__: sys.exit(f'accelerator {accelerator}')\n"
        f"cli.main(['--port', '0', *{arguments}])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **env}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == f"accelerator {accelerated}\n"
