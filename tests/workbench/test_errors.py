"""Bad input to the control API: one envelope, a hint how to fix it, and nothing changes."""

from __future__ import annotations

from typing import Any

import pytest
from cart_mock.testing import CartMock

JSON = {"Content-Type": "application/json"}
DEEP = b"[" * 100_000

CASES: dict[str, tuple[str, str, dict[str, Any], int, str, str]] = {
    # name: (method, path below the store, what is sent, status, title, what the detail says)
    "not JSON": (
        "POST",
        "/seed",
        {"content": b"{", "headers": JSON},
        400,
        "The body is not JSON",
        "Send a JSON object",
    ),
    "not UTF-8": (
        "POST",
        "/seed",
        {"content": b'"\xff"', "headers": JSON},
        400,
        "The body is not JSON",
        "Send JSON in UTF-8",
    ),
    "too deep": (
        "POST",
        "/seed",
        {"content": DEEP, "headers": JSON},
        400,
        "The body is not JSON",
        "nested too deeply",
    ),
    "no body": (
        "POST",
        "/seed",
        {},
        400,
        "The request does not match the contract",
        "requestBody is required",
    ),
    "another media type": (
        "POST",
        "/seed",
        {"content": b"a=b", "headers": {"Content-Type": "text/plain"}},
        415,
        "Media type not supported",
        "Send application/json",
    ),
    "a missing field": (
        "POST",
        "/seed",
        {"json": {}},
        400,
        "The request does not match the contract",
        "'scenario' is a required property",
    ),
    "an unknown field": (
        "POST",
        "/seed",
        {"json": {"scenario": "empty-shop", "x": 1}},
        400,
        "The request does not match the contract",
        "'x' was unexpected",
    ),
    "a wrong type": (
        "POST",
        "/seed",
        {"json": {"scenario": 1}},
        400,
        "The request does not match the contract",
        "1 is not of type 'string'",
    ),
    "an unknown scenario": (
        "POST",
        "/seed",
        {"json": {"scenario": "mall"}},
        404,
        "Scenario not found",
        "The scenarios are: empty-shop",
    ),
    "carts for another scenario": (
        "POST",
        "/seed",
        {"json": {"scenario": "empty-shop", "carts": 3}},
        400,
        "The request does not match the contract",
        "take the scenario big-shop",
    ),
    "an unknown query parameter": (
        "GET",
        "/requests?stauts=200",
        {},
        400,
        "The request does not match the contract",
        "stauts not in spec. Leave it out",
    ),
    "a number that is none": (
        "GET",
        "/requests?limit=many",
        {},
        400,
        "The request does not match the contract",
        "'many' is not of type 'integer'",
    ),
    "a status that is none": (
        "GET",
        "/requests?status=9xx",
        {},
        400,
        "The request does not match the contract",
        "'9xx' does not match",
    ),
    "an unknown store": ("GET", "x", {}, 404, "Store not found", "make it with POST /_mock/stores"),
    "an unknown path": ("GET", "/nothing", {}, 404, "Path not found", "/_mock/openapi.json"),
    "a method it does not have": (
        "PUT",
        "/clock",
        {},
        405,
        "Method not allowed",
        "Use GET, HEAD, POST",
    ),
    "an unknown snapshot": (
        "POST",
        "/snapshots/x/restore",
        {},
        404,
        "Snapshot not found",
        "none yet",
    ),
    "a diff of an unknown snapshot": (
        "GET",
        "/diff?before=x",
        {},
        404,
        "Snapshot not found",
        "Take one with PUT",
    ),
    "a diff of nothing": (
        "GET",
        "/diff",
        {},
        400,
        "The request does not match the contract",
        "before is missing",
    ),
    "an unknown fault": (
        "DELETE",
        "/faults/fault-9",
        {},
        404,
        "Fault not found",
        "Those in force are: none",
    ),
    "a fault of an unknown kind": (
        "POST",
        "/faults",
        {"json": {"kind": "fire"}},
        400,
        "The request does not match the contract",
        "'fire' is not one of",
    ),
    "a latency without a duration": (
        "POST",
        "/faults",
        {"json": {"kind": "latency"}},
        400,
        "The fault cannot be applied",
        'Send "seconds", or "median"',
    ),
    "a latency with two durations": (
        "POST",
        "/faults",
        {"json": {"kind": "latency", "seconds": 1, "median": 1}},
        400,
        "The fault cannot be applied",
        "either seconds or a median",
    ),
    "a duration of a drop": (
        "POST",
        "/faults",
        {"json": {"kind": "drop", "seconds": 1}},
        400,
        "The fault cannot be applied",
        "drop has no duration",
    ),
    "a sigma of nothing": (
        "POST",
        "/faults",
        {"json": {"kind": "latency", "seconds": 1, "sigma": 1}},
        400,
        "The fault cannot be applied",
        "sigma goes with a median",
    ),
    "an error without a rule": (
        "POST",
        "/faults",
        {"json": {"kind": "error"}},
        400,
        "The fault cannot be applied",
        "GET /_mock/rules has them",
    ),
    "an error of an unknown rule": (
        "POST",
        "/faults",
        {"json": {"kind": "error", "rule": "x"}},
        400,
        "The fault cannot be applied",
        "no error of a rule 'x'",
    ),
    "an error of an effect": (
        "POST",
        "/faults",
        {"json": {"kind": "error", "rule": "many-carts"}},
        400,
        "The fault cannot be applied",
        "no error of a rule 'many-carts'",
    ),
    "an error elsewhere": (
        "POST",
        "/faults",
        {"json": {"kind": "error", "rule": "last-cart", "operation": "getCarts"}},
        400,
        "The fault cannot be applied",
        "documented for: deleteACart",
    ),
    "a rule of a drop": (
        "POST",
        "/faults",
        {"json": {"kind": "drop", "rule": "last-cart"}},
        400,
        "The fault cannot be applied",
        "drop has no rule",
    ),
    "Retry-After of a drop": (
        "POST",
        "/faults",
        {"json": {"kind": "drop", "retry_after": 3}},
        400,
        "The fault cannot be applied",
        "Leave retry_after out",
    ),
    "a fault of an unknown operation": (
        "POST",
        "/faults",
        {"json": {"kind": "drop", "operation": "x"}},
        400,
        "The fault cannot be applied",
        "The operations are: createAccessToken",
    ),
    "a share above one": (
        "POST",
        "/faults",
        {"json": {"kind": "drop", "share": 1.5}},
        400,
        "The request does not match the contract",
        "1.5 is greater than the maximum of 1",
    ),
    "an unknown action of the clock": (
        "POST",
        "/clock",
        {"json": {"action": "stop"}},
        400,
        "The request does not match the contract",
        "'stop' is not one of",
    ),
    "an advance by nothing": (
        "POST",
        "/clock",
        {"json": {"action": "advance"}},
        400,
        "The clock cannot be changed so",
        '"seconds":3600',
    ),
    "a time to freeze": (
        "POST",
        "/clock",
        {"json": {"action": "freeze", "seconds": 1}},
        400,
        "The clock cannot be changed so",
        "freeze has no seconds",
    ),
    "a time that is none": (
        "POST",
        "/clock",
        {"json": {"action": "set", "at": "noon"}},
        400,
        "The clock cannot be changed so",
        "2030-01-31T12:00:00Z",
    ),
    "a time without a zone": (
        "POST",
        "/clock",
        {"json": {"action": "set", "at": "2030-01-31T12:00:00"}},
        400,
        "The clock cannot be changed so",
        "not a time with its zone",
    ),
    "a time before 1970": (
        "POST",
        "/clock",
        {"json": {"action": "set", "at": "1969-01-31T12:00:00Z"}},
        400,
        "The clock cannot be changed so",
        "Stay between",
    ),
    "an unknown break": (
        "PUT",
        "/breaks",
        {"json": {"breaks": ["x"]}},
        400,
        "The rule cannot be broken so",
        "GET /_mock/breaks",
    ),
    "coverage of an unknown rule": (
        "GET",
        "/coverage?require=x",
        {},
        400,
        "Rule not found",
        "GET /_mock/rules",
    ),
    "coverage of an effect": (
        "GET",
        "/coverage?require=many-carts",
        {},
        400,
        "Rule not found",
        "only refusals are measured",
    ),
    "two counts": (
        "POST",
        "/verify",
        {"json": {"times": 1, "at_least": 1}},
        400,
        "The request does not match the contract",
        "times is exact already",
    ),
    "an unknown thing to keep": (
        "POST",
        "/reset",
        {"json": {"keep": ["all"]}},
        400,
        "The request does not match the contract",
        "'all' is not one of",
    ),
}


