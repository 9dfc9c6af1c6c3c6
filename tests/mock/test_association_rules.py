"""The order in which the rules of the association endpoints judge, and the bare array."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cart_spec import load_contract

from tests.mock.world import CUSTOMER_HEADER, JSON, World

CONTRACT = load_contract()


def entry(**fields: Any) -> bytes:
    return json.dumps({"data": [{"type": "customer", "id": "ADA", **fields}]}).encode()


@pytest.fixture
def shop(world: World) -> World:
    """A cart that cannot be associated."""
    world.cart("with-contact", contact={"email": "x@example.com"})
    return world


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
    callers = {
        "nobody": {},
        "junk": {**shop.anonymous, CUSTOMER_HEADER: "junk"},
        "anonymous": shop.anonymous,
        "ada": shop.as_ada(),
        "administrator": shop.admin,
    }
    answered = []
    for _, who, cart, body in steps:
        headers = {**callers[who], "Content-Type": JSON}
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
