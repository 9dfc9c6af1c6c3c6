"""Each refusal of the association endpoints, in every shape, for POST and DELETE alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from cart_spec import load_contract

from tests.mock.world import JSON, World

CONTRACT = load_contract()


class Case(NamedTuple):
    """One request that breaks one rule. ADA, BOB and NOBODY in a body are customers' ids."""

    rule: str
    body: Any = b'{"data":[{"type":"customer","id":"ADA"}]}'
    who: str = "administrator"
    cart: str = "free"
    source: str | None = None
    methods: tuple[str, ...] = ("POST", "DELETE")


def entry(**fields: Any) -> bytes:
    return json.dumps({"data": [{"type": "customer", "id": "ADA", **fields}]}).encode()


def without(field: str) -> bytes:
    fields = {"type": "customer", "id": "ADA"}
    del fields[field]
    return json.dumps({"data": [fields]}).encode()


def forged(token: str) -> str:
    """A token whose signature is another one."""
    return token[:-8] + ("AAAAAAAA" if token[-8:] != "AAAAAAAA" else "BBBBBBBB")


CUSTOMER = "X-Moltin-Customer-Token"
ONE = '{"type":"customer","id":"ADA"}'
NOT_CUSTOMER: list[Any] = [
    "", "customers", "Customer", "CUSTOMER", " customer", "customer ", "cart", None, 5, True, [],
    {}, ["customer"],
]  # fmt: skip
NO_IDS: list[Any] = ["", None, 5, True, [], {}]
CASES = [
    *(
        Case("access-token-invalid", who=who, source="Authorization")
        for who in (
            "nobody", "basic", "bearer without token", "forged", "customer token", "expired",
        )
    ),
    *(
        Case("customer-token-invalid", who=who, source="X-Moltin-Customer-Token")
        for who in ("ada forged", "ada unsigned", "ada of another store", "ada expired", "junk")
    ),
    Case("customer-token-required", who="anonymous", source="X-Moltin-Customer-Token"),
    Case("customer-token-required", who="empty customer token", source="X-Moltin-Customer-Token"),
    *(
        Case("cart-id-unsafe", cart=cart, source="cartID")
        for cart in ("a.b", "a!b", "a b", "a%2Fb", "a~b", "%C3%A9", "a%00b", "a+b", "%F0%9F%9B%92")
    ),
    *(
        Case("payload-not-array", body=body, source="data")
        for body in (
            b"", b"{", b'{"data":[', b"nonsense", b'\xff\xfe', b'"text"', b"5", b"true", b"null",
            b"{}", b'{"data":null}', b'{"data":5}', b'{"data":"ADA"}', b'{"data":{}}',
            f'{{"data":{ONE}}}'.encode(), ONE.encode(), b"[" * 100_000, b'{"data":[NaN]}',
        )
    ),
    *(
        Case("entry-not-object", body=f'{{"data":[{value}]}}'.encode(), source="data[0]")
        for value in ('"ADA"', "5", "true", "null", "[]", "1.5")
    ),
    Case("entry-not-object", body=f'{{"data":[{ONE},5]}}'.encode(), source="data[1]"),
    Case("customer-missing", body=b'{"data":[]}', source="data"),
    Case("customer-missing", body=b"[]", source="data"),
    *(
        Case("more-than-one-customer", body=f'{{"data":[{many}]}}'.encode(), source="data")
        for many in (
            f"{ONE},{ONE}", f"{ONE},{ONE},{ONE}", ",".join([ONE] * 100),
            f"{ONE},{ONE.replace('ADA', 'BOB')}",
        )
    ),
    *(
        Case("type-not-customer", body=entry(type=value), source="data[0].type")
        for value in NOT_CUSTOMER
    ),
    Case("type-not-customer", body=without("type"), source="data[0].type"),
    Case("type-not-customer", body=b"[{}]", source="[0].type"),
    *(
        Case("customer-id-missing", body=entry(id=value), source="data[0].id")
        for value in NO_IDS
    ),
    Case("customer-id-missing", body=without("id"), source="data[0].id"),
    Case("customer-not-permitted", body=entry(id="BOB"), who="ada", source="data[0].id"),
    Case("customer-not-permitted", body=entry(id="NOBODY"), who="ada", source="data[0].id"),
    Case("customer-not-permitted", body=entry(id="BOB"), who="ada by administrator",
         source="data[0].id"),
    Case("customer-not-permitted", body=entry(id="BOB"), who="ada", cart="of-bob",
         source="data[0].id"),
    Case("cart-not-found", cart="no-such-cart", source="cartID"),
    Case("cart-not-found", cart="no-such-cart", who="ada", source="cartID"),
    Case("cart-not-permitted", who="ada", cart="of-bob", source="cartID"),
    Case("cart-not-permitted", who="ada by administrator", cart="of-bob", source="cartID"),
    Case("customer-not-found", body=entry(id="NOBODY"), source="data[0].id"),
    Case("cart-has-contact-email", cart="with-contact", source="contact.email", methods=("POST",)),
    Case("cart-has-contact-email", cart="with-contact", who="ada", source="contact.email",
         methods=("POST",)),
]  # fmt: skip


def headers_of(world: World, who: str) -> dict[str, str]:
    return NOT_ADA[who](world) if who in NOT_ADA else ADA[who](world, world.as_ada())


def later(world: World, headers: dict[str, str]) -> dict[str, str]:
    """Headers made now, used a day later."""
    world.wait(24 * 3600)
    return headers


