"""The condition of each refusal in the catalogue: does this request violate the rule?

The result is True if the request certainly violates the rule, False if it certainly does not, and
None if that is unknown or if the contract leaves it open.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from cart_conformance.exchange import OWNER_TOKENS
from cart_conformance.oracle.knowledge import ADMINISTRATOR, OwnerRef
from cart_conformance.oracle.request_view import RequestView, Token, is_safe_id

Condition = Callable[[RequestView], bool | None]

CONDITIONS: dict[str, Condition] = {}
"""Conditions by rule id. The catalogue says which rules apply to an operation."""

LONGEST_NAME = LONGEST_ID = 255
PAGE_RANGES = {"page[limit]": (1, 100), "page[offset]": (0, 10_000)}
GRANTS = ("client_credentials", "implicit")


def _violates(rule: str) -> Callable[[Condition], Condition]:
    def register(condition: Condition) -> Condition:
        CONDITIONS[rule] = condition
        return condition

    return register


def _any(verdicts: list[bool | None]) -> bool | None:
    """Return True if one verdict is True, else None if one is None, else False."""
    if True in verdicts:
        return True
    return None if None in verdicts else False


# --- The caller ---


@_violates("access-token-invalid")
def access_token_invalid(view: RequestView) -> bool | None:
    if view.access is Token.UNKNOWN:
        return None
    return view.access is not Token.VALID


@_violates("two-owner-tokens")
def two_owner_tokens(view: RequestView) -> bool | None:
    return all((view.header(name) or "").strip() for name in OWNER_TOKENS.values())


@_violates("customer-token-invalid")
def customer_token_invalid(view: RequestView) -> bool | None:
    return _token_invalid(view, "customer")


@_violates("account-token-invalid")
def account_token_invalid(view: RequestView) -> bool | None:
    return _token_invalid(view, "account")


def _token_invalid(view: RequestView, kind: str) -> bool | None:
    token = view.token_of(kind)
    if token in {Token.UNKNOWN, Token.EMPTY}:
        return None
    found = token is Token.INVALID
    return None if found and _may_not_read_the_token(view) else found


def _may_not_read_the_token(view: RequestView) -> bool:
    """Return whether a deployment may ignore the owner's token of this request.

    The customers' operations are published for administrators only, who have no customer token. A
    login of an account's member reads the token for one of its mechanisms only.
    """
    if view.operation == "createAccountToken":
        return True
    published = view.operation in {"createCustomer", "getCustomers"}
    return published and view.grant == ADMINISTRATOR


@_violates("customer-token-required")
@_violates("account-token-required")
@_violates("carts-need-an-owner")
@_violates("account-record-not-permitted")
def needs_an_owner(view: RequestView) -> bool | None:
    return view.is_anonymous


# --- The body of an association request ---


def _about_body(condition: Condition) -> Condition:
    """Make a condition undecided (None) if JSON parsers may disagree about the body."""

    def careful(view: RequestView) -> bool | None:
        if view.json.ambiguous:
            return None
        found = condition(view)
        return None if found and not view.has_json_type and view.body else found

    return careful


@_violates("payload-not-array")
@_about_body
def payload_not_array(view: RequestView) -> bool | None:
    if view.json.malformed or view.entries is None:
        return True
    # By body-bare-array, the bare array is accepted too, or refused because it lacks the envelope.
    return None if view.is_bare else False


@_violates("entry-not-object")
@_about_body
def entry_not_object(view: RequestView) -> bool | None:
    return len(view.objects) < len(view.entries or ())


@_violates("customer-missing")
@_violates("account-missing")
@_about_body
def owner_missing(view: RequestView) -> bool | None:
    return view.entries == []


@_violates("more-than-one-customer")
@_violates("more-than-one-account")
@_about_body
def more_than_one_owner(view: RequestView) -> bool | None:
    return len(view.entries or ()) > 1


@_violates("type-not-customer")
@_violates("type-not-account")
@_about_body
def type_not_of_owner(view: RequestView) -> bool | None:
    return any(entry.get("type") != view.kind for entry in view.objects)


@_violates("customer-id-missing")
@_violates("account-id-missing")
@_about_body
def owner_id_missing(view: RequestView) -> bool | None:
    return any(not isinstance(entry.get("id"), str) or entry["id"] == "" for entry in view.objects)


@_violates("customer-not-permitted")
@_violates("account-not-permitted")
@_about_body
def owner_not_permitted(view: RequestView) -> bool | None:
    ids = [entry["id"] for entry in view.objects if isinstance(entry.get("id"), str)]
    if view.owner_token is Token.UNKNOWN:
        return None
    owner = view.owner
    return owner is not None and any(named not in {owner.id, ""} for named in ids)


@_violates("customer-not-found")
@_violates("account-not-found")
@_about_body
def owner_not_found(view: RequestView) -> bool | None:
    if view.is_administrator is False:
        return False
    ids = [entry["id"] for entry in view.objects if isinstance(entry.get("id"), str)]
    kind = view.kind or ""
    exist = [view.known.owner_exists(kind, named) for named in ids if named]
    missing = _any([None if there is None else not there for there in exist])
    return None if view.is_administrator is None and missing else missing


# --- Carts ---


@_violates("cart-id-unsafe")
def cart_id_unsafe(view: RequestView) -> bool | None:
    if view.cart_id.strip(".") == "":
        return None  # a client or gateway may have resolved "." and ".." as path segments
    return not is_safe_id(view.cart_id)


@_violates("cart-not-found")
@_violates("cart-unknown")
def cart_not_found(view: RequestView) -> bool | None:
    exists = view.known.cart_exists(view.cart_id)
    return None if exists is None else not exists


@_violates("cart-has-contact-email")
@_violates("cart-has-contact-email-account")
def cart_has_contact_email(view: RequestView) -> bool | None:
    cart = view.known.carts.get(view.cart_id)
    if cart is None:
        return None
    return cart.contact if cart.exists else False


@_violates("cart-name-missing")
@_about_body
def cart_name_missing(view: RequestView) -> bool | None:
    if _has_no_data(view):
        return None
    if "name" not in view.data:
        return view.operation == "createACart"
    name = view.data["name"]
    if name is None and view.operation == "updateACart":
        return None  # null may be read as a missing name
    return not isinstance(name, str) or not 1 <= len(name) <= LONGEST_NAME


@_violates("cart-name-blank")
@_about_body
def cart_name_blank(view: RequestView) -> bool | None:
    name = view.data.get("name")
    if not isinstance(name, str) or not name:
        return False
    if name.strip(" \t\r\n") == "":
        return True
    # The contract does not define which Unicode spaces and invisible characters are white space.
    visible = any(unicodedata.category(character)[0] not in "ZC" for character in name)
    return False if visible else None


@_violates("new-cart-id-unsafe")
@_about_body
def new_cart_id_unsafe(view: RequestView) -> bool | None:
    if "id" not in view.data:
        return False
    value = view.data["id"]
    if not isinstance(value, str) or value == "" or len(value) > LONGEST_ID:
        return None
    return not is_safe_id(value)


@_violates("cart-id-taken")
@_about_body
def cart_id_taken(view: RequestView) -> bool | None:
    value = view.data.get("id")
    if not isinstance(value, str) or not is_safe_id(value):
        return False
    exists = view.known.cart_exists(value)
    return None if exists is False else exists


@_violates("contact-on-registered-cart")
@_about_body
def contact_on_registered_cart(view: RequestView) -> bool | None:
    contact = view.data.get("contact")
    if not isinstance(contact, dict) or not contact.get("email"):
        return False
    if view.owner_token is Token.UNKNOWN:
        return None
    if view.operation == "createACart":
        return view.owner is not None
    owners = view.known.owners_of(view.cart_id)
    return None if owners is None else bool(owners)


@_violates("last-cart")
def last_cart(view: RequestView) -> bool | None:
    if view.known.cart_exists(view.cart_id) is False:
        return False
    owners = view.known.owners_of(view.cart_id)
    if owners is None:
        return None
    return _any([view.known.has_only_cart(owner, view.cart_id) for owner in sorted(owners)])


def _has_no_data(view: RequestView) -> bool:
    """Return whether ``data`` has no fields. There is no separate rule about the envelope."""
    value = view.json.value
    return view.json.malformed or not (
        isinstance(value, dict) and isinstance(value.get("data"), dict)
    )


# --- Pages ---


def _page_values(view: RequestView) -> list[tuple[str, str]]:
    return [(name, value) for name, value in view.query if name in PAGE_RANGES]


def _page_is_repeated(view: RequestView) -> bool:
    names = [name for name, _ in _page_values(view)]
    return len(set(names)) < len(names)


@_violates("page-not-a-number")
def page_not_a_number(view: RequestView) -> bool | None:
    if _page_is_repeated(view):
        return None
    return _any([_is_no_number(value) for _, value in _page_values(view)])


def _is_no_number(value: str) -> bool | None:
    if re.fullmatch(r"-?[0-9]{1,9}", value):
        return False
    # Some parsers read "", "+5", " 5", "5.0", "1e1" and twenty digits as numbers.
    return None if re.fullmatch(r"[\s+\-0-9.eE]*", value) or not value.isascii() else True


@_violates("page-out-of-range")
def page_out_of_range(view: RequestView) -> bool | None:
    if _page_is_repeated(view):
        return None
    return _any([_is_out_of_range(name, value) for name, value in _page_values(view)])


def _is_out_of_range(name: str, value: str) -> bool | None:
    if re.fullmatch(r"-?[0-9]{1,9}", value):
        low, high = PAGE_RANGES[name]
        return not low <= int(value) <= high
    return None


@_violates("filter-invalid")
def filter_invalid(view: RequestView) -> bool | None:
    filters = [value for name, value in view.query if name == "filter"]
    if not any(filters) or view.is_administrator is False:
        return False  # what a shopper's filter does is left open: it is not described
    if len(filters) > 1 or view.is_administrator is None:
        return None
    # What has the form of a condition may be a filter that only this deployment has.
    return None if re.search(r"[a-z]+\(.*,.*\)", filters[0], re.IGNORECASE) else True


# --- Customers and tokens ---


@_violates("customer-record-not-permitted")
def customer_record_not_permitted(view: RequestView) -> bool | None:
    if view.owner_token is Token.UNKNOWN:
        return None
    if view.customer is not None and _may_not_read_the_token(view):
        return None
    if view.customer is not None:
        return view.operation == "getCustomers" or view.customer != view.customer_id
    return view.is_anonymous


@_violates("customer-unknown")
def customer_unknown(view: RequestView) -> bool | None:
    exists = view.known.owner_exists("customer", view.customer_id)
    return None if exists is None else not exists


@_violates("customer-invalid")
@_about_body
def customer_invalid(view: RequestView) -> bool | None:
    if _has_no_data(view):
        return None
    data, is_new = view.data, view.operation == "createCustomer"
    # The contract does not say whether a PUT may omit the type.
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
    # A deployment may choose how much of the grammar of addresses it enforces.
    return False if plain and len(value) <= 100 else None


@_violates("email-taken")
@_about_body
def email_taken(view: RequestView) -> bool | None:
    email = view.data.get("email")
    if not isinstance(email, str):
        return False
    holder = view.known.holder_of(email)
    if holder is None:
        return None
    return holder != view.customer_id


@_violates("credentials-wrong")
@_about_body
def credentials_wrong(view: RequestView) -> bool | None:
    email, password = view.data.get("email"), view.data.get("password")
    if not isinstance(email, str) or not isinstance(password, str):
        return True
    holder = view.known.holder_of(email)
    if holder is None:
        return True if view.known.complete else None
    right = view.known.owners[OwnerRef("customer", holder)].password
    return None if right is None else password != right


# --- Accounts ---


@_violates("account-unknown")
def account_unknown(view: RequestView) -> bool | None:
    if view.owner_token is Token.UNKNOWN:
        return None
    if view.owner is not None and view.owner.id != view.account_id:
        return True
    exists = view.known.owner_exists("account", view.account_id)
    return None if exists is None else not exists


@_violates("account-resource-unknown")
def account_resource_unknown(_view: RequestView) -> bool | None:
    return None  # members, memberships and realms are not followed


@_violates("account-invalid")
@_about_body
def account_invalid(view: RequestView) -> bool | None:
    if _has_no_data(view):
        return None
    data, is_new = view.data, view.operation == "createAccount"
    no_type: bool | None = data.get("type") != "account"
    if "type" not in data and not is_new:
        no_type = None
    # legal_name is optional in the newest published document.
    legal_name = _is_no_name(data["legal_name"]) if "legal_name" in data else None
    return _any([
        no_type,
        _is_no_name(data["name"]) if "name" in data else is_new,
        legal_name if is_new or "legal_name" in data else False,
    ])  # fmt: skip


@_violates("account-credentials-wrong")
@_about_body
def account_credentials_wrong(view: RequestView) -> bool | None:
    username, password = view.data.get("username"), view.data.get("password")
    if view.data.get("authentication_mechanism") != "password":
        return None
    if not isinstance(username, str) or not isinstance(password, str):
        return True
    holder = view.known.holder_of(username, "account")
    if holder is None:
        return True if view.known.complete else None
    right = view.known.owners[OwnerRef("account", holder)].password
    return True if right is not None and password != right else None


@_violates("username-taken")
@_about_body
def username_taken(view: RequestView) -> bool | None:
    username = view.data.get("username")
    if view.data.get("authentication_mechanism") != "self_signup":
        return False
    if not isinstance(username, str):
        return None
    return True if view.known.holder_of(username, "account") is not None else None


@_violates("grant-invalid")
def grant_invalid(view: RequestView) -> bool | None:
    try:
        text = view.body.decode("utf-8", errors="strict")
        form = parse_qs(text, keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:
        return None
    if any(len(values) > 1 for values in form.values()):
        return None
    fields = {name: values[0] for name, values in form.items()}
    media = (view.header("Content-Type") or "").split(";")[0].strip().lower()
    if media != "application/x-www-form-urlencoded":
        return None
    return _is_no_grant(view, fields)


def _is_no_grant(view: RequestView, fields: dict[str, str]) -> bool | None:
    grant, client, secret = (
        fields.get(name) for name in ("grant_type", "client_id", "client_secret")
    )
    if grant not in GRANTS or not client:
        return True
    right = view.known.secrets.get(client)
    if grant == "implicit":
        return False if right is not None else None
    if not secret:
        return True
    return None if right is None else secret != right
