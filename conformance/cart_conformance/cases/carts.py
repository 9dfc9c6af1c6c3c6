"""The rules of carts: names, ids, contacts, owners, and when a cart cannot be deleted."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from cart_spec.contract import Level

from cart_conformance.cases.context import NOTHING_CHANGES, CaseContext
from cart_conformance.cases.effects import free_cart, need_visible
from cart_conformance.cases.fixtures import (
    ADMINISTRATOR,
    NARROWED,
    SHOPPER,
    acquire,
    caller_of,
    release,
)
from cart_conformance.cases.registry import Case, case, cases
from cart_conformance.errors import Untestable
from cart_conformance.exchange import Answer
from cart_conformance.oracle.answer_checks import has_text, shown
from cart_conformance.results import Kind
from cart_conformance.target.credentials import CartOwner, Credentials
from cart_conformance.target.requests import ASSOCIATE, DISSOCIATE
from cart_conformance.target.state import list_ids

CREATE, UPDATE, GET, DELETE = "createACart", "updateACart", "getACart", "deleteACart"
ABSENT: Any = object()
PIZZA = "\U0001f355"


def _write(ctx: CaseContext, fields: dict[str, Any], cart: str | None = None) -> Answer:
    """Create a cart with ``fields``, or update one, depending on the case's operation."""
    if ctx.operation == CREATE:
        data = {"id": ctx.fresh_id(), "name": "Conformance run"} | fields
        data = {name: value for name, value in data.items() if value is not ABSENT}
        return ctx.send(ctx.administrator, CREATE, body={"data": data})
    return ctx.send(ctx.administrator, UPDATE, cart=cart or ctx.new_cart(), body={"data": fields})


# --- Names ---

# Variant, name, and the level of the expectation on POST and on PUT (None: not tried).
NAMES: tuple[tuple[str, Any, Level, Level | None], ...] = (
    ("absent", ABSENT, "documented", None),
    # A server may read null in a PUT as "not sent".
    ("null", None, "documented", "interpretation"),
    ("a number", 1, "documented", "documented"),
    ("true", True, "documented", "documented"),
    ("an array", ["name"], "documented", "documented"),
    ("an object", {"name": "name"}, "documented", "documented"),
    ("empty", "", "documented", "documented"),
    ("256 characters", "a" * 256, "documented", "documented"),
    ("256 emoji", PIZZA * 256, "documented", "documented"),
    ("a thousand characters", "a" * 1000, "documented", "documented"),
)
BLANK: tuple[tuple[str, str, Level], ...] = (
    ("a space", " ", "documented"),
    ("many spaces", " " * 20, "documented"),
    ("tabs and line breaks", "\t\n \r\n", "documented"),
    ("a no-break space", "\u00a0", "interpretation"),
    ("an em space", "\u2003", "interpretation"),
)
LONGEST: tuple[tuple[str, str, Level], ...] = (
    ("255 characters are taken", "a" * 255, "documented"),
    ("one character is taken", "a", "documented"),
    # These names have the same length, unless a server counts bytes.
    ("255 letters beyond ASCII are taken", "\u00e9" * 255, "documented"),
    # That a character is a code point is our interpretation.
    ("255 emoji are taken", PIZZA * 255, "interpretation"),
)


@cases
def cart_names() -> Iterator[Case]:
    """Send invalid names, and the longest and shortest valid ones."""
    for variant, name, on_post, on_put in NAMES:
        for operation, level in ((CREATE, on_post), (UPDATE, on_put)):
            if level is not None:
                yield _name_case("cart-name-missing", operation, variant, name, level)
    for variant, name, level in BLANK:
        for operation in (CREATE, UPDATE):
            yield _name_case("cart-name-blank", operation, variant, name, level)
    for variant, name, level in LONGEST:
        for operation in (CREATE, UPDATE):
            yield Case(
                "cart-name-missing",
                operation,
                variant,
                partial(_name_taken, name=name, level=level),
                4,
            )


