"""Bodies that only a lenient JSON reader accepts, and malformed bodies of the other endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from cart_spec.contract import Level

from cart_conformance.cases.context import CaseContext
from cart_conformance.cases.effects import sides
from cart_conformance.cases.endpoints import request_of
from cart_conformance.cases.fixtures import ADMINISTRATOR, OPERATIONS, Fault, refusal
from cart_conformance.cases.registry import Case, cases
from cart_conformance.oracle.answer_checks import shown
from cart_conformance.oracle.conventions import ENVELOPE
from cart_conformance.results import Kind
from cart_conformance.target.requests import DISSOCIATE

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
)  # fmt: skip


@cases
def payload_for_lenient_readers() -> Iterator[Case]:
    """Send bodies that are not JSON, although some readers accept them."""
    for operation in OPERATIONS:
        for variant, raw, level in LENIENT:
            yield refusal(
                "payload-not-array", operation, variant, ADMINISTRATOR, _sending(raw), level=level
            )


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
    ("bytes that are not UTF-8", b'{"data": {"name": "\xff\xfe"}}'),
    ("half a surrogate pair", b'{"data": {"type": "customer", "name": "\\ud800"}}'),
    ("a NUL in a name", b'{"data": {"type": "customer", "name": "a\\u0000b"}}'),
    ("a name twice", b'{"data": {"type": "customer", "name": "a", "name": {}}}'),
    ("very deep", b'{"data": ' + b"[" * 2000 + b"]" * 2000 + b"}"),
)
WRITING = (
    "createACart",
    "updateACart",
    "createCustomer",
    "updateCustomer",
    "createCustomerToken",
)


@cases
def malformed_elsewhere() -> Iterator[Case]:
    """Send malformed bodies to the other endpoints: whatever they answer, it is not a 5xx."""
    for operation in WRITING:
        for variant, raw in MALFORMED:
            yield Case(
                ENVELOPE, operation, f"malformed: {variant}", partial(_no_failure, raw=raw), 3
            )


def _no_failure(ctx: CaseContext, raw: bytes) -> None:
    place = f"a thing for malformed bodies of {ctx.operation}"
    if place not in ctx.shared:
        request = request_of(ctx)
        ctx.control(ctx.send(ctx.administrator, ctx.operation, **request))
        ctx.shared[place] = {name: value for name, value in request.items() if name != "body"}
    answer = ctx.send(ctx.administrator, ctx.operation, raw=raw, **ctx.shared[place])
    ctx.expect(
        answer.status < 500,
        "an error of the request, or a success",
        shown(answer),
        answer,
        kind=Kind.SERVER_ERROR,
    )
