"""The protocol around the rules: methods, media types, sizes, broken bodies, CORS, failures."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import AsyncIterator
from typing import Any

import brotli
import httpx
import pytest
from cart_spec import load_contract

from tests.mock.world import JSON, World

CONTRACT = load_contract()
ASSOCIATION = "/v2/carts/c/relationships/customers"


def assert_is(answer: httpx.Response, error_id: str) -> None:
    error = CONTRACT.protocol_error(error_id)
    assert answer.status_code == error.status, answer.text
    assert answer.headers["content-type"] == JSON
    assert answer.headers["x-request-id"]
    [entry] = answer.json()["errors"]
    assert (entry["status"], entry["title"]) == (error.status, error.text)
    assert entry["detail"].startswith(f"{error.text}: ")


@pytest.mark.rule("error-envelope")
@pytest.mark.parametrize("path", ["/", "/v2", "/v2/cart", "/v2/carts//relationships/customers"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PATCH"])
def test_an_unknown_path_is_404(world: World, path: str, method: str) -> None:
    assert_is(world.send(method, path, world.admin), "path-unknown")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PATCH", "/v2/carts", "GET, HEAD, OPTIONS, POST"),
        ("POST", "/v2/carts/c", "DELETE, GET, HEAD, OPTIONS, PUT"),
        ("GET", ASSOCIATION, "DELETE, OPTIONS, POST"),
        ("HEAD", ASSOCIATION, "DELETE, OPTIONS, POST"),
        ("GET", "/oauth/access_token", "OPTIONS, POST"),
        ("DELETE", "/v2/customers", "GET, HEAD, OPTIONS, POST"),
        ("TRACE", "/v2/customers/x", "DELETE, GET, HEAD, OPTIONS, PUT"),
    ],
)
def test_a_wrong_method_is_405_and_names_every_right_one(
    world: World, method: str, path: str, allow: str
) -> None:
    answer = world.send(method, path, world.admin)
    assert answer.headers["allow"] == allow
    assert answer.status_code == 405
    if method != "HEAD":
        assert_is(answer, "method-not-allowed")


def test_path_with_a_slash_at_its_end_is_the_path_without_it(world: World) -> None:
    world.cart("c")
    assert world.send("GET", "/v2/carts/c/", world.admin).json()["data"]["id"] == "c"
    assert world.send("POST", f"{ASSOCIATION}/", world.admin).status_code == 403
    assert_is(world.send("PATCH", "/v2/carts/", world.admin), "method-not-allowed")
    assert_is(world.send("GET", "/v2/carts/c//", world.admin), "path-unknown")


@pytest.mark.parametrize("path", ["/v2//carts/c", "//v2/carts/c", "//v2//carts/c/"])
def test_slashes_around_the_version_make_no_difference(world: World, path: str) -> None:
    world.cart("c")
    answer = world.send("GET", f"http://mock{path}", world.admin)
    assert answer.json()["data"]["id"] == "c"


def test_double_slash_in_place_of_an_id_is_not_skipped(world: World) -> None:
    assert_is(world.send("GET", "/v2/carts//items", world.admin), "path-unknown")


@pytest.mark.parametrize("path", ["/v2/carts", ASSOCIATION, "/oauth/access_token"])
def test_options_names_the_methods(world: World, path: str) -> None:
    answer = world.send("OPTIONS", path)
    assert answer.status_code == 204
    assert "OPTIONS" in answer.headers["allow"]


@pytest.mark.parametrize("path", ["/v2/carts/c", "/v2/carts", "/v2/customers", "/v2/carts/a!b"])
def test_head_is_get_without_its_body(world: World, path: str) -> None:
    world.cart("c")
    get, head = (world.send(method, path, world.admin) for method in ("GET", "HEAD"))
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


BODIES = [
    ("POST", ASSOCIATION), ("DELETE", ASSOCIATION), ("POST", "/v2/carts"), ("PUT", "/v2/carts/c"),
    ("POST", "/v2/customers"), ("POST", "/v2/customers/tokens"), ("POST", "/oauth/access_token"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), BODIES)
@pytest.mark.parametrize(
    "media", ["text/plain", "application/xml", "multipart/form-data; boundary=x"]
)
def test_a_wrong_media_type_is_415(world: World, method: str, path: str, media: str) -> None:
    headers = {**world.admin, "Content-Type": media}
    assert_is(world.send(method, path, headers, content=b"x"), "media-type-unsupported")


@pytest.mark.parametrize(
    "media", [None, "", JSON, "application/json; charset=utf-8", "Application/JSON",
              "application/vnd.api+json"]
)  # fmt: skip
def test_json_is_taken_under_each_of_its_names(world: World, media: str | None) -> None:
    headers = {**world.admin, **({} if media is None else {"Content-Type": media})}
    answer = world.send("POST", "/v2/carts", headers, content=b'{"data":{"name":"x"}}')
    assert answer.status_code == 201, answer.text


MALFORMED = [b"{", b"", b"\xff\xfe", b'{"data":{"name":"\xff"}}', b"[" * 100_000, b"{'a':1}",
             b'{"data":{"name":"\\ud800"}}']  # fmt: skip


@pytest.mark.parametrize("body", MALFORMED, ids=range(len(MALFORMED)))
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v2/carts"), ("PUT", "/v2/carts/c"), ("POST", "/v2/customers"),
     ("POST", "/v2/customers/tokens")],
)  # fmt: skip
def test_a_body_that_is_not_json_is_400(world: World, method: str, path: str, body: bytes) -> None:
    headers = {**world.admin, "Content-Type": JSON}
    assert_is(world.send(method, path, headers, content=body), "body-malformed")


@pytest.mark.parametrize("levels", [200, 201, 930, 940, 950, 960, 970, 100_000])
@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_nesting_that_is_too_deep_is_refused_in_words(
    world: World, opening: bytes, levels: int
) -> None:
    headers = {**world.admin, "Content-Type": JSON}
    inside = levels - 2  # two levels are around it
    closing = b"]" if opening == b"[" else b"}"
    value = opening * inside + b"1" + closing * inside
    body = b'{"data":{"name":"x","is_quote":%b}}' % value
    answer = world.send("POST", "/v2/carts", headers, content=body)
    assert answer.status_code == 400
    is_deep = "nested more than 200 levels deep" in answer.json()["errors"][0]["detail"]
    assert is_deep == (levels > 200)


WRONG_CONTACT = {"name": "x", "contact": {"email": 5}}
WRONG_PASSWORD = {"type": "customer", "name": "x", "email": "x@example.com", "password": 5}


@pytest.mark.parametrize(
    ("method", "path", "body", "source"),
    [
        ("POST", "/v2/carts", {"data": {"name": "x", "description": 5}}, "data.description"),
        ("POST", "/v2/carts", {"data": {"name": "x", "contact": []}}, "data.contact"),
        ("POST", "/v2/carts", {"data": WRONG_CONTACT}, "data.contact.email"),
        ("POST", "/v2/carts", {"data": {"name": "x", "type": "basket"}}, "data.type"),
        ("PUT", "/v2/carts/c", {}, "data"),
        ("PUT", "/v2/carts/c", {"data": None}, "data"),
        ("PUT", "/v2/carts/c", [], "data"),
        ("POST", "/v2/customers", {"data": WRONG_PASSWORD}, "data.password"),
        ("GET", "/v2/carts/a!b", None, "cartID"),
        ("PUT", "/v2/carts/a%2Fb", {"data": {"name": "x"}}, "cartID"),
        ("DELETE", "/v2/carts/a%20b", None, "cartID"),
    ],
)  # fmt: skip
def test_what_no_rule_is_about_must_fit_the_schema(
    world: World, method: str, path: str, body: Any, source: str | None
) -> None:
    world.cart("c")
    answer = world.send(method, path, world.admin, **({} if body is None else {"json": body}))
    assert_is(answer, "request-invalid")
    assert answer.json()["errors"][0].get("source") == source


NEW = b'{"data":{"name":"x"}}'


def raw_deflate(body: bytes) -> bytes:
    return zlib.compress(body)[2:-4]


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(NEW, mtime=0)),
        ("X-GZip", gzip.compress(NEW, mtime=0)),
        ("gzip", gzip.compress(NEW[:5], mtime=0) + gzip.compress(NEW[5:], mtime=0)),
        ("deflate", zlib.compress(NEW)),
        ("deflate", raw_deflate(NEW)),
        ("deflate, gzip", gzip.compress(zlib.compress(NEW), mtime=0)),
        ("br", brotli.compress(NEW)),
        ("br, gzip", gzip.compress(brotli.compress(NEW), mtime=0)),
        ("identity", NEW),
        ("", NEW),
        ("identity", codecs.BOM_UTF8 + NEW),
    ],
)
def test_compressed_body_or_one_with_a_byte_order_mark_is_read(
    world: World, encoding: str, body: bytes
) -> None:
    headers = {**world.admin, "Content-Type": JSON, "Content-Encoding": encoding}
    answer = world.send("POST", "/v2/carts", headers, content=body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["data"]["name"] == "x"


def test_compressed_form_is_read(world: World) -> None:
    form = gzip.compress(b"grant_type=implicit&client_id=shop", mtime=0)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"}
    assert world.send("POST", "/oauth/access_token", headers, content=form).status_code == 200


@pytest.mark.parametrize(
    ("encoding", "body", "error"),
    [
        ("zstd", NEW, "media-type-unsupported"),
        ("br", NEW, "body-malformed"),
        ("br", b"", "body-malformed"),
        ("br", brotli.compress(NEW)[:-1], "body-malformed"),
        ("br", brotli.compress(NEW) + b"more", "body-malformed"),
        ("br", brotli.compress(b" " * 50_000_000, quality=5), "body-too-large"),
        ("gzip, zstd", NEW, "media-type-unsupported"),
        ("gzip, gzip, gzip, gzip", NEW, "media-type-unsupported"),
        ("gzip", NEW, "body-malformed"),
        ("gzip", gzip.compress(NEW, mtime=0)[:-1], "body-malformed"),
        ("gzip", gzip.compress(NEW, mtime=0) + b"more", "body-malformed"),
        ("deflate", zlib.compress(NEW) + b"more", "body-malformed"),
        ("deflate", b"x", "body-malformed"),
        ("gzip", gzip.compress(b" " * 2_000_000, mtime=0), "body-too-large"),
        (
            "gzip, gzip",
            gzip.compress(gzip.compress(b" " * 50_000_000, mtime=0), mtime=0),
            "body-too-large",
        ),
        ("deflate", zlib.compress(b" " * 2_000_000), "body-too-large"),
    ],
)
def test_body_that_cannot_be_opened_is_refused(
    world: World, encoding: str, body: bytes, error: str
) -> None:
    headers = {**world.admin, "Content-Type": JSON, "Content-Encoding": encoding}
    answer = world.send("POST", "/v2/carts", headers, content=body)
    assert_is(answer, error)
    if error == "media-type-unsupported":
        assert answer.headers["accept-encoding"] == "gzip, deflate, br"
        assert answer.json()["errors"][0]["source"] == "Content-Encoding"


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def test_a_chunked_body_needs_no_length(world: World) -> None:
    headers = {**world.admin, "Content-Type": JSON}
    body = chunks(b'{"data":', b'{"name":', b'"x"}}')
    answer = world.send("POST", "/v2/carts", headers, content=body)
    assert "content-length" not in answer.request.headers
    assert answer.status_code == 201


def test_a_body_over_the_limit_is_413_said_or_unsaid() -> None:
    with World(body_limit=1000) as world:
        headers = {**world.admin, "Content-Type": JSON}
        fits = b'{"data":{"name":"' + b"x" * 100 + b'"}}'
        assert world.send("POST", "/v2/carts", headers, content=fits).status_code == 201
        large = b"x" * 1001
        assert_is(world.send("POST", "/v2/carts", headers, content=large), "body-too-large")
        chunked = world.send("POST", "/v2/carts", headers, content=chunks(b"x" * 600, b"x" * 600))
        assert_is(chunked, "body-too-large")


def test_a_failure_of_the_mock_is_a_500_without_a_trace(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def explode(_: object) -> None:
        raise RuntimeError("no such luck")

    monkeypatch.setattr(world.store, "cart", explode)
    answer = world.send("GET", "/v2/carts/c", world.admin)
    assert_is(answer, "internal-error")
    assert "luck" not in answer.text
    assert answer.headers["x-request-id"] in caplog.text
    assert "no such luck" in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v2/carts", 200), ("GET", "/nix", 404), ("PATCH", "/v2/carts", 405),
     ("POST", ASSOCIATION, 403)],
)  # fmt: skip
def test_a_browser_on_another_origin_may_read_every_answer(
    world: World, method: str, path: str, status: int
) -> None:
    answer = world.send(method, path, {**world.admin, "Origin": "https://shop.example"})
    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "Origin" in answer.headers["vary"]
    assert "X-Request-Id" in answer.headers["access-control-expose-headers"]


SDK_HEADERS = (
    "authorization,content-type,x-moltin-application,x-moltin-auth-store,x-moltin-currency,"
    "x-moltin-customer-token,x-moltin-language,x-moltin-sdk-language,x-moltin-sdk-version"
)


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
def test_a_browser_s_preflight_with_all_headers_of_the_sdks_is_allowed(
    world: World, method: str
) -> None:
    headers = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": SDK_HEADERS,
    }
    answer = world.send("OPTIONS", ASSOCIATION, headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "access-control-allow-private-network" not in answer.headers
    assert method in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == SDK_HEADERS


def logged(world: World, store: str = "") -> list[dict[str, Any]]:
    """Return the request log of a store, or of the requests that belong to none."""
    path = f"/_mock/stores/{store}/requests" if store else "/_mock/requests"
    entries: list[dict[str, Any]] = world.send("GET", path).json()["data"]
    return entries


def test_preflight_for_a_private_network_is_allowed_and_logged(world: World) -> None:
    headers = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Private-Network": "true",
    }
    answer = world.send("OPTIONS", "/v2/any", headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-private-network"] == "true"
    [entry] = [e for e in logged(world) if e["id"] == answer.headers["x-request-id"]]
    assert (entry["method"], entry["path"], entry["status"]) == ("OPTIONS", "/v2/any", 200)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v2/nothing", 404), ("PATCH", "/v2/carts", 405), ("OPTIONS", "/v2/carts", 204)],
)
def test_request_that_no_operation_takes_belongs_to_the_store_of_its_token(
    world: World, method: str, path: str, status: int
) -> None:
    request_id = world.send(method, path, world.admin).headers["x-request-id"]
    [entry] = [e for e in logged(world, world.client_id) if e["id"] == request_id]
    assert (entry["operation"], entry["status"]) == (None, status)
    assert request_id not in [entry["id"] for entry in logged(world)]


@pytest.mark.parametrize("path", ["/ui/", "/openapi.json", "/book", "/_mock", "/_mock/health"])
def test_answer_of_the_mock_s_own_pages_has_an_id(world: World, path: str) -> None:
    assert world.send("GET", path).headers["x-request-id"]


def test_the_documentation_page_and_the_contract_are_served(world: World) -> None:
    for path, title in (("/ui/", CONTRACT.document["info"]["title"]), ("/_mock/ui/", "workbench")):
        page = world.send("GET", path).text
        assert "swagger-ui" in page
        assert title in page.partition("</title>")[0]
        assert 'name="viewport"' in page  # without it a phone shows the page as on a desktop
    served = world.send("GET", "/openapi.json").json()
    assert served["info"] == CONTRACT.document["info"]
    assert set(served["paths"]) == set(CONTRACT.document["paths"])
