"""Breaks of the rules of the carts, customers, tokens and pages around associations."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Callable
from typing import Any

from cart_spec import OwnerKind
from msgspec.structs import replace

from cart_mock.api import serializers
from cart_mock.breaks.caller import believe, claims_of
from cart_mock.breaks.generic import CONTRACT, KINDS, refusal
from cart_mock.breaks.helpers import (
    done,
    other_detail,
    owner_token,
    patch,
    status,
    text,
)
from cart_mock.breaks.hooks import (
    CREATE,
    GRANT,
    LIST,
    READ,
    REMOVE,
    UPDATE,
    Act,
    Break,
    Form,
    IgnoreRule,
    PatchError,
    PatchRequest,
    PatchResponse,
    RejectWith,
    ReplaceHandler,
    When,
    breaks_of,
    many,
    memory,
    on,
)
from cart_mock.formats import EMAIL, MAX_NAME, SAFE_ID, UNSAFE_CHARACTER
from cart_mock.messages import Answer, json_answer
from cart_mock.owners import Owner
from cart_mock.rules.context import MAX_LIMIT, MAX_OFFSET, RequestContext, TokenRequestContext
from cart_mock.state.entities import Cart, Customer

LIST_CUSTOMERS, CREATE_CUSTOMER, READ_CUSTOMER, UPDATE_CUSTOMER = (
    "getCustomers",
    "createCustomer",
    "getCustomer",
    "updateCustomer",
)

# ---- Carts --------------------------------------------------------------------------------------

_NO_CART = refusal("cart-unknown", free_rows=["ignored"], needed=True)


def _name(test: Callable[[Any], bool], instead: Callable[[Any], str]) -> PatchRequest:
    """Replace names that match ``test`` before the request is judged."""

    def change(_ctx: RequestContext, data: dict[str, Any]) -> None:
        if "name" in data and test(data["name"]):
            data["name"] = instead(data["name"])

    return PatchRequest(patch(change), (CREATE, UPDATE))


def _default_name(_ctx: RequestContext, data: dict[str, Any]) -> None:
    data.setdefault("name", "Cart")


def _is_long(name: Any) -> bool:
    return isinstance(name, str) and len(name) > MAX_NAME


def _on_update(read: PatchRequest) -> PatchRequest:
    return PatchRequest(read.change, (UPDATE,))


def _name_in_bytes(ctx: RequestContext) -> bool:
    name = ctx.data.get("name")
    return isinstance(name, str) and len(name.encode("utf-8", "surrogatepass")) > MAX_NAME


_NAME = refusal(
    "cart-name-missing",
    [
        ("absent-accepted", "A cart without a name is created, with a default name.",
         PatchRequest(patch(_default_name), (CREATE,))),
        ("empty-accepted", "An empty name is accepted, and replaced.",
         _name(lambda n: n == "", lambda _: "Cart")),
        ("empty-accepted-on-put", "PUT accepts an empty name, and replaces it.",
         _on_update(_name(lambda n: n == "", lambda _: "Cart"))),
        ("null-accepted", "null is accepted for a name, and replaced.",
         _name(lambda n: n is None, lambda _: "Cart")),
        ("number-accepted", "A number is accepted for a name.",
         _name(lambda n: isinstance(n, int | float), str)),
        ("other-accepted", "An array or an object is accepted for a name, and replaced.",
         _name(lambda n: isinstance(n, list | dict), lambda _: "Cart")),
        ("long-accepted", "A name that is too long is accepted, and cut.",
         _name(_is_long, lambda n: str(n)[:MAX_NAME])),
        ("bytes-counted", "The length of a name is counted in bytes.",
         RejectWith("cart-name-missing", _name_in_bytes, (CREATE, UPDATE))),
    ],
    needed=True,
)  # fmt: skip


def _is_blank(test: Callable[[str], bool]) -> When:
    return lambda ctx: test(ctx.data["name"])


_BLANK = refusal(
    "cart-name-blank",
    [
        ("one-space-accepted", "A name of one space is accepted.",
         IgnoreRule(_is_blank(lambda name: name == " "))),
        ("others-accepted", "A name of other white space than spaces is accepted.",
         IgnoreRule(_is_blank(lambda name: bool(name.strip(" "))))),
    ],
    subject="A name of white space only",
)  # fmt: skip


def _texts(ctx: RequestContext) -> list[str]:
    return [t for t in map(ctx.data.get, ("name", "description")) if isinstance(t, str)]


def _texts_with(test: Callable[[str], bool]) -> RejectWith:
    return RejectWith(
        "request-invalid", lambda ctx: any(test(t) for t in _texts(ctx)), (CREATE, UPDATE)
    )


def _texts_as(instead: Callable[[str], str]) -> PatchRequest:
    """Store names and descriptions changed; a name never becomes empty."""

    def change(_ctx: RequestContext, data: dict[str, Any]) -> None:
        for field in ("name", "description"):
            if isinstance(data.get(field), str) and data[field].strip():
                data[field] = instead(data[field]) or data[field]

    return PatchRequest(patch(change), (CREATE, UPDATE))


def _is_emoji(character: str) -> bool:
    return ord(character) > 0xFFFF


def _description_as(instead: Callable[[str], str]) -> PatchRequest:
    def change(_ctx: RequestContext, data: dict[str, Any]) -> None:
        if isinstance(data.get("description"), str):
            data["description"] = instead(data["description"])

    return PatchRequest(patch(change), (CREATE, UPDATE))


_SYMBOL = breaks_of(
    "any-symbol",
    [
        ("space-refused", "A name or description with a space is refused.",
         _texts_with(lambda t: " " in t)),
        ("quote-refused", "A name or description with a quote is refused.",
         _texts_with(lambda t: "'" in t or '"' in t)),
        ("non-ascii-refused", "A name or description beyond ASCII is refused.",
         _texts_with(lambda t: not t.isascii())),
        ("emoji-lost", "Characters outside the Basic Multilingual Plane become question marks.",
         _texts_as(lambda t: "".join("?" if _is_emoji(c) else c for c in t))),
        ("escaped", "&, <, > and quotes are returned as HTML entities.", _texts_as(html.escape)),
        ("normalised", "Names and descriptions are returned in decomposed Unicode form.",
         _texts_as(lambda t: unicodedata.normalize("NFD", t))),
        ("description-lost", "A description beyond ASCII is lost.",
         _description_as(lambda t: t if t.isascii() else "")),
    ],
)  # fmt: skip


def _new_id(test: Callable[[str], bool]) -> PatchRequest:
    """Accept ids that match ``test``, with unsafe characters replaced by hyphens."""

    def change(ctx: RequestContext, data: dict[str, Any]) -> None:
        cart_id = data.get("id")
        if isinstance(cart_id, str) and not SAFE_ID.fullmatch(cart_id) and test(cart_id):
            data["id"] = UNSAFE_CHARACTER.sub("-", cart_id) or ctx.tenant.new_id()

    return PatchRequest(patch(change), (CREATE,))


def _only_unsafe(characters: Callable[[str], bool]) -> PatchRequest:
    return _new_id(lambda i: all(characters(c) for c in UNSAFE_CHARACTER.findall(i)))


_NEW_ID = refusal(
    "new-cart-id-unsafe",
    [
        ("accepted", "Unsafe characters in an id are accepted, and become hyphens.",
         _new_id(lambda _: True)),
        ("dot-accepted", "Dots are accepted in an id.", _only_unsafe(lambda c: c == ".")),
        ("space-accepted", "Spaces are accepted in an id.", _only_unsafe(str.isspace)),
        ("slash-accepted", "Slashes are accepted in an id.", _only_unsafe(lambda c: c == "/")),
        ("non-ascii-accepted", "Letters beyond ASCII are accepted in an id.",
         _only_unsafe(lambda c: not c.isascii())),
    ],
    needed=True,
)  # fmt: skip


def _fresh(ctx: RequestContext, data: dict[str, Any]) -> None:
    cart_id = data.get("id")
    if isinstance(cart_id, str) and ctx.store.cart(cart_id) is not None:
        data["id"] = ctx.tenant.new_id()


def _existing(ctx: RequestContext, answer: Answer) -> Answer:
    cart = ctx.store.cart(ctx.data["id"]) if answer.refused_by == "cart-id-taken" else None
    return answer if cart is None else json_answer(200, {"data": serializers.cart(cart)})


_TAKEN = refusal(
    "cart-id-taken",
    [
        ("replaced", "The new cart replaces the one that has the id.", IgnoreRule()),
        (
            "other-id",
            "The cart is created with another id.",
            PatchRequest(patch(_fresh), (CREATE,)),
        ),
    ],
    free_rows=[
        ("existing", "The cart that has the id is returned.", PatchResponse(_existing, (CREATE,)))
    ],
    needed=True,
)

_CONTACT = refusal(
    "contact-on-registered-cart",
    [
        (
            "ignored-on-put",
            "PUT is answered with 204 and has no effect.",
            PatchError(done, on("PUT")),
        ),
    ],
    subject="A contact email",
)

_LAST = refusal(
    "last-cart",
    [
        ("deleted", "The last cart is deleted.", IgnoreRule()),
        ("deleted-by-administrator", "An administrator may delete the last cart.",
         IgnoreRule(lambda ctx: ctx.caller.is_administrator)),
        ("deleted-by-shopper", "Shoppers may delete their last cart.",
         IgnoreRule(lambda ctx: ctx.caller.owner is not None)),
        ("deleted-of-account", "The last cart of an account is deleted.",
         IgnoreRule(lambda ctx: ctx.cart is not None and bool(ctx.cart.accounts))),
        "ignored",
        "wrong-status",
        "wrong-text",
        ("wrong-detail", "It is refused with the right title and another detail.",
         PatchError(other_detail)),
    ],
    needed=True,
    wrong_status=409,
)  # fmt: skip


def _empty_page(_ctx: RequestContext, answer: Answer) -> Answer:
    if answer.refused_by != "carts-need-an-owner":
        return answer
    return json_answer(200, serializers.page("/v2/carts", [], 0, 0, 20))


_OWNER = refusal(
    "carts-need-an-owner",
    [
        ("all-listed", "An implicit token alone lists every registered cart.", IgnoreRule()),
        (
            "none-listed",
            "An implicit token alone gets an empty list.",
            PatchResponse(_empty_page, (LIST,)),
        ),
    ],
    needed=True,
)


def _shadows(ctx: RequestContext) -> dict[str, Cart]:
    return many(ctx.tenant, "carts", dict[str, Cart])


def _note_cart(ctx: RequestContext, act: Act) -> Answer:
    """Remember the new state of every cart that is read or changed."""
    shadows = _shadows(ctx)
    cart_id = ctx.request.path_params.get("cartID")
    if cart_id in shadows and ctx.store.cart(cart_id) is None:
        ctx.store.put_cart(replace(shadows[cart_id], updated_at=ctx.now))
        ctx.cart = ctx.store.cart(cart_id)
    answer = act()
    cart = None if cart_id is None else ctx.store.cart(cart_id)
    if cart is not None:
        shadows[cart.id] = cart
    elif cart_id is not None:
        shadows.pop(cart_id, None)
    return answer


_EXPIRED = breaks_of(
    "cart-expired",
    [
        ("returns", "A used cart is returned again when it is read after its expiry.",
         ReplaceHandler(_note_cart, (READ, UPDATE, REMOVE))),
    ],
    beyond_run=True,
)  # fmt: skip

# ---- Pages --------------------------------------------------------------------------------------


def _page(
    change: Callable[[str, str], str | None],
    fields: tuple[str, ...] = ("page[limit]", "page[offset]"),
) -> PatchRequest:
    """Replace page parameters before they are judged; None stands for one that was not sent."""

    def read(ctx: RequestContext) -> None:
        query = dict(ctx.query)
        for name in fields:
            if name in query:
                instead = change(name, query[name])
                if instead is None:
                    del query[name]
                else:
                    query[name] = instead
        ctx.query = query

    return PatchRequest(read, CONTRACT.rule("page-out-of-range").operations)


def _is_whole(value: str) -> bool:
    return value.removeprefix("-").isascii() and value.removeprefix("-").isdigit()


def _clamped(name: str, value: str) -> str:
    if not _is_whole(value):
        return value
    low, high = (1, MAX_LIMIT) if name == "page[limit]" else (0, MAX_OFFSET)
    return str(min(max(int(value[:20]), low), high))


def _as_default(_name: str, value: str) -> str | None:
    return value if _is_whole(value) else None


_PAGES = (
    *refusal(
        "page-not-a-number",
        free_rows=[
            (
                "default",
                "A page parameter that is not a number counts as not sent.",
                _page(_as_default),
            )
        ],
        needed=True,
    ),
    *refusal(
        "filter-invalid",
        [("counts-as-none", "Such a filter counts as none.", IgnoreRule())],
        needed=True,
    ),
    *refusal(
        "page-out-of-range",
        [
            ("clamped", "A value out of range is replaced by the nearest valid one.",
             _page(_clamped)),
            ("limit-clamped", "A limit out of range is replaced by the nearest valid one.",
             _page(_clamped, ("page[limit]",))),
            ("offset-clamped", "An offset out of range is replaced by the nearest valid one.",
             _page(_clamped, ("page[offset]",))),
            ("negative-clamped", "Negative numbers are replaced by the lowest valid one.",
             _page(lambda n, v: _clamped(n, v) if v.startswith("-") else v)),
            ("zero-limit-accepted", "A limit of 0 is read as 1.",
             _page(lambda _, v: "1" if v == "0" else v, ("page[limit]",))),
            ("hundred-and-one-accepted", "A limit of 101 is read as 100.",
             _page(lambda _, v: "100" if v == "101" else v, ("page[limit]",))),
        ],
        needed=True,
    ),
)  # fmt: skip

# ---- Customers ----------------------------------------------------------------------------------


def _anonymous(ctx: RequestContext) -> bool:
    return ctx.caller.is_anonymous


def _on_list(ctx: RequestContext) -> bool:
    return "customerID" not in ctx.request.path_params


_RECORD = refusal(
    "customer-record-not-permitted",
    [
        ("read-accepted", "Any caller may read customer records.",
         IgnoreRule(lambda ctx: ctx.request.method == "GET" and not _on_list(ctx))),
        ("list-accepted", "Any caller may list the customers.", IgnoreRule(_on_list)),
        ("update-accepted", "Any caller may change customer records.", IgnoreRule(on("PUT"))),
        ("delete-accepted", "Any caller may delete customers.", IgnoreRule(on("DELETE"))),
        ("accepted-to-anonymous", "An implicit token is sufficient.", IgnoreRule(_anonymous)),
        ("accepted-to-customers", "Any customer token is accepted.",
         IgnoreRule(lambda ctx: not ctx.caller.is_anonymous)),
    ],
    subject="Access to the records of other customers",
)  # fmt: skip


def _made_up(ctx: RequestContext, answer: Answer) -> Answer:
    if answer.refused_by != "customer-unknown":
        return answer
    now = ctx.now
    nobody = Customer(ctx.customer_id, "Nobody", "nobody@example.com", now, now)
    return json_answer(200, {"data": serializers.customer(nobody)})


_UNKNOWN = refusal(
    "customer-unknown",
    [
        ("made-up", "GET of a customer that does not exist returns an invented one.",
         PatchResponse(_made_up, (READ_CUSTOMER,))),
        ("delete-ignored", "DELETE of a customer that does not exist is answered with 204.",
         PatchError(done, on("DELETE"))),
        "wrong-status",
        "wrong-status-on-put",
    ],
    needed=True,
)  # fmt: skip


def _customer(change: Callable[[RequestContext, dict[str, Any]], None]) -> PatchRequest:
    return PatchRequest(patch(change), (CREATE_CUSTOMER, UPDATE_CUSTOMER))


def _as_customer(_ctx: RequestContext, data: dict[str, Any]) -> None:
    data["type"] = "customer"


def _typeless_as_customer(_ctx: RequestContext, data: dict[str, Any]) -> None:
    data.setdefault("type", "customer")


def _some_name(ctx: RequestContext, data: dict[str, Any]) -> None:
    is_update = ctx.request.method == "PUT"
    name = data.get("name", "Customer" if is_update else None)
    if not isinstance(name, str) or not name.strip():
        data["name"] = "Customer"


def _any_email(ctx: RequestContext, data: dict[str, Any]) -> None:
    email = data.get("email")
    if isinstance(email, str) and not EMAIL.fullmatch(email):
        data["email"] = f"{ctx.tenant.new_id()}@example.com"


def _some_email(ctx: RequestContext, data: dict[str, Any]) -> None:
    if ctx.request.method == "POST" and "email" not in data:
        data["email"] = f"{ctx.tenant.new_id()}@example.com"


_INVALID = refusal(
    "customer-invalid",
    [
        ("type-ignored", "The type does not matter.", _customer(_as_customer)),
        (
            "type-optional",
            "A customer is accepted without a type.",
            _customer(_typeless_as_customer),
        ),
        ("name-ignored", "A customer without a name gets one.", _customer(_some_name)),
        ("email-optional", "A customer without an email gets one.", _customer(_some_email)),
        (
            "email-unchecked",
            "A string that is not an email is accepted, and replaced.",
            _customer(_any_email),
        ),
    ],
    needed=True,
)


def _same_customer(ctx: RequestContext, answer: Answer) -> Answer:
    if answer.refused_by != "email-taken":
        return answer
    customer = ctx.store.customer_with_email(ctx.data["email"])
    return (
        answer if customer is None else json_answer(201, {"data": serializers.customer(customer)})
    )


_EMAIL_TAKEN = refusal(
    "email-taken",
    free_rows=[
        (
            "existing",
            "The customer who has the email is returned.",
            PatchResponse(_same_customer, (CREATE_CUSTOMER,)),
        )
    ],
    needed=True,
)


def _deleted_owner(ctx: RequestContext) -> Owner:
    params = ctx.request.path_params
    if "accountID" in params:
        return Owner("account", params["accountID"])
    return Owner("customer", params["customerID"])


def _keep_owner(ctx: RequestContext, act: Act) -> Answer:
    owner = _deleted_owner(ctx)
    carts, _ = ctx.store.carts_of(owner, 0, ctx.store.cart_count_of(owner))
    answer = act()
    for cart in carts:
        ctx.store.put_cart(cart)
    return answer


def _believe_deleted(ctx: RequestContext) -> None:
    kind = ctx.caller.problem_of
    claimed = (claims_of(owner_token(ctx)) or {}).get("sub")
    if kind is None or ctx.caller.owner_problem is None:
        return
    if Owner(kind, str(claimed)) in memory(ctx.tenant).get("deleted", ()):
        believe(ctx, Owner(kind, str(claimed)))


def _note_deleted(ctx: RequestContext, act: Act) -> Answer:
    many(ctx.tenant, "deleted", set[Owner]).add(_deleted_owner(ctx))
    return act()


def _deleted(words: OwnerKind) -> tuple[Break, ...]:
    rule = f"{words.name}-deleted"
    operations = CONTRACT.rule(rule).operations
    return (
        *breaks_of(
            rule,
            [
                ("associations-stay",
                 f"A deleted {words.name} stays in the relationships of carts.",
                 ReplaceHandler(_keep_owner, operations)),
            ],
            owner=words.name,
        ),
        *breaks_of(
            rule,
            [
                ("tokens-work", f"The tokens of a deleted {words.name} still work.",
                 (ReplaceHandler(_note_deleted, operations), PatchRequest(_believe_deleted))),
            ],
            free=True,
            owner=words.name,
        ),
    )  # fmt: skip


# ---- Tokens -------------------------------------------------------------------------------------


def _is_known(ctx: RequestContext) -> bool:
    email = ctx.data.get("email")
    return isinstance(email, str) and ctx.store.customer_with_email(email) is not None


def _is_unknown(ctx: RequestContext) -> bool:
    return not _is_known(ctx)


_CREDENTIALS = refusal(
    "credentials-wrong",
    [
        ("any-password", "Any password of a known email is accepted.", IgnoreRule(_is_known)),
        ("empty-password", "A known email is accepted with an empty or missing password.",
         IgnoreRule(lambda ctx: _is_known(ctx) and not ctx.data.get("password"))),
        ("tells-apart", "An unknown email gets a 404, a wrong password a 401.",
         PatchError(status(404), _is_unknown)),
        ("tells-apart-in-words", "An unknown email has a different text than a wrong password.",
         PatchError(text, _is_unknown)),
    ],
    needed=True,
)  # fmt: skip


def _any_grant(form: dict[str, str]) -> dict[str, str]:
    known = form.get("grant_type") in ("client_credentials", "implicit")
    return form if known else {**form, "grant_type": "implicit"}


def _any_client(form: dict[str, str]) -> dict[str, str]:
    return form if form.get("client_id") else {**form, "client_id": "anyone"}


def _hold(when: Callable[[TokenRequestContext], bool]) -> PatchRequest:
    def read(ctx: TokenRequestContext) -> None:
        if when(ctx):
            ctx.secret_matches = True

    return PatchRequest(read, (GRANT,))


_GRANT = refusal(
    "grant-invalid",
    [
        ("unknown-accepted", "An unknown grant_type, or none, counts as implicit.",
         Form(_any_grant)),
        ("no-client-accepted", "A client_id is not required.", Form(_any_client)),
        ("any-secret", "Any client_secret is accepted.",
         _hold(lambda ctx: bool(ctx.form.get("client_secret")))),
        ("no-secret", "A client_secret is not required.",
         _hold(lambda ctx: not ctx.form.get("client_secret"))),
    ],
    needed=True,
)  # fmt: skip

SURROUNDING_RULES: tuple[Break, ...] = (
    *_NO_CART,
    *_NAME,
    *_BLANK,
    *_SYMBOL,
    *_NEW_ID,
    *_TAKEN,
    *_CONTACT,
    *_LAST,
    *_OWNER,
    *_EXPIRED,
    *_PAGES,
    *_RECORD,
    *_UNKNOWN,
    *_INVALID,
    *_EMAIL_TAKEN,
    *(one for words in KINDS for one in _deleted(words)),
    *_CREDENTIALS,
    *_GRANT,
)
