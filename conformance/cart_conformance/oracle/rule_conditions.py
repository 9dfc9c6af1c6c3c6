"""For each refusal of the catalogue: does this request break it?

A trial answers True where the request surely does, False where it surely does not, and None where
that cannot be known or where the contract leaves it open.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from cart_conformance.oracle.knowledge import ADMINISTRATOR
from cart_conformance.oracle.request_view import RequestView, Token, is_safe_id

Trial = Callable[[RequestView], bool | None]

CONDITIONS: dict[str, Trial] = {}
"""By rule id. Whether a rule is one of the operation at all is the catalogue's to say."""

LONGEST_NAME = 255
PAGE_RANGES = {"page[limit]": (1, 100), "page[offset]": (0, 10_000)}
GRANTS = ("client_credentials", "implicit")


def _trial(rule: str) -> Callable[[Trial], Trial]:
    def register(trial: Trial) -> Trial:
        CONDITIONS[rule] = trial
        return trial

    return register


def _any(verdicts: list[bool | None]) -> bool | None:
    """True if one is, else None if one may be."""
    if True in verdicts:
        return True
    return None if None in verdicts else False


# --- The caller ---


@_trial("access-token-invalid")
def access_token_invalid(reading: RequestView) -> bool | None:
    if reading.access is Token.UNKNOWN:
        return None
    return reading.access is not Token.VALID


@_trial("customer-token-invalid")
def customer_token_invalid(reading: RequestView) -> bool | None:
    if reading.customer_token in {Token.UNKNOWN, Token.EMPTY}:
        return None
    found = reading.customer_token is Token.INVALID
    return None if found and _may_not_read_the_token(reading) else found


def _may_not_read_the_token(reading: RequestView) -> bool:
    """Return whether a deployment may leave the customer token of this request unread.

    These two are published for administrators alone, who have no customer token.
    """
    published = reading.operation in {"createCustomer", "getCustomers"}
    return published and reading.grant == ADMINISTRATOR


@_trial("customer-token-required")
@_trial("carts-need-an-owner")
def needs_a_customer(reading: RequestView) -> bool | None:
    return reading.is_anonymous


# --- The body of an association request ---


def _about_body(trial: Trial) -> Trial:
    """Where readers of JSON may differ over a body, so may servers over what is in it."""

    def careful(reading: RequestView) -> bool | None:
        if reading.json.ambiguous:
            return None
        found = trial(reading)
        return None if found and not reading.has_json_type and reading.body else found

    return careful


@_trial("payload-not-array")
@_about_body
def payload_not_array(reading: RequestView) -> bool | None:
    if reading.json.malformed or reading.entries is None:
        return True
    # The bare array is taken as well, or refused for want of the envelope: body-bare-array.
    return None if reading.is_bare else False


@_trial("entry-not-object")
@_about_body
def entry_not_object(reading: RequestView) -> bool | None:
    return len(reading.objects) < len(reading.entries or ())


@_trial("customer-missing")
@_about_body
def customer_missing(reading: RequestView) -> bool | None:
    return reading.entries == []


@_trial("more-than-one-customer")
@_about_body
def more_than_one_customer(reading: RequestView) -> bool | None:
    return len(reading.entries or ()) > 1


@_trial("type-not-customer")
@_about_body
def type_not_customer(reading: RequestView) -> bool | None:
    return any(entry.get("type") != "customer" for entry in reading.objects)


@_trial("customer-id-missing")
@_about_body
def customer_id_missing(reading: RequestView) -> bool | None:
    return any(
        not isinstance(entry.get("id"), str) or entry["id"] == "" for entry in reading.objects
    )


@_trial("customer-not-permitted")
@_about_body
def customer_not_permitted(reading: RequestView) -> bool | None:
    ids = [entry["id"] for entry in reading.objects if isinstance(entry.get("id"), str)]
    if reading.customer_token is Token.UNKNOWN:
        return None
    customer = reading.customer
    return customer is not None and any(named not in {customer, ""} for named in ids)


@_trial("customer-not-found")
@_about_body
def customer_not_found(reading: RequestView) -> bool | None:
    if reading.is_administrator is False:
        return False
    ids = [entry["id"] for entry in reading.objects if isinstance(entry.get("id"), str)]
    exist = [reading.known.customer_exists(named) for named in ids if named]
    missing = _any([None if there is None else not there for there in exist])
    return None if reading.is_administrator is None and missing else missing


