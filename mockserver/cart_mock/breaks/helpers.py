"""Changes to answers, contexts and stores, used by the tables of breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from cart_mock.api import serializers
from cart_mock.bodies import Malformed
from cart_mock.breaks.hooks import LIST, READ, UPDATE, Act, PatchResponse, ReplaceHandler
from cart_mock.messages import Answer, empty_answer, encode_json, json_answer
from cart_mock.owners import OWNER_TYPES, Owner, owners
from cart_mock.rules.context import ACCOUNT_HEADER, CUSTOMER_HEADER, RequestContext
from cart_mock.state.entities import Cart

# ---- Answers ------------------------------------------------------------------------------------


def content(answer: Answer) -> Any:
    """Return the JSON value in an answer."""
    return msgspec.json.decode(answer.body)


def with_content(answer: Answer, changed: object) -> Answer:
    """Return the same answer with another JSON value."""
    return replace(answer, body=encode_json(changed))


def is_error(answer: Answer) -> bool:
    """Return whether an answer is a refusal."""
    return answer.status >= 400


def done(_answer: Answer) -> Answer:
    """Return the answer of a request that had its effect."""
    return empty_answer(204)


def status(code: int) -> Callable[[Answer], Answer]:
    """Return a change to another status, in the head and in the body."""

    def change(answer: Answer) -> Answer:
        body = content(answer)
        for entry in body["errors"]:
            entry["status"] = code
        return replace(with_content(answer, body), status=code)

    return change


def text(answer: Answer) -> Answer:
    """Change the text, in the same envelope."""
    return _texts(answer, "Not possible", "This request was refused.")


def cut_text(answer: Answer) -> Answer:
    """Cut the last word of the text, wherever the answer has the text."""
    entry = content(answer)["errors"][0]
    title, detail = entry["title"], entry["detail"]
    cut = _without_last_word(title)
    return _texts(
        answer, cut, detail.replace(title, cut) if title in detail else _without_last_word(detail)
    )


def _without_last_word(words: str) -> str:
    return words.rsplit(" ", 1)[0]


def other_detail(answer: Answer) -> Answer:
    """Change the detail and keep the title."""
    return _texts(answer, content(answer)["errors"][0]["title"], "This request was refused.")


def _texts(answer: Answer, title: str, detail: str) -> Answer:
    body = content(answer)
    for entry in body["errors"]:
        entry["title"], entry["detail"] = title, detail
    return with_content(answer, body)


# ---- Reading requests
# ------------------------------------------------------------------------------


def body_of(ctx: RequestContext) -> Any:
    """Return the JSON value that was sent, or None if it cannot be read."""
    try:
        return ctx.body
    except Malformed:
        return None


def entries_of(ctx: RequestContext) -> list[Any]:
    """Return the array of identifiers, or an empty one if the body lacks it."""
    return ctx.entries if isinstance(ctx.entries, list) else []


def owner_token(ctx: RequestContext) -> str:
    """Return the customer token or account token that was sent, or an empty string."""
    headers = ctx.request.headers
    sent = headers.get(CUSTOMER_HEADER.lower().encode()) or headers.get(
        ACCOUNT_HEADER.lower().encode(), b""
    )
    return sent.strip().decode("latin-1")


def patch(
    change: Callable[[RequestContext, dict[str, Any]], None],
) -> Callable[[RequestContext], None]:
    """Return a hook that changes a copy of the object under ``data`` before it is judged."""

    def read(ctx: RequestContext) -> None:
        body = body_of(ctx)
        if isinstance(body, dict) and isinstance(body.get("data"), dict):
            data = dict(body["data"])
            change(ctx, data)
            ctx.body = {**body, "data": data}

    return read


# ---- Associations -------------------------------------------------------------------------------


def echo(owner: Owner) -> Answer:
    """Return the answer to a POST of an association."""
    return json_answer(200, {"data": [serializers.identifier(owner)]})


def cart_of(ctx: RequestContext) -> Cart:
    """Return the present cart of a request that passed the rules."""
    cart = ctx.store.cart(ctx.cart_id) or ctx.cart
    if cart is None:
        raise LookupError("the cart does not exist")
    return cart


def is_new(ctx: RequestContext) -> bool:
    """Return whether the cart lacks the owner that the request names."""
    return ctx.owner not in cart_of(ctx).owners


def give(ctx: RequestContext, new_owners: Iterable[Owner]) -> None:
    """Set the owners of the cart."""
    cart = replace(cart_of(ctx), owners=tuple(dict.fromkeys(new_owners)))
    ctx.store.put_cart(cart, in_place=True)


def save_and_render(ctx: RequestContext, cart: Cart) -> Answer:
    """Save a cart, and return the answer that renders it."""
    ctx.store.put_cart(cart)
    return json_answer(200, {"data": serializers.cart(cart)})


def take_from_others(ctx: RequestContext, owner: Owner, carts: Iterable[Cart]) -> None:
    """Remove an owner from carts other than the one that the request names."""
    for cart in carts:
        if cart.id != ctx.cart_id:
            left = tuple(other for other in cart.owners if other != owner)
            ctx.store.put_cart(replace(cart, owners=left))


def associate(ctx: RequestContext, ids: Iterable[str]) -> None:
    """Add the owners with these ids to the cart on POST, or remove them on DELETE."""
    present = cart_of(ctx).owners
    named = owners(ctx.owner_type, ids)
    if ctx.request.method == "POST":
        give(ctx, (*present, *named))
    else:
        give(ctx, (owner for owner in present if owner not in named))


# ---- Rendered carts -----------------------------------------------------------------------------

Shown = Callable[[RequestContext, str, list[Owner]], list[Owner]]
"""Returns the owners to render, given the context, the cart's id and its owners of one kind."""


