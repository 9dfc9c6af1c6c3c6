"""The rules of the body of an association request: an array with exactly one customer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from cart_conformance.cases.context import CaseContext
from cart_conformance.cases.fixtures import (
    ADMINISTRATOR,
    CALLERS,
    OPERATIONS,
    SHOPPER,
    Fault,
    caller_of,
    refusal,
)
from cart_conformance.cases.registry import Case, cases
from cart_conformance.target.requests import DISSOCIATE

ABSENT: Any = object()


# The bodies that are sent; ID stands for the owner's id, and customer for the kind of owner.
NO_ARRAY: tuple[tuple[str, bytes], ...] = (
    ("data is an object", b'{"data": {"type": "customer", "id": "ID"}}'),
    ("a bare object", b'{"type": "customer", "id": "ID"}'),
    ("an object of nothing", b"{}"),
    ("data is null", b'{"data": null}'),
    ("data is a string", b'{"data": "ID"}'),
    ("data is a number", b'{"data": 1}'),
    ("data is true", b'{"data": true}'),
    ("data is an object of entries", b'{"data": {"0": {"type": "customer", "id": "ID"}}}'),
    ("the array under another name", b'{"customers": [{"type": "customer", "id": "ID"}]}'),
    ("null", b"null"),
    ("a string", b'"ID"'),
    ("a number", b"1"),
    ("false", b"false"),
    ("an empty body", b""),
    ("white space only", b"  \n"),
    ("cut off in the array", b'{"data": ['),
    ("cut off at the end", b'{"data": [{"type": "customer", "id": "ID"}]'),
    ("single quotes", b"{'data': [{'type': 'customer', 'id': 'ID'}]}"),
    ("no JSON at all", b"data=ID"),
)


@cases
def payload_not_array() -> Iterator[Case]:
    """Send JSON without an array, and bodies that every parser should reject."""
    for operation in OPERATIONS:
        for caller in CALLERS:
            for variant, raw in NO_ARRAY:
                yield refusal("payload-not-array", operation, variant, caller, _sending(raw))


AFTER_THE_END = b'{"data": [{"type": "customer", "id": "ID"}]}}'
NO_UTF8 = b'{"data": [{"type": "\xff\xfe\xc3\x28", "id": "ID"}]}'


@cases
def payload_nearly_json() -> Iterator[Case]:
    """Send bodies that are not strictly JSON, but that common parsers accept.

    A streaming parser stops at the end of the value. Other parsers replace bytes that are not UTF-8
    with U+FFFD, so the body has a wrong type.
    """
    rule = "payload-not-array"
    for operation in OPERATIONS:
        for caller in CALLERS:
            yield refusal(
                rule,
                operation,
                "something after the end",
                caller,
                _sending(AFTER_THE_END),
                level="interpretation",
            )
            yield refusal(
                rule,
                operation,
                "bytes that are no UTF-8",
                caller,
                _sending(NO_UTF8),
                exact="interpretation",
            )


def _sending(raw: bytes) -> Fault:
    def fault(ctx: CaseContext, _: str) -> dict[str, Any]:
        body = raw.replace(b"customer", ctx.kind.encode())
        return {"raw": body.replace(b"ID", ctx.owner("A").id.encode())}

    return fault


ENTRIES: tuple[tuple[str, Any], ...] = (
    ("null", None),
    ("a string", "customer"),
    ("a number", 1),
    ("true", True),
    ("an array", []),
)


HIDDEN_ENTRIES: tuple[tuple[str, bytes], ...] = (
    ("the customer's id", b'{"data": ["ID"]}'),
    ("an array of one entry", b'{"data": [[{"type": "customer", "id": "ID"}]]}'),
)


@cases
def entry_not_object() -> Iterator[Case]:
    """Send an array with one entry that is not an object."""
    for operation in OPERATIONS:
        for caller in CALLERS:
            for variant, entry in ENTRIES:
                yield refusal("entry-not-object", operation, variant, caller, _entries(entry))
            for variant, raw in HIDDEN_ENTRIES:
                yield refusal("entry-not-object", operation, variant, caller, _sending(raw))


@cases
def customer_missing() -> Iterator[Case]:
    """Send an empty array."""
    for operation in OPERATIONS:
        for caller in CALLERS:
            yield refusal("customer-missing", operation, "an empty array", caller, _entries())


def _entries(*entries: Any) -> Fault:
    def fault(_ctx: CaseContext, _: str) -> dict[str, Any]:
        return {"body": {"data": list(entries)}}

    return fault


COUNTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    # A shopper that names another customer breaks a second rule, so shoppers name themselves twice.
    ("the same customer twice", SHOPPER, ("A", "A")),
    ("the same customer three times", SHOPPER, ("A", "A", "A")),
    ("the same customer fifty times", SHOPPER, ("A",) * 50),
    ("the same customer twice", ADMINISTRATOR, ("A", "A")),
    ("two customers", ADMINISTRATOR, ("A", "B")),
    ("two customers, the other first", ADMINISTRATOR, ("B", "A")),
    ("three entries, two of them the same", ADMINISTRATOR, ("A", "B", "A")),
    ("fifty entries", ADMINISTRATOR, ("A", "B") * 25),
)


@cases
def more_than_one_customer() -> Iterator[Case]:
    """Send more than one entry; each of them is valid alone."""
    for operation in OPERATIONS:
        for variant, caller, labels in COUNTS:
            watching = tuple(sorted(set(labels)))
            fault = _naming(labels)
            yield refusal(
                "more-than-one-customer", operation, variant, caller, fault, watching=watching
            )
        yield refusal(
            "more-than-one-customer",
            operation,
            "three customers",
            ADMINISTRATOR,
            _naming(("A", "B", "C")),
            watching=("A", "B", "C"),
            optional=True,
        )


def _naming(labels: tuple[str, ...]) -> Fault:
    def fault(ctx: CaseContext, _: str) -> dict[str, Any]:
        return {"body": ctx.identifiers(*(ctx.owner(label).id for label in labels))}

    return fault


# Each maps the right type, such as "customer", to the one that is sent.
TYPES: tuple[tuple[str, Callable[[str], Any]], ...] = (
    ("absent", lambda _: ABSENT),
    ("null", lambda _: None),
    ("a number", lambda _: 1),
    ("true", lambda _: True),
    ("an array", lambda kind: [kind]),
    ("an object", lambda kind: {"type": kind}),
    ("empty", lambda _: ""),
    ("a capital", str.capitalize),
    ("all capitals", str.upper),
    ("the plural", lambda kind: f"{kind}s"),
    ("a space before", lambda kind: f" {kind}"),
    ("a space after", lambda kind: f"{kind} "),
    ("longer", lambda kind: f"{kind}-group"),
    ("shorter", lambda kind: kind[:-1]),
    ("another type", lambda _: "cart"),
    ("a fullwidth letter", lambda kind: f"{chr(ord(kind[0]) + 0xFEE0)}{kind[1:]}"),
    ("a NUL after it", lambda kind: f"{kind}\0"),
    # Carts can also have the other kind of owner, through other endpoints.
    ("what else carts can have", lambda kind: "customer" if kind == "account" else "account"),
)


@cases
def type_not_customer() -> Iterator[Case]:
    """Send one entry with any type other than ``customer``."""
    yield from _members("type-not-customer", "type", TYPES)


IDS: tuple[tuple[str, Callable[[str], Any]], ...] = (
    ("absent", lambda _: ABSENT),
    ("null", lambda _: None),
    ("a number", lambda _: 12345),
    ("true", lambda _: True),
    ("an array", lambda _: []),
    ("an object", lambda _: {}),
    ("empty", lambda _: ""),
)


HIDDEN_IDS: tuple[tuple[str, bytes], ...] = (
    ("an array of the id", b'{"data": [{"type": "customer", "id": ["ID"]}]}'),
    ("an object with the id", b'{"data": [{"type": "customer", "id": {"id": "ID"}}]}'),
)


@cases
def customer_id_missing() -> Iterator[Case]:
    """Send one entry whose id is missing or cannot name a customer."""
    yield from _members("customer-id-missing", "id", IDS)
    for operation in OPERATIONS:
        for caller in CALLERS:
            for variant, raw in HIDDEN_IDS:
                yield refusal("customer-id-missing", operation, variant, caller, _sending(raw))


def _members(
    rule: str, member: str, values: tuple[tuple[str, Callable[[str], Any]], ...]
) -> Iterator[Case]:
    for operation in OPERATIONS:
        for caller in CALLERS:
            for variant, value in values:
                yield refusal(rule, operation, variant, caller, _with(member, value))


def _with(member: str, value: Callable[[str], Any]) -> Fault:
    def fault(ctx: CaseContext, _: str) -> dict[str, Any]:
        entry = {"type": ctx.kind, "id": ctx.owner("A").id, member: value(ctx.kind)}
        return {"body": {"data": [{k: v for k, v in entry.items() if v is not ABSENT}]}}

    return fault


# Entries in a bare array, each with the label of its customer.
BARE: tuple[tuple[str, str, str, tuple[tuple[str, str], ...]], ...] = (
    ("type-not-customer", "another type", ADMINISTRATOR, (("cart", "A"),)),
    ("more-than-one-customer", "the same customer twice", ADMINISTRATOR, (("customer", "A"),) * 2),
    ("customer-not-permitted", "another customer", SHOPPER, (("customer", "B"),)),
)


@cases
def faults_in_a_bare_array() -> Iterator[Case]:
    """Send a bare array, which a server may read with different code than the envelope."""
    for operation in OPERATIONS:
        for rule, variant, caller, entries in BARE:
            yield Case(
                rule,
                operation,
                f"{variant}, in a bare array, {caller}",
                partial(_in_bare_array, caller=caller, entries=entries),
                10,
                optional=True,
            )


def _in_bare_array(ctx: CaseContext, caller: str, entries: tuple[tuple[str, str], ...]) -> None:
    a, b = ctx.owner("A"), ctx.owner("B")
    cart, sender = ctx.new_cart(), caller_of(ctx, caller)
    if ctx.operation == DISSOCIATE:
        ctx.associate(cart, a)
    control = ctx.send(sender, ctx.operation, cart=cart, body=ctx.identifiers(a.id)["data"])
    ctx.need(control, "a bare array is not taken")
    if ctx.operation == DISSOCIATE:
        ctx.associate(cart, a)
    else:
        ctx.dissociate(cart, a)
    before = ctx.state(cart, a, b)
    types = {"customer": ctx.kind}
    body = [{"type": types.get(what, what), "id": ctx.owner(label).id} for what, label in entries]
    answer = ctx.send(sender, ctx.operation, cart=cart, body=body)
    if ctx.refused(answer, control):
        ctx.unchanged(before, ctx.state(cart, a, b), answer)
