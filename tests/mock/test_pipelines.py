"""The compiled way and Connexion's plain stack answer alike, byte for byte."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from cart_mock.http.connexion_app import Operations

from tests.mock import test_association_rules as association
from tests.mock import test_http, test_surrounding_rules
from tests.mock.world import JSON, World


class Sent(NamedTuple):
    """A request, to be sent to both."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[World, World]]:
    """The same shop behind either way: ids, time, signing key and request ids are the same."""
    monkeypatch.setattr("secrets.token_bytes", lambda n=32: b"k" * n)
    monkeypatch.setattr("secrets.token_hex", lambda n=32: "ab" * n)
    with World(compiled=True) as compiled, World(compiled=False) as plain:
        assert compiled.ada == plain.ada
        yield compiled, plain


def answers(world: World, sent: Sent) -> Any:
    answer = world.send(sent.method, sent.path, sent.headers, content=sent.body)
    return answer.status_code, sorted(answer.headers.multi_items()), answer.content


def assert_alike(pair: tuple[World, World], sent: Sent) -> None:
    compiled, plain = (answers(world, sent) for world in pair)
    assert compiled == plain, sent


def test_every_request_takes_the_way_it_is_meant_to(
    pair: tuple[World, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison would be worth nothing if both worlds went the same way."""
    taken: list[str] = []
    original = Operations.__call__

    async def noting(self: Any, scope: Any, receive: Any, send: Any) -> None:
        taken.append(scope["path"])
        await original(self, scope, receive, send)

    monkeypatch.setattr(Operations, "__call__", noting)
    compiled, plain = pair
    compiled.send("GET", "/v2/carts", compiled.admin)
    assert taken == []
    plain.send("GET", "/v2/carts", plain.admin)
    assert taken == ["/v2/carts"]


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_every_case_of_the_association_rules(pair: tuple[World, World], method: str) -> None:
    for world in pair:
        for cart in ("free", "of-bob", "with-contact"):
            world.cart(cart)
        world.associate("of-bob", world.bob)
    one = pair[0]
    for case in association.CASES:
        if "expired" in case.who or method not in case.methods:
            continue
        headers = {**association.headers_of(one, case.who), "Content-Type": JSON}
        body = case.body.replace(b"ADA", one.ada.encode()).replace(b"BOB", one.bob.encode())
        path = f"/v2/carts/{case.cart}/relationships/customers"
        # Logging in moves the one world's ids along; the other must follow.
        association.headers_of(pair[1], case.who)
        assert_alike(pair, Sent(method, path, headers, body))


def test_every_case_of_the_surrounding_rules(pair: tuple[World, World]) -> None:
    for world in pair:
        world.cart("free")
        world.associate(world.cart("of-bob"), world.bob)
    one = pair[0]
    for case in test_surrounding_rules.CASES:
        headers = test_surrounding_rules.headers_of(one, case.who)
        test_surrounding_rules.headers_of(pair[1], case.who)
        path = case.path.replace("ADA", one.ada).replace("BOB", one.bob)
        body = b"" if case.data is None else json.dumps(
            {"data": case.data}
        ).encode()  # fmt: skip
        assert_alike(pair, Sent(case.method, path, headers, body))


METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "QUERY"]
SEGMENTS = [
    "v2", "carts", "customers", "relationships", "tokens", "oauth", "access_token", "c", "a%2Fb",
    "a%2fb", "%25", "%C3%A9", "%FF", "..", "", "ui", "openapi.json", "a;b=c",
]  # fmt: skip
BODIES = [
    b"", b"{}", b"[]", b"null", b'{"data":[]}', b'{"data":{"name":"x"}}', b"\xff", b"a=b",
    b'{"data":[{"type":"customer","id":"id-1"}]}', b"grant_type=implicit&client_id=shop",
]  # fmt: skip
MEDIA = [JSON, "text/plain", "application/x-www-form-urlencoded", "", ";", "multipart/form-data"]
QUERIES = [
    "",
    "?page[limit]=1",
    "?page%5Blimit%5D=x",
    "?page[offset]=-1",
    "?&=&&x",
    "?page[limit]=",
]


def odd_requests(rng: random.Random, headers: list[dict[str, str]], count: int) -> Iterator[Sent]:
    paths = ["/v2/carts/c/relationships/customers", "/v2/carts", "/v2/carts/c", "/v2/customers",
             "/v2/customers/tokens", "/v2/customers/id-1", "/oauth/access_token"]  # fmt: skip
    for _ in range(count):
        made = "/" + "/".join(rng.choices(SEGMENTS, k=rng.randint(1, 5)))
        sent_headers = dict(rng.choice(headers))
        if rng.random() < 0.8:
            sent_headers["Content-Type"] = rng.choice(MEDIA)
        if rng.random() < 0.2:
            sent_headers["Origin"] = "https://shop.example"
        path = (rng.choice(paths) if rng.random() < 0.6 else made) + rng.choice(QUERIES)
        yield Sent(rng.choice(METHODS), path, sent_headers, rng.choice(BODIES))


@pytest.mark.parametrize("seed", range(4))
def test_odd_requests(pair: tuple[World, World], seed: int) -> None:
    one = pair[0]
    ada = one.as_ada()
    pair[1].as_ada()
    headers = [one.admin, one.anonymous, ada, {}, {"Authorization": "Bearer x"},
               {**one.admin, "X-Moltin-Customer-Token": "x"}]  # fmt: skip
    for sent in odd_requests(random.Random(seed), headers, 400):
        assert_alike(pair, sent)


@pytest.mark.parametrize("body", test_http.MALFORMED, ids=range(len(test_http.MALFORMED)))
def test_broken_bodies(pair: tuple[World, World], body: bytes) -> None:
    for method, path in test_http.BODIES:
        assert_alike(pair, Sent(method, path, {**pair[0].admin, "Content-Type": JSON}, body))
