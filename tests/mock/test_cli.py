"""The command: its output, its options, its exit status."""

from __future__ import annotations

import json
import re
import shlex
import signal
import socket
from importlib.metadata import version
from pathlib import Path

import click
import httpx
import pytest
from cart_mock.cli import main
from cart_mock.tenants.registry import TenantRegistry
from click.testing import CliRunner

from tests.mock.processes import mock, run

# What can't be set in the environment: these end the command at once.
ACTIONS = {"version", "list_breaks"}
OPTIONS = [p for p in main.params if isinstance(p, click.Option) and p.name not in ACTIONS]


@pytest.fixture(scope="module")
def help_text() -> str:
    return CliRunner().invoke(main, ["--help"]).output


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: str(option.name))
def test_the_help_explains_each_option_and_names_its_variable(
    help_text: str, option: click.Option
) -> None:
    assert option.name
    assert option.opts[0] in help_text
    assert str(option.envvar or f"CART_MOCK_{option.name.upper()}") in help_text
    assert option.help
    assert " ".join(option.help.split()[:3]) in " ".join(help_text.split())


def test_the_help_has_an_example_that_can_be_tried(help_text: str) -> None:
    assert re.search(r"curl -X POST http://127\.0\.0\.1:8080/oauth/access_token", help_text)


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_ends_with_success(option: str) -> None:
    assert CliRunner().invoke(main, [option]).exit_code == 0


def test_the_version_is_the_package_s() -> None:
    done = CliRunner().invoke(main, ["--version"])
    assert (done.exit_code, done.output) == (
        0, f"cart-mock, version {version('cart-associations')}\n",
    )  # fmt: skip


BAD_FILES = {"broken.json": '{"x":', "foreign.json": '{"x": 1}', "empty.json": "{}"}
REFUSED: list[tuple[list[str], dict[str, str], list[str]]] = [
    (["--seed", "broken.json"], {}, ["broken.json: is not JSON"]),
    (["--seed", "foreign.json"], {}, ["foreign.json", "unknown field `x`"]),
    (["--seed", "none.json"], {}, ["none.json: cannot be read: No such file"]),
    (["--seed", "."], {}, ["'--seed'", "is a directory"]),
    (["--clients", "broken.json"], {}, ["broken.json: it must be a JSON object such as"]),
    (["--clients", "empty.json"], {}, ["empty.json", "may be empty"]),
    (["--clients", "none.json"], {}, ["none.json: cannot be read: No such file"]),
    (["--data", "broken.json"], {}, ["'--data'", "is a file"]),
    (["--data", "broken.json/data"], {}, ["broken.json/data: cannot be written"]),
    (["--data", "."], {}, ["holds files that are not cart-mock's", "name an empty directory"]),
    (["--port", "70000"], {}, ["'--port'", "70000 is not in the range"]),
    (["--host", "192.0.2.1"], {}, ["cannot listen on 192.0.2.1", "an address of this machine"]),
    (["--host", "no.such.host.invalid"], {}, ["cannot listen on no.such", "this machine"]),
    (["--nonsense"], {}, ["No such option", "See cart-mock --help"]),
    (["nonsense"], {}, ["No such command 'nonsense'", "See cart-mock --help"]),
    (["--break", "nonsense"], {}, ["'--break'", "nonsense"]),
    ([], {"CART_MOCK_PORT": "http"}, ["environment variable CART_MOCK_PORT", "'http' is not"]),
    ([], {"CART_MOCK_LOG_LEVEL": "loud"}, ["variable CART_MOCK_LOG_LEVEL", "'debug', 'info'"]),
    ([], {"CART_MOCK_ENVELOPE_ONLY": "maybe"}, ["variable CART_MOCK_ENVELOPE_ONLY", "'maybe'"]),
    ([], {"CART_MOCK_BODY_LIMIT": "0"}, ["variable CART_MOCK_BODY_LIMIT", "0 is not in the range"]),
    ([], {"CART_MOCK_SEED": "none.json"}, ["none.json: cannot be read"]),
    ([], {"CART_MOCK_BREAK": "nonsense"}, ["variable CART_MOCK_BREAK", "nonsense"]),
]


@pytest.mark.parametrize(
    ("arguments", "env", "parts"), REFUSED, ids=[" ".join([*a, *e]) for a, e, _ in REFUSED]
)
def test_what_cannot_work_is_one_line_and_status_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    env: dict[str, str],
    parts: list[str],
) -> None:
    for name, text in BAD_FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.chdir(tmp_path)
    done = run(*arguments, env={"CART_MOCK_PORT": "0", **env})
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("cart-mock: ")
    for part in parts:
        assert part in line