def everything(mock: CartMock) -> list[Any]:
    """Return the whole state of a store, without the offset of its frozen clock."""
    store = f"/stores/{mock.client_id}"
    glance = mock.workbench("GET", store)["data"]
    glance["clock"].pop("offset")
    return [glance, mock.workbench("GET", f"{store}/state")]


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_refused_in_words_and_changes_nothing(cart_mock: CartMock, case: str) -> None:
    method, path, sent, status, title, says = CASES[case]
    cart_mock.seed("one-shopper")
    cart_mock.clock("freeze")
    store = f"/_mock/stores/{cart_mock.client_id}"
    before = everything(cart_mock)
    answer = cart_mock.client.request(method, store + path, **sent)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    (error,) = answer.json()["errors"]
    assert (error["status"], error["title"]) == (status, title)
    assert error["detail"].startswith(f"{title}: ")
    assert says in error["detail"]
    assert everything(cart_mock) == before


@pytest.mark.parametrize(
    ("body", "source"),
    [({"client_id": 3}, "client_id"), ({"client_id": ""}, "client_id")],
)
def test_the_field_to_blame_is_named(cart_mock: CartMock, body: Any, source: str) -> None:
    (error,) = cart_mock.client.post("/_mock/stores", json=body).json()["errors"]
    assert error["source"] == source


def test_a_method_that_a_path_does_not_have_names_those_that_it_has(cart_mock: CartMock) -> None:
    answer = cart_mock.client.put("/_mock/stores")
    assert answer.headers["Allow"] == "GET, HEAD, POST"