def _name_case(rule: str, operation: str, variant: str, name: Any, level: Level) -> Case:
    def run(ctx: CaseContext) -> None:
        cart = ctx.new_cart() if operation == UPDATE else None
        control = ctx.control(_write(ctx, {"name": "Conformance run"}, cart))
        before = ctx.state(cart) if cart else None
        answer = _write(ctx, {"name": name}, cart)
        if ctx.refused(answer, control, level=level) and cart and before:
            after = ctx.state(cart)
            ctx.expect(
                before.fields == after.fields,
                "the cart as it was before the refused request",
                "another name or description",
                answer,
                rule="refusal-changes-nothing",
                level="interpretation",
            )

    return Case(rule, operation, variant, run, 4)


def _name_taken(ctx: CaseContext, name: str, level: Level) -> None:
    cart = ctx.new_cart() if ctx.operation == UPDATE else None
    control = ctx.control(_write(ctx, {"name": "Conformance run"}, cart))
    answer = _write(ctx, {"name": name}, cart)
    wanted = (201,) if ctx.operation == CREATE else (200,)
    if not answer.ok:
        ctx.status(answer, *wanted, control=control, level=level)
        return
    returned = answer.data.get("name") if isinstance(answer.data, dict) else None
    ctx.expect(returned == name, f"{name[:20]}…", f"{str(returned)[:100]}", answer, level=level)


SYMBOLS: tuple[tuple[str, str], ...] = (
    ("an apostrophe and spaces", "Bob's cart of  things"),
    ("double quotes", 'the "best" cart'),
    ("ASCII punctuation", "!#$%&()*+,-./:;<=>?@[]^_`{|}~"),
    ("backslashes", "a\\b\\n\\u0041"),
    ("mark-up", "<b>&amp;</b>"),
    ("percent signs", "100%25 %20"),
    ("emoji", "🛒👩‍👩‍👧🇮🇹❤️"),
    ("scripts", "購物車 カート корзина عربة עגלה सामान"),
    ("combining marks", "Cafe\u0301 naïve"),
    ("words that look like values", "null"),
    ("digits", "12345"),
)
AT_THE_EDGE: tuple[tuple[str, str], ...] = (
    ("spaces around it", "  cart  "),
    ("a line break in it", "two\nlines"),
)
"""It is not published whether a name may have these."""


@cases
def any_symbol() -> Iterator[Case]:
    """Check that names and descriptions of every kind are returned unchanged, at once and later."""
    for operation in (CREATE, UPDATE):
        for variant, text in SYMBOLS:
            yield Case("any-symbol", operation, variant, partial(_symbols, text=text), 4)
        for variant, text in AT_THE_EDGE:
            run = partial(_symbols, text=text, level="interpretation")
            yield Case("any-symbol", operation, variant, run, 4)


def _symbols(ctx: CaseContext, text: str, level: Level | None = None) -> None:
    cart = ctx.new_cart() if ctx.operation == UPDATE else None
    control = ctx.control(_write(ctx, {"name": "Conformance", "description": "run"}, cart))
    plain = control.data if isinstance(control.data, dict) else {}
    if plain.get("name") != "Conformance":
        raise Untestable("a plain name is not returned")
    answer = _write(ctx, {"name": text, "description": text}, cart)
    if not ctx.status(answer, 200, 201, control=control, level=level):
        return
    data = answer.data if isinstance(answer.data, dict) else {}
    read = ctx.send(ctx.administrator, GET, cart=str(data.get("id")))
    for what, each in (("the answer", answer), ("the cart read again", read)):
        held = each.data if isinstance(each.data, dict) else {}
        pair = (held.get("name"), held.get("description"))
        good = pair == (text, text)
        wanted = f"name and description {text!r}"
        if not ctx.expect(good, wanted, f"in {what} {pair!r}", each, level=level):
            return


# --- Ids ---

