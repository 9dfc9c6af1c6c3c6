"""Breaks of the effects of associations: what changes, what is visible, and what is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from cart_mock.auth.tokens import Grant
from cart_mock.breaks.helpers import (
    Choose,
    associate,
    body_of,
    cart_of,
    carts_of,
    content,
    echo,
    give,
    is_new,
    listed,
    owner_token,
    patch_owners,
    registered,
    save_and_render,
    take_from_others,
)
from cart_mock.breaks.hooks import (
    CHANGE_OF_ITEMS,
    CREATE,
    DELETE,
    LOGINS,
    POST,
    READ,
    REMOVE,
    UPDATE,
    Act,
    ApplyDespiteRefusal,
    Break,
    PatchResponse,
    RejectWith,
    ReplaceHandler,
    When,
    always,
    breaks_of,
    many,
    memory,
    on,
)
from cart_mock.formats import SAFE_ID
from cart_mock.messages import Answer, empty_answer
from cart_mock.owners import OWNER_TYPES, Owner, owners
from cart_mock.rules.context import RequestContext
from cart_mock.state.entities import Cart

Pairs = set[tuple[str, Owner]]
"""Carts, by their ids, and owners that a break remembers."""


def _pairs(ctx: RequestContext, name: str) -> Pairs:
    return many(ctx.tenant, name, Pairs)


def _pair(ctx: RequestContext) -> tuple[str, Owner]:
    return ctx.cart_id, ctx.owner


def _noting(name: str, when: When = always) -> ReplaceHandler:
    """Remember what a POST associates, and forget what a DELETE takes."""

    def do(ctx: RequestContext, act: Act) -> Answer:
        pairs = _pairs(ctx, name)
        if ctx.request.method == "POST" and when(ctx) and is_new(ctx):
            pairs.add(_pair(ctx))
        elif ctx.request.method == "DELETE":
            pairs.discard(_pair(ctx))
        return act()

    return ReplaceHandler(do, (POST, DELETE))


def _hidden_in_list(name: str) -> ReplaceHandler:
    """Hide the remembered carts in the caller's list."""

    def choose(ctx: RequestContext, carts: list[Cart]) -> list[Cart]:
        hidden = _pairs(ctx, name)
        return [cart for cart in carts if (cart.id, ctx.caller.owner) not in hidden]

    return listed(choose)


def _hidden_in_cart(name: str) -> PatchResponse:
    """Hide the remembered owners in the cart."""
    return patch_owners(
        lambda ctx, cart_id, shown: [o for o in shown if (cart_id, o) not in _pairs(ctx, name)]
    )


# ---- association-visible ------------------------------------------------------------------------


def _not_stored(ctx: RequestContext, act: Act) -> Answer:
    return echo(ctx.owner) if is_new(ctx) else act()


def _lost_on_update(ctx: RequestContext, act: Act) -> Answer:
    act()
    return save_and_render(ctx, replace(cart_of(ctx), owners=()))


def _by_shopper(ctx: RequestContext) -> bool:
    return ctx.caller.owner is not None


def _by_administrator(ctx: RequestContext) -> bool:
    return ctx.caller.is_administrator


_VISIBLE = breaks_of(
    "association-visible",
    [
        ("not-stored", "POST answers 200 and nothing is associated.",
         ReplaceHandler(_not_stored, (POST,))),
        ("not-in-list", "A cart associated by POST is missing from its owner's list.",
         (_noting("v-list"), _hidden_in_list("v-list"))),
        ("not-in-cart", "An owner associated by POST is missing from the cart's relationships.",
         (_noting("v-cart"), _hidden_in_cart("v-cart"))),
        ("not-in-list-by-shopper",
         "A cart that a shopper associated is missing from the shopper's list.",
         (_noting("v-list-s", _by_shopper), _hidden_in_list("v-list-s"))),
        ("not-in-list-by-administrator",
         "A cart that an administrator associated is missing from its owner's list.",
         (_noting("v-list-a", _by_administrator), _hidden_in_list("v-list-a"))),
        ("not-in-cart-by-shopper",
         "A shopper who associated a cart is missing from its relationships.",
         (_noting("v-cart-s", _by_shopper), _hidden_in_cart("v-cart-s"))),
        ("not-in-cart-by-administrator",
         "An owner that an administrator associated is missing from its relationships.",
         (_noting("v-cart-a", _by_administrator), _hidden_in_cart("v-cart-a"))),
        ("lost-on-update", "PUT of a cart removes its owners.",
         ReplaceHandler(_lost_on_update, (UPDATE,))),
    ],
)  # fmt: skip

