"""What is kept of a request that comes again is only what the request alone decides."""

from __future__ import annotations

from typing import Any, cast

import pytest
from cart_mock.api.endpoints import ApiEndpoint, Engine
from cart_mock.http.judged import Check, Checks, in_parts, of_request
from cart_mock.http.messages import Request
from cart_mock.rules.context import Caller, RequestContext
from cart_mock.state.store import Store
from cart_mock.tenants.registry import TenantRegistry
from cart_spec import load_contract

from tests.mock import test_association_rules as association

TYPE = b"content-type"


class _Untouchable:
    """A caller or a store that nobody may look at."""

    now = 0.0

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} is no part of the request")


REQUESTS = [
    Request("id", "POST", "/", {"cartID": cart, "customerID": cart}, query, {TYPE: media}, body)
    for cart, body in {(case.cart, case.body) for case in association.CASES}
    for query in (b"", b"page[limit]=0", b"page[offset]=x", b"page[limit]=7")
    for media in (b"application/json", b"text/plain")
]


def facts_of(request: Request) -> RequestContext:
    caller, store = _Untouchable(), _Untouchable()
    return RequestContext(request, cast("Caller", caller), cast("Store", store))


def test_what_is_not_judged_again_depends_on_nothing_but_the_request() -> None:
    """Each check is also seen to refuse, so that it was seen to look."""
    for endpoint in Engine(load_contract(), TenantRegistry()).endpoints.values():
        if not isinstance(endpoint, ApiEndpoint):
            continue
        checks = endpoint._parts.of_request
        refused = {refusing(checks, facts_of(request)) for request in REQUESTS}
        assert refused >= {name for name, _ in checks}, endpoint.operation_id


def refusing(checks: Checks, ctx: RequestContext) -> str | None:
    """The check that refuses, as the engine judges."""
    before = set(vars(ctx))
    found = next((name for name, check in checks if check(ctx) is not None), None)
    assert ctx.of_request().keys() == vars(ctx).keys() - before
    return found


def test_of_what_is_asked_most_much_is_not_judged_again() -> None:
    endpoints = Engine(load_contract(), TenantRegistry()).endpoints
    for operation_id, least in (("createCustomerCartAssociation", 8), ("getCarts", 2)):
        endpoint = endpoints[operation_id]
        assert isinstance(endpoint, ApiEndpoint)
        assert len(endpoint._parts.of_request) >= least


@of_request
def _never(_facts: Any) -> None:
    """Refuses nothing."""


def _of_state(_facts: Any) -> None:
    """Refuses nothing, and is not marked."""


@pytest.mark.parametrize(
    ("marks", "expected"),
    [("", (0, 0, 0)), ("s", (0, 0, 1)), ("r", (0, 1, 0)), ("srs", (1, 1, 1)), ("rsrrs", (2, 2, 1)),
     ("rrsr", (0, 2, 2)), ("sssrr", (3, 2, 0))],
)  # fmt: skip
def test_checks_are_cut_around_the_longest_run(marks: str, expected: tuple[int, int, int]) -> None:
    of: dict[str, Check] = {"r": _never, "s": _of_state}
    checks = tuple((f"check-{i}", of[mark]) for i, mark in enumerate(marks))
    parts = in_parts(checks)
    assert tuple(map(len, parts)) == expected
    assert parts.before + parts.of_request + parts.after == checks