# Each is unsafe in one way. A router or gateway may refuse some of them before they reach the
# service, and in its own format. So their errors need not have the envelope.
UNSAFE: tuple[tuple[str, str], ...] = (
    ("a space", " "),
    ("an exclamation mark", "!"),
    ("a full stop", "."),
    ("a comma", ","),
    ("a colon", ":"),
    ("a semicolon", ";"),
    ("an at sign", "@"),
    ("a plus sign", "+"),
    ("an equals sign", "="),
    ("an ampersand", "&"),
    ("an asterisk", "*"),
    ("a dollar sign", "$"),
    ("a tilde", "~"),
    ("a vertical bar", "|"),
    ("a caret", "^"),
    ("parentheses", "()"),
    ("brackets", "[]"),
    ("braces", "{}"),
    ("angle brackets", "<>"),
    ("quotes", "\"'`"),
    ("a Latin letter with an accent", "é"),
    ("a fullwidth letter", "ａ"),  # noqa: RUF001 - it only looks like a safe character
    ("a Cyrillic letter", "а"),  # noqa: RUF001 - as above
    ("a digit of another script", "٣"),
    ("an emoji", "🛒"),
)
MANGLED: tuple[tuple[str, str], ...] = (
    ("a slash", "/"),
    ("a backslash", "\\"),
    ("a question mark", "?"),
    ("a number sign", "#"),
    ("a percent sign", "%"),
    ("a tab", "\t"),
    ("a line break", "\n"),
    ("a control character", "\x01"),
)
# In many languages, the ``$`` of a regular expression also matches before a final line break.
LAST_BREAK = "a line break at the end"
AT_THE_END = "{1}{0}"
# These are sent raw, not percent-encoded.
RAW = ("!", ".", ",", ":", ";", "@", "+", "=", "&", "*", "$", "~", "()")


@cases
def cart_id_unsafe() -> Iterator[Case]:
    """Send an unsafe character in the path, percent-encoded, and raw if a URL allows it."""
    for operation in (ASSOCIATE, DISSOCIATE):
        for variant, characters in UNSAFE + MANGLED:
            yield _path_case(
                operation, variant, characters, mangled=(variant, characters) in MANGLED
            )
        for variant, characters in UNSAFE:
            if characters in RAW:
                yield _path_case(operation, f"{variant}, not encoded", characters, raw=True)
        yield _path_case(operation, "at the start", "!", place="{}{}")
        yield _path_case(operation, "at the end", "!", place=AT_THE_END)
        yield _path_case(operation, LAST_BREAK, "\n", place=AT_THE_END, mangled=True)


def _path_case(
    operation: str,
    variant: str,
    characters: str,
    *,
    raw: bool = False,
    mangled: bool = False,
    place: str = "",
) -> Case:
    def run(ctx: CaseContext) -> None:
        prepared = acquire(ctx, ADMINISTRATOR)
        cart = prepared.cart
        unsafe = _unsafe(cart, characters, place)
        ctx.session.ledger.intend("cart", unsafe)
        answer = ctx.send(
            ctx.administrator,
            operation,
            cart=unsafe,
            body=ctx.identifiers(ctx.owner("A").id),
            encoded=raw,
            envelope=not mangled,
        )
        if answer.ok:
            ctx.session.ledger.carts.append(unsafe)
        if ctx.refused(answer, prepared.control):
            release(ctx, ADMINISTRATOR, prepared)

    return Case("cart-id-unsafe", operation, variant, run, 2)


@cases
def new_cart_id_unsafe() -> Iterator[Case]:
    """Send the same characters in the id of a new cart."""
    for variant, characters in UNSAFE + MANGLED:
        yield Case(
            "new-cart-id-unsafe",
            CREATE,
            variant,
            partial(_unsafe_new_id, characters=characters),
            2,
        )
    last_break = partial(_unsafe_new_id, characters="\n", place=AT_THE_END)
    yield Case("new-cart-id-unsafe", CREATE, LAST_BREAK, last_break, 2)


