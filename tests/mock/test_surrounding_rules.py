"""The rules of the carts, customers, tokens and pages around the associations."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest
from cart_spec import load_contract

from tests.mock.world import PASSWORD, World

CONTRACT = load_contract()
ADA = {"type": "customer", "name": "Ada", "email": "new@example.com"}


class Case(NamedTuple):
    """One request that breaks one rule. ADA and BOB in a path or body are customers' ids."""

    rule: str
    method: str
    path: str
    data: Any = None
    who: str = "administrator"
    source: str | None = None


def without(field: str) -> dict[str, str]:
    return {key: value for key, value in ADA.items() if key != field}


NO_NAMES: list[Any] = ["", None, 5, True, [], {}, "x" * 256, "🛒" * 256]
UNSAFE_IDS: list[Any] = ["a b", "a/b", "a.b", "é", "a\u0000b", "🛒", "", 5, None, [], "a%20b"]
CASES = [
    *(
        Case("cart-name-missing", method, path, {"name": name}, source="data.name")
        for method, path in (("POST", "/v2/carts"), ("PUT", "/v2/carts/free"))
        for name in NO_NAMES
    ),
    Case("cart-name-missing", "POST", "/v2/carts", {}, source="data.name"),
    Case("cart-name-missing", "POST", "/v2/carts", {"description": "x"}, source="data.name"),
    *(
        Case("cart-name-blank", method, path, {"name": name}, source="data.name")
        for method, path in (("POST", "/v2/carts"), ("PUT", "/v2/carts/free"))
        for name in (" ", "\t\n", "\u00a0\u2003", " " * 255)
    ),
    *(
        Case("new-cart-id-unsafe", "POST", "/v2/carts", {"name": "x", "id": cart}, source="data.id")
        for cart in UNSAFE_IDS
    ),
    Case("cart-id-taken", "POST", "/v2/carts", {"name": "x", "id": "free"}, source="data.id"),
    Case("cart-id-taken", "POST", "/v2/carts", {"name": "x", "id": "of-bob"}, "ada",
         source="data.id"),
    Case("contact-on-registered-cart", "POST", "/v2/carts",
         {"name": "x", "contact": {"email": "a@example.com"}}, "ada", "data.contact.email"),
    Case("contact-on-registered-cart", "PUT", "/v2/carts/of-bob",
         {"contact": {"email": "a@example.com"}}, source="data.contact.email"),
    Case("cart-unknown", "PUT", "/v2/carts/nix", {"name": "x"}, source="cartID"),
    Case("cart-unknown", "DELETE", "/v2/carts/nix", source="cartID"),
    *(
        Case("cart-of-others", method, "/v2/carts/of-bob", {"name": "x"}, "ada", "cartID")
        for method in ("GET", "PUT", "DELETE")
    ),
    Case("last-cart", "DELETE", "/v2/carts/of-bob", source="cartID"),
    Case("last-cart", "DELETE", "/v2/carts/of-bob", who="bob", source="cartID"),
    Case("carts-need-an-owner", "GET", "/v2/carts", who="anonymous",
         source="X-Moltin-Customer-Token"),
    *(
        Case("page-not-a-number", "GET", f"{path}?{name}={value}", source=name)
        for path in ("/v2/carts", "/v2/customers")
        for name in ("page[limit]", "page[offset]")
        for value in ("ten", "", "1.5", "1e1", "0x1", "%20", "%D9%A1", "--1", "+1")
    ),
    *(
        Case("page-out-of-range", "GET", f"{path}?page%5B{name}%5D={value}", source=f"page[{name}]")
        for path in ("/v2/carts", "/v2/customers")
        for name, value in (("limit", "0"), ("limit", "101"), ("limit", "-1"), ("offset", "-1"),
                            ("offset", "10001"), ("limit", "9" * 5000))
    ),
    *(
        Case("customer-record-not-permitted", method, "/v2/customers/BOB", ADA, who,
             "X-Moltin-Customer-Token")
        for method in ("GET", "PUT", "DELETE")
        for who in ("anonymous", "ada", "ada by administrator")
    ),
    *(
        Case("customer-record-not-permitted", "GET", "/v2/customers", None, who,
             "X-Moltin-Customer-Token")
        for who in ("anonymous", "ada", "ada by administrator")
    ),
    *(
        Case("customer-unknown", method, "/v2/customers/nix", ADA, source="customerID")
        for method in ("GET", "PUT", "DELETE")
    ),
    *(
        Case("customer-invalid", "POST", "/v2/customers", without(field), source=f"data.{field}")
        for field in ADA
    ),
    *(
        Case("customer-invalid", method, path, {**ADA, field: value}, source=f"data.{field}")
        for method, path in (("POST", "/v2/customers"), ("PUT", "/v2/customers/ADA"))
        for field, value in (
            ("type", "customers"), ("type", None), ("type", 5), ("name", ""), ("name", " "),
            ("name", 5), ("name", None), ("email", ""), ("email", "ada"), ("email", "ada@"),
            ("email", "@example.com"), ("email", "a b@example.com"), ("email", "a@example"),
            ("email", 5), ("email", None), ("email", "a@example.com\n"),
        )
    ),
    *(
        Case("email-taken", method, path, {**ADA, "email": email}, source="data.email")
        for method, path in (("POST", "/v2/customers"), ("PUT", "/v2/customers/ADA"))
        for email in ("bob@example.com", "BOB@Example.com")
    ),
    *(
        Case("credentials-wrong", "POST", "/v2/customers/tokens",
             {"type": "token", "authentication_mechanism": "password", **fields}, "anonymous")
        for fields in (
            {"email": "ada@example.com", "password": "wrong"},
            {"email": "ada@example.com", "password": ""},
            {"email": "nobody@example.com", "password": PASSWORD},
            {"email": "ada@example.com"},
            {"password": PASSWORD},
            {"email": ["ada@example.com"], "password": PASSWORD},
        )
    ),
    *(
        Case("access-token-invalid", method, path, {}, "nobody", "Authorization")
        for method, path in (
            ("GET", "/v2/carts"), ("POST", "/v2/carts"), ("GET", "/v2/carts/free"),
            ("PUT", "/v2/carts/free"), ("DELETE", "/v2/carts/free"), ("GET", "/v2/customers"),
            ("POST", "/v2/customers"), ("GET", "/v2/customers/ADA"), ("PUT", "/v2/customers/ADA"),
            ("DELETE", "/v2/customers/ADA"), ("POST", "/v2/customers/tokens"),
        )
    ),
    *(
        Case("customer-token-invalid", method, path, {}, "junk", "X-Moltin-Customer-Token")
        for method, path in (
            ("GET", "/v2/carts"), ("POST", "/v2/carts"), ("GET", "/v2/carts/free"),
            ("PUT", "/v2/carts/free"), ("DELETE", "/v2/carts/free"), ("GET", "/v2/customers"),
            ("POST", "/v2/customers"), ("GET", "/v2/customers/ADA"), ("PUT", "/v2/customers/ADA"),
            ("DELETE", "/v2/customers/ADA"),
        )
    ),
]  # fmt: skip


