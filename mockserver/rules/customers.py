"""Customer records."""

from __future__ import annotations

from mockserver.facts import CUSTOMER_HEADER, Facts
from mockserver.http import Breach
from mockserver.rules.registry import predicate
from mockserver.text import EMAIL, kind, shown


@predicate
def customer_record_not_permitted(facts: Facts) -> Breach | None:
    caller = facts.caller
    if caller.is_administrator:
        return None
    if caller.is_anonymous:
        what = "an implicit access token needs a customer token here"
        instead = f"Send {CUSTOMER_HEADER}, or call as administrator."
    elif "customerID" not in facts.request.path_params:
        what = "a customer cannot list customers"
        instead = f"Call as administrator, without {CUSTOMER_HEADER}."
    elif caller.customer_id != facts.customer_id:
        what = "the customer token belongs to another customer"
        instead = "Send the token of that customer, or call as administrator."
    else:
        return None
    return Breach(what, instead, CUSTOMER_HEADER)


@predicate
def customer_unknown(facts: Facts) -> Breach | None:
    if facts.customer is not None:
        return None
    return Breach(
        f"there is no customer {shown(facts.customer_id)}",
        "Create it with POST /v2/customers first.",
        "customerID",
    )


@predicate
def customer_invalid(facts: Facts) -> Breach | None:
    data, is_update = facts.data, facts.request.method == "PUT"
    if data.get("type") != "customer":
        what = f'"type" is {shown(data["type"])}' if "type" in data else '"type" is absent'
        return Breach(what, 'Send "type":"customer".', "data.type")
    for name, advice in (
        ("name", "Send a name of at least one character."),
        ("email", "Send an address such as ada@example.com."),
    ):
        if name not in data:
            if is_update:
                continue
            return Breach(f'"{name}" is absent', advice, f"data.{name}")
        value = data[name]
        if not isinstance(value, str):
            return Breach(f'"{name}" is {kind(value)}', advice, f"data.{name}")
        if not value.strip() or (name == "email" and not EMAIL.fullmatch(value)):
            return Breach(f'"{name}" is {shown(value)}', advice, f"data.{name}")
    return None


@predicate
def email_taken(facts: Facts) -> Breach | None:
    email = facts.data.get("email")
    other = None if email is None else facts.store.customer_with_email(email)
    if other is None or other.id == facts.request.path_params.get("customerID"):
        return None
    return Breach(
        "another customer has it", "Send another email, or log that customer in.", "data.email"
    )