def patch_owners(change: Shown) -> PatchResponse:
    """Return a hook that changes the relationships of every rendered cart."""

    def show(ctx: RequestContext, answer: Answer) -> Answer:
        if answer.status not in (200, 201):
            return answer
        body = content(answer)
        for cart in body["data"] if isinstance(body["data"], list) else [body["data"]]:
            for kind in OWNER_TYPES:
                shown = cart["relationships"][f"{kind}s"].get("data", ())
                changed = change(ctx, cart["id"], [Owner(kind, one["id"]) for one in shown])
                of_kind = [serializers.identifier(o) for o in changed if o.type == kind]
                cart["relationships"][f"{kind}s"] = {"data": of_kind} if of_kind else {}
        return with_content(answer, body)

    return PatchResponse(show, (READ, UPDATE, LIST))


def own_carts(ctx: RequestContext) -> list[Cart]:
    """Return every cart of the owner who is logged in, newest update first."""
    return [] if ctx.caller.owner is None else carts_of(ctx, ctx.caller.owner)


def carts_of(ctx: RequestContext, owner: Owner) -> list[Cart]:
    """Return every cart of an owner, newest update first."""
    return ctx.store.carts_of(owner, 0, ctx.store.cart_count_of(owner))[0]


def registered(ctx: RequestContext) -> list[Cart]:
    """Return every cart that has an owner, newest update first."""
    return ctx.store.registered_carts(0, ctx.store.counts()["registered_carts"])[0]


Choose = Callable[[RequestContext, list[Cart]], Sequence[Cart]]
"""Returns the carts to list, given the context and the caller's own carts."""


def listed(choose: Choose) -> ReplaceHandler:
    """Return a hook that lists other carts than the caller has."""

    def do(ctx: RequestContext, act: Act) -> Answer:
        if ctx.caller.owner is None:
            return act()
        carts = sorted(
            {cart.id: cart for cart in choose(ctx, own_carts(ctx))}.values(),
            key=lambda cart: cart.updated_at,
            reverse=True,
        )
        offset, limit = ctx.offset, ctx.limit
        page = [serializers.cart(cart) for cart in carts[offset : offset + limit]]
        return json_answer(200, serializers.page("/v2/carts", page, len(carts), offset, limit))

    return ReplaceHandler(do, (LIST,))
