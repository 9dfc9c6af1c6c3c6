"""Requests that violate the rules of the association endpoints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.probes.row import (
    CASTS,
    Cast,
    Probe,
    Sent,
    envelope,
    owner_probes,
    probe,
    probes,
    without,
)

NO_ARRAYS: tuple[str | bytes, ...] = (
    '{"data":ONE}', "ONE", "", "{", '{"data":[', "nonsense", "data=ada", b"\xff\xfe", '"ID"', "5",
    "true", "null", "{}", '{"data":null}', '{"data":5}', '{"data":"ID"}', '{"data":{}}',
    "[" * 100_000, '{"data":[NaN]}', b'{"data":[{"type":"customer","id":"{ada}\xff"}]}',
)  # fmt: skip
"""``ONE`` stands for the identifier of the first owner, ``ID`` for its id."""
NO_IDS: tuple[Any, ...] = ("", None, 5, True, [], {})
UNSAFE = (
    "weekend!list", "a.b", "a b", "a/b", "a~b", "a+b", "a@b", "a%b", "é", "a\x00b", "a\nb", "a\n",
    "\U0001f6d2",
)  # fmt: skip
CONTACT = Sent(
    "updateACart",
    cart="weekend-list",
    body={"data": {"contact": {"email": "guest@example.com"}}},
)


def callers(cast: Cast) -> tuple[dict[str, Any], ...]:
    """Return an administrator, and the first owner itself."""
    return {}, cast.logged_in


def bodies(cast: Cast, source: str, *wrong: Any) -> Iterator[Probe]:
    """Yield rows for each of these bodies, by an administrator and by the owner, for both methods.

    ``ONE``, ``OTHER`` and ``ID`` in a text stand for identifiers and an id.
    """
    one, other = (json.dumps(each) for each in (cast.entry(), cast.other))
    for operation in cast.operations:
        for caller in callers(cast):
            for each in wrong:
                body = each
                if isinstance(each, str):
                    text = each.replace("ONE", one).replace("OTHER", other)
                    body = text.replace("ID", f"{{{cast.first}}}").encode()
                yield probe(operation, given=caller, body=body, source=source)


def array(*values: str) -> str:
    """Return a body whose array has these values, each of them JSON."""
    return f'{{"data":[{",".join(values)}]}}'


def of_both(source: str, *wrong: str | bytes) -> Iterator[Probe]:
    """Yield the rows of a rule of both kinds of owner, for accounts only the first two bodies."""
    for cast in CASTS:
        yield from bodies(cast, source, *(wrong if cast.kind == "customer" else wrong[:2]))


@probes
def cart_id_unsafe() -> Iterator[Probe]:
    for cast in CASTS:
        for operation in cast.operations:
            for cart in UNSAFE if cast.kind == "customer" else UNSAFE[:2]:
                yield probe(operation, cart=cart, source="cartID")


@probes
def payload_not_array() -> Iterator[Probe]:
    yield from of_both("data", *NO_ARRAYS)


@probes
def entry_not_object() -> Iterator[Probe]:
    values = ('"ID"', "5", "true", "null", "[]", "1.5", "[ONE]")
    yield from of_both("data[0]", *map(array, values))
    yield from of_both("data[1]", array("ONE", "5"))


@owner_probes
def owner_missing(cast: Cast) -> Iterator[Probe]:
    yield from bodies(cast, "data", '{"data":[]}', "[]")


@owner_probes
def more_than_one_owner(cast: Cast) -> Iterator[Probe]:
    many = (("ONE", "OTHER"), ("ONE",) * 2, ("ONE",) * 3, ("ONE",) * 100, ("ONE", "OTHER", "ONE"))
    yield from bodies(cast, "data", *(array(*entries) for entries in many))


@owner_probes
def type_not_owner(cast: Cast) -> Iterator[Probe]:
    kind = cast.kind
    types: tuple[Any, ...] = (
        f"{kind}s", "", kind.capitalize(), kind.upper(), f" {kind}", f"{kind} ", f"{kind}\n",
        "cart", None, 5, 5.5, True, [], {}, [kind],
        *(other.kind for other in CASTS if other.kind != kind),
    )  # fmt: skip
    typeless = envelope(without(cast.entry(), "type"))
    entries = (envelope(cast.entry(type=value)) for value in types)
    yield from bodies(cast, "data[0].type", *entries, typeless)
    yield from bodies(cast, "[0].type", b"[{}]")


@owner_probes
def owner_id_missing(cast: Cast) -> Iterator[Probe]:
    absent = envelope(without(cast.entry(), "id"))
    entries = (envelope({"type": cast.kind, "id": value}) for value in NO_IDS)
    yield from bodies(cast, "data[0].id", absent, *entries)


@owner_probes
def owner_not_permitted(cast: Cast) -> Iterator[Probe]:
    own, other = cast.logged_in, envelope(cast.other)
    shared = (Sent(cast.operations[0], cart=cast.first_cart, body=other),)
    for operation in cast.operations:
        for caller in (own, {**own, "access": "administrator"}):
            for cart in cast.carts:
                yield probe(operation, given=caller, body=other, cart=cart, source="data[0].id")
        given = {**own, "cart": cast.first_cart}
        yield probe(operation, given=given, prepare=shared, body=other, source="data[0].id")
        body = envelope(cast.entry("no-such-owner"))
        yield probe(operation, given=own, body=body, source="data[0].id")


@probes
def cart_not_found() -> Iterator[Probe]:
    for cast in CASTS:
        for operation in cast.operations:
            for caller in callers(cast):
                yield probe(operation, given=caller, cart="no-such-cart", source="cartID")


@owner_probes
def owner_not_found(cast: Cast) -> Iterator[Probe]:
    body = envelope(cast.entry("no-such-owner"))
    yield probe(cast.operations[0], body=body, source="data[0].id")


@owner_probes
def cart_has_contact_email(cast: Cast) -> Iterator[Probe]:
    for caller in callers(cast):
        yield probe(cast.operations[0], given=caller, prepare=(CONTACT,), source="contact.email")
