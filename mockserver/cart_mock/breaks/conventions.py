"""Breaks of the rules on every request and every answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cart_spec import OwnerKind
from msgspec.structs import replace

from cart_mock.breaks.generic import CONTRACT, KINDS
from cart_mock.breaks.helpers import body_of, content, is_error, with_content
from cart_mock.breaks.hooks import (
    CREATE,
    DELETE,
    GRANT,
    LIST,
    LOGIN,
    POST,
    READ,
    REMOVE,
    UPDATE,
    Act,
    Break,
    Header,
    PatchRequest,
    PatchResponse,
    RejectWith,
    ReplaceHandler,
    breaks_of,
)
from cart_mock.breaks.surrounding_rules import (
    CREATE_CUSTOMER,
    LIST_CUSTOMERS,
    READ_CUSTOMER,
    UPDATE_CUSTOMER,
)
from cart_mock.formats import SAFE_ID
from cart_mock.messages import Answer, json_answer
from cart_mock.rules.context import CUSTOMER_HEADER, RequestContext

_HEADER = CUSTOMER_HEADER.lower().encode()

# ---- error-envelope -----------------------------------------------------------------------------


def _errors(change: Callable[[Answer, Any], Answer], *statuses: int) -> PatchResponse:
    """Change the form of all errors, or of those with the given statuses."""

    def show(_ctx: Any, answer: Answer) -> Answer:
        if not is_error(answer) or (statuses and answer.status not in statuses):
            return answer
        return change(answer, content(answer))

    return PatchResponse(show)


def _entries(change: Callable[[dict[str, Any]], None]) -> Callable[[Answer, Any], Answer]:
    def changed(answer: Answer, body: Any) -> Answer:
        for entry in body["errors"]:
            change(entry)
        return with_content(answer, body)

    return changed


def _as(media: bytes, text: Callable[[str, str], str]) -> Callable[[Answer, Any], Answer]:
    def changed(answer: Answer, body: Any) -> Answer:
        entry = body["errors"][0]
        headers = ((b"content-type", media),)
        return replace(answer, headers=headers, body=text(entry["title"], entry["detail"]).encode())

    return changed


def _without(field: str) -> Callable[[dict[str, Any]], None]:
    def change(entry: dict[str, Any]) -> None:
        entry.pop(field, None)

    return change


def _status_inside(code: int) -> Callable[[dict[str, Any]], None]:
    def change(entry: dict[str, Any]) -> None:
        entry["status"] = code

    return change


_HTML = _as(b"text/html", lambda title, detail: f"<h1>{title}</h1><p>{detail}</p>")

_ENVELOPE = breaks_of(
    "error-envelope",
    [
        ("html", "Errors are pages of HTML.", _errors(_HTML)),
        ("html-401", "A 401 is a page of HTML.", _errors(_HTML, 401)),
        ("html-404", "A 404 is a page of HTML.", _errors(_HTML, 404)),
        ("plain-text", "Errors are plain text.",
         _errors(_as(b"text/plain", lambda title, detail: f"{title}\n{detail}"))),
        ("empty", "Errors have no body.", _errors(lambda a, _: replace(a, headers=(), body=b""))),
        ("object", "errors is an object instead of an array.",
         _errors(lambda a, body: with_content(a, {"errors": body["errors"][0]}))),
        ("bare", "The error is not in an errors array.",
         _errors(lambda a, body: with_content(a, body["errors"][0]))),
        ("no-entry", "The errors array is empty.",
         _errors(lambda a, _: with_content(a, {"errors": []}))),
        ("title-missing", "Errors have no title.", _errors(_entries(_without("title")))),
        ("status-missing", "Errors do not repeat the status.",
         _errors(_entries(_without("status")))),
        ("status-mismatch", "The status in the body is 500.",
         _errors(_entries(_status_inside(500)))),
        ("status-mismatch-403", "The status in the body of a 403 is 400.",
         _errors(_entries(_status_inside(400)), 403)),
        ("status-in-words", "The status in the body is a word.",
         _errors(_entries(lambda entry: entry.update(status="error")))),
        ("content-type", "Errors are JSON with the media type text/html.",
         _errors(lambda a, _: replace(a, headers=((b"content-type", b"text/html"),)))),
    ],
)  # fmt: skip

# ---- success-answer, password-never-returned ----------------------------------------------------


def _success(change: Callable[[RequestContext, Answer], Answer], *at: str) -> PatchResponse:
    def show(ctx: RequestContext, answer: Answer) -> Answer:
        return answer if is_error(answer) else change(ctx, answer)

    return PatchResponse(show, at)


def _code(status_code: int) -> Callable[[Any, Answer], Answer]:
    return lambda _ctx, answer: replace(answer, status=status_code)


def _body(change: Callable[[Any], None]) -> Callable[[Any, Answer], Answer]:
    def changed(_ctx: Any, answer: Answer) -> Answer:
        if not answer.body:
            return answer
        body = content(answer)
        change(body)
        return with_content(answer, body)

    return changed


def _deleted(_ctx: Any, _answer: Answer) -> Answer:
    return json_answer(200, {"data": []})


def _echo(change: Callable[[Any], None]) -> PatchResponse:
    return _success(_body(lambda body: change(body["data"][0])), POST)


def _without_relationships(body: Any) -> None:
    for cart in body["data"] if isinstance(body["data"], list) else [body["data"]]:
        del cart["relationships"]


def _other_name(body: Any) -> None:
    body["data"]["name"] = "Cart *"


def _has_no_mechanism(ctx: RequestContext) -> bool:
    return "authentication_mechanism" not in ctx.data


_SUCCESS = breaks_of(
    "success-answer",
    [
        ("post-201", "POST of an association answers 201.",
         _success(lambda _, a: replace(a, status=201) if a.status == 200 else a, POST)),
        ("delete-200", "DELETE of an association answers 200.", _success(_deleted, DELETE)),
        ("echo-empty", "POST of an association answers without the owner.",
         _success(_body(lambda body: body["data"].clear()), POST)),
        ("echo-object", "POST of an association answers with an object instead of an array.",
         _success(_body(lambda body: body.update(data=body["data"][0])), POST)),
        ("echo-other-id", "POST of an association answers with another id.",
         _echo(lambda one: one.update(id=one["id"] + "0"))),
        ("echo-type", 'POST of an association answers with the type in the plural.',
         _echo(lambda one: one.update(type=f"{one['type']}s"))),
        ("cart-created-200", "POST of a cart answers 200.", _success(_code(200), CREATE)),
        ("cart-updated-201", "PUT of a cart answers 201.", _success(_code(201), UPDATE)),
        ("cart-deleted-200", "DELETE of a cart answers 200.", _success(_deleted, REMOVE)),
        ("cart-name", "POST of a cart answers with another name.",
         _success(_body(_other_name), CREATE)),
        ("cart-type", 'A cart has the type "carts".',
         _success(_body(lambda body: body["data"].update(type="carts")), READ)),
        ("cart-relationships", "Carts are returned without relationships.",
         _success(_body(_without_relationships), READ)),
        ("list-bare", "The list of carts is a bare array.",
         _success(lambda _, a: with_content(a, content(a)["data"]), LIST)),
        ("list-meta", "The list of carts has no meta.",
         _success(_body(lambda body: body.pop("meta")), LIST)),
        ("list-of-customers", "The list of customers is an empty object.",
         _success(_body(lambda body: body.update(data={})), LIST_CUSTOMERS)),
        ("customer-created-200", "POST of a customer answers 200.",
         _success(_code(200), CREATE_CUSTOMER)),
        ("customer-type", 'A customer has the type "customers".',
         _success(_body(lambda body: body["data"].update(type="customers")), READ_CUSTOMER)),
        ("login-201", "A login answers 201.", _success(_code(201), LOGIN)),
        ("login-mechanism", "A login is refused without authentication_mechanism.",
         RejectWith("request-invalid", _has_no_mechanism, (LOGIN,))),
        ("login-customer", "A login does not say which customer it is.",
         _success(_body(lambda body: body["data"].pop("customer_id")), LOGIN)),
        ("grant-expires", "An access token does not say when it expires.",
         _success(_body(lambda body: body.pop("expires_in")), GRANT)),
        ("not-json", "The list of carts has the media type text/html.",
         _success(lambda _, a: replace(a, headers=((b"content-type", b"text/html"),)), LIST)),
    ],
)  # fmt: skip


def _returned(
    value: Callable[[RequestContext], object],
) -> Callable[[RequestContext, Answer], Answer]:
    def changed(ctx: RequestContext, answer: Answer) -> Answer:
        if not answer.body or value(ctx) is None:
            return answer
        body = content(answer)
        body["data"]["password"] = value(ctx)
        return with_content(answer, body)

    return changed


def _hash(ctx: RequestContext) -> object:
    return None if ctx.customer is None else ctx.customer.password_hash


def _list_hashes(ctx: RequestContext, answer: Answer) -> Answer:
    body = content(answer)
    for one in body["data"]:
        customer = ctx.store.customer(one["id"])
        if customer is not None and customer.password_hash:
            one["password"] = customer.password_hash
    return with_content(answer, body)


_PASSWORD = breaks_of(
    "password-never-returned",
    [
        ("echoed", "POST of a customer returns the password that was sent.",
         _success(_returned(lambda ctx: ctx.data.get("password")), CREATE_CUSTOMER)),
        ("echoed-on-put", "PUT of a customer returns the password that was sent.",
         _success(_returned(lambda ctx: ctx.data.get("password")), UPDATE_CUSTOMER)),
        ("hash-returned", "GET of a customer returns the hash of the password.",
         _success(_returned(_hash), READ_CUSTOMER)),
        ("hash-listed", "The list of customers has the hashes of their passwords.",
         _success(_list_hashes, LIST_CUSTOMERS)),
        ("in-words", 'A customer\'s password field is the string "true".',
         _success(_returned(lambda _: "true"), READ_CUSTOMER, CREATE_CUSTOMER)),
    ],
)  # fmt: skip

# ---- Headers ------------------------------------------------------------------------------------


def _is_other(name: bytes, header: bytes) -> bool:
    return name.lower() == header.lower() and name != header


_NAMES = breaks_of(
    "header-names",
    [
        ("customer-token-as-written",
         "The customer token is found only in a header written X-Moltin-Customer-Token.",
         Header(lambda name: not _is_other(name, CUSTOMER_HEADER.encode()))),
        ("authorization-as-written",
         "The access token is found only in a header written Authorization or authorization.",
         Header(lambda n: n == b"authorization" or not _is_other(n, b"Authorization"))),
        ("capitals-lost", "A customer token in a header all in capitals is not found.",
         Header(lambda name: name != CUSTOMER_HEADER.upper().encode())),
        ("lower-case-lost", "A customer token in a header all in lower case is not found.",
         Header(lambda name: name != _HEADER)),
    ],
)  # fmt: skip


def _empty(words: OwnerKind) -> tuple[Break, ...]:
    rule, header = f"empty-{words.name}-token", words.header.lower().encode()
    operations = CONTRACT.rule(rule).operations

    def is_empty(ctx: RequestContext) -> bool:
        return ctx.request.headers.get(header) == b""

    def rejected(error: str) -> RejectWith:
        return RejectWith(error, is_empty, operations, early=True)

    return (
        *breaks_of(
            rule,
            [("server-error", f"An empty {words.name} token is answered with 500.",
              rejected("internal-error"))],
            owner=words.name,
        ),
        *breaks_of(
            rule,
            [("refused", f"An empty {words.name} token is refused as an invalid one.",
              rejected(f"{words.name}-token-invalid"))],
            free=True,
            owner=words.name,
        ),
    )  # fmt: skip


# ---- Associations: the bare array, the order ----------------------------------------------------


def _is_bare(ctx: RequestContext) -> bool:
    return isinstance(body_of(ctx), list)


def _is_bare_delete(ctx: RequestContext) -> bool:
    return _is_bare(ctx) and ctx.request.method == "DELETE"


_BARE = (
    *breaks_of(
        "body-bare-array",
        [("server-error", "A bare array is answered with 500.",
          RejectWith("internal-error", _is_bare, (POST, DELETE), early=True))],
    ),
    *breaks_of(
        "body-bare-array",
        [
            ("refused", "A bare array is refused.",
             RejectWith("payload-not-array", _is_bare, (POST, DELETE), early=True)),
            ("refused-on-delete", "A bare array is refused on DELETE.",
             RejectWith("payload-not-array", _is_bare_delete, (POST, DELETE), early=True)),
        ],
        free=True,
    ),
)  # fmt: skip


def _is_nowhere(ctx: RequestContext) -> bool:
    known = ctx.caller.owner_problem is None and not ctx.caller.is_anonymous
    return known and ctx.cart is None and SAFE_ID.fullmatch(ctx.cart_id) is not None


_ORDER = breaks_of(
    "judging-order",
    [("cart-first", "The existence of the cart is checked before the body.",
      RejectWith("cart-not-found", _is_nowhere, (POST, DELETE), early=True))],
    free=True,
    beyond_run=True,
)  # fmt: skip

# ---- Contacts, carts made by GET, registration --------------------------------------------------


def _keep_contact(test: Callable[[Any], bool]) -> PatchRequest:
    """Keep a contact that the request would remove."""

    def read(ctx: RequestContext) -> None:
        body = body_of(ctx)
        if isinstance(body, dict) and isinstance(body.get("data"), dict):
            data = body["data"]
            if "contact" in data and test(data["contact"]):
                kept = {key: value for key, value in data.items() if key != "contact"}
                ctx.body = {**body, "data": kept}

    return PatchRequest(read, (UPDATE,))


def _is_empty_contact(contact: Any) -> bool:
    return isinstance(contact, dict) and not contact.get("email")


def _is_removal(ctx: RequestContext) -> bool:
    body = body_of(ctx)
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict) or "contact" not in data:
        return False
    return data["contact"] is None or _is_empty_contact(data["contact"])


_REMOVAL = (
    *breaks_of(
        "contact-removal",
        [("server-error", "PUT that removes the contact is answered with 500.",
          RejectWith("internal-error", _is_removal, (UPDATE,)))],
    ),
    *breaks_of(
        "contact-removal",
        [
            ("null-ignored", "A contact of null changes nothing.",
             _keep_contact(lambda contact: contact is None)),
            ("empty-ignored", "A contact with an empty email changes nothing.",
             _keep_contact(_is_empty_contact)),
        ],
        free=True,
    ),
)  # fmt: skip


def _unowned(ctx: RequestContext, act: Act) -> Answer:
    if ctx.cart is None and ctx.caller.owner is not None:
        ctx.caller = replace(ctx.caller, owner=None)
    return act()


def _is_new_by_get(ctx: RequestContext) -> bool:
    return ctx.cart is None and ctx.caller.owner is not None


_BY_GET = (
    *breaks_of(
        "new-cart-by-get",
        [("server-error", "GET of an unknown cart with the token of an owner is answered with 500.",
          RejectWith("internal-error",
                     _is_new_by_get, (READ,)))],
    ),
    *breaks_of(
        "new-cart-by-get",
        [
            (
                "unowned",
                "A cart that is created by GET has no owner.",
                ReplaceHandler(_unowned, (READ,)),
            )
        ],
        free=True,
    ),
)  # fmt: skip


def _by_anyone(ctx: RequestContext) -> bool:
    return ctx.caller.is_anonymous


_REGISTRATION = breaks_of(
    "implicit-registration",
    [
        ("create-refused", "An implicit token cannot create a customer.",
         RejectWith("customer-record-not-permitted", _by_anyone, (CREATE_CUSTOMER,))),
        ("login-refused", "An implicit token cannot log a customer in.",
         RejectWith("customer-record-not-permitted", _by_anyone, (LOGIN,))),
        ("refused", "An implicit token can neither create a customer nor log one in.",
         RejectWith("customer-record-not-permitted", _by_anyone, (CREATE_CUSTOMER, LOGIN))),
    ],
)  # fmt: skip

CONVENTIONS: tuple[Break, ...] = (
    *_ENVELOPE,
    *_SUCCESS,
    *_PASSWORD,
    *_NAMES,
    *(one for words in KINDS for one in _empty(words)),
    *_BARE,
    *_ORDER,
    *_REMOVAL,
    *_BY_GET,
    *_REGISTRATION,
)
