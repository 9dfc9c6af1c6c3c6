"""The checks of errors that are published for some operations only, outside of the rules.

Each function is named after its entry in the contract, as predicates are named after their rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from cart_spec import Contract

from cart_mock.formats import EMAIL, format_value
from cart_mock.messages import Violation
from cart_mock.rules.association import no_cart
from cart_mock.rules.cart_changes import change_of
from cart_mock.rules.context import ACCESS_HEADER, CUSTOMER_HEADER, RequestContext
from cart_mock.rules.customer_query import is_sort, parse_customer_filter
from cart_mock.rules.registry import Check
from cart_mock.rules.shop_facts import address_of, customer_of_addresses, order_of

PublishedCheck = Callable[[RequestContext], Violation | None]


class _Published(NamedTuple):
    check: PublishedCheck
    reads_body: bool


_CHECKS: dict[str, _Published] = {}


def _published(*, reads_body: bool = False) -> Callable[[PublishedCheck], PublishedCheck]:
    """Register a function as the check of the error that it is named after.

    If it ``reads_body``, it comes after the check of the body's schema.
    """

    def register(function: PublishedCheck) -> PublishedCheck:
        _CHECKS[function.__name__.replace("_", "-")] = _Published(function, reads_body)
        return function

    return register


def published_checks(
    contract: Contract, operation_id: str, *, reads_body: bool
) -> Iterator[tuple[str, Check]]:
    """Yield the checks of an operation, in the order of the contract.

    Raises LookupError if an error has no check.
    """
    for error in contract.protocol_errors:
        if operation_id not in error.operations:
            continue
        if error.id not in _CHECKS:
            raise LookupError(f"the published error {error.id} has no check")
        if _CHECKS[error.id].reads_body == reads_body:
            yield error.id, _CHECKS[error.id].check


# ---- Customers ----------------------------------------------------------------------------------


@_published()
def customer_filter_invalid(ctx: RequestContext) -> Violation | None:
    text = ctx.query.get("filter")
    if not text or parse_customer_filter(text) is not None:
        return None
    return Violation(
        f"it is {format_value(text)}",
        "Send eq(email,VALUE), like(name,*VALUE*) or gt(created_at,DATE).",
        "filter",
    )


@_published()
def customer_sort_invalid(ctx: RequestContext) -> Violation | None:
    text = ctx.query.get("sort")
    if not text or is_sort(text):
        return None
    return Violation(
        f"it is {format_value(text)}",
        "Send name, email, created_at or updated_at, with - before it for the reverse.",
        "sort",
    )


# ---- Items --------------------------------------------------------------------------------------


def _change_refused(error_id: str) -> None:
    """Register the check of an error that a change of items may end in."""

    def check(ctx: RequestContext) -> Violation | None:
        refusal = change_of(ctx).refusal
        return None if refusal is None or refusal.error_id != error_id else refusal.violation

    _CHECKS[error_id] = _Published(check, reads_body=True)


for _error_id in (
    "item-invalid", "product-not-found", "promotion-not-found", "merge-cart-not-found",
    "merge-with-itself", "price-missing", "item-not-found", "insufficient-stock",
    "cart-limit-exceeded",
):  # fmt: skip
    _change_refused(_error_id)


@_published()
def items_cart_not_found(ctx: RequestContext) -> Violation | None:
    return None if ctx.cart is not None else no_cart(ctx)


# ---- Orders -------------------------------------------------------------------------------------


@_published(reads_body=True)
def checkout_customer_required(ctx: RequestContext) -> Violation | None:
    if ctx.data.get("customer") or ctx.data.get("contact"):
        return None
    return Violation(
        "neither is in the body",
        'Send "customer":{"id":"CUSTOMER_ID"}, or a customer with name and email.',
        "data",
    )


@_published(reads_body=True)
def checkout_email_invalid(ctx: RequestContext) -> Violation | None:
    for name in ("customer", "contact"):
        buyer = ctx.data.get(name)
        if not buyer or buyer.get("id"):
            continue
        email = buyer.get("email")
        if email is None or not EMAIL.fullmatch(email):
            what = "it is absent" if email is None else f"{format_value(email)} is not an address"
            return Violation(what, "Send one such as ada@example.com.", f"data.{name}.email")
    return None


@_published(reads_body=True)
def checkout_customer_not_found(ctx: RequestContext) -> Violation | None:
    customer_id = (ctx.data.get("customer") or {}).get("id")
    if customer_id is None:
        return None
    if ctx.caller.customer_id in (None, customer_id) and ctx.store.has_customer(customer_id):
        return None
    return Violation(
        f"there is no customer {format_value(customer_id)}",
        "Send the id of the customer who is logged in, or a name and an email.",
        "data.customer.id",
    )


@_published()
def orders_need_an_owner(ctx: RequestContext) -> Violation | None:
    if not ctx.caller.is_anonymous:
        return None
    return Violation(
        "an implicit access token needs a customer token here",
        f"Send {CUSTOMER_HEADER} with a token from POST /v2/customers/tokens.",
        CUSTOMER_HEADER,
    )


@_published()
def order_not_found(ctx: RequestContext) -> Violation | None:
    if order_of(ctx) is not None:
        return None
    order_id = ctx.request.path_params["orderID"]
    return Violation(
        f"there is no order {format_value(order_id)}",
        "Send the id of an order of this caller.",
        "orderID",
    )


@_published()
def order_paid(ctx: RequestContext) -> Violation | None:
    order = order_of(ctx)
    if order is None or order.payment not in ("paid", "authorized", "refunded"):
        return None
    return Violation(f'its payment is "{order.payment}"', "Pay each order once.", "orderID")


@_published(reads_body=True)
def payment_amount_invalid(ctx: RequestContext) -> Violation | None:
    order, amount = order_of(ctx), ctx.data.get("amount")
    if order is None or amount is None or amount <= order.owing:
        return None
    return Violation(
        f"{amount} is more than {order.owing}",
        "Send a smaller amount, or leave it out.",
        "data.amount",
    )


# ---- Settings and addresses ---------------------------------------------------------------------


@_published()
def settings_not_permitted(ctx: RequestContext) -> Violation | None:
    if ctx.caller.is_administrator:
        return None
    return Violation(
        "the caller is a shopper",
        "Use an access token of the grant client_credentials, without a customer token.",
        ACCESS_HEADER,
    )


@_published()
def address_not_permitted(ctx: RequestContext) -> Violation | None:
    if not ctx.caller.is_anonymous:
        return None
    return Violation(
        "an implicit access token needs a customer token here",
        f"Send {CUSTOMER_HEADER}, or call as administrator.",
        CUSTOMER_HEADER,
    )


@_published()
def address_customer_not_found(ctx: RequestContext) -> Violation | None:
    if customer_of_addresses(ctx) is not None:
        return None
    return Violation(
        f"there is no customer {format_value(ctx.customer_id)}",
        "Send the id of the customer who is logged in, or call as administrator.",
        "customerID",
    )


@_published()
def address_not_found(ctx: RequestContext) -> Violation | None:
    if address_of(ctx) is not None:
        return None
    address_id = ctx.request.path_params["addressID"]
    return Violation(
        f"this customer has no address {format_value(address_id)}",
        "Send the id of one of its addresses.",
        "addressID",
    )


_REQUIRED_OF_ADDRESSES = ("first_name", "last_name", "line_1", "postcode", "country")


@_published(reads_body=True)
def address_invalid(ctx: RequestContext) -> Violation | None:
    is_update = ctx.request.method == "PUT"
    faults = tuple(_address_faults(ctx.data, is_update=is_update))
    return faults[0]._replace(others=faults[1:]) if faults else None


def _address_faults(data: dict[str, Any], *, is_update: bool) -> Iterator[Violation]:
    """Yield what is wrong with each field of an address."""
    if not is_update and "type" not in data:
        yield _fault("type", '"type" is absent', 'Send "type":"address".')
    for name in _REQUIRED_OF_ADDRESSES:
        if data.get(name, "" if not is_update else "kept"):
            continue
        what = f'"{name}" is empty' if name in data else f'"{name}" is absent'
        yield _fault(name, what, "Send a string of at least one character.")
    if not is_update and not (data.get("county") or data.get("region")):
        yield _fault("region", '"region" and "county" are absent', "Send one of them.")


def _fault(name: str, what: str, advice: str) -> Violation:
    return Violation(what, advice, f"data.{name}", rest=f"{name} field is required.")