def _unsafe_new_id(ctx: CaseContext, characters: str, place: str = "") -> None:
    ctx.operation = CREATE
    control = ctx.control(_write(ctx, {}))
    ctx.refused(_write(ctx, {"id": _unsafe(ctx.fresh_id(), characters, place)}), control)


def _unsafe(safe: str, characters: str, place: str) -> str:
    """Return ``safe`` with the characters before its last one, or as the format ``place`` says."""
    return place.format(characters, safe) if place else f"{safe[:-1]}{characters}{safe[-1:]}"


@case("cart-id-taken", CREATE, "the id of a cart", requests=4)
def cart_id_taken(ctx: CaseContext) -> None:
    """Create a cart with the id of an existing one, which must not change."""
    control = ctx.control(_write(ctx, {"name": "Conformance, the first"}))
    cart = str(control.data["id"]) if isinstance(control.data, dict) else ""
    before = ctx.state(cart)
    answer = _write(ctx, {"id": cart, "name": "Conformance, the second"})
    ctx.refused(answer, control)
    after = ctx.state(cart)
    ctx.expect(before.fields == after.fields, "the first cart as it was", "another", answer)


# --- Carts that do not exist ---


@cases
def cart_not_found() -> Iterator[Case]:
    """Associate with a cart that does not exist."""
    for operation in (ASSOCIATE, DISSOCIATE):
        for who in ("administrator", "shopper"):
            yield Case(
                "cart-not-found",
                operation,
                who,
                partial(_association_of_unknown, who=who),
                4,
            )


def _association_of_unknown(ctx: CaseContext, who: str) -> None:
    a = ctx.owner("A")
    caller = ctx.administrator if who == "administrator" else ctx.shopper("A")
    cart = ctx.new_cart()
    if ctx.operation == DISSOCIATE:
        ctx.associate(cart, a)
    body = ctx.identifiers(a.id)
    control = ctx.control(ctx.send(caller, ctx.operation, cart=cart, body=body))
    unknown = ctx.unknown_cart_id()
    answer = ctx.send(caller, ctx.operation, cart=unknown, body=body)
    if ctx.refused(answer, control):
        ctx.expect(
            unknown not in list_ids(ctx.session, ctx.shopper("A")),
            "no such cart after the refused request",
            "it is in the {owner}'s list",
            answer,
            rule="refusal-changes-nothing",
        )


@case("cart-unknown", UPDATE, "an id that no cart has", requests=3)
def update_unknown(ctx: CaseContext) -> None:
    """Update a cart that does not exist."""
    control = ctx.control(_write(ctx, {"name": "Conformance run"}))
    ctx.refused(_write(ctx, {"name": "Conformance run"}, ctx.unknown_cart_id()), control)


@case("cart-unknown", DELETE, "an id that no cart has", requests=3)
def delete_unknown(ctx: CaseContext) -> None:
    """Delete a cart that does not exist."""
    control = ctx.control(ctx.send(ctx.administrator, DELETE, cart=ctx.new_cart()))
    ctx.refused(ctx.send(ctx.administrator, DELETE, cart=ctx.unknown_cart_id()), control)


@case("customer-not-found", ASSOCIATE, "an id that no customer has", requests=6)
def associate_nobody(ctx: CaseContext) -> None:
    """Associate a customer that does not exist."""
    cart = ctx.new_cart()
    _nobody(ctx, cart)


def _nobody(ctx: CaseContext, cart: str) -> None:
    a = ctx.owner("A")
    control = ctx.control(
        ctx.send(ctx.administrator, ctx.operation, cart=cart, body=ctx.identifiers(a.id))
    )
    before = ctx.state(cart, a)
    unknown = ctx.unknown_owner()
    answer = ctx.send(ctx.administrator, ctx.operation, cart=cart, body=ctx.identifiers(unknown))
    if ctx.refused(answer, control):
        ctx.unchanged(before, ctx.state(cart, a), answer)
    elif ctx.operation == ASSOCIATE and answer.ok:
        ctx.send(ctx.administrator, DISSOCIATE, cart=cart, body=ctx.identifiers(unknown))