def test_a_port_that_is_taken_is_one_line_and_status_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("--port", str(port))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"cart-mock: cannot listen on 127.0.0.1 port {port}: Address already in use; "
        "name another with --port, or 0 for a free one\n"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_stops_it_cleanly_with_the_data_kept(
    tmp_path: Path, number: signal.Signals
) -> None:
    with mock("--data", str(tmp_path)) as (process, url), httpx.Client(base_url=url) as client:
        form = {"grant_type": "client_credentials", "client_id": "shop", "client_secret": "s"}
        token = client.post("/oauth/access_token", data=form).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        made = client.post("/v2/carts", headers=headers, json={"data": {"id": "c", "name": "C"}})
        assert made.status_code == 201
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    tenants = TenantRegistry(data=tmp_path)
    tenant = tenants.get("shop")
    assert tenant is not None
    assert tenant.store.cart("c") is not None
    tenants.close()


SEED = {
    "customers": [
        {"id": "ada", "name": "Ada", "email": "ada@example.com", "password": "correct horse"}
    ],
    "carts": [{"id": "groceries", "name": "Groceries"}],
    "associations": [{"cart": "groceries", "customer": "ada"}],
}


@pytest.mark.parametrize("from_environment", [False, True], ids=["options", "environment"])
def test_options_and_the_environment_do_the_same(tmp_path: Path, from_environment: bool) -> None:
    (tmp_path / "seed.json").write_text(json.dumps(SEED))
    (tmp_path / "clients.json").write_text(json.dumps({"shop": "pinned"}))
    settings = {
        "seed": str(tmp_path / "seed.json"),
        "clients": str(tmp_path / "clients.json"),
        "body-limit": "1000",
    }
    if from_environment:
        env = {f"CART_MOCK_{k.replace('-', '_').upper()}": v for k, v in settings.items()}
        started = mock(env={**env, "CART_MOCK_ENVELOPE_ONLY": "1"})
    else:
        options = [f"--{name}={value}" for name, value in settings.items()]
        started = mock("--envelope-only", *options)
    with started as (_, url), httpx.Client(base_url=url) as client:
        form = {"grant_type": "client_credentials", "client_id": "shop"}
        statuses = [
            client.post("/oauth/access_token", data={**form, **more}).status_code
            for more in ({"client_secret": "x"}, {"client_id": "other", "client_secret": "x"})
        ]
        assert statuses == [401, 401]
        answer = client.post("/oauth/access_token", data={**form, "client_secret": "pinned"})
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        login = {"type": "token", "email": "ada@example.com", "password": "correct horse",
                 "authentication_mechanism": "password"}  # fmt: skip
        answer = client.post("/v2/customers/tokens", headers=headers, json={"data": login})
        shopper = {**headers, "X-Moltin-Customer-Token": answer.json()["data"]["token"]}
        listed = client.get("/v2/carts", headers=shopper).json()["data"]
        assert [cart["id"] for cart in listed] == ["groceries"]
        path, entries = (
            "/v2/carts/groceries/relationships/customers",
            [{"type": "customer", "id": "ada"}],
        )
        bare = client.post(path, headers=headers, json=entries)
        assert bare.status_code == 403
        assert client.post(path, headers=headers, json={"data": entries}).status_code == 204
        large = client.post(path, headers=headers, json={"data": entries, "x": "x" * 1000})
        assert large.status_code == 413


def has_ipv6_loopback() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.parametrize(
    ("host", "start"),
    [
        ("127.0.0.1", "http://127.0.0.1:"),
        *([("::1", "http://[::1]:")] if has_ipv6_loopback() else []),
    ],
)
def test_it_says_where_it_listens_and_a_curl_line_that_works(host: str, start: str) -> None:
    with mock("--host", host) as (process, url):
        assert url.startswith(start)
        assert process.stdout is not None
        documentation = process.stdout.readline().strip()
        assert documentation == f"Documentation at {url}/ui/"
        assert httpx.get(f"{url}/ui/").status_code == 200
        line = next(line for line in process.stdout if line.startswith("Try: "))
        curl, *arguments = shlex.split(line.removeprefix("Try: "))
        assert curl == "curl"
        assert arguments[:3] == ["-X", "POST", f"{url}/oauth/access_token"]
        fields = dict(argument.split("=") for argument in arguments[4::2])
        answer = httpx.post(arguments[2], data=fields)
        assert answer.json()["token_type"] == "Bearer"
