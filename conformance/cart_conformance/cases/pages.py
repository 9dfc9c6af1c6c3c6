"""The rules of page parameters: bounds, values outside them, and values that are not numbers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from cart_spec.contract import Level

from cart_conformance.cases.context import CaseContext
from cart_conformance.cases.registry import Case, cases
from cart_conformance.exchange import Answer

LISTS = ("getCarts", "getCustomers")

OUTSIDE: tuple[tuple[str, str], ...] = (
    ("page[limit]", "0"),
    ("page[limit]", "101"),
    ("page[limit]", "1000"),
    ("page[limit]", "-1"),
    ("page[offset]", "-1"),
    ("page[offset]", "10001"),
    ("page[offset]", "100000"),
)
INSIDE: tuple[tuple[str, str, Level], ...] = (
    ("page[limit]", "1", "documented"),
    ("page[limit]", "100", "documented"),
    ("page[offset]", "0", "documented"),
    ("page[offset]", "10000", "documented"),
)
NO_NUMBER = ("ten", "1.5", "0x10", "")


@cases
def page_out_of_range() -> Iterator[Case]:
    """Send values just outside the bounds and far outside them. The bounds themselves are valid."""
    for operation in LISTS:
        for name, value in OUTSIDE:
            yield _refused("page-out-of-range", operation, name, value)
        for name, value, level in INSIDE:
            yield Case(
                "page-out-of-range",
                operation,
                f"{name}={value} is taken",
                partial(_taken, name=name, value=value, level=level),
                2,
                touches="nothing",
            )


@cases
def page_not_a_number() -> Iterator[Case]:
    """Send words, fractions and an empty value."""
    for operation in LISTS:
        for name in ("page[limit]", "page[offset]"):
            for value in NO_NUMBER:
                yield _refused("page-not-a-number", operation, name, value)


def _refused(rule: str, operation: str, name: str, value: str) -> Case:
    def run(ctx: CaseContext) -> None:
        control = _usual_page(ctx, name)
        ctx.refused(ctx.send(ctx.administrator, operation, query=f"{name}={value}"), control)

    return Case(rule, operation, f"{name}={value or 'nothing'}", run, 1, touches="nothing")


def _usual_page(ctx: CaseContext, name: str) -> Answer:
    send = partial(ctx.send, ctx.administrator, ctx.operation)
    return ctx.usual(lambda: send(query=f"{name}=10"), name)


def _taken(ctx: CaseContext, name: str, value: str, level: Level) -> None:
    control = _usual_page(ctx, name)
    answer = ctx.send(ctx.administrator, ctx.operation, query=f"{name}={value}")
    ctx.status(answer, 200, control=control, level=level)


@cases
def filter_invalid() -> Iterator[Case]:
    """Send what has not the form of a condition as the filter of the list of carts."""
    for what, text in (("a word", "name"), ("half a condition", "eq(name")):
        run = partial(_bad_filter, text=text)
        yield Case("filter-invalid", "getCarts", what, run, 2, touches="nothing")


def _bad_filter(ctx: CaseContext, text: str) -> None:
    control = ctx.control(ctx.send(ctx.administrator, "getCarts"))
    ctx.refused(ctx.send(ctx.administrator, "getCarts", query=f"filter={text}"), control)