# ---- any-device ---------------------------------------------------------------------------------


def _logged_in(answer: Answer) -> list[tuple[Owner, str]]:
    """Return the owners and tokens of a successful login."""
    if answer.status not in (200, 201):
        return []
    data = content(answer)["data"]
    if isinstance(data, list):
        return [(Owner("account", one["account_id"]), one["token"]) for one in data]
    return [(Owner("customer", data["customer_id"]), data["token"])]


def _note_carts(ctx: RequestContext, answer: Answer) -> Answer:
    for owner, token in _logged_in(answer):
        memory(ctx.tenant)["before", token] = {cart.id for cart in carts_of(ctx, owner)}
    return answer


def _made_since(ctx: RequestContext, carts: list[Cart]) -> list[Cart]:
    before = memory(ctx.tenant).get(("before", owner_token(ctx)), ())
    return [cart for cart in carts if cart.id not in before]


def _note_first(ctx: RequestContext, answer: Answer) -> Answer:
    for owner, token in _logged_in(answer):
        memory(ctx.tenant).setdefault(("first", owner), token)
    return answer


def _for_first(ctx: RequestContext, carts: list[Cart]) -> list[Cart]:
    token = owner_token(ctx)
    first = memory(ctx.tenant).setdefault(("first", ctx.caller.owner), token)
    return carts if first == token else []


def _note_newest(ctx: RequestContext, answer: Answer) -> Answer:
    for owner, token in _logged_in(answer):
        memory(ctx.tenant)["newest", owner] = token
    return answer


def _for_newest(ctx: RequestContext, carts: list[Cart]) -> list[Cart]:
    token = owner_token(ctx)
    newest = memory(ctx.tenant).get(("newest", ctx.caller.owner), token)
    return carts if newest == token else []


def _note_token(ctx: RequestContext, act: Act) -> Answer:
    if is_new(ctx) and ctx.caller.owner is not None:
        memory(ctx.tenant)["by", _pair(ctx)] = owner_token(ctx)
    return act()


def _for_same_token(ctx: RequestContext, carts: list[Cart]) -> list[Cart]:
    token, owner = owner_token(ctx), ctx.caller.owner
    remembered = memory(ctx.tenant)
    return [c for c in carts if remembered.get(("by", (c.id, owner)), token) == token]


_DEVICE = breaks_of(
    "any-device",
    [
        ("later-token-blind", "An owner's token does not see carts from before its login.",
         (PatchResponse(_note_carts, LOGINS), listed(_made_since))),
        ("first-token-only", "Only the first token of an owner sees the owner's carts.",
         (PatchResponse(_note_first, LOGINS), listed(_for_first))),
        ("newest-token-only", "After another login of an owner, older tokens list no carts.",
         (PatchResponse(_note_newest, LOGINS), listed(_for_newest))),
        ("same-token-only", "An association is only visible with the owner's token that made it.",
         (ReplaceHandler(_note_token, (POST,)), listed(_for_same_token))),
    ],
)  # fmt: skip

# ---- many-carts ---------------------------------------------------------------------------------


def _other_carts(ctx: RequestContext) -> list[Cart]:
    return [cart for cart in carts_of(ctx, ctx.owner) if cart.id != ctx.cart_id]


def _is_another(ctx: RequestContext) -> bool:
    return is_new(ctx) and bool(_other_carts(ctx))


def _replace_carts(kept: int) -> ReplaceHandler:
    """Remove the owner's other carts, except for the newest, when a cart is added."""

    def do(ctx: RequestContext, act: Act) -> Answer:
        others = _other_carts(ctx)[kept:] if is_new(ctx) else []
        answer = act()
        take_from_others(ctx, ctx.owner, others)
        return answer

    return ReplaceHandler(do, (POST,))


def _ignore_another(ctx: RequestContext, act: Act) -> Answer:
    return echo(ctx.owner) if _is_another(ctx) else act()


