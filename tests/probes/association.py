"""Requests that violate the rules of the association endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.probes.row import (
    ADA,
    ASSOCIATE,
    ASSOCIATIONS,
    CARTS,
    Probe,
    Sent,
    entry,
    envelope,
    probe,
    probes,
    without,
)

CALLERS: tuple[dict[str, Any], ...] = ({}, ADA)
"""An administrator, and Ada herself."""
OF_ADA: tuple[dict[str, Any], ...] = (ADA, {"access": "administrator", "customer": "ada"})
"""Ada, with either kind of access token."""
_ONE = '{"type":"customer","id":"{ada}"}'
_OTHER = '{"type":"customer","id":"{bob}"}'
NO_ARRAYS: tuple[bytes, ...] = (
    f'{{"data":{_ONE}}}'.encode(), _ONE.encode(), b"", b"{", b'{"data":[', b"nonsense",
    b"data=ada", b"\xff\xfe", b'"{ada}"', b"5", b"true", b"null", b"{}", b'{"data":null}',
    b'{"data":5}', b'{"data":"{ada}"}', b'{"data":{}}', b"[" * 100_000, b'{"data":[NaN]}',
    b'{"data":[{"type":"customer","id":"{ada}\xff"}]}',
)  # fmt: skip
NOT_CUSTOMER: tuple[Any, ...] = (
    "customers", "", "Customer", "CUSTOMER", " customer", "customer ", "customer\n", "cart", None,
    5, 5.5, True, [], {}, ["customer"],
)  # fmt: skip
NO_IDS: tuple[Any, ...] = ("", None, 5, True, [], {})
UNSAFE = (
    "weekend!list", "a.b", "a b", "a/b", "a~b", "a+b", "a@b", "a%b", "é", "a\x00b", "a\nb", "a\n",
    "\U0001f6d2",
)  # fmt: skip
SHARED = Sent(ASSOCIATE, cart="adas-list", body=envelope(entry("{bob}")))
CONTACT = Sent(
    "updateACart",
    cart="weekend-list",
    body={"data": {"contact": {"email": "guest@example.com"}}},
)


def bodies(source: str, *wrong: Any) -> Iterator[Probe]:
    """Yield rows for each of these bodies, by an administrator and by Ada, on POST and DELETE."""
    for operation in ASSOCIATIONS:
        for caller in CALLERS:
            for body in wrong:
                yield probe(operation, given=caller, body=body, source=source)


def array(*values: str) -> bytes:
    """Return a body whose array has these values, each of them JSON."""
    return f'{{"data":[{",".join(values)}]}}'.encode()


@probes
def cart_id_unsafe() -> Iterator[Probe]:
    for operation in ASSOCIATIONS:
        for cart in UNSAFE:
            yield probe(operation, cart=cart, source="cartID")


@probes
def payload_not_array() -> Iterator[Probe]:
    yield from bodies("data", *NO_ARRAYS)


@probes
def entry_not_object() -> Iterator[Probe]:
    values = ('"{ada}"', "5", "true", "null", "[]", "1.5", f"[{_ONE}]")
    yield from bodies("data[0]", *map(array, values))
    yield from bodies("data[1]", array(_ONE, "5"))


@probes
def customer_missing() -> Iterator[Probe]:
    yield from bodies("data", b'{"data":[]}', b"[]")


@probes
def more_than_one_customer() -> Iterator[Probe]:
    many = ((_ONE, _OTHER), (_ONE,) * 2, (_ONE,) * 3, (_ONE,) * 100, (_ONE, _OTHER, _ONE))
    yield from bodies("data", *(array(*entries) for entries in many))


@probes
def type_not_customer() -> Iterator[Probe]:
    typeless = envelope(without(entry(), "type"))
    yield from bodies(
        "data[0].type", *(envelope(entry(type=value)) for value in NOT_CUSTOMER), typeless
    )
    yield from bodies("[0].type", b"[{}]")


@probes
def customer_id_missing() -> Iterator[Probe]:
    absent = envelope(without(entry(), "id"))
    yield from bodies("data[0].id", absent, *(envelope(entry(value)) for value in NO_IDS))


@probes
def customer_not_permitted() -> Iterator[Probe]:
    for operation in ASSOCIATIONS:
        for caller in OF_ADA:
            for cart in CARTS:
                body = envelope(entry("{bob}"))
                yield probe(operation, given=caller, body=body, cart=cart, source="data[0].id")
        given, shared = {**ADA, "cart": "adas-list"}, (SHARED,)
        body = envelope(entry("{bob}"))
        yield probe(operation, given=given, prepare=shared, body=body, source="data[0].id")
        body = envelope(entry("no-such-customer"))
        yield probe(operation, given=ADA, body=body, source="data[0].id")


@probes
def cart_not_found() -> Iterator[Probe]:
    for operation in ASSOCIATIONS:
        for caller in CALLERS:
            yield probe(operation, given=caller, cart="no-such-cart", source="cartID")


@probes
def customer_not_found() -> Iterator[Probe]:
    for operation in ASSOCIATIONS:
        body = envelope(entry("no-such-customer"))
        yield probe(operation, body=body, source="data[0].id")


@probes
def cart_has_contact_email() -> Iterator[Probe]:
    for caller in CALLERS:
        yield probe(ASSOCIATE, given=caller, prepare=(CONTACT,), source="contact.email")
