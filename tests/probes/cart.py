"""Requests that violate the rules of carts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.probes.row import (
    ACME,
    ADA,
    CUSTOMER_HEADER,
    Probe,
    probe,
    probes,
)

NO_NAMES: tuple[Any, ...] = ("", None, 5, True, [], {}, "x" * 256)
UNSAFE_IDS: tuple[Any, ...] = (
    "party list", "a/b", "a.b", "é", "a\x00b", "\U0001f6d2", "", 5, None, [], "a%20b",
)  # fmt: skip
WRITES = ("createACart", "updateACart")


def _data(**fields: Any) -> dict[str, Any]:
    return {"data": fields}


@probes
def cart_unknown() -> Iterator[Probe]:
    for operation in ("updateACart", "deleteACart"):
        yield probe(operation, cart="no-such-cart", source="cartID")


@probes
def cart_name_missing() -> Iterator[Probe]:
    for body in (_data(description="No name"), _data()):
        yield probe("createACart", body=body, source="data.name")
    for operation in WRITES:
        for name in NO_NAMES:
            yield probe(operation, body=_data(name=name), source="data.name")
        for character in ("x", "é", "\U0001f6d2"):
            yield probe(
                operation,
                body=_data(name=character * 256),
                passes={"body": _data(name=character * 255)},
                source="data.name",
            )


@probes
def cart_name_blank() -> Iterator[Probe]:
    for operation in WRITES:
        for name in ("  ", " ", "\t\n", "\u00a0\u2003", " " * 255):
            yield probe(operation, body=_data(name=name), source="data.name")


@probes
def new_cart_id_unsafe() -> Iterator[Probe]:
    for cart_id in UNSAFE_IDS:
        yield probe("createACart", body=_data(id=cart_id, name="Party"), source="data.id")


@probes
def cart_id_taken() -> Iterator[Probe]:
    body = _data(id="weekend-list", name="Again")
    yield probe("createACart", body=body, source="data.id")
    body = _data(id="bobs-list", name="Again")
    yield probe("createACart", given=ADA, body=body, source="data.id")


@probes
def contact_on_registered_cart() -> Iterator[Probe]:
    source, contact = "data.contact.email", {"email": "ada@example.com"}
    given = {"cart": "adas-list"}
    yield probe("updateACart", given=given, body=_data(contact=contact), source=source)
    body = _data(name="Party", contact=contact)
    yield probe("createACart", given=ADA, body=body, source=source)
    given = {"cart": "acmes-list"}
    yield probe("updateACart", given=given, body=_data(contact=contact), source=source)
    yield probe("createACart", given=ACME, body=body, source=source)


@probes
def last_cart() -> Iterator[Probe]:
    yield probe("deleteACart", cart="adas-list", source="cartID")
    yield probe("deleteACart", given=ADA, cart="adas-list", source="cartID")
    yield probe("deleteACart", cart="acmes-list", source="cartID")
    yield probe("deleteACart", given=ACME, cart="acmes-list", source="cartID")


@probes
def carts_need_an_owner() -> Iterator[Probe]:
    yield probe("getCarts", given=ADA, customer=None, source=CUSTOMER_HEADER)