NOT_ADA: dict[str, Callable[[World], dict[str, str]]] = {
    "administrator": lambda world: world.admin,
    "anonymous": lambda world: world.anonymous,
    "nobody": lambda _: {},
    "basic": lambda _: {"Authorization": "Basic eDp5"},
    "bearer without token": lambda _: {"Authorization": "Bearer "},
    "forged": lambda world: {"Authorization": forged(world.admin["Authorization"])},
    "expired": lambda world: later(world, world.admin),
    "empty customer token": lambda world: {**world.anonymous, CUSTOMER: ""},
    "junk": lambda world: {**world.anonymous, CUSTOMER: "junk"},
}
ADA: dict[str, Callable[[World, dict[str, str]], dict[str, str]]] = {
    "ada": lambda _, ada: ada,
    "customer token": lambda _, ada: {"Authorization": f"Bearer {ada[CUSTOMER]}"},
    "ada by administrator": lambda world, ada: {**ada, **world.admin},
    "ada forged": lambda _, ada: {**ada, CUSTOMER: forged(ada[CUSTOMER])},
    "ada unsigned": lambda _, ada: {
        **ada,
        CUSTOMER: "eyJhbGciOiJub25lIn0." + ada[CUSTOMER].split(".")[1] + ".",
    },
    "ada of another store": lambda world, ada: {
        **ada,
        **world.token("implicit", world.client_id + "-elsewhere"),
    },
    "ada expired": lambda world, ada: {**later(world, ada), **world.token("implicit")},
}


@pytest.fixture
def shop(world: World) -> World:
    """Carts in each state that a rule asks about."""
    for cart in ("free", "of-bob", "with-contact"):
        world.cart(cart)
    world.associate("of-bob", world.bob)
    world.send(
        "PUT",
        "/v2/carts/with-contact",
        world.admin,
        json={"data": {"contact": {"email": "x@example.com"}}},
    )
    return world


PARAMETERS = [
    pytest.param(case, method, marks=pytest.mark.rule(case.rule), id=f"{case.rule}-{method}-{i}")
    for i, case in enumerate(CASES)
    for method in case.methods
]


@pytest.mark.rule("refusal-changes-nothing")
@pytest.mark.parametrize(("case", "method"), PARAMETERS)
def test_refuses_with_the_contract_s_words_and_changes_nothing(
    shop: World, case: Case, method: str
) -> None:
    headers = {**headers_of(shop, case.who), "Content-Type": JSON}
    body = case.body.replace(b"ADA", shop.ada.encode()).replace(b"BOB", shop.bob.encode())
    before = shop.everything()
    answer = shop.send(
        method, f"/v2/carts/{case.cart}/relationships/customers", headers, content=body
    )
    rule = CONTRACT.rule(case.rule)
    assert answer.status_code == rule.status, answer.text
    assert answer.headers["content-type"] == JSON
    [error] = answer.json()["errors"]
    assert error["status"] == rule.status
    assert error["title"] == rule.text
    assert error["detail"].startswith(f"{rule.text}: ")
    assert error.get("source") == case.source
    assert shop.everything() == before


@pytest.mark.rule("judging-order")
def test_answers_the_first_of_several_broken_rules(shop: World) -> None:
    """A request that breaks every rule from there on is answered by the first, for each of them."""
    everything_wrong = b'{"data":[{"type":"x","id":"BOB"},{"type":"x"}]}'
    steps = [
        ("access-token-invalid", "nobody", "a!b", everything_wrong),
        ("customer-token-invalid", "junk", "a!b", everything_wrong),
        ("customer-token-required", "anonymous", "a!b", everything_wrong),
        ("cart-id-unsafe", "ada", "a!b", b"{"),
        ("payload-not-array", "ada", "nix", b"{"),
        ("entry-not-object", "ada", "nix", b'{"data":[5,5]}'),
        ("customer-missing", "ada", "nix", b'{"data":[]}'),
        ("more-than-one-customer", "ada", "nix", everything_wrong),
        ("type-not-customer", "ada", "nix", b'{"data":[{"type":"x","id":""}]}'),
        ("customer-id-missing", "ada", "nix", b'{"data":[{"type":"customer","id":""}]}'),
        ("customer-not-permitted", "ada", "nix", entry(id="BOB")),
        ("cart-not-found", "administrator", "nix", entry(id="NOBODY")),
        ("customer-not-found", "administrator", "with-contact", entry(id="NOBODY")),
    ]
    answered = []
    for _, who, cart, body in steps:
        headers = {**headers_of(shop, who), "Content-Type": JSON}
        sent = body.replace(b"BOB", shop.bob.encode())
        path = f"/v2/carts/{cart}/relationships/customers"
        answered.append(shop.send("POST", path, headers, content=sent).json()["errors"][0]["title"])
    assert answered == [CONTRACT.rule(rule).text for rule, *_ in steps]


@pytest.mark.rule("body-bare-array")
@pytest.mark.parametrize(("envelope_only", "status"), [(False, 200), (True, 403)])
def test_takes_a_bare_array_unless_told_otherwise(envelope_only: bool, status: int) -> None:
    with World(envelope_only=envelope_only) as world:
        world.cart("free")
        body = [{"type": "customer", "id": world.ada}]
        path = "/v2/carts/free/relationships/customers"
        assert world.send("POST", path, world.admin, json=body).status_code == status
        assert world.associate("free", world.ada).status_code in (200, 204)
