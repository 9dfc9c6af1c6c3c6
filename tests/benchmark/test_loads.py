"""The loads: what is sent, in which order, and the script that sends it."""

from __future__ import annotations

import json

import pytest

from benchmark.loads import (
    ASSOCIATE,
    GET_CART,
    LIST_CARTS,
    LOAD_NAMES,
    REFUSED,
    Load,
    Request,
    Requests,
    Tokens,
    alternating,
    contract_loads,
    lua_script,
)
from benchmark.population import CARTS_OF_A_CUSTOMER, WRITABLE_CARTS, Population

POPULATION = Population(1_000)
CUSTOMERS = (*POPULATION.readers, POPULATION.writer)
LOADS = contract_loads(POPULATION, Tokens("access", {c: f"token-of-{c}" for c in CUSTOMERS}))


def test_every_load_is_there() -> None:
    assert tuple(LOADS) == LOAD_NAMES


def test_each_cart_is_read_with_the_token_of_its_own_customer() -> None:
    owners = {cart: reader for reader, cart in POPULATION.carts_of_readers}
    for request in LOADS[GET_CART].requests:
        cart = request.path.removeprefix("/v2/carts/")
        assert request.headers["X-Moltin-Customer-Token"] == f"token-of-{owners[cart]}"


def test_every_reader_lists_carts() -> None:
    tokens = {request.headers["X-Moltin-Customer-Token"] for request in LOADS[LIST_CARTS].requests}
    assert tokens == {f"token-of-{reader}" for reader in POPULATION.readers}


def test_posts_and_deletes_alternate() -> None:
    methods = [request.method for request in LOADS[ASSOCIATE].requests]
    assert methods == ["POST", "DELETE"] * WRITABLE_CARTS


def test_every_write_changes_the_state_lap_after_lap() -> None:
    load = LOADS[ASSOCIATE]
    associated: set[str] = set()

    def send(request: Request) -> bool:
        before = set(associated)
        if request.method == "POST":
            associated.add(request.path)
        else:
            associated.discard(request.path)
        return associated != before

    for request in load.settle:
        send(request)
    assert all(send(request) for request in load.requests * 2)


def test_settling_mends_a_lap_that_was_cut_short() -> None:
    load = alternating(
        [Request("POST", str(i)) for i in range(4)], [Request("DELETE", str(i)) for i in range(4)]
    )
    associated = {"0", "1", "2", "3"}
    for request in load.settle:
        if request.method == "POST":
            associated.add(request.path)
        else:
            associated.discard(request.path)
    assert associated == {"2", "3"}


def test_refused_bodies_name_a_type_that_is_not_customer() -> None:
    for request in LOADS[REFUSED].requests:
        assert request.body is not None
        assert json.loads(request.body)["data"][0]["type"] != "customer"
    assert LOADS[REFUSED].refused
    assert not LOADS[ASSOCIATE].refused


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ('{"a":1}', r'"{\034a\034:1}"'),
        ("a\\b", r'"a\092b"'),
        ("a\r\nb", r'"a\013\010b"'),
        ("☕", r'"\226\152\149"'),
    ],
)
def test_the_script_holds_any_body_byte_for_byte(text: str, literal: str) -> None:
    script = lua_script(Load("any", (Request("POST", "/path", {"X-Name": "value"}, text),)))
    assert f'wrk.format("POST", "/path", {{["X-Name"] = "value"}}, {literal})' in script


def test_a_request_without_a_body_has_none_in_the_script() -> None:
    assert 'wrk.format("GET", "/path", {}, nil)' in lua_script(
        Load("any", (Request("GET", "/path"),))
    )


def test_a_population_is_seeded_as_the_loads_expect_it(tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "seed.json"
    POPULATION.write_seed(path)
    seed = json.loads(path.read_text("utf-8"))
    carts = {cart["id"] for cart in seed["carts"]}
    customers = {customer["id"] for customer in seed["customers"]}
    owned = {link["cart"]: link["customer"] for link in seed["associations"]}
    assert len(carts) == POPULATION.carts
    assert set(owned) <= carts
    assert set(owned.values()) <= customers
    assert POPULATION.writer in customers
    assert not set(POPULATION.writable) & set(owned)
    assert len(POPULATION.writable) == WRITABLE_CARTS
    for reader, cart in POPULATION.carts_of_readers:
        assert owned[cart] == reader
    for reader in POPULATION.readers:
        assert list(owned.values()).count(reader) == CARTS_OF_A_CUSTOMER


def test_too_few_carts_are_refused_with_the_least_number() -> None:
    with pytest.raises(ValueError, match="512 are needed"):
        Population(100)


@pytest.mark.parametrize(
    ("requests", "numbered", "has_origin"),
    [("new", "true", False), ("repeated", "false", False), ("browser", "true", True)],
)
def test_lua_script_kind_of_requests_decides_over_added_headers(
    requests: Requests, numbered: str, has_origin: bool
) -> None:
    script = lua_script(Load("any", (Request("GET", "/path"),)), requests)
    assert f"local numbered = {numbered}\n" in script
    assert ("Origin: https://shop.example" in script) is has_origin
