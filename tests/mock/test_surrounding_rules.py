"""The rules of the carts, customers, tokens and pages around the associations."""

from __future__ import annotations

from typing import Any

import pytest
from cart_spec import load_contract

from tests.mock.world import PASSWORD, World

CONTRACT = load_contract()

GRANTS = [
    ({"client_id": "x"}, 400, "grant_type"),
    ({"grant_type": "", "client_id": "x"}, 400, "grant_type"),
    ({"grant_type": "password", "client_id": "x"}, 400, "grant_type"),
    ({"grant_type": "Implicit", "client_id": "x"}, 400, "grant_type"),
    ({"grant_type": "implicit"}, 400, "client_id"),
    ({"grant_type": "implicit", "client_id": ""}, 400, "client_id"),
    ({"grant_type": "client_credentials", "client_id": "SHOP"}, 401, "client_secret"),
    (
        {"grant_type": "client_credentials", "client_id": "SHOP", "client_secret": "wrong"},
        401,
        "client_secret",
    ),
]


@pytest.mark.rule("grant-invalid")
@pytest.mark.parametrize(("form", "status", "source"), GRANTS)
def test_gives_no_access_token_for_a_wrong_grant(
    world: World, form: dict[str, str], status: int, source: str
) -> None:
    form = {key: value.replace("SHOP", world.client_id) for key, value in form.items()}
    answer = world.send("POST", "/oauth/access_token", data=form)
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["status"], error["source"]) == (status, status, source)
    sent = form.get("client_secret")
    assert not sent or f'"{sent}"' not in answer.text.replace('"client_secret"', "")


def test_display_price_of_a_cart_without_items_has_no_currency(world: World) -> None:
    world.cart("c")
    nothing = {"amount": 0, "currency": "", "formatted": "0"}
    price = world.read("c")["meta"]["display_price"]
    assert set(map(str, price.values())) == {str(nothing)}


def test_customer_with_several_faults_gets_an_entry_for_each(world: World) -> None:
    answer = world.send("POST", "/v2/customers", world.admin, json={"data": {"email": "eve"}})
    assert answer.status_code == 422
    errors = answer.json()["errors"]
    assert {(error["status"], error["title"]) for error in errors} == {(422, "Failed Validation")}
    assert [error["source"] for error in errors] == ["data.type", "data.name", "data.email"]
    assert [error["detail"].split(". ")[0] for error in errors] == [
        "The data.type field is required",
        "The data.name field is required",
        "The data.email field must be a valid email address",
    ]


KEPT = {
    "custom_attributes": {"size": {"type": "string", "value": "large"}},
    "discount_settings": {"custom_discounts_enabled": True, "use_rule_promotions": False},
    "inventory_settings": {"defer_inventory_check": True},
    "snapshot_date": "2026-11-28T22:00:00Z",
    "is_quote": True,
}


@pytest.mark.parametrize("name", KEPT)
def test_cart_field_without_behaviour_is_kept_and_shown(world: World, name: str) -> None:
    data = {"id": "c", "name": "C", name: KEPT[name]}
    made = world.send("POST", "/v2/carts", world.admin, json={"data": data})
    assert made.json()["data"][name] == KEPT[name]
    world.send("PUT", "/v2/carts/c", world.admin, json={"data": {"name": "Other"}})
    assert world.read("c")[name] == KEPT[name]
    world.cart("d")
    assert name not in world.read("d")
    world.send("PUT", "/v2/carts/d", world.admin, json={"data": {name: KEPT[name]}})
    assert world.read("d")[name] == KEPT[name]


def test_customer_fields_of_the_store_are_kept_and_shown(world: World) -> None:
    data = {"type": "customer", "name": "Eve", "email": "eve@example.com"}
    sent = {**data, "password": PASSWORD, "external_ref": "crm-7", "shoe_size": 38, "id": "mine"}
    made = world.send("POST", "/v2/customers", world.admin, json={"data": sent}).json()["data"]
    assert (made["external_ref"], made["shoe_size"], made["password"]) == ("crm-7", 38, True)
    assert made["id"] != "mine"
    path = f"/v2/customers/{made['id']}"
    changed = {"type": "customer", "shoe_size": 39}
    world.send("PUT", path, world.admin, json={"data": changed})
    shown = world.send("GET", path, world.admin).json()["data"]
    assert (shown["external_ref"], shown["shoe_size"]) == ("crm-7", 39)