# --- Carts ---


@_trial("cart-id-unsafe")
def cart_id_unsafe(reading: RequestView) -> bool | None:
    if reading.cart_id.strip(".") == "":
        return None  # a client or a gateway may have taken "." and ".." for steps of the path
    return not is_safe_id(reading.cart_id)


@_trial("cart-not-found")
@_trial("cart-unknown")
def cart_not_found(reading: RequestView) -> bool | None:
    exists = reading.known.cart_exists(reading.cart_id)
    return None if exists is None else not exists


@_trial("cart-not-permitted")
@_trial("cart-of-others")
def cart_of_others(reading: RequestView) -> bool | None:
    if reading.customer_token is not Token.VALID:
        return None if reading.customer_token is Token.UNKNOWN else False
    if reading.known.cart_exists(reading.cart_id) is False:
        return False
    customers = reading.known.customers_of(reading.cart_id)
    if customers is None:
        return None
    return bool(customers) and reading.customer not in customers


@_trial("cart-has-contact-email")
def cart_has_contact_email(reading: RequestView) -> bool | None:
    cart = reading.known.carts.get(reading.cart_id)
    if cart is None:
        return None
    return cart.contact if cart.exists else False


@_trial("cart-name-missing")
@_about_body
def cart_name_missing(reading: RequestView) -> bool | None:
    if _has_no_data(reading):
        return None
    if "name" not in reading.data:
        return reading.operation == "createACart"
    name = reading.data["name"]
    if name is None and reading.operation == "updateACart":
        return None  # null may be taken for no name at all
    return not isinstance(name, str) or not 1 <= len(name) <= LONGEST_NAME


@_trial("cart-name-blank")
@_about_body
def cart_name_blank(reading: RequestView) -> bool | None:
    name = reading.data.get("name")
    if not isinstance(name, str) or not name:
        return False
    if name.strip(" \t\r\n") == "":
        return True
    # Which of Unicode's spaces and invisible characters are white space is not said.
    visible = any(unicodedata.category(character)[0] not in "ZC" for character in name)
    return False if visible else None


@_trial("new-cart-id-unsafe")
@_about_body
def new_cart_id_unsafe(reading: RequestView) -> bool | None:
    if "id" not in reading.data:
        return False
    value = reading.data["id"]
    if not isinstance(value, str) or value == "" or len(value) > LONGEST_NAME:
        return None
    return not is_safe_id(value)


@_trial("cart-id-taken")
@_about_body
def cart_id_taken(reading: RequestView) -> bool | None:
    value = reading.data.get("id")
    if not isinstance(value, str) or not is_safe_id(value):
        return False
    exists = reading.known.cart_exists(value)
    return None if exists is False else exists


@_trial("contact-on-registered-cart")
@_about_body
def contact_on_registered_cart(reading: RequestView) -> bool | None:
    contact = reading.data.get("contact")
    if not isinstance(contact, dict) or not contact.get("email"):
        return False
    if reading.customer_token is Token.UNKNOWN:
        return None
    if reading.operation == "createACart":
        return reading.customer is not None
    customers = reading.known.customers_of(reading.cart_id)
    return None if customers is None else bool(customers)


@_trial("last-cart")
def last_cart(reading: RequestView) -> bool | None:
    if reading.known.cart_exists(reading.cart_id) is False:
        return False
    customers = reading.known.customers_of(reading.cart_id)
    if customers is None:
        return None
    return _any([reading.known.has_only_cart(c, reading.cart_id) for c in sorted(customers)])


def _has_no_data(reading: RequestView) -> bool:
    """Whether there is no object to look for fields in; the envelope has no rule of its own."""
    value = reading.json.value
    return reading.json.malformed or not (
        isinstance(value, dict) and isinstance(value.get("data"), dict)
    )


# --- Pages ---


def _page_values(reading: RequestView) -> list[tuple[str, str]]:
    return [(name, value) for name, value in reading.query if name in PAGE_RANGES]


def _page_is_repeated(reading: RequestView) -> bool:
    names = [name for name, _ in _page_values(reading)]
    return len(set(names)) < len(names)


