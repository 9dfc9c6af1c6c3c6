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
from cart_mock.rules.context import CUSTOMER_HEADER, RequestContext
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


def customer_token(ctx: RequestContext) -> str:
    """Return the customer token that was sent, or an empty string."""
    header = ctx.request.headers.get(CUSTOMER_HEADER.lower().encode(), b"")
    return header.strip().decode("latin-1")


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


def echo(customer_id: str) -> Answer:
    """Return the answer to a POST of an association."""
    return json_answer(200, {"data": [serializers.identifier(customer_id)]})


def cart_of(ctx: RequestContext) -> Cart:
    """Return the present cart of a request that passed the rules."""
    cart = ctx.store.cart(ctx.cart_id) or ctx.cart
    if cart is None:
        raise LookupError("the cart does not exist")
    return cart


def is_new(ctx: RequestContext) -> bool:
    """Return whether the cart lacks the customer that the request names."""
    return ctx.entry["id"] not in cart_of(ctx).customers


def give(ctx: RequestContext, customers: Iterable[str]) -> None:
    """Set the customers of the cart."""
    cart = replace(cart_of(ctx), customers=tuple(dict.fromkeys(customers)))
    ctx.store.put_cart(cart, in_place=True)


def save_and_render(ctx: RequestContext, cart: Cart) -> Answer:
    """Save a cart, and return the answer that renders it."""
    ctx.store.put_cart(cart)
    return json_answer(200, {"data": serializers.cart(cart)})


def take_from_others(ctx: RequestContext, customer_id: str, carts: Iterable[Cart]) -> None:
    """Remove a customer from carts other than the one that the request names."""
    for cart in carts:
        if cart.id != ctx.cart_id:
            left = tuple(c for c in cart.customers if c != customer_id)
            ctx.store.put_cart(replace(cart, customers=left))


def associate(ctx: RequestContext, customer_ids: Iterable[str]) -> None:
    """Add these customers to the cart on POST, or remove them on DELETE."""
    customers = cart_of(ctx).customers
    named = tuple(customer_ids)
    if ctx.request.method == "POST":
        give(ctx, (*customers, *named))
    else:
        give(ctx, (c for c in customers if c not in named))


# ---- Rendered carts -----------------------------------------------------------------------------

Customers = Callable[[RequestContext, str, list[str]], list[str]]
"""Returns the customers to render, given the context, the cart's id and its customers."""


def patch_customers(change: Customers) -> PatchResponse:
    """Return a hook that changes the relationships of every rendered cart."""

    def show(ctx: RequestContext, answer: Answer) -> Answer:
        if answer.status not in (200, 201):
            return answer
        body = content(answer)
        for cart in body["data"] if isinstance(body["data"], list) else [body["data"]]:
            shown = cart["relationships"]["customers"].get("data", ())
            ids = change(ctx, cart["id"], [one["id"] for one in shown])
            cart["relationships"]["customers"] = (
                {"data": [serializers.identifier(i) for i in ids]} if ids else {}
            )
        return with_content(answer, body)

    return PatchResponse(show, (READ, UPDATE, LIST))


def own_carts(ctx: RequestContext) -> list[Cart]:
    """Return every cart of the logged-in customer, newest update first."""
    return carts_of(ctx, ctx.caller.customer_id or "")


def carts_of(ctx: RequestContext, customer_id: str) -> list[Cart]:
    """Return every cart of a customer, newest update first."""
    return ctx.store.carts_of(customer_id, 0, ctx.store.cart_count_of(customer_id))[0]


def registered(ctx: RequestContext) -> list[Cart]:
    """Return every cart that has a customer, newest update first."""
    return ctx.store.registered_carts(0, ctx.store.counts()["registered_carts"])[0]


Choose = Callable[[RequestContext, list[Cart]], Sequence[Cart]]
"""Returns the carts to list, given the context and the customer's own carts."""


def listed(choose: Choose) -> ReplaceHandler:
    """Return a hook that lists other carts than the customer has."""

    def do(ctx: RequestContext, act: Act) -> Answer:
        if ctx.caller.customer_id is None:
            return act()
        carts = sorted(
            {cart.id: cart for cart in choose(ctx, own_carts(ctx))}.values(),
            key=lambda cart: cart.updated_at,
            reverse=True,
        )
        offset, limit = ctx.offset, ctx.limit
        page = carts[offset : offset + limit]
        shown = serializers.page("/v2/carts", serializers.cart, page, len(carts), offset, limit)
        return json_answer(200, shown)

    return ReplaceHandler(do, (LIST,))