# --- Carts of other customers ---


@cases
def cart_id_is_access() -> Iterator[Case]:
    """Send A's token, or no customer token, for a cart that only B has."""
    for operation in (ASSOCIATE, GET, UPDATE, DELETE):
        yield Case("cart-id-is-access", operation, "a cart of another", _others_cart, 8)
    for operation in (GET, UPDATE, DELETE):
        run = partial(_others_cart, by_owner=False)
        yield Case("cart-id-is-access", operation, "without a customer token", run, 8)


def _others_cart(ctx: CaseContext, *, by_owner: bool = True) -> None:
    a, b = ctx.owner("A"), ctx.owner("B")
    caller = ctx.shopper("A") if by_owner else ctx.implicit
    cart, spare, free = ctx.new_cart(), ctx.new_cart(), ctx.new_cart()
    # B has another cart, so that the cart is not B's last one.
    ctx.associate(spare, b)
    ctx.associate(cart, b)
    need_visible(ctx, cart, b)
    body: dict[str, Any] | None = {"data": {"name": "Conformance"}}
    if ctx.operation != UPDATE:
        body = ctx.identifiers(a.id) if ctx.operation == ASSOCIATE else None
    request: dict[str, Any] = {} if body is None else {"body": body}
    control = ctx.control(ctx.send(caller, ctx.operation, cart=free, **request))
    answer = ctx.send(caller, ctx.operation, cart=cart, **request)
    ctx.status(answer, control.status, control=control, what="as for a cart without an owner")


# --- Contacts ---


def _contact(ctx: CaseContext) -> dict[str, str]:
    return {"name": "Conformance", "email": f"contact-{ctx.run_id}@example.com"}


def _cart_with_contact(ctx: CaseContext) -> str:
    """Return a cart with a contact email. Raises Untestable."""
    return ctx.new_cart(contact=_contact(ctx))


@cases
def cart_has_contact_email() -> Iterator[Case]:
    """Associate with a cart whose contact email was set at its creation, or with a PUT."""
    for who in ("administrator", "shopper"):
        for how in ("POST", "PUT"):
            yield Case(
                "cart-has-contact-email",
                ASSOCIATE,
                f"set by {how}, {who}",
                partial(_with_contact, who=who, how=how),
                9,
            )


def _with_contact(ctx: CaseContext, who: str, how: str) -> None:
    a = ctx.owner("A")
    caller = ctx.administrator if who == "administrator" else ctx.shopper("A")
    body = ctx.identifiers(a.id)
    free = free_cart(ctx, a)
    control = ctx.control(ctx.send(caller, ASSOCIATE, cart=free, body=body))
    if how == "POST":
        cart = _cart_with_contact(ctx)
    else:
        cart = ctx.new_cart()
        set_up = ctx.send(
            ctx.administrator, UPDATE, cart=cart, body={"data": {"contact": _contact(ctx)}}
        )
        ctx.need(set_up, "no contact could be set")
    before = ctx.state(cart, a)
    answer = ctx.send(caller, ASSOCIATE, cart=cart, body=body)
    if ctx.refused(answer, control):
        ctx.unchanged(before, ctx.state(cart, a), answer)


@case(NOTHING_CHANGES, ASSOCIATE, "a contact email", requests=4)
def contact_stays(ctx: CaseContext) -> None:
    """Check that a refused association leaves the contact: it is refused again.

    A server need not show the contact of a cart.
    """
    cart, body = _cart_with_contact(ctx), ctx.identifiers(ctx.owner("A").id)
    first = ctx.need_refusal(ctx.send(ctx.administrator, ASSOCIATE, cart=cart, body=body))
    answer = ctx.send(ctx.administrator, ASSOCIATE, cart=cart, body=body)
    ctx.expect(
        answer.refused,
        "the same refusal again, because of the contact",
        f"{shown(first)}, then {shown(answer)}",
        answer,
        control=first,
        level="interpretation",
    )