_MANY = breaks_of(
    "many-carts",
    [
        ("second-replaces-first", "A second cart replaces the owner's first.",
         ReplaceHandler(_replace_carts(0).do, (POST,))),
        ("third-replaces-first", "An owner keeps two carts; a third replaces the oldest.",
         ReplaceHandler(_replace_carts(1).do, (POST,))),
        ("second-refused", "A second cart of an owner is refused.",
         RejectWith("request-invalid", _is_another, (POST,))),
        ("second-ignored", "A second cart is answered 200, and not associated.",
         ReplaceHandler(_ignore_another, (POST,))),
        ("newest-listed", "An owner's list contains only the newest cart.",
         listed(lambda _, carts: carts[:1])),
        ("two-listed", "An owner's list ends after two carts.",
         listed(lambda _, carts: carts[:2])),
    ],
)  # fmt: skip

# ---- shared-cart --------------------------------------------------------------------------------


def _has_others(ctx: RequestContext) -> bool:
    return is_new(ctx) and bool(cart_of(ctx).owners)


def _replace_customers(ctx: RequestContext, act: Act) -> Answer:
    is_second = _has_others(ctx)
    answer = act()
    if is_second:
        give(ctx, (ctx.owner,))
    return answer


def _ignore_second(ctx: RequestContext, act: Act) -> Answer:
    return echo(ctx.owner) if _has_others(ctx) else act()


def _third_replaces(ctx: RequestContext, act: Act) -> Answer:
    before = tuple(cart_of(ctx).owners)
    answer = act()
    if len(before) >= 2 and ctx.owner not in before:
        give(ctx, (*before[1:], ctx.owner))
    return answer


def _delete_and(left: Callable[[tuple[Owner, ...]], Iterable[Owner]]) -> ReplaceHandler:
    """Keep only some of the other owners on a DELETE."""

    def do(ctx: RequestContext, act: Act) -> Answer:
        was_there = not is_new(ctx)
        answer = act()
        if was_there:
            give(ctx, left(tuple(cart_of(ctx).owners)))
        return answer

    return ReplaceHandler(do, (DELETE,))


def _first_owner(ctx: RequestContext, carts: list[Cart]) -> list[Cart]:
    return [cart for cart in carts if cart.owners[0] == ctx.caller.owner]


_SHARED = breaks_of(
    "shared-cart",
    [
        ("second-replaces-first", "A second owner replaces the first.",
         ReplaceHandler(_replace_customers, (POST,))),
        ("third-replaces-first", "A cart keeps two owners; a third replaces the first.",
         ReplaceHandler(_third_replaces, (POST,))),
        ("second-refused", "A second owner is refused.",
         RejectWith("request-invalid", _has_others, (POST,))),
        ("second-ignored", "A second owner is answered 200, and not associated.",
         ReplaceHandler(_ignore_second, (POST,))),
        ("delete-takes-all", "DELETE removes every owner from the cart.",
         _delete_and(lambda _: ())),
        ("delete-takes-neighbour", "DELETE also removes the cart's first other owner.",
         _delete_and(lambda others: others[1:])),
        ("hidden-from-second", "A shared cart is in the list of its first owner only.",
         listed(_first_owner)),
    ],
)  # fmt: skip

# ---- others-cannot-see --------------------------------------------------------------------------


def _of_sharers(ctx: RequestContext, carts: list[Cart]) -> list[Cart]:
    sharers = {owner for cart in carts for owner in cart.owners}
    return [*carts, *(cart for sharer in sharers for cart in carts_of(ctx, sharer))]


def _newest_of_others(ctx: RequestContext, carts: list[Cart]) -> list[Cart]:
    own = {cart.id for cart in carts}
    return [*carts, *[cart for cart in registered(ctx) if cart.id not in own][:1]]


def _all_with(grant: Grant) -> Choose:
    def choose(ctx: RequestContext, own: list[Cart]) -> Sequence[Cart]:
        return registered(ctx) if ctx.caller.grant == grant else own

    return choose


_OTHERS = breaks_of(
    "others-cannot-see",
    [
        ("all-listed", "An owner's list has every cart that has an owner.",
         listed(lambda ctx, _: registered(ctx))),
        ("newest-listed", "An owner's list also contains the newest cart of others.",
         listed(_newest_of_others)),
        ("all-with-credentials",
         "With a client-credentials token the owner's token does not narrow the list.",
         listed(_all_with("client_credentials"))),
        ("all-with-implicit",
         "With an implicit token the owner's token does not narrow the list.",
         listed(_all_with("implicit"))),
        ("all-to-newcomers", "The list of an owner without carts contains all carts.",
         listed(lambda ctx, own: own or registered(ctx))),
        ("sharers-listed", "Owners who share a cart also see each other's other carts.",
         listed(_of_sharers)),
    ],
)  # fmt: skip