def headers_of(world: World, who: str) -> dict[str, str]:
    match who:
        case "administrator":
            return world.admin
        case "anonymous":
            return world.anonymous
        case "nobody":
            return {}
        case "junk":
            return {**world.admin, "X-Moltin-Customer-Token": "junk"}
        case "ada by administrator":
            return {**world.as_ada(), **world.admin}
    return world.log_in(f"{who}@example.com")


@pytest.fixture
def shop(world: World) -> World:
    world.cart("free")
    world.associate(world.cart("of-bob"), world.bob)
    return world


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=pytest.mark.rule(case.rule), id=f"{case.rule}-{i}")
        for i, case in enumerate(CASES)
    ],
)
def test_refuses_with_the_contract_s_words_and_changes_nothing(shop: World, case: Case) -> None:
    headers = headers_of(shop, case.who)
    path = case.path.replace("ADA", shop.ada).replace("BOB", shop.bob)
    body = {} if case.data is None else {"json": {"data": case.data}}
    before = shop.everything()
    answer = shop.send(case.method, path, headers, **body)
    rule = CONTRACT.rule(case.rule)
    assert answer.status_code == rule.status, answer.text
    [error] = answer.json()["errors"]
    assert (error["status"], error["title"]) == (rule.status, rule.text)
    assert error["detail"].startswith(rule.detail or f"{rule.text}: ")
    assert error.get("source") == case.source
    assert shop.everything() == before


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
    assert "secret" not in json.dumps(error["detail"]).replace("client_secret", "").replace(
        "client secret", ""
    )


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
    headers = headers_of(world, who)
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
    assert world.send("GET", "/v2/carts", ada).status_code == 401
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


def test_the_administrator_lists_the_registered_carts_in_pages(world: World) -> None:
    world.cart("unregistered")
    for i in range(5):
        world.wait(1)
        world.associate(world.cart(f"c{i}"), world.bob)
    pages = [
        world.send("GET", f"/v2/carts?page[limit]=2&page[offset]={at}", world.admin).json()
        for at in (0, 2, 4, 6)
    ]
    assert [[cart["id"] for cart in page["data"]] for page in pages] == [
        ["c4", "c3"], ["c2", "c1"], ["c0"], [],
    ]  # fmt: skip
    assert pages[1]["meta"] == {
        "page": {"limit": 2, "offset": 2, "current": 2, "total": 3},
        "results": {"total": 5},
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
    ],
)
def test_customers_are_found_by_filter(world: World, query: str, found: list[str]) -> None:
    answer = world.send("GET", "/v2/customers", world.admin, params={"filter": query})
    assert [customer["name"] for customer in answer.json()["data"]] == found


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
