"""The effects of an association, observed from both sides."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.mock.world import World


@pytest.mark.rule("association-visible")
@pytest.mark.parametrize("who", ["administrator", "shopper"])
def test_is_seen_in_the_list_and_in_the_cart(world: World, who: str) -> None:
    world.cart("c")
    headers = world.admin if who == "administrator" else world.as_ada()
    answer = world.associate("c", world.ada, headers)
    assert answer.status_code == 200
    assert answer.json() == {"data": [{"type": "customer", "id": world.ada}]}
    assert world.carts_of(world.as_ada()) == ["c"]
    assert world.customers_of("c") == [world.ada]


@pytest.mark.rule("any-device")
def test_is_seen_with_every_token_of_the_customer(world: World) -> None:
    earlier = world.as_ada()
    world.cart("c")
    world.associate("c", world.ada, earlier)
    later = world.log_in("ada@example.com", world.token("implicit"))
    assert world.carts_of(earlier) == world.carts_of(later) == ["c"]
    by_administrator = {**later, **world.admin}
    assert world.carts_of(by_administrator) == ["c"]


@pytest.mark.rule("many-carts")
def test_a_customer_has_many_carts_the_latest_first(world: World) -> None:
    for i in range(25):
        world.wait(1)
        world.associate(world.cart(f"c{i}"), world.ada)
    assert world.carts_of(world.as_ada()) == [f"c{i}" for i in range(24, 4, -1)]


@pytest.mark.rule("shared-cart")
def test_a_cart_is_shared_and_loses_only_the_customer_named(world: World) -> None:
    world.cart("c")
    assert world.associate("c", world.ada).status_code == 200
    assert world.associate("c", world.bob).status_code == 200
    assert world.customers_of("c") == [world.ada, world.bob]
    assert world.associate("c", world.ada, method="DELETE").status_code == 204
    assert world.customers_of("c") == [world.bob]
    assert world.carts_of(world.as_bob()) == ["c"]


@pytest.mark.rule("others-cannot-see")
def test_nobody_else_has_it_in_the_list(world: World) -> None:
    world.associate(world.cart("c"), world.ada)
    assert world.carts_of(world.as_bob()) == []


@pytest.mark.rule("association-repeat")
def test_a_repeat_answers_204_and_changes_nothing(world: World) -> None:
    world.associate(world.cart("c"), world.ada)
    before = world.everything()
    world.wait(60)
    answer = world.associate("c", world.ada)
    assert (answer.status_code, answer.content) == (204, b"")
    assert world.everything() == before


@pytest.mark.rule("association-deleted")
def test_is_gone_from_both_sides(world: World) -> None:
    world.associate(world.cart("c"), world.ada)
    answer = world.associate("c", world.ada, world.as_ada(), "DELETE")
    assert (answer.status_code, answer.content) == (204, b"")
    assert world.carts_of(world.as_ada()) == []
    assert world.read("c")["relationships"]["customers"] == {}


@pytest.mark.rule("delete-missing")
def test_deleting_what_is_not_there_answers_204_and_changes_nothing(world: World) -> None:
    world.associate(world.cart("c"), world.bob)
    before = world.everything()
    world.wait(60)
    assert world.associate("c", world.ada, method="DELETE").status_code == 204
    assert world.everything() == before


@pytest.mark.rule("administrator-unrestricted")
def test_an_administrator_takes_any_customer_and_any_cart(world: World) -> None:
    made = world.cart("c", world.as_ada())
    assert world.associate(made, world.bob).status_code == 200
    assert world.associate(made, world.ada, method="DELETE").status_code == 204
    assert world.customers_of("c") == [world.bob]


def clock_of(world: World, cart: str) -> tuple[str, str]:
    times = world.read(cart)["meta"]["timestamps"]
    return times["updated_at"], times["expires_at"]


@pytest.mark.rule("updated-at-moves")
def test_put_moves_updated_at_and_expires_at(world: World) -> None:
    world.cart("c")
    seen = [clock_of(world, "c")]
    for field in ("name", "description"):
        world.wait(1)
        world.send("PUT", "/v2/carts/c", world.admin, json={"data": {field: "New"}})
        seen.append(clock_of(world, "c"))
    assert seen == sorted(set(seen))


@pytest.mark.rule("association-keeps-clock")
def test_association_read_and_refusal_keep_updated_at_and_expires_at(world: World) -> None:
    world.cart("c")
    before = clock_of(world, "c")
    acts: tuple[Callable[[], object], ...] = (
        lambda: world.associate("c", world.ada),
        lambda: world.associate("c", world.ada),
        lambda: world.associate("c", "nobody"),
        lambda: world.associate("c", world.ada, method="DELETE"),
        lambda: world.send("GET", "/v2/carts", world.admin),
    )
    for act in acts:
        world.wait(1)
        act()
        assert clock_of(world, "c") == before


@pytest.mark.rule("association-keeps-clock")
def test_list_after_an_association_stays_in_the_order_of_updates(world: World) -> None:
    for cart in ("old", "new"):
        world.cart(cart)
        world.wait(1)
    for cart in ("new", "old"):
        world.associate(cart, world.ada)
    assert world.carts_of(world.as_ada()) == ["new", "old"]


@pytest.mark.rule("header-names")
@pytest.mark.parametrize("name", ["x-moltin-customer-token", "X-MOLTIN-CUSTOMER-TOKEN"])
def test_header_names_come_in_any_letter_case(world: World, name: str) -> None:
    world.associate(world.cart("c"), world.ada)
    ada = world.as_ada()
    token = ada.pop("X-Moltin-Customer-Token")
    headers = {"AUTHORIZATION": ada["Authorization"], name: token}
    assert world.carts_of(headers) == ["c"]


@pytest.mark.rule("empty-customer-token")
def test_an_empty_customer_token_counts_as_none(world: World) -> None:
    headers = {**world.admin, "X-Moltin-Customer-Token": ""}
    world.cart("c")
    assert world.associate("c", world.ada, headers).status_code == 200


@pytest.mark.rule("success-answer")
def test_stores_never_see_each_other(world: World) -> None:
    world.associate(world.cart("c"), world.ada)
    elsewhere = world.token("client_credentials", world.client_id + "-elsewhere", "other")
    assert world.carts_of(elsewhere) == []
    assert world.send("GET", f"/v2/customers/{world.ada}", elsewhere).status_code == 404
    assert world.associate("c", world.ada, elsewhere).status_code == 404
    data = {"type": "customer", "name": "A", "email": "ada@example.com"}
    answer = world.send("POST", "/v2/customers", elsewhere, json={"data": data})
    assert answer.status_code == 201
