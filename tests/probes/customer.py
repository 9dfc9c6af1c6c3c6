"""Requests that violate the rules of customers' records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.probes.row import (
    ADA,
    CUSTOMER_HEADER,
    NEW_CUSTOMER,
    Probe,
    probe,
    probes,
    without,
)

OF_ONE = ("getCustomer", "updateCustomer", "deleteCustomer")
WRITES = ("createCustomer", "updateCustomer")
NOT_OF_BOB: tuple[dict[str, Any], ...] = (
    ADA,
    {"access": "shopper"},
    {"access": "administrator", "customer": "ada"},
)
INVALID_FIELDS: tuple[tuple[str, Any], ...] = (
    ("type", "customers"), ("type", None), ("type", 5), ("name", ""), ("name", " "), ("name", 5),
    ("name", None), ("email", ""), ("email", "eve"), ("email", "eve@"), ("email", "@example.com"),
    ("email", "a b@example.com"), ("email", "a@example"), ("email", 5), ("email", None),
    ("email", "a@example.com\n"),
)  # fmt: skip


@probes
def customer_record_not_permitted() -> Iterator[Probe]:
    for caller in NOT_OF_BOB:
        for operation in OF_ONE:
            yield probe(operation, record="{bob}", source=CUSTOMER_HEADER, **caller)
        yield probe("getCustomers", source=CUSTOMER_HEADER, **caller)


@probes
def customer_unknown() -> Iterator[Probe]:
    for operation in OF_ONE:
        yield probe(operation, record="no-such-customer", source="customerID")


@probes
def customer_invalid() -> Iterator[Probe]:
    for field in reversed(NEW_CUSTOMER):
        body = {"data": without(NEW_CUSTOMER, field)}
        yield probe("createCustomer", body=body, source=f"data.{field}")
    for operation in WRITES:
        for field, value in INVALID_FIELDS:
            body = {"data": {**NEW_CUSTOMER, field: value}}
            yield probe(operation, body=body, source=f"data.{field}")


@probes
def email_taken() -> Iterator[Probe]:
    for operation in WRITES:
        for email in ("BOB@example.com", "bob@example.com"):
            body = {"data": {**NEW_CUSTOMER, "email": email}}
            yield probe(operation, body=body, source="data.email")