# ---- association-repeat -------------------------------------------------------------------------


def _is_repeat(ctx: RequestContext) -> bool:
    return not is_new(ctx)


def _on_repeat(change: Callable[[RequestContext], None]) -> ReplaceHandler:
    def do(ctx: RequestContext, act: Act) -> Answer:
        if is_new(ctx):
            return act()
        change(ctx)
        return empty_answer(204)

    return ReplaceHandler(do, (POST,))


def _answer_repeat(ctx: RequestContext, act: Act) -> Answer:
    return act() if is_new(ctx) else echo(ctx.owner)


def _touch(ctx: RequestContext) -> None:
    ctx.store.put_cart(replace(cart_of(ctx), updated_at=ctx.now))


def _take_away(ctx: RequestContext) -> None:
    give(ctx, (owner for owner in cart_of(ctx).owners if owner != ctx.owner))


def _note_repeat(ctx: RequestContext, act: Act) -> Answer:
    pairs = _pairs(ctx, "repeated")
    if ctx.request.method == "POST" and not is_new(ctx):
        pairs.add(_pair(ctx))
    elif ctx.request.method == "DELETE":
        pairs.discard(_pair(ctx))
    return act()


def _doubled(ctx: RequestContext, cart_id: str, shown: list[Owner]) -> list[Owner]:
    repeated = _pairs(ctx, "repeated")
    return [*shown, *(owner for owner in shown if (cart_id, owner) in repeated)]


_REPEAT = breaks_of(
    "association-repeat",
    [
        ("answers-200", "A repeated POST is answered with 200, like the first.",
         ReplaceHandler(_answer_repeat, (POST,))),
        ("duplicates", "A repeated POST adds the owner to the cart a second time.",
         (ReplaceHandler(_note_repeat, (POST, DELETE)), patch_owners(_doubled))),
        ("moves-updated-at", "A repeated POST moves the cart's updated_at.", _on_repeat(_touch)),
        ("takes-away", "A repeated POST removes the association.",
         _on_repeat(_take_away)),
        ("drops-others", "A repeated POST removes the cart's other owners.",
         _on_repeat(lambda ctx: give(ctx, (ctx.owner,)))),
        ("refused", "A repeated POST is refused.",
         RejectWith("request-invalid", _is_repeat, (POST,))),
        ("server-error", "A repeated POST is answered with 500.",
         RejectWith("internal-error", _is_repeat, (POST,))),
    ],
)  # fmt: skip

# ---- association-deleted ------------------------------------------------------------------------


def _not_deleted(when: When) -> ReplaceHandler:
    def do(ctx: RequestContext, act: Act) -> Answer:
        return empty_answer(204) if when(ctx) else act()

    return ReplaceHandler(do, (DELETE,))


def _noting_deleted(name: str) -> ReplaceHandler:
    """Remember what a DELETE takes, until it is associated again."""

    def do(ctx: RequestContext, act: Act) -> Answer:
        pairs = _pairs(ctx, name)
        if ctx.request.method == "POST":
            pairs.discard(_pair(ctx))
        elif not is_new(ctx):
            pairs.add(_pair(ctx))
        return act()

    return ReplaceHandler(do, (POST, DELETE))


def _still_listed(ctx: RequestContext, carts: list[Cart]) -> list[Cart]:
    gone = (
        ctx.store.cart(cart_id)
        for cart_id, owner in _pairs(ctx, "d-list")
        if owner == ctx.caller.owner
    )
    return [*carts, *(cart for cart in gone if cart is not None)]


def _still_shown(ctx: RequestContext, cart_id: str, shown: list[Owner]) -> list[Owner]:
    gone = [owner for cart, owner in _pairs(ctx, "d-cart") if cart == cart_id]
    return [*shown, *(owner for owner in gone if owner not in shown)]


def _is_shared(ctx: RequestContext) -> bool:
    return len(cart_of(ctx).owners) > 1


