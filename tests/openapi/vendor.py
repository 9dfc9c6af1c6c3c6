"""What the vendor publishes about its answers, as JSON Schema in our own words.

These schemas are not derived from our contract. They are written from the published material, as
far as that is certain, so that a mistake in the contract does not hide the same mistake in the
mock. Every answer of the mock in its own tests is held against them. They leave open what is
published in two ways: links may be absolute, null or missing, an error's status may be a number or
a text, and a relationship without members may be an empty object.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from cart_conformance.oracle.request_view import templates_of
from cart_spec import load_contract
from jsonschema_rs import Draft202012Validator

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NAME: Schema = {"type": "string", "minLength": 1}
NUMBER: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
LINK: Schema = {"type": ["string", "null"]}


def exactly(value: str) -> Schema:
    return {"const": value}


def record(*needed: str, **members: Schema) -> Schema:
    """An object with these members, of which all are required unless ``needed`` names fewer."""
    return {"type": "object", "properties": members, "required": list(needed or members)}


def listed(entry: Schema) -> Schema:
    return {"type": "array", "items": entry}


def below_data(value: Schema, **others: Schema) -> Schema:
    return record("data", data=value, **others)


def reference(kind: str) -> Schema:
    return record(type=exactly(kind), id=NAME)


def resource(kind: str, **members: Schema) -> Schema:
    return record(id=NAME, type=exactly(kind), **members)


MONEY = record(amount=NUMBER, currency=TEXT, formatted=TEXT)
PRICES = record("with_tax", "without_tax", "tax", with_tax=MONEY, without_tax=MONEY, tax=MONEY,
                discount=MONEY, without_discount=MONEY, shipping=MONEY)  # fmt: skip
TIMESTAMPS = record("created_at", "updated_at", created_at=MOMENT, updated_at=MOMENT,
                    expires_at=MOMENT)  # fmt: skip
PAGE_LINKS = record("current", current=LINK, first=LINK, last=LINK, next=LINK, prev=LINK)
PAGE_META = record(
    page=record(limit=NUMBER, offset=NUMBER, current=NUMBER, total=NUMBER),
    results=record(total=NUMBER),
)


def page(entry: Schema) -> Schema:
    """A page of a list. Its links are not in every published example."""
    return record("data", "meta", data=listed(entry), meta=PAGE_META, links=PAGE_LINKS)


def owners(kind: str) -> Schema:
    """The owners of a cart: an empty object if the cart is not associated."""
    return {"type": "object", "properties": {"data": listed(reference(kind))}}


CART = resource(
    "cart",
    name=NAME,
    links=record(self=TEXT),
    meta=record("timestamps", display_price=PRICES, timestamps={**TIMESTAMPS, "required": [
        "created_at", "updated_at", "expires_at"]}),
    relationships=record(
        "customers", "items",
        customers=owners("customer"),
        accounts=owners("account"),
        items=record(data={"type": ["array", "null"], "items": record(type=TEXT, id=NAME)}),
    ),
)  # fmt: skip
CUSTOMER = resource("customer", name=NAME, email=NAME, password=FLAG)
ADDRESS = resource("address", first_name=TEXT, last_name=TEXT, line_1=TEXT, postcode=TEXT,
                   country=TEXT)  # fmt: skip
ACCOUNT = resource("account", name=NAME, legal_name=NAME)
MEMBER = resource("account_member", name=TEXT, email=TEXT)
MEMBERSHIP = resource("account_membership")
UNIT_AND_VALUE = record(unit=MONEY, value=MONEY)
ITEM = record(
    "id", "type", "name", "quantity", "unit_price", "value", "meta",
    id=NAME,
    type={"enum": ["cart_item", "custom_item", "order_item", "promotion_item"]},
    name=TEXT,
    quantity=NUMBER,
    unit_price=record("amount", "currency", amount=NUMBER, currency=TEXT, includes_tax=FLAG),
    value=record("amount", "currency", amount=NUMBER, currency=TEXT, includes_tax=FLAG),
    meta=record("display_price", display_price=record("with_tax", "without_tax", "tax",
        with_tax=UNIT_AND_VALUE, without_tax=UNIT_AND_VALUE, tax=UNIT_AND_VALUE)),
)  # fmt: skip
ITEMS = record(
    "data", "meta", data=listed(ITEM), meta=record("display_price", display_price=PRICES)
)
ORDER = record(
    "id", "type", "status", "payment", "meta",
    id=NAME,
    type=exactly("order"),
    status={"enum": ["incomplete", "processing", "complete", "cancelled"]},
    payment={"enum": ["unpaid", "authorized", "partially_authorized", "partially_paid", "paid",
                      "refunded"]},
    meta=record(display_price=PRICES, timestamps=TIMESTAMPS),
    billing_address={"type": "object"},
    shipping_address={"type": "object"},
)  # fmt: skip
TRANSACTION = resource(
    "transaction", gateway=exactly("manual"), amount=NUMBER, currency=TEXT,
    transaction_type={"enum": ["authorize", "purchase", "capture", "refund"]}, status=TEXT,
)  # fmt: skip
SETTINGS = record(type=exactly("settings"), cart_expiry_days=NUMBER, show_all_carts=FLAG)
ACCESS_TOKEN = record(
    access_token=NAME, token_type=exactly("Bearer"), expires_in=NUMBER, expires=NUMBER,
    identifier={"enum": ["client_credentials", "implicit"]},
)  # fmt: skip
CUSTOMER_TOKEN = record(type=exactly("token"), id=NAME, customer_id=NAME, token=NAME,
                        expires=NUMBER)  # fmt: skip
ACCOUNT_TOKEN = record(
    type=exactly("account_management_authentication_token"), account_id=NAME, account_name=TEXT,
    token=NAME, expires=MOMENT,
)  # fmt: skip
ACCOUNT_TOKENS = record(
    "data", "meta", data=listed(ACCOUNT_TOKEN), links=PAGE_LINKS,
    meta=record("account_member_id", account_member_id=NAME, **PAGE_META["properties"]),
)  # fmt: skip
REALM = record(
    relationships=record(
        authentication_realm=record(data=record(id=NAME, type=exactly("authentication_realm")))
    )
)
ERRORS = record(
    errors={
        **listed(record("title", status={"type": ["integer", "string"]}, title=NAME, detail=TEXT,
                        source={"type": ["string", "object"]})),
        "minItems": 1,
    }
)  # fmt: skip

ASSOCIATED: Schema = below_data({**listed(reference("customer")), "minItems": 1})
ACCOUNT_ASSOCIATED: Schema = below_data({**listed(reference("account")), "minItems": 1})
NOTHING: Schema = {"const": None}
_TEMPLATES = templates_of(load_contract())

ANSWERS: dict[str, dict[int, Schema]] = {
    "createAccessToken": {200: ACCESS_TOKEN},
    "createCustomerCartAssociation": {200: ASSOCIATED, 204: NOTHING},
    "deleteCustomerCartAssociation": {204: NOTHING},
    "createAccountCartAssociation": {200: ACCOUNT_ASSOCIATED, 204: NOTHING},
    "deleteAccountCartAssociation": {204: NOTHING},
    "getCarts": {200: page(CART)},
    "createACart": {201: below_data(CART)},
    "getACart": {200: below_data(CART)},
    "updateACart": {200: below_data(CART)},
    "deleteACart": {204: NOTHING},
    "createCustomer": {201: below_data(CUSTOMER)},
    "getCustomers": {200: page(CUSTOMER)},
    "getCustomer": {200: below_data(CUSTOMER)},
    "updateCustomer": {200: below_data(CUSTOMER)},
    "deleteCustomer": {204: NOTHING},
    "createCustomerToken": {200: below_data(CUSTOMER_TOKEN)},
    "createCustomerAddress": {201: below_data(ADDRESS)},
    "getCustomerAddresses": {200: below_data(listed(ADDRESS))},
    "getCustomerAddress": {200: below_data(ADDRESS)},
    "updateCustomerAddress": {200: below_data(ADDRESS)},
    "deleteCustomerAddress": {204: NOTHING},
    "createAccount": {201: below_data(ACCOUNT)},
    "getAccounts": {200: page(ACCOUNT)},
    "getAccount": {200: below_data(ACCOUNT)},
    "updateAccount": {200: below_data(ACCOUNT)},
    "deleteAccount": {204: NOTHING},
    "getAccountMembers": {200: page(MEMBER)},
    "getAccountMember": {200: below_data(MEMBER)},
    "createAccountMembership": {201: below_data(MEMBERSHIP)},
    "getAccountMemberships": {200: page(MEMBERSHIP)},
    "deleteAccountMembership": {204: NOTHING},
    "createAccountToken": {201: ACCOUNT_TOKENS},
    "getAccountAuthenticationSettings": {200: below_data(REALM)},
    "getPasswordProfiles": {200: below_data(listed(resource("password_profile", name=TEXT)))},
    "getCartItems": {200: ITEMS},
    "addCartItems": {201: ITEMS},
    "updateCartItems": {200: ITEMS},
    "updateCartItem": {200: ITEMS},
    "deleteCartItem": {200: ITEMS},
    "deleteCartItems": {204: NOTHING},
    "checkoutCart": {201: below_data(ORDER)},
    "getOrders": {200: page(ORDER)},
    "getOrder": {200: below_data(ORDER)},
    "getOrderItems": {200: below_data(listed(ITEM))},
    "createOrderPayment": {200: below_data(TRANSACTION)},
    "getCartSettings": {200: below_data(SETTINGS)},
    "updateCartSettings": {200: below_data(SETTINGS)},
}
"""The bodies of success, by operation and status. Every error is of ``ERRORS``."""


@cache
def _validator(operation: str, status: int) -> Draft202012Validator | None:
    schema = ERRORS if status >= 400 else ANSWERS.get(operation, {}).get(status)
    return None if schema is None else Draft202012Validator(schema, validate_formats=True)


def problem_of(method: str, path: str, status: int, content: bytes) -> str | None:
    """Return what is wrong with the form of an answer of the API, or None."""
    found = _TEMPLATES.find(method, _TEMPLATES.without_prefix(path))
    if found is None or method == "HEAD":
        return None
    validator = _validator(found[0], status)
    if validator is None:
        return f"{found[0]} answers {status}, for which nothing is published"
    body = json.loads(content) if content else None
    problem = next(iter(validator.iter_errors(body)), None)
    return None if problem is None else f"{found[0]} answers {status}: {problem}"
