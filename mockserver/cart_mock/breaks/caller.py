"""Breaks of the rules on who is calling."""

from __future__ import annotations

from typing import Any

import jwt
from msgspec.structs import replace

from cart_mock.breaks.generic import refusal
from cart_mock.breaks.helpers import body_of, customer_token, status
from cart_mock.breaks.hooks import (
    Access,
    Break,
    IgnoreRule,
    PatchError,
    PatchRequest,
    on,
)
from cart_mock.messages import Request
from cart_mock.rules.context import RequestContext

# ---- Reading tokens ----------------------------------------------------------------------


def claims_of(token: str) -> dict[str, Any] | None:
    """Return the claims of a JWT without checking its signature; None if it is not a JWT."""
    try:
        return jwt.decode(token, options={"verify_signature": False})
    except (jwt.InvalidTokenError, ValueError):
        return None


def is_unsigned(token: str) -> bool:
    """Return whether a token is a JWT with the algorithm "none"."""
    try:
        return str(jwt.get_unverified_header(token).get("alg")).lower() == "none"
    except (jwt.InvalidTokenError, ValueError):
        return False


def looks_expired(token: str, now: float) -> bool:
    """Return whether a token is a JWT whose ``exp`` has passed, even if it is not signed."""
    expires = (claims_of(token) or {}).get("exp")
    return isinstance(expires, int | float) and expires <= now


def authorization(request: Request) -> tuple[str, str]:
    """Return scheme and token of the Authorization header; both are empty without a header."""
    header = request.headers.get(b"authorization", b"").decode("latin-1").strip()
    scheme, _, token = header.partition(" ")
    return scheme, token.strip()


def bearer(request: Request) -> str:
    """Return the bearer token of a request, or an empty string."""
    scheme, token = authorization(request)
    return token if scheme.lower() == "bearer" else ""


# ---- Access tokens ------------------------------------------------------------------------------

_ACCESS = refusal(
    "access-token-invalid",
    [
        (
            "missing-accepted",
            "A request without Authorization header is accepted as the administrator's.",
            Access(lambda r: b"authorization" not in r.headers),
        ),
        (
            "malformed-accepted",
            "The token is accepted with any scheme before it.",
            Access(lambda r: authorization(r) != ("", "") and not bearer(r)),
        ),
        (
            "unknown-accepted",
            "Any bearer token is accepted.",
            Access(lambda r: bool(bearer(r))),
        ),
        (
            "unknown-accepted-on-delete",
            "Any bearer token is accepted for a DELETE.",
            Access(lambda r: bool(bearer(r)) and r.method == "DELETE"),
        ),
        (
            "forged-accepted",
            "The signature of an access token is not checked.",
            Access(lambda r: claims_of(bearer(r)) is not None),
        ),
        (
            "unsigned-accepted",
            'A JWT that says "alg":"none" is accepted.',
            Access(lambda r: is_unsigned(bearer(r))),
        ),
        "wrong-status",
        (
            "wrong-status-on-delete",
            "On DELETE it gets a 403.",
            PatchError(status(403), on("DELETE")),
        ),
    ],
    needed=True,
)

# ---- Customer tokens ----------------------------------------------------------------------------


def _believed(ctx: RequestContext) -> str | None:
    """Return the customer of an invalid token: its `sub` claim, else the first known id sent."""
    claimed = (claims_of(customer_token(ctx)) or {}).get("sub")
    body = body_of(ctx)
    entries = body.get("data") if isinstance(body, dict) else body
    named = (
        [e.get("id") for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []
    )
    for customer_id in (claimed, *named):
        if isinstance(customer_id, str) and ctx.store.has_customer(customer_id):
            return customer_id
    return None


def _believe(when: Any) -> PatchRequest:
    def read(ctx: RequestContext) -> None:
        if ctx.caller.customer_problem is None or not when(ctx):
            return
        customer_id = _believed(ctx)
        if customer_id is not None:
            ctx.caller = replace(ctx.caller, customer_id=customer_id, customer_problem=None)

    return PatchRequest(read)


def _ignore(ctx: RequestContext) -> None:
    ctx.caller = replace(ctx.caller, customer_problem=None)


def _is_foreign(ctx: RequestContext) -> bool:
    claims = claims_of(customer_token(ctx)) or {}
    return bool(claims.get("store", ctx.tenant.name) != ctx.tenant.name)


_CUSTOMER = refusal(
    "customer-token-invalid",
    [
        (
            "accepted",
            "Any customer token is accepted as that of the named customer.",
            _believe(lambda _: True),
        ),
        (
            "accepted-on-post",
            "On POST any customer token is accepted.",
            _believe(on("POST")),
        ),
        (
            "accepted-on-delete",
            "On DELETE any customer token is accepted.",
            _believe(on("DELETE")),
        ),
        (
            "forged-accepted",
            "The signature of a customer token is not checked.",
            _believe(lambda ctx: claims_of(customer_token(ctx)) is not None),
        ),
        (
            "unsigned-accepted",
            'A customer token that says "alg":"none" is accepted.',
            _believe(lambda ctx: is_unsigned(customer_token(ctx))),
        ),
        (
            "malformed-accepted",
            "A customer token that is not a JWT at all is accepted.",
            _believe(lambda ctx: claims_of(customer_token(ctx)) is None),
        ),
        (
            "expired-accepted",
            "A customer token that has expired, or says so, is accepted.",
            _believe(lambda ctx: looks_expired(customer_token(ctx), ctx.caller.now)),
        ),
        (
            "foreign-accepted",
            "A customer token of another store is accepted.",
            _believe(_is_foreign),
        ),
        (
            "ignored",
            "An invalid customer token is ignored.",
            PatchRequest(_ignore),
        ),
    ],
    needed=True,
)

# ---- Implicit callers ---------------------------------------------------------------------------


def _unowned(ctx: RequestContext) -> bool:
    return ctx.cart is not None and not ctx.cart.customers


_REQUIRED = refusal(
    "customer-token-required",
    [
        (
            "accepted-for-free-carts",
            "An implicit access token is sufficient for a cart without a customer.",
            IgnoreRule(_unowned),
        ),
        "ignored",
        "ignored-on-delete",
    ],
    subject="An implicit access token alone",
)

CALLER: tuple[Break, ...] = (*_ACCESS, *_CUSTOMER, *_REQUIRED)