def test_limits_of_kept_fields_are_those_of_the_schema(world: World) -> None:
    many = {f"a{n}": {"type": "string", "value": "x"} for n in range(21)}
    data: dict[str, object] = {"name": "C", "custom_attributes": many}
    answer = world.send("POST", "/v2/carts", world.admin, json={"data": data})
    assert answer.status_code == 400
    data = {"type": "customer", "name": "E", "email": "e@example.com", "external_ref": "x" * 2049}
    answer = world.send("POST", "/v2/customers", world.admin, json={"data": data})
    assert answer.status_code == 400


def test_login_without_authentication_mechanism_passes(world: World) -> None:
    data = {"type": "token", "email": "ada@example.com", "password": PASSWORD}
    answer = world.send("POST", "/v2/customers/tokens", world.anonymous, json={"data": data})
    assert answer.status_code == 200
    assert answer.json()["data"]["customer_id"] == world.ada


@pytest.mark.rule("credentials-wrong")
def test_a_wrong_password_and_an_unknown_email_get_the_same_answer(world: World) -> None:
    answers = [
        world.send(
            "POST",
            "/v2/customers/tokens",
            world.anonymous,
            json={"data": {"type": "token", "authentication_mechanism": "password", **fields}},
        )
        for fields in (
            {"email": "ada@example.com", "password": "wrong"},
            {"email": "nobody@example.com", "password": "wrong"},
        )
    ]
    assert answers[0].content == answers[1].content


@pytest.mark.rule("any-symbol")
@pytest.mark.parametrize(
    "text",
    [
        "Bob's cart",
        '"<&>"',
        "50% ☕ 🛒👩‍👩‍👧",
        "سلة التسوق",
        "買い物",
        " x ",
        "x" * 255,
        "a\u0000b\n",
    ],
)
def test_any_symbol_comes_back_unchanged(world: World, text: str) -> None:
    world.cart("c", name=text, description=text)
    assert (world.read("c")["name"], world.read("c")["description"]) == (text, text)
    answer = world.send("PUT", "/v2/carts/c", world.admin, json={"data": {"name": text + "!"[:0]}})
    assert answer.status_code == 200
    assert answer.json()["data"]["name"] == text


@pytest.mark.rule("success-answer")
def test_a_contact_without_a_name_is_shown_without_one(world: World) -> None:
    world.cart("c", contact={"email": "a@example.com"})
    assert world.read("c")["contact"] == {"email": "a@example.com"}


@pytest.mark.rule("contact-removal")
@pytest.mark.parametrize("contact", [None, {"email": ""}, {"name": "A"}, {}])
def test_a_contact_can_be_removed(world: World, contact: Any) -> None:
    world.cart("c", contact={"email": "a@example.com", "name": "A"})
    assert world.read("c")["contact"] == {"email": "a@example.com", "name": "A"}
    answer = world.send("PUT", "/v2/carts/c", world.admin, json={"data": {"contact": contact}})
    assert answer.status_code == 200
    assert "contact" not in answer.json()["data"]
    assert world.associate("c", world.ada).status_code == 200


@pytest.mark.rule("new-cart-by-get")
@pytest.mark.parametrize("who", ["administrator", "anonymous", "ada"])
def test_an_unknown_cart_is_made_when_it_is_read(world: World, who: str) -> None:
    callers = {"administrator": world.admin, "anonymous": world.anonymous, "ada": world.as_ada()}
    headers = callers[who]
    answer = world.send("GET", "/v2/carts/0cb1b6e0c6a24d8e9c3f5a7be1d2f340", headers)
    assert answer.status_code == 200
    cart = answer.json()["data"]
    assert (cart["name"], cart["relationships"]["items"]) == ("Cart", {"data": None})
    owners = [c["id"] for c in cart["relationships"]["customers"].get("data", [])]
    assert owners == ([world.ada] if who == "ada" else [])
    assert world.send("GET", f"/v2/carts/{cart['id']}", headers).json()["data"] == cart