@cases
def contact_on_registered_cart() -> Iterator[Case]:
    """Set a contact email on a cart that has, or gets, a customer."""
    rule = "contact-on-registered-cart"
    for who in ("administrator", "shopper"):
        yield Case(rule, UPDATE, who, partial(_contact_by_put, who=who), 6)
    for who in ("shopper", NARROWED):
        yield Case(rule, CREATE, who, partial(_contact_by_post, who=who), 3)


def _contact_by_put(ctx: CaseContext, who: str) -> None:
    a = ctx.owner("A")
    caller = ctx.administrator if who == "administrator" else ctx.shopper("A")
    body = {"data": {"contact": _contact(ctx)}}
    control = ctx.control(ctx.send(caller, UPDATE, cart=ctx.new_cart(), body=body))
    cart = ctx.new_cart()
    ctx.associate(cart, a)
    need_visible(ctx, cart, a)
    ctx.refused(ctx.send(caller, UPDATE, cart=cart, body=body), control)


def _contact_by_post(ctx: CaseContext, who: str) -> None:
    name = {"name": f"Conformance run {ctx.run_id}"}
    plain = {"data": name | {"id": ctx.fresh_id()}}
    caller = caller_of(ctx, who)
    control = ctx.control(ctx.send(caller, CREATE, body=plain))
    body = {"data": name | {"id": ctx.fresh_id(), "contact": _contact(ctx)}}
    ctx.refused(ctx.send(caller, CREATE, body=body), control)


@cases
def contact_removal() -> Iterator[Case]:
    """Remove the contact email, and check that the cart can then be associated."""
    for variant, contact in (
        ("contact is null", None),
        ("email is empty", {"email": ""}),
    ):
        yield Case(
            "contact-removal",
            UPDATE,
            variant,
            partial(_contact_removed, contact=contact),
            4,
        )


def _contact_removed(ctx: CaseContext, contact: Any) -> None:
    a = ctx.owner("A")
    cart = _cart_with_contact(ctx)
    kept = ctx.send(ctx.administrator, ASSOCIATE, cart=cart, body=ctx.identifiers(a.id))
    if not kept.refused:
        raise Untestable("a contact email does not keep the cart from being associated")
    answer = ctx.send(ctx.administrator, UPDATE, cart=cart, body={"data": {"contact": contact}})
    if not ctx.status(answer, 200):
        return
    after = ctx.send(ctx.administrator, ASSOCIATE, cart=cart, body=ctx.identifiers(a.id))
    ctx.expect(after.ok, "a cart that can be associated", shown(after), after, kind=Kind.EFFECT)


# --- The last cart ---


@cases
def last_cart() -> Iterator[Case]:
    """Delete the only cart of a customer, as each caller.

    With a second cart, it must be deleted.
    """
    for who in ("administrator", "shopper"):
        yield Case(
            "last-cart", DELETE, who, partial(_last_cart, who=who), 12,
            touches="carts and customers of this run",
        )  # fmt: skip
    yield Case(
        "last-cart",
        DELETE,
        "the last cart of one of its two customers",
        partial(_last_of_one, comes_first=False),
        14,
        optional=True,
    )
    yield Case(
        "last-cart",
        DELETE,
        "the last cart of the first of its two customers",
        partial(_last_of_one, comes_first=True),
        14,
        optional=True,
    )
    yield Case("last-cart", DELETE, "disassociated before", _freed, 5)


def _last_cart(ctx: CaseContext, who: str) -> None:
    owner = _owner_without_carts(ctx)
    caller = ctx.administrator if who == "administrator" else ctx.shopper(owner)
    first, last = ctx.new_cart(), ctx.new_cart()
    ctx.associate(first, owner)
    ctx.associate(last, owner)
    need_visible(ctx, last, owner)
    control = ctx.send(caller, DELETE, cart=first)
    if has_text(control, str(ctx.rule.text)):
        ctx.status(control, 204, what="while the {owner} has another cart")
        return
    ctx.control(control)
    before = ctx.state(last, owner)
    answer = ctx.send(caller, DELETE, cart=last)
    if ctx.refused(answer, control):
        ctx.unchanged(before, ctx.state(last, owner), answer)
        ctx.dissociate(last, owner)


