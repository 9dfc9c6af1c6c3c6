"""Schemathesis builds the requests of directed cases, and adds nothing to them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from cart_conformance.cases.schema_cases import SchemaCases
from cart_conformance.exchange import CUSTOMER_TOKEN
from cart_conformance.target.credentials import Credentials
from cart_conformance.target.requests import identifiers, parts_of, plain_request
from cart_spec import load_contract

CONTRACT = load_contract()
TARGET = "https://shop.example/api"
CALLER = Credentials("a shopper", "access", "customer")
ASSOCIATE = "createCustomerCartAssociation"
ODD_IDS = (
    "a/b",
    "a b",
    "%2e%2e",
    "a%2Fb",
    "é\U0001f355",
    "a?b#c;d",
    "{cartID}",
    "a\nb",
    "a\\b",
)


IDS = {
    name: f"id{number}"
    for number, name in enumerate(
        dict.fromkeys(
            name
            for _, path in CONTRACT.operations.values()
            for name in re.findall(r"{(\w+)}", path)
        )
    )
}
"""An id for each parameter of a path."""


@pytest.fixture(scope="module")
def schema_cases() -> SchemaCases:
    return SchemaCases(CONTRACT, TARGET)


REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    **{operation: (operation, {"path": IDS}) for operation in CONTRACT.operations},
    **{f"id {id_!r}": (ASSOCIATE, {"cart": id_, "body": identifiers("p1")}) for id_ in ODD_IDS},
    "a query": ("getCarts", {"query": "page[limit]=1&page[offset]=-1&filter=eq(email,a+b@c)"}),
    "null": ("createACart", {"body": None}),
    "no UTF-8": ("createACart", {"raw": b'{"data": {"name": "\xff'}),
    "an empty body": ("createACart", {"raw": b""}),
    "no JSON": ("createACart", {"raw": b"data=1"}),
    "no Content-Type": ("createACart", {"raw": b"{}", "headers": {"Content-Type": None}}),
    "odd header names": (
        "getCarts",
        {"headers": {CUSTOMER_TOKEN: None, "x-MOLTIN-customer-TOKEN": "t", "Authorization": ""}},
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_schema_case_request_is_the_plain_one_to_the_byte(
    name: str, schema_cases: SchemaCases
) -> None:
    operation, given = REQUESTS[name]
    parts = parts_of(CALLER, operation, **given)
    assert schema_cases.request(parts) == plain_request(CONTRACT, TARGET, parts)


def test_schema_case_is_a_schemathesis_case_of_the_operation(schema_cases: SchemaCases) -> None:
    parts = parts_of(CALLER, ASSOCIATE, cart="c1", body=identifiers("p1"))
    case = schema_cases.case(parts)
    assert case.operation.definition.raw["operationId"] == ASSOCIATE
    assert case.formatted_path == "/v2/carts/c1/relationships/customers"


def test_schema_case_sends_no_header_of_its_own(schema_cases: SchemaCases) -> None:
    parts = parts_of(None, "getCarts")
    assert dict(schema_cases.request(parts).headers) == {
        "Accept": "application/json",
        "User-Agent": "cart-conformance",
    }