@pytest.mark.rule("implicit-registration")
@pytest.mark.rule("password-never-returned")
def test_a_shopper_registers_and_logs_in_with_an_implicit_token(world: World) -> None:
    data = {"type": "customer", "name": "Eve", "email": "eve@example.com", "password": PASSWORD}
    answer = world.send("POST", "/v2/customers", world.anonymous, json={"data": data})
    assert answer.status_code == 201
    eve = world.log_in("eve@example.com")
    customer = answer.json()["data"]["id"]
    seen = world.send("GET", f"/v2/customers/{customer}", eve)
    assert seen.status_code == 200
    assert seen.json()["data"]["password"] is True
    everyone = world.send("GET", "/v2/customers", world.admin)
    for text in (answer.text, seen.text, everyone.text):
        assert PASSWORD not in text
        assert "argon2" not in text


@pytest.mark.rule("customer-deleted")
def test_a_deleted_customer_takes_its_associations_and_tokens_along(world: World) -> None:
    world.associate(world.cart("c"), world.ada)
    world.associate("c", world.bob)
    ada = world.as_ada()
    assert world.send("DELETE", f"/v2/customers/{world.ada}", ada).status_code == 204
    assert world.customers_of("c") == [world.bob]
    assert world.send("GET", "/v2/carts", ada).status_code == 403
    assert world.send("GET", f"/v2/customers/{world.ada}", world.admin).status_code == 404


@pytest.mark.rule("cart-expired")
def test_a_cart_is_gone_seven_days_after_its_last_update(world: World) -> None:
    week = 7 * 24 * 3600
    for cart in ("early", "late"):
        world.associate(world.cart(cart), world.ada)
    world.wait(week - 1)
    world.admin = world.token("client_credentials")
    world.send("PUT", "/v2/carts/late", world.admin, json={"data": {"name": "Kept"}})
    world.wait(1)
    world.anonymous = world.token("implicit")
    assert world.carts_of(world.as_ada()) == ["late"]
    assert world.send("DELETE", "/v2/carts/early", world.admin).status_code == 404
    assert world.read("early")["name"] == "Cart"


@pytest.mark.rule("last-cart")
def test_a_cart_that_is_not_the_last_is_deleted_with_its_associations(world: World) -> None:
    for cart in ("one", "two"):
        world.associate(world.cart(cart), world.ada)
    assert world.send("DELETE", "/v2/carts/one", world.admin).status_code == 204
    assert world.carts_of(world.as_ada()) == ["two"]
    assert world.send("DELETE", "/v2/carts/two", world.admin).status_code == 400


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("eq(name,Party list)", ["b"]),
        ('eq(name,"Party list")', ["b"]),
        ("eq(name,party list)", []),
        ("ilike(name,party list)", ["b"]),
        ("ilike(name,*LIST)", ["c", "b", "a"]),
        ("ilike(name,p*y*l*t)", ["b"]),
        ("ilike(name,*p*p*)", ["c"]),
        ("ilike(name,*)", ["c", "b", "a"]),
        ("ilike(name,party list*party list)", []),
        ("ilike(name,*list):ilike(name,party*)", ["b"]),
        ("eq(name,Party list)|eq(name,Groceries list)", ["b", "a"]),
        ("contains(account_ids,x)", []),
        ("", ["c", "b", "a"]),
    ],
)
def test_filter_of_an_administrator_chooses_carts(
    world: World, wanted: str, found: list[str]
) -> None:
    for cart, name in (("a", "Groceries list"), ("b", "Party list"), ("c", "Shopping prep list")):
        data = {"id": cart, "name": name}
        world.send("POST", "/v2/carts", world.admin, json={"data": data})
        world.wait(1)
    answer = world.send("GET", "/v2/carts", world.admin, params={"filter": wanted})
    assert [cart["id"] for cart in answer.json()["data"]] == found
    assert answer.json()["meta"]["results"]["total"] == len(found)


def test_filter_of_a_customer_is_ignored(world: World) -> None:
    world.associate(world.cart("c"), world.ada)
    answer = world.send("GET", "/v2/carts", world.as_ada(), params={"filter": "eq(name"})
    assert [cart["id"] for cart in answer.json()["data"]] == ["c"]


