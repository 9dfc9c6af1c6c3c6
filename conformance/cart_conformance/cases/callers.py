"""The rules of callers: access tokens, customer tokens, and requests for another customer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from cart_conformance.cases.context import CaseContext
from cart_conformance.cases.fixtures import (
    ADMINISTRATOR,
    OPERATIONS,
    SHOPPER,
    Fault,
    refusal,
)
from cart_conformance.cases.registry import Case, cases
from cart_conformance.errors import Untestable
from cart_conformance.exchange import Answer
from cart_conformance.target.credentials import CartOwner, forged_tokens
from cart_conformance.target.requests import ASSOCIATE, DISSOCIATE

AUTHORIZATION = "Authorization"


def _forged(ctx: CaseContext, token: str, what: str, other: str | None) -> str:
    for name, value in forged_tokens(token, other):
        if name == what:
            ctx.redactor.add(value if value != "not-a-token" else None)
            return value
    raise Untestable(f"the deployment's tokens have no form that could be {what}")


def access_header(ctx: CaseContext, what: str) -> str | None:
    """Return the Authorization header of a variant, or None to leave the header out."""
    token = ctx.administrator.access_token or ""
    fixed = {"absent": None, "empty": "", "a scheme and no token": "Bearer"}
    if what in fixed:
        return fixed[what]
    if what == "another scheme":
        return f"Basic {token}"
    if what == "a customer token":
        return f"Bearer {ctx.owner('A').token}"
    return f"Bearer {_forged(ctx, token, what, ctx.implicit.access_token)}"


# Each variant's name, and whether it requires that tokens are JWTs.
ACCESS: tuple[tuple[str, bool], ...] = (
    ("absent", False),
    ("empty", False),
    ("a scheme and no token", False),
    ("another scheme", False),
    ("not a token", False),
    ("altered", False),
    ("a customer token", False),
    ("signature cut off", True),
    ("unsigned, alg none", True),
    ("expired", True),
    ("of another store", True),
)


@cases
def access_token_invalid() -> Iterator[Case]:
    """Try every kind of invalid access token on the association endpoints."""
    for operation in OPERATIONS:
        for what, form in ACCESS:
            yield refusal(
                "access-token-invalid",
                operation,
                what,
                ADMINISTRATOR,
                _header(AUTHORIZATION, access_header, what),
                optional=form,
            )
        for what in ("absent", "not a token", "altered"):
            fault = _header(AUTHORIZATION, access_header, what)
            yield refusal("access-token-invalid", operation, what, SHOPPER, fault)


def _header(name: str, value: Callable[[CaseContext, str], str | None], what: str) -> Fault:
    def fault(ctx: CaseContext, _: str) -> dict[str, Any]:
        return {"headers": {name: value(ctx, what)}}

    return fault


OWNER: tuple[tuple[str, bool], ...] = (
    ("not a token", False),
    ("altered", False),
    ("an access token", False),
    ("signature cut off", True),
    ("unsigned, alg none", True),
    ("claims swapped", True),
    ("expired", True),
    ("of another store", True),
)


def owner_header(ctx: CaseContext, what: str) -> str:
    """Return the customer or account token of a variant."""
    token = ctx.owner("A").token or ""
    if what == "an access token":
        return ctx.administrator.access_token or ""
    return _forged(ctx, token, what, ctx.owner("B").token if what == "claims swapped" else None)


def _bad_owner_token(what: str) -> Fault:
    def fault(ctx: CaseContext, _: str) -> dict[str, Any]:
        return {"headers": {ctx.owner_token: owner_header(ctx, what)}}

    return fault


@cases
def customer_token_invalid() -> Iterator[Case]:
    """Try every kind of invalid customer token, with either access token."""
    for operation in OPERATIONS:
        for caller in (SHOPPER, ADMINISTRATOR):
            for what, form in OWNER:
                yield refusal(
                    "customer-token-invalid",
                    operation,
                    what,
                    caller,
                    _bad_owner_token(what),
                    optional=form,
                )


@cases
def customer_token_required() -> Iterator[Case]:
    """Send an implicit access token without a customer token."""
    for operation in OPERATIONS:
        yield refusal(
            "customer-token-required",
            operation,
            "the header is absent",
            SHOPPER,
            lambda ctx, _: {"caller": ctx.implicit},
        )
        yield refusal(
            "customer-token-required",
            operation,
            "the header is empty",
            SHOPPER,
            lambda ctx, _: {"caller": ctx.implicit, "headers": {ctx.owner_token: ""}},
        )
        yield refusal(
            "customer-token-required",
            operation,
            "another customer is named",
            SHOPPER,
            lambda ctx, _: {
                "caller": ctx.implicit,
                "body": ctx.identifiers(ctx.owner("B").id),
            },
            watching=("A", "B"),
        )


def _names_b(ctx: CaseContext, _: str) -> dict[str, Any]:
    return {"body": ctx.identifiers(ctx.owner("B").id)}


@cases
def customer_not_permitted() -> Iterator[Case]:
    """Send the token of A with the id of B.

    For POST the cart has no customer yet, for DELETE it has A. Each is also tried on the other kind
    of cart, because a server may check the cart before it checks the caller.
    """
    rule = "customer-not-permitted"
    for operation in OPERATIONS:
        yield refusal(rule, operation, "another customer", SHOPPER, _names_b, watching=("A", "B"))
        yield refusal(
            rule,
            operation,
            "another customer, client credentials beside the customer token",
            ADMINISTRATOR,
            lambda ctx, cart: {"caller": ctx.narrowed(ctx.owner("A"))} | _names_b(ctx, cart),
            watching=("A", "B"),
        )
    yield Case(rule, ASSOCIATE, "on a cart that the caller has", _on_own_cart, 8)
    yield Case(rule, DISSOCIATE, "a customer whom the cart has too", _on_shared_cart, 10, True)
    yield Case(rule, DISSOCIATE, "on a cart without a customer", _on_free_cart, 9)


def _on_own_cart(ctx: CaseContext) -> None:
    cart = ctx.new_cart()
    a, b = ctx.owner("A"), ctx.owner("B")
    control = ctx.control(
        ctx.send(ctx.shopper("A"), ASSOCIATE, cart=cart, body=ctx.identifiers(a.id))
    )
    _b_by_a(ctx, cart, control, a=a, b=b)


def _on_shared_cart(ctx: CaseContext) -> None:
    cart = ctx.new_cart()
    a, b = ctx.owner("A"), ctx.owner("B")
    ctx.associate(cart, b)
    ctx.associate(cart, a)
    control = ctx.control(
        ctx.send(ctx.shopper("A"), DISSOCIATE, cart=cart, body=ctx.identifiers(a.id))
    )
    ctx.associate(cart, a)
    if not ctx.state(cart, a, b).names(b):
        raise Untestable(f"the deployment has one {ctx.kind} a cart")
    _b_by_a(ctx, cart, control, a=a, b=b)


def _on_free_cart(ctx: CaseContext) -> None:
    cart = ctx.new_cart()
    a, b = ctx.owner("A"), ctx.owner("B")
    ctx.associate(cart, a)
    control = ctx.control(
        ctx.send(ctx.shopper("A"), DISSOCIATE, cart=cart, body=ctx.identifiers(a.id))
    )
    _b_by_a(ctx, cart, control, a=a, b=b)


def _b_by_a(ctx: CaseContext, cart: str, control: Answer, *, a: CartOwner, b: CartOwner) -> None:
    before = ctx.state(cart, a, b)
    answer = ctx.send(ctx.shopper("A"), ctx.operation, cart=cart, body=ctx.identifiers(b.id))
    if ctx.refused(answer, control):
        ctx.unchanged(before, ctx.state(cart, a, b), answer)