@_trial("page-not-a-number")
def page_not_a_number(reading: RequestView) -> bool | None:
    if _page_is_repeated(reading):
        return None
    return _any([_is_no_number(value) for _, value in _page_values(reading)])


def _is_no_number(value: str) -> bool | None:
    if re.fullmatch(r"-?[0-9]{1,9}", value):
        return False
    # "", "+5", " 5", "5.0", "1e1" and a number of twenty digits are numbers to some.
    return None if re.fullmatch(r"[\s+\-0-9.eE]*", value) or not value.isascii() else True


@_trial("page-out-of-range")
def page_out_of_range(reading: RequestView) -> bool | None:
    if _page_is_repeated(reading):
        return None
    return _any([_is_out_of_range(name, value) for name, value in _page_values(reading)])


def _is_out_of_range(name: str, value: str) -> bool | None:
    if re.fullmatch(r"-?[0-9]{1,9}", value):
        low, high = PAGE_RANGES[name]
        return not low <= int(value) <= high
    return None


# --- Customers and tokens ---


@_trial("customer-record-not-permitted")
def customer_record_not_permitted(reading: RequestView) -> bool | None:
    if reading.customer_token is Token.UNKNOWN:
        return None
    if reading.customer is not None and _may_not_read_the_token(reading):
        return None
    if reading.customer is not None:
        return reading.operation == "getCustomers" or reading.customer != reading.customer_id
    return reading.is_anonymous


@_trial("customer-unknown")
def customer_unknown(reading: RequestView) -> bool | None:
    exists = reading.known.customer_exists(reading.customer_id)
    return None if exists is None else not exists


@_trial("customer-invalid")
@_about_body
def customer_invalid(reading: RequestView) -> bool | None:
    if _has_no_data(reading):
        return None
    data, is_new = reading.data, reading.operation == "createCustomer"
    # Whether a PUT may leave the type out is not said.
    no_type: bool | None = data.get("type") != "customer"
    if "type" not in data and not is_new:
        no_type = None
    return _any([
        no_type,
        _is_no_name(data["name"]) if "name" in data else is_new,
        _is_no_email(data["email"]) if "email" in data else is_new,
    ])  # fmt: skip


def _is_no_name(value: Any) -> bool | None:
    if not isinstance(value, str) or value == "":
        return True
    return False if value.strip() and value.isprintable() else None


def _is_no_email(value: Any) -> bool | None:
    if not isinstance(value, str) or "@" not in value.strip("@"):
        return True
    plain = re.fullmatch(r"[A-Za-z0-9]+([._-][A-Za-z0-9]+)*@([a-z0-9-]+\.)+[a-z]{2,10}", value)
    # How far the grammar of addresses is followed is a deployment's choice.
    return False if plain and len(value) <= 100 else None


@_trial("email-taken")
@_about_body
def email_taken(reading: RequestView) -> bool | None:
    email = reading.data.get("email")
    if not isinstance(email, str):
        return False
    holder = reading.known.holder_of(email)
    if holder is None:
        return None
    return holder != reading.customer_id


@_trial("credentials-wrong")
@_about_body
def credentials_wrong(reading: RequestView) -> bool | None:
    email, password = reading.data.get("email"), reading.data.get("password")
    if not isinstance(email, str) or not isinstance(password, str):
        return True
    holder = reading.known.holder_of(email)
    if holder is None:
        return True if reading.known.complete else None
    right = reading.known.customers[holder].password
    return None if right is None else password != right


@_trial("grant-invalid")
def grant_invalid(reading: RequestView) -> bool | None:
    try:
        text = reading.body.decode("utf-8", errors="strict")
        form = parse_qs(text, keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:
        return None
    if any(len(values) > 1 for values in form.values()):
        return None
    fields = {name: values[0] for name, values in form.items()}
    media = (reading.header("Content-Type") or "").split(";")[0].strip().lower()
    if media != "application/x-www-form-urlencoded":
        return None
    return _is_no_grant(reading, fields)


def _is_no_grant(reading: RequestView, fields: dict[str, str]) -> bool | None:
    grant, client, secret = (
        fields.get(name) for name in ("grant_type", "client_id", "client_secret")
    )
    if grant not in GRANTS or not client:
        return True
    right = reading.known.secrets.get(client)
    if grant == "implicit":
        return False if right is not None else None
    if not secret:
        return True
    return None if right is None else secret != right
