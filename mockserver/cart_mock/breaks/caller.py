"""Breaks of the rules on who is calling."""

from __future__ import annotations

from typing import Any

import jwt
from cart_spec import OwnerKind
from msgspec.structs import replace

from cart_mock.breaks.generic import CONTRACT, KINDS, owner_type, refusal
from cart_mock.breaks.helpers import body_of, owner_token, status
from cart_mock.breaks.hooks import (
    Access,
    Break,
    IgnoreRule,
    PatchError,
    PatchRequest,
    on,
)
from cart_mock.messages import Request
from cart_mock.owners import Owner, OwnerType
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

# ---- Tokens of owners ---------------------------------------------------------------------------


def _believed(ctx: RequestContext, kind: OwnerType) -> Owner | None:
    """Return the owner of an invalid token: its `sub` claim, else the first known id sent."""
    claimed = (claims_of(owner_token(ctx)) or {}).get("sub")
    body = body_of(ctx)
    entries = body.get("data") if isinstance(body, dict) else body
    named = (
        [e.get("id") for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []
    )
    for owner_id in (claimed, *named):
        if isinstance(owner_id, str) and ctx.store.has_owner(Owner(kind, owner_id)):
            return Owner(kind, owner_id)
    return None


def _is_refused(ctx: RequestContext, kind: OwnerType) -> bool:
    return ctx.caller.owner_problem is not None and ctx.caller.problem_of == kind


def _believe(kind: OwnerType, when: Any) -> PatchRequest:
    def read(ctx: RequestContext) -> None:
        if not _is_refused(ctx, kind) or not when(ctx):
            return
        owner = _believed(ctx, kind)
        if owner is not None:
            believe(ctx, owner)

    return PatchRequest(read)


def believe(ctx: RequestContext, owner: Owner) -> None:
    """Take the caller for that owner, whatever is wrong with its token."""
    member = (claims_of(owner_token(ctx)) or {}).get("member")
    if owner.type == "account" and not isinstance(member, str):
        member = "unknown"
    ctx.caller = replace(
        ctx.caller, owner=owner, owner_problem=None, problem_of=None,
        member=member if owner.type == "account" else None,
    )  # fmt: skip


def _ignore(kind: OwnerType) -> PatchRequest:
    def read(ctx: RequestContext) -> None:
        if _is_refused(ctx, kind):
            ctx.caller = replace(ctx.caller, owner_problem=None, problem_of=None)

    return PatchRequest(read)


def _is_foreign(ctx: RequestContext) -> bool:
    claims = claims_of(owner_token(ctx)) or {}
    return bool(claims.get("store", ctx.tenant.name) != ctx.tenant.name)


def _invalid(words: OwnerKind) -> tuple[Break, ...]:
    kind, token = owner_type(words), f"{words.article} {words.name} token"
    return refusal(
        f"{kind}-token-invalid",
        [
            ("accepted", f"Any {kind} token is accepted as that of the named {kind}.",
             _believe(kind, lambda _: True)),
            ("accepted-on-post", f"On POST any {kind} token is accepted.",
             _believe(kind, on("POST"))),
            ("accepted-on-delete", f"On DELETE any {kind} token is accepted.",
             _believe(kind, on("DELETE"))),
            ("forged-accepted", f"The signature of {token} is not checked.",
             _believe(kind, lambda ctx: claims_of(owner_token(ctx)) is not None)),
            ("unsigned-accepted", f'{token.capitalize()} that says "alg":"none" is accepted.',
             _believe(kind, lambda ctx: is_unsigned(owner_token(ctx)))),
            ("malformed-accepted", f"{token.capitalize()} that is not a JWT at all is accepted.",
             _believe(kind, lambda ctx: claims_of(owner_token(ctx)) is None)),
            ("expired-accepted",
             f"{token.capitalize()} that has expired, or says so, is accepted.",
             _believe(kind, lambda ctx: looks_expired(owner_token(ctx), ctx.caller.now))),
            ("foreign-accepted", f"{token.capitalize()} of another store is accepted.",
             _believe(kind, _is_foreign)),
            ("ignored", f"An invalid {kind} token is ignored.", _ignore(kind)),
        ],
        needed=True,
    )  # fmt: skip


# ---- Implicit callers ---------------------------------------------------------------------------


def _unowned(ctx: RequestContext) -> bool:
    return ctx.cart is not None and not ctx.cart.owners


def _required(words: OwnerKind) -> tuple[Break, ...]:
    return refusal(
        f"{words.name}-token-required",
        [
            (
                "accepted-for-free-carts",
                words.worded(
                    "An implicit access token is sufficient for a cart without {a} {owner}."
                ),
                IgnoreRule(_unowned),
            ),
            "ignored",
            "ignored-on-delete",
        ],
        subject="An implicit access token alone",
    )


# ---- Two tokens ---------------------------------------------------------------------------------


def _first_wins(kind: OwnerType) -> PatchRequest:
    """Read the token of one kind, and leave the other."""

    def read(ctx: RequestContext) -> None:
        if not ctx.caller.has_two_owners:
            return
        name = CONTRACT.owners[kind].header.lower().encode()
        claims = claims_of(ctx.request.headers.get(name, b"").strip().decode("latin-1")) or {}
        owner = Owner(kind, str(claims.get("sub")))
        ctx.caller = replace(ctx.caller, has_two_owners=False)
        if ctx.store.has_owner(owner) and owner.type == ctx.owner_type:
            ctx.caller = replace(ctx.caller, owner=owner, member=claims.get("member"))

    return PatchRequest(read)


_TWO = refusal(
    "two-owner-tokens",
    [
        ("customer-wins", "If both tokens come, the account token is ignored.",
         _first_wins("customer")),
        ("account-wins", "If both tokens come, the customer token is ignored.",
         _first_wins("account")),
    ],
    needed=True,
)  # fmt: skip

CALLER: tuple[Break, ...] = (
    *_ACCESS,
    *_TWO,
    *(one for words in KINDS for one in _invalid(words)),
    *(one for words in KINDS for one in _required(words)),
)
