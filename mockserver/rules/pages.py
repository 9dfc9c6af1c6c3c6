"""Pages of lists."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mockserver.facts import MAX_LIMIT, MAX_OFFSET, Facts
from mockserver.http import Breach
from mockserver.reading import of_request
from mockserver.rules.registry import predicate
from mockserver.text import shown

_RANGES = {"page[limit]": (1, MAX_LIMIT), "page[offset]": (0, MAX_OFFSET)}
_WHOLE = re.compile(r"-?[0-9]+")


def _sent(facts: Facts) -> Iterator[tuple[str, str]]:
    return ((name, facts.query[name]) for name in _RANGES if name in facts.query)


@predicate
@of_request
def page_not_a_number(facts: Facts) -> Breach | None:
    for name, value in _sent(facts):
        if not _WHOLE.fullmatch(value):
            return Breach(f"{name} is {shown(value)}", "Send digits only.", name)
    return None


@predicate
@of_request
def page_out_of_range(facts: Facts) -> Breach | None:
    for name, value in _sent(facts):
        low, high = _RANGES[name]
        # Python refuses to convert thousands of digits; so many are out of range unread.
        if len(value) > 20 or not low <= int(value) <= high:
            return Breach(f"{name} is {value[:20]}", f"Send a number from {low} to {high}.", name)
    return None
