"""The predicates of page parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cart_mock.formats import format_value
from cart_mock.messages import Violation
from cart_mock.rules.cart_filter import parse_cart_filter
from cart_mock.rules.context import MAX_LIMIT, MAX_OFFSET, RequestContext
from cart_mock.rules.registry import predicate

_RANGES = {"page[limit]": (1, MAX_LIMIT), "page[offset]": (0, MAX_OFFSET)}
_WHOLE = re.compile(r"-?[0-9]+")


def _sent(ctx: RequestContext) -> Iterator[tuple[str, str]]:
    return ((name, ctx.query[name]) for name in _RANGES if name in ctx.query)


@predicate
def page_not_a_number(ctx: RequestContext) -> Violation | None:
    for name, value in _sent(ctx):
        if not _WHOLE.fullmatch(value):
            return Violation(f"{name} is {format_value(value)}", "Send digits only.", name)
    return None


@predicate
def page_out_of_range(ctx: RequestContext) -> Violation | None:
    for name, value in _sent(ctx):
        low, high = _RANGES[name]
        # Python refuses to convert thousands of digits. Such a number is out of range anyway.
        if len(value) > 20 or not low <= int(value) <= high:
            return Violation(
                f"{name} is {value[:20]}", f"Send a number from {low} to {high}.", name
            )
    return None


@predicate
def filter_invalid(ctx: RequestContext) -> Violation | None:
    text = ctx.query.get("filter")
    if not text or ctx.caller.owner is not None or parse_cart_filter(text) is not None:
        return None
    return Violation(
        f"it is {format_value(text)}",
        "Send ilike(name,*VALUE*), eq(name,VALUE) or contains(account_ids,ID).",
        "filter",
    )
