"""The predicates about the caller."""

from __future__ import annotations

from cart_spec import OwnerKind

from cart_mock.messages import Violation
from cart_mock.rules.context import (
    ACCESS_HEADER,
    ACCOUNT_HEADER,
    CUSTOMER_HEADER,
    NO_TOKENS,
    Caller,
    RequestContext,
)
from cart_mock.rules.registry import owner_predicate, predicate


def access_violation(caller: Caller) -> Violation | None:
    """Return the problem with the access token. It is checked first because it names the tenant."""
    problem = caller.access_problem
    return None if problem is None else Violation(*problem, ACCESS_HEADER)


@predicate
def access_token_invalid(ctx: RequestContext) -> Violation | None:
    return access_violation(ctx.caller)


@predicate
def two_owner_tokens(ctx: RequestContext) -> Violation | None:
    if not ctx.caller.has_two_owners:
        return None
    what = "both headers are sent"
    for header in (CUSTOMER_HEADER, ACCOUNT_HEADER):
        sent = ctx.request.headers.get(header.lower().encode(), b"").decode("latin-1").strip()
        if sent in NO_TOKENS:
            # fetch() sends this word for a header that a shop set without having a token.
            what += f", {header} with the word {sent}"
    hint = f"Send {CUSTOMER_HEADER} or {ACCOUNT_HEADER}, not both."
    return Violation(what, hint, ACCOUNT_HEADER)


@owner_predicate
def owner_token_invalid(ctx: RequestContext, kind: OwnerKind) -> Violation | None:
    problem = ctx.caller.owner_problem
    if problem is None or ctx.caller.problem_of != kind.name:
        return None
    return Violation(*problem, kind.header)


@owner_predicate
def owner_token_required(ctx: RequestContext, kind: OwnerKind) -> Violation | None:
    if not ctx.caller.is_anonymous:
        return None
    return Violation(
        kind.worded("an implicit access token needs {a} {owner} token here"),
        kind.worded("Send {header} with a token from {login}."),
        kind.header,
    )


@predicate
def carts_need_an_owner(ctx: RequestContext) -> Violation | None:
    if not ctx.caller.is_anonymous:
        return None
    return Violation(
        "an implicit access token needs a customer token or an account token here",
        f"Send {CUSTOMER_HEADER} with a token from POST /v2/customers/tokens, or "
        f"{ACCOUNT_HEADER} with one from POST /v2/account-members/tokens.",
        CUSTOMER_HEADER,
    )