def test_the_administrator_lists_all_carts_in_pages(world: World) -> None:
    world.cart("unregistered")
    for i in range(5):
        world.wait(1)
        world.associate(world.cart(f"c{i}"), world.bob)
    pages = [
        world.send("GET", f"/v2/carts?page[limit]=2&page[offset]={at}", world.admin).json()
        for at in (0, 2, 4, 6)
    ]
    assert [[cart["id"] for cart in page["data"]] for page in pages] == [
        ["c4", "c3"], ["c2", "c1"], ["c0", "unregistered"], [],
    ]  # fmt: skip
    assert pages[1]["meta"] == {
        "page": {"limit": 2, "offset": 2, "current": 2, "total": 3},
        "results": {"total": 6},
    }
    assert pages[0]["links"]["prev"] is None
    assert pages[2]["links"]["next"] is None
    following = world.send("GET", pages[0]["links"]["next"], world.admin)
    assert following.json() == pages[1]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("eq(email,ADA@example.com)", ["ada"]),
        ("eq(name,bob)", ["bob"]),
        ("eq(email,nobody@example.com)", []),
        ("like(email,*@EXAMPLE.com)", ["bob", "ada"]),
        ("like(name,B*)", []),
        ('like(name,"b*"):eq(email,bob@example.com)', ["bob"]),
        ("eq(name,ada)|eq(name,bob)", ["bob", "ada"]),
        ("gt(created_at,2001-09-09)", ["bob", "ada"]),
        ("gt(updated_at,9001-01-01T00:00:00Z)", []),
    ],
)
def test_customers_are_found_by_filter(world: World, query: str, found: list[str]) -> None:
    answer = world.send("GET", "/v2/customers", world.admin, params={"filter": query})
    assert [customer["name"] for customer in answer.json()["data"]] == found


@pytest.mark.parametrize(
    ("order", "found"),
    [("name", ["ada", "bob"]), ("-name", ["bob", "ada"]), ("-created_at", ["bob", "ada"])],
)
def test_customers_are_sorted(world: World, order: str, found: list[str]) -> None:
    answer = world.send("GET", "/v2/customers", world.admin, params={"sort": order})
    assert [customer["name"] for customer in answer.json()["data"]] == found


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("filter", "eq(password,x)"),
        ("filter", "gt(name,a)"),
        ("filter", "gt(created_at,soon)"),
        ("filter", "eq(name,ada"),
        ("filter", "name"),
        ("sort", "password"),
        ("sort", "--name"),
    ],
)
def test_customers_query_that_is_not_offered_is_refused(
    world: World, parameter: str, value: str
) -> None:
    answer = world.send("GET", "/v2/customers", world.admin, params={parameter: value})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["source"] == parameter


@pytest.mark.parametrize("email", ["ada", "ada@example", " ", "ada @example.com"])
def test_cart_contact_email_that_is_none_is_refused(world: World, email: str) -> None:
    data = {"name": "Groceries", "contact": {"email": email}}
    for method, path in (("POST", "/v2/carts"), ("PUT", "/v2/carts/guest")):
        world.send("GET", "/v2/carts/guest", world.admin)
        answer = world.send(method, path, world.admin, json={"data": data})
        assert (answer.status_code, answer.json()["errors"][0]["source"]) == (
            400,
            "data.contact.email",
        )


def test_a_customer_changes_its_own_record_and_password(world: World) -> None:
    ada = world.as_ada()
    data = {"type": "customer", "email": "ada@example.org", "password": PASSWORD + "!"}
    answer = world.send("PUT", f"/v2/customers/{world.ada}", ada, json={"data": data})
    assert answer.status_code == 200
    assert answer.json()["data"]["email"] == "ada@example.org"
    login = {"type": "token", "authentication_mechanism": "password"}
    statuses = [
        world.send(
            "POST",
            "/v2/customers/tokens",
            world.anonymous,
            json={"data": {**login, "email": email, "password": password}},
        ).status_code
        for email, password in (
            ("ada@example.com", PASSWORD),
            ("ada@example.org", PASSWORD),
            ("ADA@example.org", PASSWORD + "!"),
        )
    ]
    assert statuses == [401, 401, 200]
