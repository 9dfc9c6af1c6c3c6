"""Faults: what goes wrong, for which requests, how often, and what the client sees."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from cart_mock.rules import PREDICATES
from cart_mock.tenants.faults import InjectedFault, Plan
from cart_mock.testing import CartMock
from cart_spec import load_contract

CONTRACT = load_contract()
ERRORS = [rule.id for rule in CONTRACT.rules if rule.is_refusal] + [
    error.id for error in CONTRACT.protocol_errors
]


@pytest.fixture
def shop(cart_mock: CartMock) -> CartMock:
    cart_mock.seed("shared-cart")
    return cart_mock


@pytest.fixture
def live_shop(live_cart_mock: CartMock) -> CartMock:
    live_cart_mock.seed("shared-cart")
    return live_cart_mock


def in_force(mock: CartMock) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = mock.workbench("GET", f"/stores/{mock.client_id}/faults")["data"]
    return found


def statuses(mock: CartMock, requests: int, path: str = "/v2/carts") -> list[int]:
    headers = mock.headers()
    return [mock.client.get(path, headers=headers).status_code for _ in range(requests)]


@pytest.mark.parametrize("error_id", ERRORS)
def test_any_documented_error_can_be_had_on_demand(shop: CartMock, error_id: str) -> None:
    operations = next((r.operations for r in CONTRACT.rules if r.id == error_id), ("getCarts",))
    operation = operations[0]
    method, path = CONTRACT.operations[operation]
    headers = shop.headers()
    shop.fault("error", rule=error_id, operation=operation, times=1)
    path = path.replace("{cartID}", "adas").replace("{customerID}", "ada")
    form = {"grant_type": "implicit", "client_id": shop.client_id}
    sent: dict[str, Any] = {"data": form} if operation == "createAccessToken" else {"json": {}}
    answer = shop.client.request(method, path, headers=headers, **sent)
    errors = {rule.id: (rule.status, rule.text) for rule in CONTRACT.rules}
    errors |= {error.id: (error.status, error.text) for error in CONTRACT.protocol_errors}
    (entry,) = answer.json()["errors"]
    assert (answer.status_code, entry["title"]) == errors[error_id]
    assert in_force(shop) == []


def test_every_refusal_is_among_them() -> None:
    assert set(PREDICATES) <= set(ERRORS)


@pytest.mark.parametrize(
    ("plan", "retry_after"),
    [
        ({"rule": "too-many-requests"}, "1"),
        ({"rule": "too-many-requests", "retry_after": 30}, "30"),
        ({"rule": "service-unavailable", "retry_after": 5}, "5"),
        ({"rule": "service-unavailable"}, None),
    ],
)
def test_a_client_is_told_when_to_come_again(
    shop: CartMock, plan: dict[str, Any], retry_after: str | None
) -> None:
    headers = shop.headers()
    shop.fault("error", times=1, **plan)
    answer = shop.client.get("/v2/carts", headers=headers)
    assert answer.headers.get("Retry-After") == retry_after


def test_a_fault_is_used_up_by_the_requests_it_was_for(shop: CartMock) -> None:
    shop.fault("error", rule="service-unavailable", operation="getCarts", times=2)
    assert statuses(shop, 4) == [503, 503, 200, 200]
    assert in_force(shop) == []


def test_a_fault_without_a_number_stays_until_it_is_taken_back(shop: CartMock) -> None:
    fault = shop.fault("error", rule="service-unavailable", operation="getCarts")
    assert statuses(shop, 3) == [503] * 3
    assert in_force(shop)[0]["applied"] == 3
    shop.workbench("DELETE", f"/stores/{shop.client_id}/faults/{fault}")
    assert statuses(shop, 2) == [200] * 2


def test_faults_of_a_store_have_a_bound(shop: CartMock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cart_mock.workbench.faults_api.MAX_FAULTS", 2)
    path = f"/_mock/stores/{shop.client_id}/faults"
    answers = [shop.client.post(path, json={"kind": "drop"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 400]
    assert "Remove one first" in answers[-1].text
    assert shop.client.delete(path).status_code == 204
    assert shop.client.post(path, json={"kind": "drop"}).status_code == 201


def test_all_faults_are_taken_back_at_once(shop: CartMock) -> None:
    shop.fault("drop")
    shop.fault("error", rule="internal-error")
    shop.workbench("DELETE", f"/stores/{shop.client_id}/faults")
    assert statuses(shop, 1) == [200]


@pytest.mark.parametrize(
    ("narrowed", "path", "hit"),
    [
        ({}, "/v2/carts", True),
        ({"operation": "getACart"}, "/v2/carts", False),
        ({"operation": "getACart"}, "/v2/carts/adas", True),
        ({"cart": "adas"}, "/v2/carts/adas", True),
        ({"cart": "adas"}, "/v2/carts/household", False),
        ({"cart": "adas"}, "/v2/carts", False),
        ({"cart": "adas", "operation": "deleteACart"}, "/v2/carts/adas", False),
        ({"customer": "ada"}, "/v2/customers/ada", True),
        ({"customer": "bob"}, "/v2/customers/ada", False),
    ],
)
def test_a_fault_hits_only_what_it_is_narrowed_to(
    shop: CartMock, narrowed: dict[str, str], path: str, hit: bool
) -> None:
    headers = shop.headers()
    shop.fault("error", rule="service-unavailable", **narrowed)
    answer = shop.client.get(path, headers=headers)
    assert answer.status_code == (503 if hit else 200)


ASSOCIATION = "/v2/carts/adas/relationships/customers"


@pytest.mark.parametrize(
    ("caller", "method", "path", "body", "hit"),
    [
        ("ada", "GET", "/v2/carts", None, True),
        ("bob", "GET", "/v2/carts", None, False),
        ("bob", "POST", ASSOCIATION, {"data": [{"type": "customer", "id": "ada"}]}, True),
        ("bob", "POST", ASSOCIATION, {"data": [{"type": "customer", "id": "bob"}]}, False),
        ("bob", "POST", ASSOCIATION, [7, "ada"], False),
        ("bob", "POST", "/v2/customers/tokens", {"data": {"email": "ADA@example.com"}}, True),
        ("bob", "POST", "/v2/customers/tokens", {"data": {"email": "bob@example.com"}}, False),
    ],
)
def test_a_fault_of_a_customer_hits_who_calls_and_who_is_named(
    shop: CartMock, caller: str, method: str, path: str, body: Any, hit: bool
) -> None:
    headers = shop.headers(f"{caller}@example.com", f"{caller}-password")
    shop.fault("error", rule="service-unavailable", customer="ada")
    answer = shop.client.request(method, path, headers=headers, json=body)
    assert (answer.status_code == 503) is hit


def test_the_next_login_can_be_made_to_fail(shop: CartMock) -> None:
    shop.fault("error", rule="credentials-wrong", times=1)
    with pytest.raises(httpx.HTTPStatusError, match="401"):
        shop.headers("ada@example.com", "ada-password")
    assert shop.headers("ada@example.com", "ada-password")


def test_the_next_access_token_can_be_made_to_fail(shop: CartMock) -> None:
    shop.fault("error", rule="service-unavailable", operation="createAccessToken", times=1)
    with pytest.raises(httpx.HTTPStatusError, match="503"):
        shop.access_token()
    assert shop.access_token()


def test_a_share_is_the_same_for_the_same_seed(shop: CartMock) -> None:
    runs = []
    for seed in (7, 7, 8):
        shop.reset("state")
        shop.fault("error", rule="service-unavailable", operation="getCarts", share=0.5, seed=seed)
        runs.append(statuses(shop, 40))
    assert runs[0] == runs[1] != runs[2]
    assert {200, 503} == set(runs[0])


def test_the_seed_of_a_share_is_shown_where_none_was_given(shop: CartMock) -> None:
    shop.fault("drop", share=0.5)
    assert isinstance(in_force(shop)[0]["seed"], int)


@pytest.mark.parametrize(
    ("plan", "shortest", "longest"),
    [
        ({"seconds": 0.25}, 0.25, 0.25),
        ({"median": 0.2, "sigma": 0.5}, 0.01, 4.0),
        ({"median": 0.2, "sigma": 0}, 0.2, 0.2),
        ({"median": 3000, "sigma": 5}, 0, 3600),
    ],
)
def test_latency_is_fixed_or_lognormal_and_repeatable(
    plan: dict[str, float], shortest: float, longest: float
) -> None:
    def latencies() -> list[float]:
        fault = InjectedFault("f", Plan(kind="latency", seed=1, **plan))  # type: ignore[arg-type]  # a table
        return [fault.latency() for _ in range(200)]

    found = latencies()
    assert found == latencies()
    assert min(found) >= shortest - 1e-9
    assert max(found) <= longest + 1e-9
    assert (len(set(found)) > 1) is ("median" in plan and plan["sigma"] > 0)


def test_latencies_add_up_before_what_goes_wrong(shop: CartMock) -> None:
    headers = shop.headers()
    shop.clock("freeze")
    for seconds in (10, 20):
        shop.fault("latency", seconds=seconds, operation="getCarts", times=1)
    shop.fault("error", rule="service-unavailable", operation="getCarts", times=1)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(shop.client.get, "/v2/carts", headers=headers)
        while in_force(shop):
            pass
        shop.clock("advance", seconds=29)
        assert not waiting.done()
        shop.clock("advance", seconds=1)
        assert waiting.result().status_code == 503


def test_faults_of_one_store_are_not_those_of_another(shop: CartMock) -> None:
    shop.fault("error", rule="service-unavailable")
    assert statuses(CartMock(shop.client), 2) == [200, 200]


# ---- On the wire, and in process ----------------------------------------------------------------


@pytest.fixture(params=["shop", "live_shop"])
def either(request: pytest.FixtureRequest) -> CartMock:
    """Return a mock in this process, and one over a real connection: both must fail alike."""
    shop: CartMock = request.getfixturevalue(request.param)
    return shop


def patience(kind: str) -> float:
    """Return how long to wait for the effect of a fault: only a stalled answer never comes."""
    return 0.5 if kind == "stall" else 60


@pytest.mark.parametrize(
    ("kind", "raised"),
    [
        ("drop", httpx.RemoteProtocolError),
        ("lose-reply", httpx.RemoteProtocolError),
        ("truncate", httpx.RemoteProtocolError),
        ("stall", httpx.ReadTimeout),
    ],
)
def test_a_connection_fails(either: CartMock, kind: str, raised: type[Exception]) -> None:
    headers = either.headers()
    either.fault(kind, operation="getCarts", times=1)
    with pytest.raises(raised):
        either.client.get("/v2/carts", headers=headers, timeout=patience(kind))
    assert either.client.get("/v2/carts", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("kind", "made"), [("drop", False), ("stall", False), ("lose-reply", True)]
)
def test_only_a_lost_reply_has_done_what_was_asked(either: CartMock, kind: str, made: bool) -> None:
    headers = either.headers()
    either.fault(kind, operation="createACart", times=1)
    body = {"data": {"id": "new", "name": "New"}}
    with pytest.raises(httpx.TransportError):
        either.client.post("/v2/carts", headers=headers, json=body, timeout=patience(kind))
    exported = either.workbench("GET", f"/stores/{either.client_id}/state")
    assert ("new" in {cart["id"] for cart in exported["carts"]}) is made


def test_malformed_json_comes_whole_and_cannot_be_read(either: CartMock) -> None:
    headers = either.headers()
    either.fault("malform", operation="getCarts", times=1)
    answer = either.client.get("/v2/carts", headers=headers)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match="Expecting"):
        answer.json()


def test_the_journal_says_which_fault_it_was(either: CartMock) -> None:
    headers = either.headers()
    fault = either.fault("drop", operation="getCarts", times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        either.client.get("/v2/carts", headers=headers)
    (request,) = either.requests(operation="getCarts")
    assert request["status"] is None
    assert request["fault"]["id"] == fault
    assert request["answer"]["delivery"] == "drop"


def test_breaks_and_faults_are_in_force_together(shop: CartMock) -> None:
    shop.breaks("others-cannot-see")
    shop.fault("error", rule="service-unavailable", operation="getCarts", times=1)
    ada = shop.headers("ada@example.com", "ada-password")
    assert shop.client.get("/v2/carts", headers=ada).status_code == 503
    broken = {cart["id"] for cart in shop.client.get("/v2/carts", headers=ada).json()["data"]}
    assert "cleos" in broken
    shop.breaks()
    intact = {cart["id"] for cart in shop.client.get("/v2/carts", headers=ada).json()["data"]}
    assert intact == {"adas", "household"}
