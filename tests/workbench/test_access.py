"""Access to the workbench: open on loopback, by control key elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from cart_mock.app import create_app
from cart_mock.cli import main
from cart_mock.http.origins import is_loopback_origin
from cart_mock.testing import in_process
from click.testing import CliRunner

KEY = "the-control-key"
GUARDED = ["/_mock/stores", "/_mock/metrics", "/_mock/rules", "/_mock/requests"]
OPEN = ["/_mock/health", "/_mock/ready", "/_mock/openapi.json"]


@pytest.fixture(scope="module")
def guarded() -> Iterator[httpx.Client]:
    with in_process(create_app(control_key=KEY)) as client:
        yield client


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"X-Control-Key": "another"}, 401),
        ({"X-Control-Key": ""}, 401),
        ({"X-Control-Key": "schlüssel".encode()}, 401),
        ({"Authorization": "Bearer another"}, 401),
        ({"Authorization": "Basic dGhlOmtleQ=="}, 401),
        ({"Authorization": "nonsense"}, 401),
        ({"X-Control-Key": KEY}, 200),
        ({"Authorization": f"Bearer {KEY}"}, 200),
        ({"authorization": f"bearer {KEY}"}, 200),
        ({"X-Control-Key": KEY, "Origin": "https://shop.example"}, 200),
    ],
)
@pytest.mark.parametrize("path", GUARDED)
def test_the_key_is_asked_for(
    guarded: httpx.Client, path: str, headers: dict[str, str], status: int
) -> None:
    answer = guarded.get(path, headers=headers)
    assert answer.status_code == status
    if status == 401:
        (error,) = answer.json()["errors"]
        assert error["title"] == "A control key is needed"
        assert "X-Control-Key: KEY" in error["detail"]
        assert KEY not in answer.text


@pytest.mark.parametrize("path", OPEN)
def test_health_and_the_document_need_no_key(guarded: httpx.Client, path: str) -> None:
    assert guarded.get(path).status_code == 200


def test_the_api_itself_needs_no_key(guarded: httpx.Client) -> None:
    form = {"grant_type": "implicit", "client_id": "any"}
    assert guarded.post("/oauth/access_token", data=form).status_code == 200


@pytest.mark.parametrize(
    ("origin", "local"),
    [
        ("http://localhost:3000", True),
        ("http://127.0.0.1", True),
        ("http://[::1]:5173", True),
        ("http://shop.localhost:3000", True),
        ("https://shop.example", False),
        ("http://localhost.evil.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://10.0.0.5:3000", False),
        ("null", False),
        ("http://[", False),
        ("", False),
    ],
)
def test_a_page_from_elsewhere_may_not_use_an_open_workbench(
    cart_mock_client: httpx.Client, origin: str, local: bool
) -> None:
    assert is_loopback_origin(origin) is local
    if origin:
        answer = cart_mock_client.get("/_mock/stores", headers={"Origin": origin})
        assert answer.status_code == (200 if local else 403)
        assert local or "--control-key" in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost:8080", True),
        ("127.0.0.1:8080", True),
        ("[::1]:8080", True),
        ("192.0.2.7", True),
        ("mock", True),
        ("mock.localhost:80", True),
        ("", True),
        ("mock.example", False),
        ("127.0.0.1.evil.example", False),
        ("[::1", False),
    ],
)
def test_an_open_workbench_is_not_had_under_the_name_of_another_machine(
    cart_mock_client: httpx.Client, host: str, local: bool
) -> None:
    answer = cart_mock_client.get("/_mock/stores", headers={"Host": host})
    assert answer.status_code == (200 if local else 403)
    assert local or "--control-key" in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("mock.test:8080", "", 200),
        ("MOCK.test", "http://shop.test:3000", 200),
        ("mock.test:8080", "http://mock.test:8080", 200),
        ("localhost", "http://mock.test", 200),
        ("a.mock.test", "", 403),
        ("mock.test.evil.example", "", 403),
        ("evil.example", "http://mock.test", 403),
        ("mock.test", "http://evil.example", 403),
        ("mock.test", "null", 403),
    ],
)
def test_open_workbench_is_had_under_names_that_are_ours(
    host: str, origin: str, status: int
) -> None:
    with in_process(create_app(hosts=("Mock.test", "shop.test"))) as client:
        headers = {"Host": host, **({"Origin": origin} if origin else {})}
        answer = client.get("/_mock/stores", headers=headers)
        assert answer.status_code == status
        assert status == 200 or "--allow-host" in answer.json()["errors"][0]["detail"]


def test_page_of_the_workbench_itself_may_use_it(cart_mock_client: httpx.Client) -> None:
    headers = {"Host": "mock:8080", "Origin": "http://mock:8080"}
    assert cart_mock_client.get("/_mock/stores", headers=headers).status_code == 200
    headers["Origin"] = "http://mock:9090"
    assert cart_mock_client.get("/_mock/stores", headers=headers).status_code == 403


# ---- As it is started -----------------------------------------------------------------------


@contextmanager
def started(*arguments: str) -> Iterator[tuple[str, list[str]]]:
    """Start a mock in its own process; yield its port and what it printed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cart_mock", "--port", "0", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    printed = []
    try:
        for line in process.stdout:
            printed.append(line.rstrip())
            if line.startswith("Try:"):
                break
        port = re.search(r"Listening on .*:(\d+)", "\n".join(printed))
        assert port is not None, printed
        yield port[1], printed
    finally:
        process.terminate()
        process.communicate(timeout=30)


def stores(port: str, key: str | None = None, scheme: str = "http") -> int:
    headers = {} if key is None else {"X-Control-Key": key}
    url = f"{scheme}://127.0.0.1:{port}/_mock/stores"
    return httpx.get(url, headers=headers, verify=scheme == "http", timeout=60).status_code


def test_on_loopback_the_workbench_is_open() -> None:
    with started() as (port, printed):
        assert stores(port) == 200
        assert not any("key" in line for line in printed)


def test_on_another_address_a_key_is_made_printed_and_needed() -> None:
    with started("--host", "0.0.0.0") as (port, printed):
        (line,) = [line for line in printed if line.startswith("Generated control key")]
        key = line.rpartition(" ")[2]
        assert len(key) >= 24
        assert (stores(port), stores(port, key)) == (401, 200)


def test_a_key_that_was_given_is_needed_and_not_printed() -> None:
    with started("--control-key", KEY) as (port, printed):
        assert not any(KEY in line for line in printed)
        assert (stores(port), stores(port, KEY)) == (401, 200)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--control-key", ""], "must not be empty"),
        (["--tls-cert", __file__], "--tls-cert and --tls-key go together"),
        (["--tls-key", __file__], "--tls-cert and --tls-key go together"),
        (["--tls-cert", "no-such-file", "--tls-key", __file__], "does not exist"),
        (["--tls-cert", __file__, "--tls-key", __file__], "send both in PEM"),
        (["--journal", "-1"], "-1 is not in the range"),
        (["--sync", "always"], "--sync always needs --data"),
    ],
)
def test_options_that_make_no_sense_are_refused_in_words(arguments: list[str], says: str) -> None:
    result = CliRunner().invoke(main, ["--port", "0", *arguments])
    assert result.exit_code == 2
    assert says in result.output
    assert "Traceback" not in result.output


def test_https_is_served_with_a_certificate(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    with started("--tls-cert", str(certificate), "--tls-key", str(key)) as (port, printed):
        assert printed[0] == f"Listening on https://127.0.0.1:{port}"
        assert stores(port, scheme="https") == 200
