"""Requests that violate the rules on who is calling."""

from __future__ import annotations

from collections.abc import Iterator

from tests.probes.row import (
    ACCESS_HEADER,
    ADA,
    ASSOCIATIONS,
    BAD_ACCESS,
    BAD_CUSTOMER,
    CARTS,
    CONTRACT,
    CUSTOMER_HEADER,
    Probe,
    probe,
    probes,
)


@probes
def access_token_invalid() -> Iterator[Probe]:
    for operation in ASSOCIATIONS:
        for access in (None, *BAD_ACCESS):
            yield probe(operation, access=access, source=ACCESS_HEADER)
    for operation in CONTRACT.rule("access-token-invalid").operations:
        if operation not in ASSOCIATIONS:
            yield probe(operation, access=None, source=ACCESS_HEADER)


@probes
def customer_token_invalid() -> Iterator[Probe]:
    for operation in ASSOCIATIONS:
        for access in ("shopper", "administrator"):
            given = {"access": access, "customer": "ada"}
            for customer in BAD_CUSTOMER:
                yield probe(operation, given=given, customer=customer, source=CUSTOMER_HEADER)
    for operation in CONTRACT.rule("customer-token-invalid").operations:
        if operation not in ASSOCIATIONS:
            yield probe(operation, customer="junk", source=CUSTOMER_HEADER)


@probes
def customer_token_required() -> Iterator[Probe]:
    for operation in ASSOCIATIONS:
        for customer in (None, "empty"):
            for cart in CARTS:
                yield probe(
                    operation, given=ADA, customer=customer, cart=cart, source=CUSTOMER_HEADER
                )