_DELETED = breaks_of(
    "association-deleted",
    [
        ("not-deleted", "DELETE is answered with 204 and removes nothing.", _not_deleted(always)),
        ("not-deleted-by-shopper", "A DELETE by a shopper removes nothing.",
         _not_deleted(_by_shopper)),
        ("not-deleted-by-administrator", "A DELETE by an administrator removes nothing.",
         _not_deleted(_by_administrator)),
        ("not-deleted-if-shared", "DELETE removes no owner from a cart that has several.",
         _not_deleted(_is_shared)),
        ("still-in-list", "After DELETE the cart is still in the owner's list.",
         (_noting_deleted("d-list"), listed(_still_listed))),
        ("still-in-cart", "After DELETE the owner is still in the cart's relationships.",
         (_noting_deleted("d-cart"), patch_owners(_still_shown))),
        ("refused", "DELETE of an existing association is refused.",
         RejectWith("request-invalid", _is_repeat, (DELETE,))),
    ],
)  # fmt: skip

# ---- delete-missing -----------------------------------------------------------------------------


def _on_missing(change: Callable[[RequestContext], None]) -> ReplaceHandler:
    def do(ctx: RequestContext, act: Act) -> Answer:
        if not is_new(ctx):
            return act()
        change(ctx)
        return empty_answer(204)

    return ReplaceHandler(do, (DELETE,))


_DELETE_MISSING = (
    *breaks_of(
        "delete-missing",
        [
            ("associates", "DELETE of an association that does not exist creates it.",
             _on_missing(lambda ctx: give(ctx, (*cart_of(ctx).owners, ctx.owner)))),
            ("takes-others", "DELETE of an association that does not exist removes all others.",
             _on_missing(lambda ctx: give(ctx, ()))),
            ("moves-updated-at", "DELETE of an association that does not exist moves updated_at.",
             _on_missing(_touch)),
            ("server-error", "DELETE of an association that does not exist is answered with 500.",
             RejectWith("internal-error", is_new, (DELETE,))),
        ],
    ),
    *breaks_of(
        "delete-missing",
        [
            ("refused", "DELETE of an association that does not exist is refused with 404.",
             RejectWith("path-unknown", is_new, (DELETE,))),
        ],
        free=True,
    ),
)  # fmt: skip

# ---- refusal-changes-nothing --------------------------------------------------------------------


def _named(ctx: RequestContext) -> list[str]:
    """Return the id of every owner that a body names, in any form."""

    def ids(value: Any) -> list[Any]:
        if isinstance(value, list):
            return [found for entry in value for found in ids(entry)]
        if isinstance(value, dict):
            return ids(value["data"]) if "data" in value else [value.get("id")]
        return [value]

    named = [i for i in ids(body_of(ctx)) if isinstance(i, str)]
    own = ctx.caller.id_of(ctx.owner_type)
    if own is not None:
        named.append(own)
    return [i for i in named if ctx.store.has_owner(Owner(ctx.owner_type, i))]


def _do_it_anyway(ctx: RequestContext) -> None:
    if ctx.cart is not None and _named(ctx):
        associate(ctx, _named(ctx)[:1])


def _do_it_for_all(ctx: RequestContext) -> None:
    if ctx.cart is not None:
        associate(ctx, _named(ctx))


def _make_cart(ctx: RequestContext) -> None:
    if ctx.request.method == "POST" and SAFE_ID.fullmatch(ctx.cart_id) and _named(ctx):
        named = owners(ctx.owner_type, _named(ctx)[:1])
        ctx.store.put_cart(Cart(ctx.cart_id, "Cart", ctx.now, ctx.now, owners=named))


def _add_unknown(ctx: RequestContext) -> None:
    if ctx.cart is not None and ctx.request.method == "POST":
        give(ctx, (*ctx.cart.owners, ctx.owner))


def _clear(ctx: RequestContext) -> None:
    if ctx.cart is not None and ctx.cart.owners:
        give(ctx, ())


def _rename(ctx: RequestContext) -> None:
    if ctx.cart is not None:
        ctx.store.put_cart(replace(ctx.cart, name=f"{ctx.cart.name[:250]} *"))


def _touch_cart(ctx: RequestContext) -> None:
    if ctx.cart is not None:
        _touch(ctx)


def _drop_contact(ctx: RequestContext) -> None:
    if ctx.cart is not None:
        ctx.store.put_cart(replace(ctx.cart, contact=None))


