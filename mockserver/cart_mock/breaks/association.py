"""Breaks of the rules that refuse association requests."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
from cart_spec import OwnerKind
from msgspec.structs import replace

from cart_mock.bodies import Malformed, read_json
from cart_mock.breaks.generic import IGNORED, KINDS, refusal
from cart_mock.breaks.helpers import (
    associate,
    body_of,
    cart_of,
    done,
    echo,
    entries_of,
    give,
    status,
    text,
)
from cart_mock.breaks.hooks import (
    DELETE,
    POST,
    Act,
    ApplyDespiteRefusal,
    Break,
    IgnoreRule,
    PatchError,
    PatchRequest,
    ReplaceHandler,
    Row,
    When,
    always,
    on,
)
from cart_mock.formats import SAFE_ID
from cart_mock.messages import Answer, empty_answer
from cart_mock.owners import Owner
from cart_mock.rules.context import RequestContext
from cart_mock.state.entities import Cart

# ---- cart-id-unsafe -----------------------------------------------------------------------------


def _any_cart(pattern: str, when: When = always) -> PatchRequest:
    """Accept a cart id that is safe once characters matching ``pattern`` are removed."""
    unsafe = re.compile(pattern, re.DOTALL)

    def read(ctx: RequestContext) -> None:
        safe = SAFE_ID.fullmatch(unsafe.sub("", ctx.cart_id) or "x") is not None
        if safe and ctx.cart is None and unsafe.search(ctx.cart_id) and when(ctx):
            ctx.cart = Cart(ctx.cart_id, "Cart", ctx.now, ctx.now)

    return PatchRequest(read, (POST, DELETE))


def _has_cart(ctx: RequestContext) -> bool:
    return ctx.cart is not None


def _unsafe(variant: str, what: str, pattern: str, when: When = always) -> Row:
    return (
        f"{variant}-accepted",
        f"A cart id with {what} is accepted, and such a cart made by associating it.",
        (_any_cart(pattern, when), IgnoreRule(_has_cart)),
    )


_CART_ID = refusal(
    "cart-id-unsafe",
    [
        _unsafe("any", "any characters", r"[^0-9A-Za-z_-]"),
        _unsafe("any-on-post", "any characters in a POST", r"[^0-9A-Za-z_-]", on("POST")),
        _unsafe("any-on-delete", "any characters in a DELETE", r"[^0-9A-Za-z_-]", on("DELETE")),
        _unsafe("space", "spaces", r" "),
        _unsafe("dot", "dots", r"\."),
        _unsafe("punctuation", "punctuation of ASCII", r"[!-,.:-@\[-^`{-~]"),
        _unsafe("slash", "an encoded slash", r"%2[Ff]"),
        _unsafe("percent", "percent signs", r"%"),
        _unsafe("control", "control characters", r"[\x00-\x1f\x7f]"),
        _unsafe("non-ascii", "letters and signs beyond ASCII", r"[^\x00-\x7f]"),
    ],
    needed=True,
)

# ---- payload-not-array, entry-not-object --------------------------------------------------------


def _take(entries: Callable[[Any], list[Any] | None], when: When = always) -> PatchRequest:
    """Accept other bodies as arrays: ``entries`` maps a body to an array, or to None."""

    def read(ctx: RequestContext) -> None:
        body = body_of(ctx)
        if not isinstance(ctx.entries, list) and when(ctx):
            taken = entries(body)
            if taken is not None:
                ctx.entries = taken

    return PatchRequest(read, (POST, DELETE))


def _object_in_data(body: Any) -> list[Any] | None:
    data = body.get("data") if isinstance(body, dict) else None
    return [data] if isinstance(data, dict) else None


def _bare_object(body: Any) -> list[Any] | None:
    return [body] if isinstance(body, dict) and "data" not in body else None


def _text_of_id(ctx: RequestContext) -> None:
    body = body_of(ctx)
    value = body.get("data") if isinstance(body, dict) else body
    if not isinstance(ctx.entries, list) and isinstance(value, str):
        ctx.entries = [{"type": ctx.owner_type, "id": value}]


def _lenient(ctx: RequestContext) -> None:
    """Parse the body without its bytes that are not UTF-8."""
    try:
        ctx.request.body.decode()
    except UnicodeDecodeError:
        try:
            ctx.body = msgspec.json.decode(ctx.request.body.decode(errors="ignore"))
        except msgspec.DecodeError:
            return


def _is_empty(ctx: RequestContext) -> bool:
    return not ctx.request.body


def _is_null(ctx: RequestContext) -> bool:
    if _is_empty(ctx) or not _is_json(ctx):
        return False
    body = body_of(ctx)
    return body is None or (isinstance(body, dict) and body.get("data", 0) is None)


def _is_json(ctx: RequestContext) -> bool:
    try:
        read_json(ctx.request.body)
    except Malformed:
        return False
    return True


def _is_broken(ctx: RequestContext) -> bool:
    return not _is_empty(ctx) and not _is_json(ctx)


def _is_scalar(ctx: RequestContext) -> bool:
    if _is_empty(ctx) or not _is_json(ctx):
        return False
    body = body_of(ctx)
    value = body.get("data") if isinstance(body, dict) else body
    return isinstance(value, str | int | float)


def _take_everybody(ctx: RequestContext) -> None:
    if ctx.cart is not None:
        give(ctx, ())


def _everybody(rule: str, when: When) -> tuple[ApplyDespiteRefusal, PatchError]:
    """Remove every owner from the cart on a DELETE that the rule refuses."""

    def is_delete(ctx: RequestContext) -> bool:
        return ctx.request.method == "DELETE" and when(ctx)

    return ApplyDespiteRefusal(_take_everybody, (rule,), is_delete), PatchError(done, is_delete)


_PAYLOAD = refusal(
    "payload-not-array",
    [
        (
            "object-accepted",
            'An object under "data" is taken for an array of one.',
            _take(_object_in_data),
        ),
        (
            "object-accepted-on-post",
            'On POST an object under "data" is taken for an array of one.',
            _take(_object_in_data, on("POST")),
        ),
        (
            "object-accepted-on-delete",
            'On DELETE an object under "data" is taken for an array of one.',
            _take(_object_in_data, on("DELETE")),
        ),
        (
            "bare-object-accepted",
            "A bare identifier is read as an array of one.",
            _take(_bare_object),
        ),
        (
            "string-accepted",
            "A string is read as the owner's id.",
            PatchRequest(_text_of_id, (POST, DELETE)),
        ),
        (
            "bad-utf8-accepted",
            "Bytes that are not UTF-8 are dropped instead of refused.",
            PatchRequest(_lenient, (POST, DELETE)),
        ),
        "ignored",
        ("empty-ignored", "An empty body is answered with 204.", PatchError(done, _is_empty)),
        (
            "empty-ignored-on-delete",
            "A DELETE with an empty body is answered with 204.",
            PatchError(done, lambda ctx: _is_empty(ctx) and ctx.request.method == "DELETE"),
        ),
        (
            "empty-takes-everybody",
            "A DELETE with an empty body removes every owner from the cart.",
            _everybody("payload-not-array", _is_empty),
        ),
        (
            "null-ignored",
            'null, as the body or under "data", is answered with 204.',
            PatchError(done, _is_null),
        ),
        (
            "scalar-ignored",
            "A string or a number is answered with 204.",
            PatchError(done, _is_scalar),
        ),
        (
            "broken-ignored",
            "A body that is not JSON is answered with 204.",
            PatchError(done, _is_broken),
        ),
        (
            "broken-wrong-status",
            "A body that is not JSON is refused with 400.",
            PatchError(status(400), _is_broken),
        ),
        (
            "empty-wrong-status",
            "An empty body is refused with 400.",
            PatchError(status(400), _is_empty),
        ),
        (
            "broken-server-error",
            "A body that is not JSON is answered with 500.",
            PatchError(status(500), _is_broken),
        ),
    ],
    needed=True,
)


def _text_entries(ctx: RequestContext) -> None:
    ctx.entries = [
        {"type": ctx.owner_type, "id": entry} if isinstance(entry, str) else entry
        for entry in entries_of(ctx)
    ] or ctx.entries


def _nested_entries(ctx: RequestContext) -> None:
    entries = entries_of(ctx)
    if len(entries) == 1 and isinstance(entries[0], list) and entries[0]:
        ctx.entries = entries[0]


def _only(kind: type | tuple[type, ...]) -> When:
    return lambda ctx: all(isinstance(entry, kind) for entry in entries_of(ctx))


_ENTRY = refusal(
    "entry-not-object",
    [
        (
            "string-accepted",
            "A string in the array is read as an owner's id.",
            PatchRequest(_text_entries, (POST, DELETE)),
        ),
        (
            "array-accepted",
            "An array in the array is read as the array.",
            PatchRequest(_nested_entries, (POST, DELETE)),
        ),
        ("null-ignored", "null is answered with 204.", PatchError(done, _only(type(None)))),
        ("number-ignored", "A number is answered with 204.", PatchError(done, _only((int, float)))),
    ],
    needed=True,
)


def _own_id(ctx: RequestContext) -> None:
    """Use the owner who is logged in if the body does not name one."""
    if ctx.entries == [] and ctx.caller.owner is not None:
        ctx.entries = [{"type": ctx.owner_type, "id": ctx.caller.owner.id}]


def _missing(words: OwnerKind) -> tuple[Break, ...]:
    rule = f"{words.name}-missing"
    return refusal(
        rule,
        [
            *IGNORED,
            (
                "takes-everybody",
                "A DELETE with an empty array removes every owner from the cart.",
                _everybody(rule, always),
            ),
            (
                "own-id",
                f"An empty array means the logged-in {words.name}.",
                PatchRequest(_own_id, (POST, DELETE)),
            ),
        ],
        needed=True,
    )


# ---- more-than-one-{owner} ---------------------------------------------------------------------


def _count(ctx: RequestContext) -> int:
    return len(entries_of(ctx))


def _identical(ctx: RequestContext) -> bool:
    first, *others = entries_of(ctx)
    return all(entry == first for entry in others)


def _take_last(ctx: RequestContext) -> None:
    if _count(ctx) > 1:
        ctx.entries = entries_of(ctx)[-1:]


def _all_of_them(ctx: RequestContext, act: Act) -> Answer:
    if _count(ctx) <= 1:
        return act()
    ids = [entry.get("id") for entry in entries_of(ctx) if isinstance(entry, dict)]
    known = [i for i in ids if isinstance(i, str) and ctx.store.has_owner(Owner(ctx.owner_type, i))]
    associate(ctx, known)
    return echo(ctx.owner) if ctx.request.method == "POST" else empty_answer(204)


def _more(words: OwnerKind) -> tuple[Break, ...]:
    kind = words.name
    return refusal(
        f"more-than-one-{kind}",
        [
            (
                "accepted",
                f"All {kind}s of the array are associated, or all removed.",
                (IgnoreRule(), ReplaceHandler(_all_of_them, (POST, DELETE))),
            ),
            (
                "accepted-on-post",
                f"On POST all {kind}s of the array are associated.",
                (IgnoreRule(on("POST")), ReplaceHandler(_all_of_them, (POST,))),
            ),
            (
                "accepted-on-delete",
                f"On DELETE all {kind}s of the array are removed.",
                (IgnoreRule(on("DELETE")), ReplaceHandler(_all_of_them, (DELETE,))),
            ),
            ("first-taken", "Only the first of them is used.", IgnoreRule()),
            (
                "last-taken",
                "Only the last of them is used.",
                PatchRequest(_take_last, (POST, DELETE)),
            ),
            (
                "identical-accepted",
                f"The same {kind} several times counts as once.",
                IgnoreRule(_identical),
            ),
            (
                "identical-accepted-on-delete",
                f"On DELETE the same {kind} several times counts as once.",
                IgnoreRule(lambda ctx: _identical(ctx) and ctx.request.method == "DELETE"),
            ),
            (
                "two-accepted",
                "Two are accepted, and more refused.",
                IgnoreRule(lambda ctx: _count(ctx) == 2),
            ),
            (
                "three-accepted",
                "Two are refused, and more accepted.",
                IgnoreRule(lambda ctx: _count(ctx) > 2),
            ),
            (
                "accepted-for-administrator",
                "An administrator may name several.",
                (
                    IgnoreRule(lambda ctx: ctx.caller.is_administrator),
                    ReplaceHandler(_all_of_them, (POST, DELETE)),
                ),
            ),
            (
                "identical-wrong-text",
                f"The same {kind} twice is refused with another text.",
                PatchError(text, _identical),
            ),
        ],
        needed=True,
    )


# ---- type-not-{owner}, {owner}-id-missing -------------------------------------------------------


def _type(test: Callable[[Any], bool]) -> When:
    def when(ctx: RequestContext) -> bool:
        return "type" in ctx.entry and test(ctx.entry["type"])

    return when


def _type_not(words: OwnerKind) -> tuple[Break, ...]:
    kind = words.name
    return refusal(
        f"type-not-{kind}",
        [
            (
                "absent-accepted",
                "An entry without a type is accepted.",
                IgnoreRule(lambda ctx: "type" not in ctx.entry),
            ),
            (
                "null-accepted",
                "null is accepted as a type.",
                IgnoreRule(_type(lambda t: t is None)),
            ),
            (
                "number-accepted",
                "A number is accepted as a type.",
                IgnoreRule(_type(lambda t: isinstance(t, int | float) and not isinstance(t, bool))),
            ),
            (
                "boolean-accepted",
                "true and false are accepted as a type.",
                IgnoreRule(_type(lambda t: isinstance(t, bool))),
            ),
            (
                "array-accepted",
                f'A type of ["{kind}"], or another array or object, passes.',
                IgnoreRule(_type(lambda t: isinstance(t, list | dict))),
            ),
            (
                "case-ignored",
                "The type is compared without letter case.",
                IgnoreRule(_type(lambda t: isinstance(t, str) and t.lower() == kind)),
            ),
            (
                "plural-accepted",
                f'The type "{kind}s" passes.',
                IgnoreRule(_type(lambda t: t == f"{kind}s")),
            ),
            (
                "padded-accepted",
                "The type is accepted with white space around it.",
                IgnoreRule(_type(lambda t: isinstance(t, str) and t.strip() == kind)),
            ),
            ("empty-accepted", "An empty type is accepted.", IgnoreRule(_type(lambda t: t == ""))),
            (
                "other-accepted",
                "Other words are accepted as a type.",
                IgnoreRule(
                    _type(
                        lambda t: (
                            isinstance(t, str) and t.strip().lower() not in ("", kind, f"{kind}s")
                        )
                    )
                ),
            ),
        ],
        subject="Any type",
        wrong_status=403,
    )


def _id(test: Callable[[dict[str, Any]], bool], method: str | None = None) -> When:
    def when(ctx: RequestContext) -> bool:
        return test(ctx.entry) and method in (None, ctx.request.method)

    return when


def _own_entry_id(ctx: RequestContext) -> None:
    own = ctx.caller.id_of(ctx.owner_type)
    match entries_of(ctx):
        case [dict(entry)] if own is not None and not entry.get("id"):
            ctx.entries = [{**entry, "id": own}]


def _id_missing(words: OwnerKind) -> tuple[Break, ...]:
    kind = words.name
    return refusal(
        f"{kind}-id-missing",
        [
            *IGNORED,
            ("absent-ignored", "An entry without an id is answered with 204.",
             PatchError(done, _id(lambda e: "id" not in e))),
            ("null-ignored", "An id of null is answered with 204.",
             PatchError(done, _id(lambda e: e.get("id", 0) is None))),
            ("empty-ignored", "An empty id is answered with 204.",
             PatchError(done, _id(lambda e: e.get("id") == ""))),
            ("number-ignored", "An id that is a number is answered with 204.",
             PatchError(done, _id(lambda e: isinstance(e.get("id"), int | float)))),
            ("own-id",
             words.worded("If the body does not name {a} {owner}, the logged-in one is used."),
             PatchRequest(_own_entry_id, (POST, DELETE))),
        ],
        needed=True,
    )  # fmt: skip


# ---- Permissions, and what exists
# -------------------------------------------------------------------


def _has_cart_already(ctx: RequestContext) -> bool:
    return ctx.cart is not None and ctx.caller.owner in ctx.cart.owners


def _named_has_cart(ctx: RequestContext) -> bool:
    return ctx.cart is not None and ctx.owner in ctx.cart.owners


def _not_permitted(words: OwnerKind) -> tuple[Break, ...]:
    kind = words.name
    return refusal(
        f"{kind}-not-permitted",
        [
            ("accepted-with-credentials",
             f"With a client-credentials token any {kind} may be named.",
             IgnoreRule(lambda ctx: ctx.caller.grant == "client_credentials")),
            ("accepted-with-implicit",
             f"With an implicit token any {kind} may be named.",
             IgnoreRule(lambda ctx: ctx.caller.grant == "implicit")),
            ("accepted-on-own-carts",
             words.worded("{A} {owner} of a cart may add and remove other {owners}."),
             IgnoreRule(_has_cart_already)),
            ("accepted-once-associated",
             words.worded("Any caller may name {a} {owner} that has the cart."),
             IgnoreRule(_named_has_cart)),
            *IGNORED,
        ],
        subject=f"The id of another {kind} than the token's",
        wrong_status=401,
    )  # fmt: skip


def _made(ctx: RequestContext) -> None:
    if ctx.cart is None and SAFE_ID.fullmatch(ctx.cart_id):
        ctx.cart = Cart(ctx.cart_id, "Cart", ctx.now, ctx.now)


_CART_NOT_FOUND = refusal(
    "cart-not-found",
    free_rows=[
        (
            "created",
            "Associating such a cart creates it.",
            PatchRequest(_made, (POST, DELETE)),
        )
    ],
    needed=True,
    free=True,
)


def _not_found(words: OwnerKind) -> tuple[Break, ...]:
    return refusal(f"{words.name}-not-found", subject=f"An id that no {words.name} has", free=True)


def _without_contact(ctx: RequestContext, act: Act) -> Answer:
    ctx.cart = replace(cart_of(ctx), contact=None)
    return act()


_CONTACT_RULES = {
    "customer": "cart-has-contact-email",
    "account": "cart-has-contact-email-account",
}


def _contact(words: OwnerKind) -> tuple[Break, ...]:
    kind = words.name
    return refusal(
        _CONTACT_RULES[kind],
        [
            ("contact-dropped", "The cart is associated, and loses its contact.",
             (IgnoreRule(), ReplaceHandler(_without_contact, (POST,)))),
            ("accepted-for-administrator", "An administrator may associate it.",
             IgnoreRule(lambda ctx: ctx.caller.is_administrator)),
            ("accepted-for-shopper", "A shopper who is logged in may associate it.",
             IgnoreRule(lambda ctx: not ctx.caller.is_administrator)),
            "ignored",
            ("bad-request", "It is refused with 400 and the right text.", PatchError(status(400))),
        ],
        subject="A cart with a contact email",
    )  # fmt: skip


ASSOCIATION: tuple[Break, ...] = (
    *_CART_ID,
    *_PAYLOAD,
    *_ENTRY,
    *_CART_NOT_FOUND,
    *(
        one
        for words in KINDS
        for table in (
            _missing,
            _more,
            _type_not,
            _id_missing,
            _not_permitted,
            _not_found,
            _contact,
        )
        for one in table(words)
    ),
)
