"""A page on another origin uses the mock, in a real browser."""

from __future__ import annotations

import functools
import shutil
import threading
import uuid
from collections.abc import Iterator
from ctypes.util import find_library
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

CHROMIUM = shutil.which("chromium")
PERMISSION = "Customer does not have the required permissions to fulfill this request"
# Headers that the vendor's SDKs send, so that the browser asks for all of them in its preflight.
SDK_HEADERS = {
    "X-MOLTIN-SDK-LANGUAGE": "JS",
    "X-MOLTIN-SDK-VERSION": "35.0.0",
    "X-MOLTIN-APPLICATION": "storefront",
    "X-MOLTIN-CURRENCY": "EUR",
    "X-MOLTIN-LANGUAGE": "en",
    "X-MOLTIN-AUTH-STORE": "store",
}

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.skipif(find_library("atomic") is None, reason="libatomic1 is not installed"),
    pytest.mark.xdist_group("browser"),
]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        pass


@dataclass(frozen=True)
class Storefront:
    """The page, and the mock that its script calls."""

    page: Page
    mock_url: str

    def call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """What the page's fetch got: status, body and requestId."""
        answer: dict[str, Any] = self.page.evaluate(
            "([base, method, path, options]) => api(base, method, path, options)",
            [self.mock_url, method, path, options],
        )
        return answer


@pytest.fixture(scope="module")
def other_origin() -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=str(Path(__file__).parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/storefront.html"
        server.shutdown()


@pytest.fixture(scope="module")
def storefront(mock_url: str, other_origin: str) -> Iterator[Storefront]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        page = browser.new_page()
        page.goto(other_origin)
        yield Storefront(page, mock_url)
        browser.close()


@pytest.fixture
def access(storefront: Storefront) -> str:
    form = {"grant_type": "implicit", "client_id": f"browser-{uuid.uuid4()}"}
    answer = storefront.call("POST", "/oauth/access_token", form=form)
    assert answer["status"] == 200
    token: str = answer["body"]["access_token"]
    return token


def register(storefront: Storefront, access: str, name: str) -> tuple[str, str]:
    """The id and the customer token of a new customer."""
    login = {"email": f"{name}@example.com", "password": f"the password of {name}"}
    customer = {"type": "customer", "name": name, **login}
    created = storefront.call("POST", "/v2/customers", access=access, body={"data": customer})
    assert created["status"] == 201
    token = {"type": "token", "authentication_mechanism": "password", **login}
    given = storefront.call("POST", "/v2/customers/tokens", access=access, body={"data": token})
    assert given["status"] == 200
    return created["body"]["data"]["id"], given["body"]["data"]["token"]


@pytest.mark.rule("association-visible")
def test_a_shopper_logs_in_and_associates_a_cart(storefront: Storefront, access: str) -> None:
    alice, token = register(storefront, access, "alice")
    cart = storefront.call("GET", "/v2/carts/from-the-browser", access=access)["body"]["data"]
    path = f"/v2/carts/{cart['id']}/relationships/customers"
    identifiers = {"data": [{"type": "customer", "id": alice}]}
    sent = {"access": access, "customer": token, "body": identifiers, "headers": SDK_HEADERS}

    made = storefront.call("POST", path, **sent)
    assert (made["status"], made["body"]) == (200, identifiers)
    listed = storefront.call("GET", "/v2/carts", access=access, customer=token)
    assert [entry["id"] for entry in listed["body"]["data"]] == [cart["id"]]

    assert storefront.call("DELETE", path, **sent)["status"] == 204
    listed = storefront.call("GET", "/v2/carts", access=access, customer=token)
    assert listed["body"]["data"] == []


@pytest.mark.rule("customer-not-permitted")
def test_the_page_reads_a_refusal_and_its_request_id(storefront: Storefront, access: str) -> None:
    _, token = register(storefront, access, "alice")
    bob, _ = register(storefront, access, "bob")
    storefront.call("GET", "/v2/carts/refused", access=access)
    refused = storefront.call(
        "POST",
        "/v2/carts/refused/relationships/customers",
        access=access,
        customer=token,
        body={"data": [{"type": "customer", "id": bob}]},
    )
    assert refused["status"] == 403
    assert refused["body"]["errors"][0]["title"] == PERMISSION
    assert refused["requestId"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/carts/some-cart", 401),
        ("GET", "/no/such/path", 404),
        ("PATCH", "/v2/carts", 405),
    ],
)
def test_the_page_can_read_errors_outside_the_rules(
    storefront: Storefront, method: str, path: str, status: int
) -> None:
    answer = storefront.call(method, path)
    assert answer["status"] == status
    assert answer["body"]["errors"][0]["status"] == status
    assert answer["requestId"]