_ANYWAY = (
    *(f"{kind}-token-invalid" for kind in OWNER_TYPES),
    *(f"{kind}-token-required" for kind in OWNER_TYPES),
    "payload-not-array",
    "entry-not-object",
    *(f"more-than-one-{kind}" for kind in OWNER_TYPES),
    *(f"type-not-{kind}" for kind in OWNER_TYPES),
    *(f"{kind}-not-permitted" for kind in OWNER_TYPES),
    "cart-has-contact-email",
    "cart-has-contact-email-account",
)
_OF_ASSOCIATIONS = (
    *_ANYWAY, "cart-id-unsafe", "cart-not-found",
    *(f"{kind}-{what}" for kind in OWNER_TYPES for what in ("missing", "id-missing", "not-found")),
)  # fmt: skip

_REFUSED = breaks_of(
    "refusal-changes-nothing",
    [
        *(
            (rule, f"A request refused by {rule} takes effect.",
             ApplyDespiteRefusal(_do_it_anyway, (rule,)))
            for rule in _ANYWAY
        ),
        *(
            (f"more-than-one-{kind}-all", f"All {kind}s of a refused array are added or removed.",
             ApplyDespiteRefusal(_do_it_for_all, (f"more-than-one-{kind}",)))
            for kind in OWNER_TYPES
        ),
        ("cart-not-found", "A refused POST creates the missing cart and associates it.",
         ApplyDespiteRefusal(_make_cart, ("cart-not-found",))),
        *(
            (f"{kind}-not-found", f"A refused {kind} that does not exist is added to the cart.",
             ApplyDespiteRefusal(_add_unknown, (f"{kind}-not-found",)))
            for kind in OWNER_TYPES
        ),
        *(
            (f"{kind}-missing", f"For {kind}s a refused empty array removes every owner.",
             ApplyDespiteRefusal(_clear, (f"{kind}-missing",)))
            for kind in OWNER_TYPES
        ),
        *(
            (f"{kind}-id-missing",
             f"For {kind}s a refused DELETE without an id removes every owner.",
             ApplyDespiteRefusal(_clear, (f"{kind}-id-missing",), on("DELETE")))
            for kind in OWNER_TYPES
        ),
        ("contact-dropped", "A refused POST removes the cart's contact.",
         ApplyDespiteRefusal(
             _drop_contact, ("cart-has-contact-email", "cart-has-contact-email-account"))),
        ("deletes", "A refused DELETE removes every owner from the cart.",
         ApplyDespiteRefusal(_clear, _OF_ASSOCIATIONS, on("DELETE"))),
        ("renames", "A refused request renames the cart.",
         ApplyDespiteRefusal(_rename, _OF_ASSOCIATIONS)),
        ("moves-updated-at", "A refused request moves the cart's updated_at.",
         ApplyDespiteRefusal(_touch_cart, _OF_ASSOCIATIONS)),
    ],
)  # fmt: skip

# ---- administrator-unrestricted, updated-at-moves -----------------------------------------------


def _note_maker(ctx: RequestContext, act: Act) -> Answer:
    answer = act()
    if ctx.caller.owner is not None and answer.status == 201:
        _pairs(ctx, "made").add((content(answer)["data"]["id"], ctx.caller.owner))
    return answer


def _is_made_by_shopper(ctx: RequestContext) -> bool:
    made = {cart_id for cart_id, _ in _pairs(ctx, "made")}
    return ctx.caller.is_administrator and ctx.cart_id in made


def _ignore_administrator(ctx: RequestContext, act: Act) -> Answer:
    return empty_answer(204) if ctx.caller.is_administrator else act()


_ADMINISTRATOR = breaks_of(
    "administrator-unrestricted",
    [
        ("refused", "An administrator needs the token of an owner.",
         RejectWith("{owner}-token-required", _by_administrator, (POST, DELETE))),
        ("refused-on-post", "An administrator needs the token of an owner for POST.",
         RejectWith("{owner}-token-required", _by_administrator, (POST,))),
        ("refused-on-delete", "An administrator needs the token of an owner for DELETE.",
         RejectWith("{owner}-token-required", _by_administrator, (DELETE,))),
        ("refused-for-carts-of-shoppers",
         "An administrator is refused for carts that a shopper made.",
         (ReplaceHandler(_note_maker, (CREATE,)),
          RejectWith("{owner}-not-permitted", _is_made_by_shopper, (POST, DELETE)))),
        ("ignored", "Requests of an administrator are answered with 204 and have no effect.",
         ReplaceHandler(_ignore_administrator, (POST, DELETE))),
    ],
)  # fmt: skip


