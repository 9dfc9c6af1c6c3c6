"""Requests that violate the rules of pages."""

from __future__ import annotations

from collections.abc import Iterator

from tests.probes.row import (
    CONTRACT,
    Probe,
    probe,
    probes,
)

LISTS = CONTRACT.rule("page-out-of-range").operations
NO_NUMBERS = ("ten", "", "1.5", "1e1", "0x1", "%20", "%D9%A1", "--1", "+1")
NO_FILTERS = (
    "name", "eq(name", "eq(name,a", "eq(name,a)x", "eq(name,a):", "|eq(name,a)", "eq(colour,red)",
    "gt(name,a)", 'eq(name,"a)', "%20",
)  # fmt: skip
OUT_OF_RANGE = (
    ("limit", "101", "100"), ("limit", "0", "1"), ("limit", "-1", "1"), ("offset", "-1", "0"),
    ("offset", "10001", "10000"), ("limit", "1000", "100"), ("limit", "9" * 5000, "100"),
)  # fmt: skip


@probes
def page_not_a_number() -> Iterator[Probe]:
    for operation in LISTS:
        for name in ("page[limit]", "page[offset]"):
            # The other lists read their pages with the same code.
            for value in NO_NUMBERS if operation == "getCarts" else NO_NUMBERS[:2]:
                yield probe(operation, query=f"{name}={value}", source=name)


@probes
def filter_invalid() -> Iterator[Probe]:
    for text in NO_FILTERS:
        yield probe("getCarts", query=f"filter={text}", source="filter")


@probes
def page_out_of_range() -> Iterator[Probe]:
    for operation in LISTS:
        for field, value, last in OUT_OF_RANGE if operation == "getCarts" else OUT_OF_RANGE[:5]:
            yield probe(
                operation,
                query=f"page[{field}]={value}",
                passes={"query": f"page%5B{field}%5D={last}"},
                source=f"page[{field}]",
            )
