"""Bodies that only a lenient JSON reader accepts, and what is malformed in each place."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Any
from urllib.parse import unquote

from cart_spec.contract import Level

from cart_conformance.cases.callers import AUTHORIZATION
from cart_conformance.cases.context import CaseContext
from cart_conformance.cases.effects import sides
from cart_conformance.cases.endpoints import request_of
from cart_conformance.cases.fixtures import ADMINISTRATOR, OPERATIONS, Fault, refusal
from cart_conformance.cases.registry import Case, cases
from cart_conformance.errors import Untestable
from cart_conformance.exchange import Answer
from cart_conformance.oracle.answer_checks import shown
from cart_conformance.oracle.conventions import ENVELOPE
from cart_conformance.results import Kind
from cart_conformance.target.requests import ASSOCIATE, DISSOCIATE
from cart_conformance.target.transport import NetworkError, TimedOut

# TYPE and ID stand for the owner's.
LENIENT: tuple[tuple[str, bytes, Level], ...] = (
    ("a comma after the last entry", b'{"data": [{"type": "TYPE", "id": "ID"},]}', "documented"),
    ("a comma after the last member", b'{"data": [{"type": "TYPE", "id": "ID",}]}', "documented"),
    ("a comment", b'{"data": [{"type": "TYPE", "id": "ID"}] /* one */}', "documented"),
    ("a line comment", b'{"data": [{"type": "TYPE", "id": "ID"}]} // one', "documented"),
    ("names without quotes", b'{data: [{type: "TYPE", id: "ID"}]}', "documented"),
    ("not a number", b'{"data": [{"type": "TYPE", "id": "ID", "x": NaN}]}', "documented"),
    ("infinity", b'{"data": [{"type": "TYPE", "id": "ID", "x": -Infinity}]}', "documented"),
    ("a number that begins with 0", b'{"data": [{"type": "TYPE", "id": "ID", "x": 01}]}',
     "documented"),
    ("a line break in a string", b'{"data": [{"type": "TYPE", "id": "ID", "x": "\n"}]}',
     "interpretation"),
    ("a comment as in a shell", b'{"data": [{"type": "TYPE", "id": "ID"}]} # one', "documented"),
    ("no comma between members", b'{"data": [{"type": "TYPE" "id": "ID"}]}', "documented"),
    ("words of Python", b'{"data": [{"type": "TYPE", "id": "ID", "x": True}]}', "documented"),
    ("a number with a plus sign", b'{"data": [{"type": "TYPE", "id": "ID", "x": +1}]}',
     "documented"),
    ("a hexadecimal number", b'{"data": [{"type": "TYPE", "id": "ID", "x": 0x10}]}', "documented"),
    ("a number that ends with a point", b'{"data": [{"type": "TYPE", "id": "ID", "x": 1.}]}',
     "documented"),
    ("an unknown escape", b'{"data": [{"type": "TYPE", "id": "ID", "x": "\\q"}]}', "documented"),
    ("YAML", b"data:\n- type: TYPE\n  id: ID\n", "documented"),
    ("a form", b"data[0][type]=TYPE&data[0][id]=ID", "documented"),
    ("JSON in a string", b'{"data": "[{\\"type\\": \\"TYPE\\", \\"id\\": \\"ID\\"}]"}',
     "documented"),
    ("a NUL after the end", b'{"data": [{"type": "TYPE", "id": "ID"}]}\0', "interpretation"),
    # The JSON reader of Go ignores the letter case of names.
    ("data in capitals", b'{"DATA": [{"type": "TYPE", "id": "ID"}]}', "interpretation"),
)  # fmt: skip


@cases
def payload_for_lenient_readers() -> Iterator[Case]:
    """Send bodies that are not JSON, although some readers accept them."""
    for operation in OPERATIONS:
        for variant, raw, level in LENIENT:
            yield refusal(
                "payload-not-array", operation, variant, ADMINISTRATOR, _sending(raw), level=level
            )
        # Some readers find out the encoding, although JSON is sent as UTF-8.
        yield refusal(
            "payload-not-array", operation, "UTF-16", ADMINISTRATOR, _in_utf16,
            level="interpretation",
        )  # fmt: skip


def _in_utf16(ctx: CaseContext, _: str) -> dict[str, Any]:
    body = _filled(b'{"data": [{"type": "TYPE", "id": "ID"}]}', ctx.kind, ctx.owner("A").id)
    return {"raw": body.decode().encode("utf-16")}


# MINE stands for the id of the owner whose token is sent, OTHER for that of another owner.
TWICE: tuple[tuple[str, bytes], ...] = (
    ("an id twice, the own first", b'{"data": [{"type": "TYPE", "id": "MINE", "id": "OTHER"}]}'),
    ("an id twice, the own last", b'{"data": [{"type": "TYPE", "id": "OTHER", "id": "MINE"}]}'),
    ("data twice, the own first",
     b'{"data": [{"type": "TYPE", "id": "MINE"}], "data": [{"type": "TYPE", "id": "OTHER"}]}'),
    ("data twice, the own last",
     b'{"data": [{"type": "TYPE", "id": "OTHER"}], "data": [{"type": "TYPE", "id": "MINE"}]}'),
)  # fmt: skip


@cases
def names_that_come_twice() -> Iterator[Case]:
    """Send JSON with a name twice, of which a reader may keep either: another owner is not touched.

    A server that checks one of the values and uses the other one breaks the rule.
    """
    for operation in OPERATIONS:
        for variant, raw in TWICE:
            run = partial(_twice, raw=raw)
            yield Case("customer-not-permitted", operation, variant, run, 7)


def _twice(ctx: CaseContext, raw: bytes) -> None:
    a, b, cart = ctx.owner("A"), ctx.owner("B"), ctx.new_cart()
    if ctx.operation == DISSOCIATE:
        ctx.associate(cart, b)
    before = ctx.state(cart, b)
    body = raw.replace(b"TYPE", ctx.kind.encode()).replace(b"OTHER", b.id.encode())
    body = body.replace(b"MINE", a.id.encode())
    answer = ctx.send(ctx.shopper(a), ctx.operation, cart=cart, raw=body)
    after = ctx.state(cart, b)
    same = (before.names(b), before.listed) == (after.names(b), after.listed)
    ctx.expect(same, "nothing done for the other {owner}", sides(after, b), answer)


def _sending(raw: bytes) -> Fault:
    def fault(ctx: CaseContext, _: str) -> dict[str, Any]:
        return {"raw": _filled(raw, ctx.kind, ctx.owner("A").id)}

    return fault


def _filled(raw: bytes, kind: str, owner_id: str) -> bytes:
    return raw.replace(b"TYPE", kind.encode()).replace(b"ID", owner_id.encode())


MALFORMED: tuple[tuple[str, bytes], ...] = (
    ("nothing", b""),
    ("null", b"null"),
    ("a string", b'"text"'),
    ("an array", b"[]"),
    ("data is null", b'{"data": null}'),
    ("data is an array", b'{"data": []}'),
    ("data is a string", b'{"data": "text"}'),
    ("a name that is an object", b'{"data": {"type": "customer", "name": {}, "email": []}}'),
    ("texts that are something else",
     b'{"data": {"id": 1, "name": 1, "contact": "text", "email": 1, "password": []}}'),
    ("bytes that are not UTF-8", b'{"data": {"name": "\xff\xfe"}}'),
    ("half a surrogate pair", b'{"data": {"type": "customer", "name": "\\ud800"}}'),
    ("a NUL in a name", b'{"data": {"type": "customer", "name": "a\\u0000b"}}'),
    ("a name twice", b'{"data": {"type": "customer", "name": "a", "name": {}}}'),
    ("very deep", b'{"data": ' + b"[" * 2000 + b"]" * 2000 + b"}"),
    ("huge numbers", b'{"data": {"name": 1e400, "email": ' + b"9" * 5000 + b"}}"),
)  # fmt: skip
MALFORMED_ENTRIES: tuple[tuple[str, bytes], ...] = (
    ("half a surrogate pair", b'{"data": [{"type": "TYPE", "id": "\\ud800"}]}'),
    ("half a surrogate pair as type", b'{"data": [{"type": "\\ud800", "id": "ID"}]}'),
    ("a NUL in an id", b'{"data": [{"type": "TYPE", "id": "a\\u0000b"}]}'),
    ("a long id", b'{"data": [{"type": "TYPE", "id": "' + b"a" * 10_000 + b'"}]}'),
    ("very deep", b'{"data": ' + b"[" * 2000 + b"]" * 2000 + b"}"),
    ("huge numbers", b'{"data": [{"type": 1e400, "id": ' + b"9" * 5000 + b"}]}"),
)
FORMS: tuple[tuple[str, bytes], ...] = (
    ("nothing", b""),
    ("JSON", b'{"grant_type": "implicit"}'),
    ("bytes that are not UTF-8", b"grant_type=%FF%FE&client_id=\xff"),
    ("a NUL", b"grant_type=implicit&client_id=%00"),
    ("names without values", b"grant_type&client_id&&=&"),
    ("names that come twice", b"grant_type=implicit&grant_type=x&client_id=a&client_id=b"),
)
WRITING = (
    "createACart",
    "updateACart",
    "createCustomer",
    "updateCustomer",
    "createCustomerToken",
    "createAccount",
    "updateAccount",
    "createAccountToken",
    "createAccountMembership",
)

PATHS: tuple[tuple[str, str], ...] = (
    ("bytes that are not UTF-8", "conformance%FF%FE"),
    ("a NUL", "conformance%00"),
    ("very long", f"{'a' * 3000}!"),
    ("a path in an id", "..%2F..%2Fetc%2Fpasswd"),
)
ON_CARTS = ("getACart", "updateACart", "deleteACart", *OPERATIONS)

QUERIES: tuple[tuple[str, str], ...] = (
    ("a huge limit", f"page[limit]={'9' * 30}"),
    ("a huge offset", f"page[offset]=-{'9' * 30}"),
    ("a digit of another script", "page[limit]=%D9%A1"),
    ("a limit twice", "page[limit]=10&page[limit]=20"),
    ("a limit in brackets", "page[limit][x]=10&page[]=1&page=1"),
    ("bytes that are not UTF-8", "page[limit]=%FF%FE&%FF=1&filter=%FF"),
    ("a NUL", "filter=eq(name,%00)"),
    ("a deep filter", f"filter={'eq(' * 200}"),
)
LISTS = ("getCarts", "getCustomers", "getAccounts")

# A payload that is not JSON, one without claims, and a header without an algorithm, in base64.
_BAD_TOKENS = ("eyJhbGciOiJIUzI1NiJ9.bm90IGpzb24.AAAA", "eyJhbGciOiJIUzI1NiJ9.W10.AAAA", "e30.e30.")
BAD_HEADERS: tuple[tuple[str, dict[str, str]], ...] = (
    ("a long access token", {AUTHORIZATION: f"Bearer {'a' * 4500}"}),
    ("bytes beyond ASCII as access token", {AUTHORIZATION: "Bearer \xe9\xff"}),
    *(
        (f"a token with a bad part, {number}", {AUTHORIZATION: f"Bearer {token}"})
        for number, token in enumerate(_BAD_TOKENS, 1)
    ),
    ("an unknown type to answer with", {"Accept": "text/x-unknown; q=nothing"}),
)
BAD_OWNER_TOKENS: tuple[tuple[str, str], ...] = (
    ("long", "a" * 4500),
    ("of bytes beyond ASCII", "\xe9\xff"),
    ("two full stops", ".."),
    *((f"with a bad part, {number}", token) for number, token in enumerate(_BAD_TOKENS, 1)),
)
MEDIA_TYPES = (
    "text/plain",
    "application/json; charset=x-unknown",
    "application/json; charset=utf-16",
    "multipart/form-data",
    "nothing",
)


@cases
def malformed_bodies() -> Iterator[Case]:
    """Send malformed bodies: whatever the answer is, it is not a 5xx."""
    bodies = [(operation, MALFORMED) for operation in WRITING]
    bodies += [(operation, MALFORMED_ENTRIES) for operation in OPERATIONS]
    for operation, variants in bodies:
        for variant, raw in variants:
            yield _malformed(operation, variant, raw=raw)
    for variant, form in FORMS:
        yield _malformed("createAccessToken", f"a form, {variant}", raw=form)


@cases
def malformed_elsewhere() -> Iterator[Case]:
    """Send malformed paths, queries and headers: whatever the answer is, it is not a 5xx."""
    for operation, (variant, cart) in product(ON_CARTS, PATHS):
        yield _malformed(operation, f"in the path, {variant}", cart=cart, encoded=True)
    for operation, (variant, query) in product(LISTS, QUERIES):
        yield _malformed(operation, f"in the query, {variant}", query=query)
    for operation, (variant, headers) in product(("getCarts", *OPERATIONS), BAD_HEADERS):
        yield _malformed(operation, f"in a header, {variant}", headers=headers)
    for operation, (variant, token) in product(("getCarts", *OPERATIONS), BAD_OWNER_TOKENS):
        yield _malformed(operation, f"the owner's token, {variant}", owner_token=token)
    for operation, media_type in product(("createACart", ASSOCIATE), MEDIA_TYPES):
        headers = {"Content-Type": media_type}
        yield _malformed(operation, f"Content-Type: {media_type}", headers=headers)


def _malformed(operation: str, variant: str, **parts: Any) -> Case:
    """Return a case; it is optional, because a firewall may refuse the request on its way."""
    run = partial(_no_failure, **parts)
    return Case(ENVELOPE, operation, f"malformed: {variant}", run, 1, optional=True)


def _no_failure(ctx: CaseContext, **parts: Any) -> None:
    try:
        answer = _sent(ctx, **parts)
    except TimedOut:
        raise
    except NetworkError as error:
        # A gateway may end the connection. The control has shown that the server is there.
        raise Untestable(f"no answer came: {error}") from error
    ctx.expect(
        answer.status < 500,
        "an error of the request, or a success",
        shown(answer),
        answer,
        kind=Kind.SERVER_ERROR,
    )


def _sent(ctx: CaseContext, **parts: Any) -> Answer:
    """Send the request with what is malformed in it."""
    if ctx.operation == "createAccessToken":
        return _token_request(ctx, **parts)
    if "owner_token" in parts:
        parts["headers"] = {ctx.owner_token: parts.pop("owner_token")}
    if "raw" in parts:
        parts["raw"] = _filled(parts["raw"], ctx.kind, ctx.owner("A").id)
    request = _target(ctx) | parts
    if "raw" in parts:
        request.pop("body", None)
    # A shopper may name no other owner, so no server associates an owner that does not exist.
    is_entry = "raw" in parts and ctx.operation in OPERATIONS
    sender = ctx.shopper("A") if is_entry else ctx.administrator
    unsafe = unquote(parts.get("cart", ""))
    if unsafe:
        ctx.session.ledger.intend("cart", unsafe)
    answer = ctx.send(sender, ctx.operation, envelope=False, **request)
    if unsafe and answer.ok:
        ctx.session.ledger.carts.append(unsafe)
    return answer


def _token_request(ctx: CaseContext, raw: bytes) -> Answer:
    ctx.usual(lambda: ctx.token("implicit"))
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return ctx.session.send(None, ctx.operation, raw=raw, headers=form, envelope=False)


def _target(ctx: CaseContext) -> dict[str, Any]:
    """Return the parts of a request that was answered with a success; cases share it."""
    place = f"a target for what is malformed, {ctx.kind}, {ctx.operation}"
    if place not in ctx.shared:
        request = request_of(ctx)
        ctx.control(ctx.send(ctx.administrator, ctx.operation, **request))
        ctx.shared[place] = request
    target: dict[str, Any] = ctx.shared[place]
    return dict(target)