def _hold(when: Callable[[RequestContext], bool] = always) -> ReplaceHandler:
    """Keep the cart's updated_at in matching PUT requests."""

    def do(ctx: RequestContext, act: Act) -> Answer:
        before = cart_of(ctx).updated_at
        answer = act()
        if not when(ctx):
            return answer
        return save_and_render(ctx, replace(cart_of(ctx), updated_at=before))

    return ReplaceHandler(do, (UPDATE,))


def _hold_with_items(ctx: RequestContext, act: Act) -> Answer:
    """Keep the cart's updated_at when its items change."""
    before = ctx.cart
    answer = act()
    if before is not None:
        ctx.store.put_cart(replace(cart_of(ctx), updated_at=before.updated_at))
    return answer


def _has_no_name(ctx: RequestContext) -> bool:
    return "name" not in ctx.data


def _go_back(ctx: RequestContext, act: Act) -> Answer:
    act()
    cart = cart_of(ctx)
    return save_and_render(ctx, replace(cart, updated_at=cart.created_at))


_HOLD_WITH_ITEMS = ReplaceHandler(_hold_with_items, CHANGE_OF_ITEMS)
_UPDATED = breaks_of(
    "updated-at-moves",
    [
        ("never", "Nothing moves a cart's updated_at.", (_hold(), _HOLD_WITH_ITEMS)),
        ("not-with-items", "A change of its items does not move a cart's updated_at.",
         _HOLD_WITH_ITEMS),
        ("only-by-name", "PUT moves updated_at only if it has a name.", _hold(_has_no_name)),
        ("goes-back", "PUT sets updated_at to the time of creation.",
         ReplaceHandler(_go_back, (UPDATE,))),
    ],
)  # fmt: skip

# ---- association-keeps-clock --------------------------------------------------------------------


def _move(*operations: str) -> ReplaceHandler:
    """Move the cart's updated_at with these operations, if they change or show something."""

    def do(ctx: RequestContext, act: Act) -> Answer:
        before = ctx.store.cart(ctx.cart_id)
        answer = act()
        if before is not None and (ctx.request.method == "GET" or cart_of(ctx) != before):
            _touch(ctx)
        return answer

    return ReplaceHandler(do, operations)


_CLOCK = breaks_of(
    "association-keeps-clock",
    [
        ("moves", "POST and DELETE of an association move updated_at.", _move(POST, DELETE)),
        ("moves-on-post", "POST of an association moves updated_at.", _move(POST)),
        ("moves-on-delete", "DELETE of an association moves updated_at.", _move(DELETE)),
        ("moves-on-read", "GET of a cart moves its updated_at.", _move(READ)),
    ],
)

# ---- cart-id-is-access --------------------------------------------------------------------------


def _is_cart_of_others(ctx: RequestContext) -> bool:
    owner = ctx.caller.owner
    present = () if ctx.cart is None else ctx.cart.owners
    return owner is not None and bool(present) and owner not in present


def _refuse_others(*operations: str) -> RejectWith:
    return RejectWith("{owner}-not-permitted", _is_cart_of_others, operations)


_ACCESS = breaks_of(
    "cart-id-is-access",
    [
        ("refused", "A shopper is refused the carts of others.",
         _refuse_others(POST, READ, UPDATE, REMOVE)),
        ("associate-refused", "A shopper cannot be associated with a cart of others.",
         _refuse_others(POST)),
        ("read-refused", "A shopper cannot read the carts of others.", _refuse_others(READ)),
        ("update-refused", "A shopper cannot change the carts of others.",
         _refuse_others(UPDATE)),
        ("delete-refused", "A shopper cannot delete the carts of others.",
         _refuse_others(REMOVE)),
    ],
)  # fmt: skip

EFFECTS: tuple[Break, ...] = (
    *_VISIBLE,
    *_DEVICE,
    *_MANY,
    *_SHARED,
    *_OTHERS,
    *_REPEAT,
    *_DELETED,
    *_DELETE_MISSING,
    *_REFUSED,
    *_ADMINISTRATOR,
    *_UPDATED,
    *_CLOCK,
    *_ACCESS,
)