def _last_of_one(ctx: CaseContext, *, comes_first: bool) -> None:
    owner, other = _owner_without_carts(ctx), ctx.owner("A")
    spare, shared = ctx.new_cart(), ctx.new_cart()
    ctx.associate(spare, other)
    for each in (owner, other) if comes_first else (other, owner):
        ctx.associate(shared, each)
    need_visible(ctx, shared, owner, other)
    control = ctx.control(ctx.send(ctx.administrator, DELETE, cart=ctx.new_cart()))
    if ctx.refused(ctx.send(ctx.administrator, DELETE, cart=shared), control):
        ctx.dissociate(shared, owner)


def _freed(ctx: CaseContext) -> None:
    """Follow the advice of the error text: disassociate, then delete."""
    owner = _owner_without_carts(ctx)
    cart = ctx.new_cart()
    ctx.associate(cart, owner)
    ctx.dissociate(cart, owner)
    answer = ctx.send(ctx.administrator, DELETE, cart=cart)
    ctx.status(answer, 204, what="for a cart without an owner")


def _owner_without_carts(ctx: CaseContext) -> CartOwner:
    """Return a customer without carts: a new one, or the third of the fixtures."""
    if not ctx.owners_are_given:
        return ctx.new_owner("D")
    owner = ctx.owner("C")
    if list_ids(ctx.session, ctx.shopper(owner)):
        raise Untestable("the third customer of the fixtures has carts; give one without carts")
    return owner


# --- Lists and new carts ---


@case("carts-need-an-owner", "getCarts", "the header is absent", requests=2)
def carts_need_an_owner(ctx: CaseContext) -> None:
    """List carts with an implicit access token and no customer token."""
    control = ctx.control(ctx.send(ctx.shopper("A"), "getCarts"))
    ctx.refused(ctx.send(ctx.implicit, "getCarts"), control)


@cases
def new_cart_by_get() -> Iterator[Case]:
    """Read an id that no cart has, with either access token."""
    rule = "new-cart-by-get"
    yield Case(rule, GET, "with a customer token", partial(_read_new, who=SHOPPER), 4)
    yield Case(rule, GET, NARROWED, partial(_read_new, who=NARROWED), 4)


def _read_new(ctx: CaseContext, who: str) -> None:
    a = ctx.owner("A")
    cart = ctx.unknown_cart_id()
    answer = ctx.send(caller_of(ctx, who), GET, cart=cart)
    if ctx.status(answer, 200, what="and a cart of that {owner}"):
        state = ctx.state(cart, a)
        good = state.names(a) == 1 and state.count("A") == 1
        ctx.expect(good, "a cart of that {owner}", "a cart without that {owner}", answer)


@cases
def body_bare_array() -> Iterator[Case]:
    """Send the array without the envelope."""
    for operation in (ASSOCIATE, DISSOCIATE):
        for who in ("administrator", "shopper"):
            yield Case("body-bare-array", operation, who, partial(_bare, who=who), 7)


def _bare(ctx: CaseContext, who: str) -> None:
    a = ctx.owner("A")
    caller: Credentials = ctx.administrator if who == "administrator" else ctx.shopper("A")
    body = ctx.identifiers(a.id)
    carts = [ctx.new_cart(), ctx.new_cart()]
    if ctx.operation == DISSOCIATE:
        for cart in carts:
            ctx.associate(cart, a)
    control = ctx.control(ctx.send(caller, ctx.operation, cart=carts[0], body=body))
    answer = ctx.send(caller, ctx.operation, cart=carts[1], body=body["data"])
    if ctx.status(answer, control.status, control=control):
        state = ctx.state(carts[1], a)
        good = bool(state.names(a)) == (ctx.operation == ASSOCIATE)
        ctx.expect(good, "the same effect as with the envelope", "none", answer, control=control)
