"""The predicates about the caller."""

from __future__ import annotations

from cart_mock.messages import Violation
from cart_mock.rules.context import ACCESS_HEADER, CUSTOMER_HEADER, Caller, RequestContext
from cart_mock.rules.registry import predicate


def access_violation(caller: Caller) -> Violation | None:
    """Return the problem with the access token. It is checked first because it names the tenant."""
    problem = caller.access_problem
    return None if problem is None else Violation(*problem, ACCESS_HEADER)


@predicate
def access_token_invalid(ctx: RequestContext) -> Violation | None:
    return access_violation(ctx.caller)


@predicate
def customer_token_invalid(ctx: RequestContext) -> Violation | None:
    problem = ctx.caller.customer_problem
    return None if problem is None else Violation(*problem, CUSTOMER_HEADER)


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
