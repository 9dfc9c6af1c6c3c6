"""Verifies for tests that a request was sent, and how often; finds the most similar one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl

from cart_mock.owners import OWNER_TYPES

RequestView = Mapping[str, Any]
"""A logged request as `request_view` renders it."""
Difference = dict[str, Any]

_COUNTS = {"times", "at_least", "at_most"}


def verify(
    expectation: Mapping[str, Any], requests: Iterable[RequestView], forgotten: int = 0
) -> dict[str, Any]:
    """Return whether there were as many requests as expected.

    If there were too few, ``nearest`` is the request that differs in the fewest points.
    ``forgotten`` requests are no longer known; if they could change the result, it has a warning.
    """
    wanted = {name: value for name, value in expectation.items() if name not in _COUNTS}
    judged = [(differences(wanted, request), request) for request in requests]
    count = sum(1 for found, _ in judged if not found)
    low, high = _bounds(expectation)
    verified = low <= count and (high is None or count <= high)
    result: dict[str, Any] = {
        "verified": verified,
        "count": count,
        "expected": _expected(low, high),
        "forgotten": forgotten,
        "warning": _warning(count, low, high, forgotten),
        "nearest": None,
    }
    misses = [(found, request) for found, request in judged if found]
    if count < low and misses:
        # Of two equally similar requests, the later one is more likely the intended one.
        found, request = min(reversed(misses), key=lambda miss: len(miss[0]))
        result["nearest"] = {"request": request, "differences": found}
    return result


def _warning(count: int, low: int, high: int | None, forgotten: int) -> str | None:
    is_open = count < low or (high is not None and count <= high)
    if not forgotten or not is_open:
        return None
    return (
        f"{forgotten} earlier requests are no longer in the log, and some of them may count. "
        "Start cart-mock with a larger --journal, or empty the log before the test."
    )


def _bounds(expectation: Mapping[str, Any]) -> tuple[int, int | None]:
    if "times" in expectation:
        return expectation["times"], expectation["times"]
    default = 0 if "at_most" in expectation else 1
    return expectation.get("at_least", default), expectation.get("at_most")


def _expected(low: int, high: int | None) -> str:
    if high is None:
        return f"at least {low}"
    if low == high:
        return f"exactly {low}"
    return f"{low} to {high}"


def differences(wanted: Mapping[str, Any], request: RequestView) -> list[Difference]:
    """Return the differences between a request and the expected one; empty if it matches."""
    found = []
    for name, value in wanted.items():
        if name in ("headers", "query"):
            have = _query(request["query"]) if name == "query" else request["headers"]
            names = value if name == "query" else {n.lower(): v for n, v in value.items()}
            found += [
                _difference(f"{name}.{field}", expected, have.get(field))
                for field, expected in names.items()
                if have.get(field) != expected
            ]
        elif name == "body":
            found += _body_differences(value, request["body"], "")
        else:
            have = _value(name, request)
            if not _matches(name, value, have):
                found.append(_difference(name, value, have))
    return found


def _query(query: str) -> dict[str, str]:
    return dict(parse_qsl(query, keep_blank_values=True))


def _value(name: str, request: RequestView) -> Any:
    if name in OWNER_TYPES:
        return (request["caller"] or {}).get(f"{name}_id")
    return request[name]


def _matches(name: str, wanted: Any, have: Any) -> bool:
    if name == "path":
        return path_matches(wanted, str(have))
    if name == "method":
        return bool(str(have).upper() == wanted.upper())
    return bool(wanted == have)


def path_matches(pattern: str, path: str) -> bool:
    """Return whether a path fits a pattern, in which ``*`` stands for any characters."""
    return fnmatchcase(path, pattern.replace("[", "[[]").replace("?", "[?]"))


def _body_differences(wanted: Any, have: Any, pointer: str) -> list[Difference]:
    if isinstance(wanted, dict) and isinstance(have, dict):
        return [
            difference
            for name, value in wanted.items()
            for difference in (
                _body_differences(value, have[name], f"{pointer}/{name}")
                if name in have
                else [_difference(f"body{pointer}/{name}", value, None)]
            )
        ]
    if isinstance(wanted, list) and isinstance(have, list) and len(wanted) == len(have):
        return [
            difference
            for i, (value, other) in enumerate(zip(wanted, have, strict=True))
            for difference in _body_differences(value, other, f"{pointer}/{i}")
        ]
    same = type(wanted) is type(have) and wanted == have
    return [] if same else [_difference(f"body{pointer}", wanted, have)]


def _difference(where: str, expected: Any, found: Any) -> Difference:
    return {"where": where, "expected": expected, "found": found}
