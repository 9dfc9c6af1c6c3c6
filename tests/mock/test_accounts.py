"""Accounts: their members, tokens and carts, next to those of customers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from cart_mock.state.entities import Account
from cart_mock.state.seed import exported, seed_of
from cart_mock.state.store import store_of

from tests.mock.world import ACCOUNT_HEADER, CUSTOMER_HEADER, DAY, PASSWORD, START, World

TOKEN_TYPE = "account_management_authentication_token"
LOGIN = {
    "type": TOKEN_TYPE,
    "authentication_mechanism": "password",
    "password_profile_id": "username-and-password",
    "username": "ann@example.com",
    "password": PASSWORD,
}
SIGNUP = {
    **LOGIN,
    "authentication_mechanism": "self_signup",
    "username": "Eve@example.com",
    "name": "Eve",
    "email": "eve@example.com",
}
SWITCH = {"type": TOKEN_TYPE, "authentication_mechanism": TOKEN_TYPE}


@pytest.fixture
def shop(world: World) -> World:
    """A shop with accounts and their carts."""
    world.stock()
    return world


def log_in(shop: World, data: dict[str, Any], query: str = "", **headers: str) -> httpx.Response:
    path = f"/v2/account-members/tokens{query}"
    return shop.send("POST", path, {**shop.anonymous, **headers}, json={"data": data})


def as_account(shop: World, name: str = "acme") -> dict[str, str]:
    return {**shop.anonymous, ACCOUNT_HEADER: shop.owner("account", name)}


def associate(
    shop: World, cart: str, account: str, headers: dict[str, str] | None = None,
    method: str = "POST",
) -> httpx.Response:  # fmt: skip
    body = {"data": [{"type": "account", "id": account}]}
    path = f"/v2/carts/{cart}/relationships/accounts"
    return shop.send(method, path, headers or shop.admin, json=body)


def accounts_of(shop: World, cart: str) -> list[str]:
    return [a["id"] for a in shop.read(cart)["relationships"]["accounts"].get("data", [])]


# ---- Associations -------------------------------------------------------------------------------


@pytest.mark.rule("association-visible")
@pytest.mark.parametrize("who", ["administrator", "shopper"])
def test_account_association_is_seen_in_the_list_and_in_the_cart(shop: World, who: str) -> None:
    headers = shop.admin if who == "administrator" else as_account(shop)
    answer = associate(shop, "weekend-list", "acme", headers)
    assert answer.status_code == 200
    assert answer.json() == {"data": [{"type": "account", "id": "acme"}]}
    assert set(shop.carts_of(as_account(shop))) == {"weekend-list", "acmes-list"}
    assert accounts_of(shop, "weekend-list") == ["acme"]


@pytest.mark.rule("association-repeat")
def test_account_association_repeated_changes_nothing(shop: World) -> None:
    before = shop.read("acmes-list")
    shop.wait(60)
    assert associate(shop, "acmes-list", "acme").status_code == 204
    assert shop.read("acmes-list") == before


@pytest.mark.rule("shared-cart")
def test_cart_is_shared_by_customers_and_accounts(shop: World) -> None:
    for account in ("acme", "bolt"):
        assert associate(shop, "adas-list", account).status_code == 200
    assert shop.customers_of("adas-list") == [shop.ada]
    assert accounts_of(shop, "adas-list") == ["acme", "bolt"]
    assert associate(shop, "adas-list", "acme", method="DELETE").status_code == 204
    assert accounts_of(shop, "adas-list") == ["bolt"]
    assert shop.carts_of(shop.as_ada()) == ["adas-list"]


@pytest.mark.rule("others-cannot-see")
def test_account_list_has_no_carts_of_others(shop: World) -> None:
    assert shop.carts_of(as_account(shop, "bolt")) == ["bolts-list"]


@pytest.mark.rule("administrator-unrestricted")
def test_account_token_narrows_an_administrator(shop: World) -> None:
    headers = {**shop.admin, ACCOUNT_HEADER: shop.owner("account", "acme")}
    assert shop.carts_of(headers) == ["acmes-list"]
    assert associate(shop, "weekend-list", "bolt", headers).status_code == 403


@pytest.mark.rule("association-deleted")
def test_account_with_the_id_of_a_customer_is_another_owner(shop: World) -> None:
    shop.store.accounts.put_account(Account(shop.ada, "Same", "Same", 1, 1))
    associate(shop, "adas-list", shop.ada)
    assert associate(shop, "adas-list", shop.ada, method="DELETE").status_code == 204
    assert shop.customers_of("adas-list") == [shop.ada]
    assert accounts_of(shop, "adas-list") == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_cart_made_with_an_account_token_is_the_accounts(shop: World, method: str) -> None:
    headers = as_account(shop)
    if method == "GET":
        shop.send("GET", "/v2/carts/new-list", headers)
    else:
        shop.cart("new-list", headers)
    assert accounts_of(shop, "new-list") == ["acme"]
    assert shop.carts_of(headers)[0] == "new-list"


@pytest.mark.rule("filter-invalid")
def test_carts_are_filtered_by_account(shop: World) -> None:
    associate(shop, "bobs-list", "acme")
    for text, wanted in (
        ("contains(account_ids,acme)", {"acmes-list", "bobs-list"}),
        ('contains(account_ids,"acme"):eq(name,Groceries)', {"acmes-list", "bobs-list"}),
        ("contains(account_ids,acme):eq(name,Other)", set()),
        ("contains(account_ids,acme)|contains(account_ids,bolt)",
         {"acmes-list", "bobs-list", "bolts-list"}),
        ("contains(account_ids,nobody)", set()),
    ):  # fmt: skip
        answer = shop.send("GET", "/v2/carts", shop.admin, params={"filter": text})
        assert {cart["id"] for cart in answer.json()["data"]} == wanted, text


@pytest.mark.rule("account-deleted")
def test_account_deleted_takes_associations_memberships_and_tokens(shop: World) -> None:
    headers = as_account(shop)
    assert shop.send("DELETE", "/v2/accounts/acme", shop.admin).status_code == 204
    assert accounts_of(shop, "acmes-list") == []
    assert shop.send("GET", "/v2/carts", headers).status_code == 403
    assert log_in(shop, LOGIN).json()["data"] == []
    assert shop.send("GET", "/v2/accounts/acme", shop.admin).status_code == 404


# ---- Tokens -------------------------------------------------------------------------------------


def test_login_returns_a_token_for_each_account(shop: World) -> None:
    body = {"data": {"type": "account_membership", "account_member_id": "ann"}}
    path = "/v2/accounts/bolt/account-memberships"
    assert shop.send("POST", path, shop.admin, json=body).status_code == 201
    answer = log_in(shop, LOGIN)
    assert answer.status_code == 201
    listed = answer.json()
    assert [one["account_id"] for one in listed["data"]] == ["acme", "bolt"]
    assert [one["account_name"] for one in listed["data"]] == ["Acme", "Bolt"]
    assert listed["meta"]["account_member_id"] == "ann"
    assert listed["meta"]["results"] == {"total": 2}
    assert listed["meta"]["page"]["limit"] == 25
    expires = datetime.fromisoformat(listed["data"][0]["expires"])
    assert expires == datetime.fromtimestamp(int(shop.tenant.now()) + DAY, UTC)
    of_bolt = {**shop.anonymous, ACCOUNT_HEADER: listed["data"][1]["token"]}
    assert shop.carts_of(of_bolt) == ["bolts-list"]


def test_login_is_paged(shop: World) -> None:
    body = {"data": {"type": "account_membership", "account_member_id": "ann"}}
    shop.send("POST", "/v2/accounts/bolt/account-memberships", shop.admin, json=body)
    answer = log_in(shop, LOGIN, "?page[limit]=1&page[offset]=1").json()
    assert [one["account_id"] for one in answer["data"]] == ["bolt"]
    assert answer["meta"]["page"] == {"limit": 1, "offset": 1, "current": 2, "total": 2}


def test_self_signup_makes_a_member_with_an_account(shop: World) -> None:
    answer = log_in(shop, SIGNUP)
    assert answer.status_code == 201
    [one] = answer.json()["data"]
    headers = {**shop.anonymous, ACCOUNT_HEADER: one["token"]}
    account = shop.send("GET", f"/v2/accounts/{one['account_id']}", headers).json()["data"]
    assert (account["name"], account["legal_name"]) == ("Eve", "Eve")
    members = shop.send("GET", "/v2/account-members", headers).json()["data"]
    assert [(m["id"], m["name"], m["email"]) for m in members] == [
        (answer.json()["meta"]["account_member_id"], "Eve", "eve@example.com")
    ]
    again = {**LOGIN, "username": "eve@EXAMPLE.com"}
    assert log_in(shop, again).json()["data"][0]["account_id"] == one["account_id"]


@pytest.mark.parametrize("field", ["username", "password", "name", "email"])
def test_self_signup_without_a_field_is_refused(shop: World, field: str) -> None:
    data = {name: value for name, value in SIGNUP.items() if name != field}
    answer = log_in(shop, data)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["source"] == f"data.{field}"
    assert shop.store.accounts.members(0, 9)[1] == 1


def test_new_list_from_an_old_token(shop: World) -> None:
    headers = {ACCOUNT_HEADER: shop.owner("account", "acme")}
    answer = log_in(shop, SWITCH, **headers)
    assert answer.status_code == 201
    assert [one["account_id"] for one in answer.json()["data"]] == ["acme"]


def test_membership_deleted_leaves_its_tokens(shop: World) -> None:
    headers = as_account(shop)
    path = "/v2/accounts/acme/account-memberships"
    [membership] = shop.send("GET", path, headers).json()["data"]
    assert membership["relationships"]["account_member"]["data"]["id"] == "ann"
    assert shop.send("DELETE", f"{path}/{membership['id']}", shop.admin).status_code == 204
    assert shop.send("GET", path, headers).json()["data"] == []
    assert shop.carts_of(headers) == ["acmes-list"]
    assert log_in(shop, LOGIN).json()["data"] == []


def test_member_deleted_ends_the_tokens(shop: World) -> None:
    headers = as_account(shop)
    shop.store.accounts.delete_member("ann")
    assert shop.send("GET", "/v2/carts", headers).status_code == 403


def test_membership_repeated_is_the_same(shop: World) -> None:
    body = {"data": {"type": "account_membership", "account_member_id": "ann"}}
    path = "/v2/accounts/acme/account-memberships"
    answer = shop.send("POST", path, shop.admin, json=body)
    assert (answer.status_code, answer.json()["data"]["id"]) == (201, "ann")
    assert shop.send("GET", path, shop.admin).json()["meta"]["results"] == {"total": 1}


def test_profile_is_found_as_storefronts_look_for_it(shop: World) -> None:
    path = "/v2/settings/account-authentication"
    settings = shop.send("GET", path, shop.anonymous).json()["data"]
    realm = settings["relationships"]["authentication_realm"]["data"]["id"]
    path = f"/v2/authentication-realms/{realm}/password-profiles"
    [profile] = shop.send("GET", path, shop.anonymous).json()["data"]
    assert profile["id"] == LOGIN["password_profile_id"]


@pytest.mark.rule("empty-account-token")
def test_empty_account_token_counts_as_none(shop: World) -> None:
    headers = {**shop.admin, ACCOUNT_HEADER: ""}
    assert "weekend-list" in shop.carts_of(headers)
    assert associate(shop, "weekend-list", "bolt", headers).status_code == 200


# ---- Records ------------------------------------------------------------------------------------


def test_account_is_created_changed_and_listed(shop: World) -> None:
    data = {"type": "account", "name": "New", "legal_name": "New Ltd", "parent_id": "acme",
            "external_ref": "x-1", "colour": "red"}  # fmt: skip
    made = shop.send("POST", "/v2/accounts", shop.admin, json={"data": data})
    assert made.status_code == 201
    account = made.json()["data"]
    assert {name: account[name] for name in data} == data
    change = {"data": {"type": "account", "name": "Newer"}}
    path = f"/v2/accounts/{account['id']}"
    changed = shop.send("PUT", path, shop.admin, json=change).json()["data"]
    assert (changed["name"], changed["legal_name"], changed["colour"]) == (
        "Newer",
        "New Ltd",
        "red",
    )
    listed = shop.send("GET", "/v2/accounts", shop.admin).json()["data"]
    assert [one["id"] for one in listed] == [account["id"], "bolt", "acme"]
    own = shop.send("GET", "/v2/accounts", as_account(shop)).json()
    assert [one["id"] for one in own["data"]] == ["acme"]
    assert own["meta"]["results"] == {"total": 1}


# ---- Seeds --------------------------------------------------------------------------------------


def test_accounts_survive_an_export_and_a_seed(shop: World) -> None:
    customers, carts = shop.store.everything()
    accounts = shop.store.accounts.freeze()()
    content = exported(customers, carts, accounts=accounts, times=True)
    assert {"cart": "acmes-list", "account": "acme"} in content["associations"]
    seed = seed_of(content, "the export")
    now = int(START)
    again = store_of(
        seed.customer_entities(now), seed.cart_entities(now), accounts=seed.account_entities(now)
    )
    assert again.accounts.freeze()() == accounts
    assert {c.id: c for c in again.everything()[1]} == {c.id: c for c in carts}


# ---- Errors that help ---------------------------------------------------------------------------


def detail(answer: httpx.Response) -> str:
    return str(answer.json()["errors"][0]["detail"])


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/v2/customers/tokens", {"type": "token", "email": "ada@example.com", "password": "x"}),
        ("/v2/account-members/tokens", LOGIN),
        ("/v2/carts", {"name": "Groceries"}),
        ("/v2/customers", {"type": "customer", "name": "Eve", "email": "eve@example.com"}),
    ],
)
def test_body_without_the_envelope_is_told_so(
    shop: World, path: str, fields: dict[str, Any]
) -> None:
    answer = shop.send("POST", path, shop.admin, json=fields)
    assert answer.status_code == 400
    assert '"data" is missing' in detail(answer)
    assert answer.json()["errors"][0]["source"] == "data"


def test_token_of_the_wrong_kind_is_told_its_kind(shop: World) -> None:
    customer, account = shop.customer("ada"), shop.owner("account", "acme")
    access = shop.anonymous["Authorization"].removeprefix("Bearer ")
    for headers, words in (
        ({"Authorization": f"Bearer {customer}"}, "it is a customer token, not an access token"),
        ({"Authorization": f"Bearer {account}"}, "it is an account token, not an access token"),
        ({**shop.anonymous, CUSTOMER_HEADER: access}, "it is an access token, not a customer"),
        ({**shop.anonymous, CUSTOMER_HEADER: account}, f"Send it in {ACCOUNT_HEADER}."),
        ({**shop.anonymous, ACCOUNT_HEADER: customer}, f"Send it in {CUSTOMER_HEADER}."),
        ({"Authorization": "Bearer undefined"}, "it is the word undefined"),
        ({**shop.anonymous, ACCOUNT_HEADER: "null"}, "it is the word null"),
        ({**shop.anonymous, CUSTOMER_HEADER: "Bearer undefined"}, "it is the word undefined"),
        ({**shop.anonymous, ACCOUNT_HEADER: "[object Object]"}, "it is the word [object Object]"),
        (
            {**shop.anonymous, CUSTOMER_HEADER: f"Bearer {customer}"},
            "it is a customer token with something around it",
        ),
        ({"Authorization": f'Bearer "{access}"'}, "it is an access token with something around"),
        (
            {**shop.anonymous, CUSTOMER_HEADER: customer, ACCOUNT_HEADER: "undefined"},
            f"both headers are sent, {ACCOUNT_HEADER} with the word undefined",
        ),
    ):
        answer = shop.send("GET", "/v2/carts", headers)
        assert words in detail(answer), headers
        assert not any(token in answer.text for token in (customer, account, access))


@pytest.mark.parametrize(
    ("method", "path", "data"),
    [
        ("POST", "/v2/carts/elsewhere/relationships/customers", [{"type": "customer", "id": "x"}]),
        ("PUT", "/v2/carts/elsewhere", {"name": "Groceries"}),
        ("DELETE", "/v2/carts/elsewhere", None),
        ("POST", "/v2/carts/elsewhere/checkout", {"customer": {"id": "ada"}}),
        ("PUT", "/v2/carts/elsewhere/items/mug", {"id": "mug", "quantity": 1}),
        ("DELETE", "/v2/carts/elsewhere/items/mug", None),
        ("DELETE", "/v2/carts/elsewhere/items", None),
        ("POST", "/v2/carts/basket/items", {"type": "cart_items", "cart_id": "elsewhere"}),
        ("GET", "/v2/customers/elsewhere", None),
        ("GET", "/v2/accounts/elsewhere", None),
    ],
)
def test_what_is_in_another_store_is_told_which_store_was_searched(
    shop: World, method: str, path: str, data: Any
) -> None:
    body = {} if data is None else {"json": {"data": data}}
    answer = shop.send(method, path, shop.admin, **body)
    assert answer.status_code == 404
    assert f'"elsewhere" in the store "{shop.client_id}"' in detail(answer)


def test_token_of_another_store_names_both_stores(shop: World) -> None:
    other = World(shop.site, client_id="another-shop")
    headers = {**shop.anonymous, CUSTOMER_HEADER: other.customer("ada")}
    told = detail(shop.send("GET", "/v2/carts", headers))
    for store in (other.client_id, shop.client_id):
        assert f'of the store "{store}"' in told


def test_wrong_secret_says_where_the_secret_comes_from(shop: World) -> None:
    form = {"grant_type": "client_credentials", "client_id": shop.client_id}
    for secret in ({"client_secret": "another"}, {}):
        answer = shop.send("POST", "/oauth/access_token", data={**form, **secret})
        assert answer.status_code == 401
        assert "first secret" in detail(answer)
        assert "another" not in answer.text
