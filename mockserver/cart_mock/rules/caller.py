"""Who is calling."""

from __future__ import annotations

from cart_mock.http.messages import Violation
from cart_mock.rules.context import ACCESS_HEADER, CUSTOMER_HEADER, Caller, RequestContext
from cart_mock.rules.registry import predicate


def access_fault(caller: Caller) -> Violation | None:
    """What is wrong with the access token. Judged before there are facts: it names the store."""
    fault = caller.access_fault
    return None if fault is None else Violation(*fault, ACCESS_HEADER)


@predicate
def access_token_invalid(ctx: RequestContext) -> Violation | None:
    return access_fault(ctx.caller)


@predicate
def customer_token_invalid(ctx: RequestContext) -> Violation | None:
    fault = ctx.caller.customer_fault
    return None if fault is None else Violation(*fault, CUSTOMER_HEADER)


_ANONYMOUS = Violation(
    "an implicit access token needs a customer token here",
    f"Send {CUSTOMER_HEADER} with a token from POST /v2/customers/tokens.",
    CUSTOMER_HEADER,
)


@predicate
def customer_token_required(ctx: RequestContext) -> Violation | None:
    return _ANONYMOUS if ctx.caller.is_anonymous else None


@predicate
def carts_need_an_owner(ctx: RequestContext) -> Violation | None:
    return _ANONYMOUS if ctx.caller.is_anonymous else None
