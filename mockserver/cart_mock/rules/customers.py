"""The predicates of customer records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cart_mock.formats import EMAIL, format_value, kind
from cart_mock.messages import Violation
from cart_mock.rules.context import CUSTOMER_HEADER, RequestContext
from cart_mock.rules.registry import predicate


@predicate
def customer_record_not_permitted(ctx: RequestContext) -> Violation | None:
    caller = ctx.caller
    if caller.is_administrator:
        return None
    if caller.is_anonymous:
        what = "an implicit access token needs a customer token here"
        instead = f"Send {CUSTOMER_HEADER}, or call as administrator."
    elif "customerID" not in ctx.request.path_params:
        what = "a customer cannot list customers"
        instead = f"Call as administrator, without {CUSTOMER_HEADER}."
    elif caller.customer_id != ctx.customer_id:
        what = "the customer token belongs to another customer"
        instead = "Send the token of that customer, or call as administrator."
    else:
        return None
    return Violation(what, instead, CUSTOMER_HEADER)


@predicate
def customer_unknown(ctx: RequestContext) -> Violation | None:
    if ctx.customer is not None:
        return None
    return Violation(
        ctx.absent("customer", ctx.customer_id),
        "Create it with POST /v2/customers first.",
        "customerID",
    )


@predicate
def customer_invalid(ctx: RequestContext) -> Violation | None:
    faults = tuple(_faults(ctx.data, is_update=ctx.request.method == "PUT"))
    return faults[0]._replace(others=faults[1:]) if faults else None


def _faults(data: Mapping[str, Any], *, is_update: bool) -> Iterator[Violation]:
    """Yield what is wrong with each field of a customer."""
    if data.get("type") != "customer":
        what = f'"type" is {format_value(data["type"])}' if "type" in data else '"type" is absent'
        wrong = "must be customer" if "type" in data else "is required"
        yield _fault("type", wrong, what, 'Send "type":"customer".')
    for name, wrong, advice in (
        ("name", "must have a character", "Send a name of at least one character."),
        ("email", "must be a valid email address", "Send an address such as ada@example.com."),
    ):
        value = data.get(name)
        if name not in data:
            if not is_update:
                yield _fault(name, "is required", f'"{name}" is absent', advice)
        elif not isinstance(value, str):
            yield _fault(name, wrong, f'"{name}" is {kind(value)}', advice)
        elif not value.strip() or (name == "email" and not EMAIL.fullmatch(value)):
            yield _fault(name, wrong, f'"{name}" is {format_value(value)}', advice)


def _fault(name: str, wrong: str, what: str, advice: str) -> Violation:
    return Violation(what, advice, f"data.{name}", rest=f"{name} field {wrong}.")


@predicate
def email_taken(ctx: RequestContext) -> Violation | None:
    email = ctx.data.get("email")
    other = None if email is None else ctx.store.customer_with_email(email)
    if other is None or other.id == ctx.request.path_params.get("customerID"):
        return None
    return Violation(
        "another customer has it", "Send another email, or log that customer in.", "data.email"
    )
