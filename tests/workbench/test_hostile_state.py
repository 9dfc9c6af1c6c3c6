"""Whatever the control API accepts, the API serves: no state and no clock ends in a 500."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cart_mock.app import create_app
from cart_mock.telemetry.metrics import Metrics
from cart_mock.testing import CartMock, in_process
from cart_mock.workbench.app import create_workbench
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ODD = st.one_of(
    st.text(max_size=20),
    st.text(st.characters(categories=["Cs", "Cc", "Cf", "Lo"]), max_size=10),
    st.sampled_from(["\ud800", "\x00", "\u202e", "/", "%2F", "..", "a" * 300, " ", "\U0001f600"]),
)
TIMES = st.one_of(
    st.none(),
    st.sampled_from([
        "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-12:00", "9999-12-30T00:00:00Z", "1969-12-31T23:59:59Z",
        "0999-01-01T00:00:00Z", "2026-01-01T00:00:00.999999Z",
    ]),
)  # fmt: skip
CLOCKS = st.sampled_from([
    None,
    {"action": "set", "at": "1970-01-01T00:00:00Z"},
    {"action": "set", "at": "9999-12-30T23:59:59Z"},
    {"action": "set", "at": "9999-12-31T00:00:00Z"},
    {"action": "advance", "seconds": 315360000},
    {"action": "advance", "seconds": 1e-320},
    {"action": "advance", "seconds": -0.0},
])  # fmt: skip


def states() -> st.SearchStrategy[dict[str, Any]]:
    customer = st.fixed_dictionaries(
        {"id": st.sampled_from(["a", "b/c", "%", "\u00e9"]) | ODD, "name": ODD,
         "email": st.sampled_from(["a@example.com", "b@example.com"]) | ODD},
        optional={"password_hash": ODD, "created_at": TIMES, "updated_at": TIMES},
    )  # fmt: skip
    cart = st.fixed_dictionaries(
        {"id": st.sampled_from(["x", "y-1"]) | ODD},
        optional={"name": ODD, "description": ODD, "created_at": TIMES, "updated_at": TIMES,
                  "contact": st.fixed_dictionaries({"email": ODD}, optional={"name": ODD})},
    )  # fmt: skip
    link = st.fixed_dictionaries({"cart": st.just("x"), "customer": st.sampled_from(["a", "b/c"])})
    return st.fixed_dictionaries(
        {},
        optional={"customers": st.lists(customer, max_size=2), "carts": st.lists(cart, max_size=2),
                  "associations": st.lists(link, max_size=2)},
    )  # fmt: skip


def served_without_failure(mock: CartMock, headers: dict[str, str]) -> None:
    """Read everything that the API and the control API show of a store."""
    client = mock.client
    paths = ["/v2/carts", "/v2/customers", "/v2/carts/x", "/v2/customers/a"]
    answers = [client.get(path, headers=headers) for path in paths]
    store = f"/_mock/stores/{mock.client_id}"
    more = ["", "/state?times=true", "/requests", "/clock", "/snapshots", "/coverage"]
    answers += [client.get(store + path) for path in more]
    for answer in answers:
        assert answer.status_code < 500, (answer.request.url, answer.text)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(state=states(), clock=CLOCKS)
def test_every_state_that_is_accepted_is_served(
    hostile: CartMock, state: dict[str, Any], clock: dict[str, Any] | None
) -> None:
    mock = hostile
    store = f"/_mock/stores/{mock.client_id}"
    mock.reset()
    imported = mock.client.put(f"{store}/state", content=json.dumps(state), headers=JSON)
    assert imported.status_code in (200, 400), imported.text
    assert mock.client.put(f"{store}/snapshots/one").status_code < 500
    if clock is not None:
        changed = mock.client.post(f"{store}/clock", json=clock)
        assert changed.status_code in (200, 400), changed.text
    served_without_failure(mock, mock.headers())


def test_state_and_clock_at_the_ends_of_time_are_accepted_and_served(hostile: CartMock) -> None:
    ends = {"created_at": "0001-01-01T00:00:00+14:00", "updated_at": "9999-12-31T23:59:59-12:00"}
    customer = {"id": "b/c", "name": "\x00\u202e", "email": "a@example.com", **ends}
    state = {"customers": [customer], "carts": [{"id": "x", **ends}]}
    store = f"/_mock/stores/{hostile.client_id}"
    hostile.reset()
    assert hostile.client.put(f"{store}/state", json=state).status_code == 200
    hostile.clock("set", at="9999-12-30T23:59:59Z")
    served_without_failure(hostile, hostile.headers())


JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def hostile() -> Iterator[CartMock]:
    with in_process(create_app()) as client:
        mock = CartMock(client, "hostile")
        mock.headers()
        yield mock


LONG = b"9" * 5000
HOSTILE: list[tuple[str, str, bytes]] = [
    ("POST", "/stores", b'{"client_id":"\\ud800"}'),
    ("POST", "/stores/hostile/faults", b'{"kind":"latency","seconds":NaN}'),
    ("POST", "/stores/hostile/faults", b'{"kind":"latency","median":Infinity}'),
    ("POST", "/stores/hostile/faults", b'{"kind":"latency","seconds":1e999}'),
    ("POST", "/stores/hostile/faults", b'{"kind":"drop","seed":' + LONG + b"}"),
    ("POST", "/stores/hostile/faults", b'{"kind":"drop","cart":"\\udfff"}'),
    ("POST", "/stores/hostile/clock", b'{"action":"advance","seconds":NaN}'),
    ("POST", "/stores/hostile/verify", b'{"status":' + LONG + b"}"),
    ("POST", "/stores/hostile/verify", b'{"body":{"\\ud800":1}}'),
    ("POST", "/stores/hostile/seed", b'{"scenario":"\\ud800"}'),
    ("PUT", "/stores/hostile/breaks", b'{"breaks":["\\ud800"]}'),
]


@pytest.mark.parametrize(("method", "path", "body"), HOSTILE)
def test_json_that_cannot_be_sent_back_is_refused(
    hostile: CartMock, method: str, path: str, body: bytes
) -> None:
    answer = hostile.client.request(method, f"/_mock{path}", content=body, headers=JSON)
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["status"] == 400


@pytest.mark.parametrize(
    "body",
    [{"scenario": "big-shop", "carts": 5.0}, {"scenario": "big-shop", "carts": 1e2}],
)
def test_whole_number_with_a_point_is_an_integer(hostile: CartMock, body: dict[str, Any]) -> None:
    answer = hostile.client.post("/_mock/stores/hostile/seed", json=body)
    assert answer.status_code in (200, 400), answer.text


@pytest.mark.parametrize(
    "media", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/x"]
)
def test_multipart_body_is_refused_with_or_without_boundary(hostile: CartMock, media: str) -> None:
    for path in ("/stores", "/stores/hostile/faults", "/stores/hostile/reset"):
        answer = hostile.client.post(f"/_mock{path}", content=b"x", headers={"Content-Type": media})
        assert answer.status_code == 415, answer.text


@pytest.mark.parametrize(
    "headers",
    [{}, {"Content-Type": ""}, {"Content-Type": "Application/JSON"},
     {"Content-Type": "application/jsoN; charset=utf-8"}, {"Content-Type": ";application/json"},
     {"Content-Type": "application/json; x"}],
)  # fmt: skip
def test_json_without_its_media_type_or_in_other_letters_is_read_and_checked(
    hostile: CartMock, headers: dict[str, str]
) -> None:
    path = "/_mock/stores/hostile/clock"
    sent = hostile.client.post(path, content=b'{"action":"resume"}', headers=headers)
    assert sent.status_code == 200, sent.text
    for body in (b'{"action":"nix"}', b"[]", b"1", b"x"):
        answer = hostile.client.post(path, content=body, headers=headers)
        assert answer.status_code == 400, answer.text


def test_media_type_of_no_body_is_ignored(hostile: CartMock) -> None:
    headers = {"Content-Type": "multipart/form-data"}
    for path in ("/", "/stores", "/stores/hostile", "/stores/hostile/faults", "/rules"):
        answer = hostile.client.get(f"/_mock{path}", headers=headers)
        assert answer.status_code == 200, answer.text
        answer = hostile.client.request("GET", f"/_mock{path}", headers=headers, content=b"x")
        assert answer.status_code == 200, answer.text
    reset = hostile.client.post("/_mock/stores/hostile/reset", headers=headers)
    assert reset.status_code == 200, reset.text


def test_body_of_a_stranger_is_not_read_to_its_end() -> None:
    with in_process(create_app(control_key="the-key")) as client:
        body = json.dumps({"client_id": "shop", "x": "x" * 100_000}).encode()
        for key in ({}, {"X-Control-Key": "wrong"}, {"Authorization": "Bearer wrong"}):
            answer = client.post("/_mock/stores", content=body, headers={**JSON, **key})
            assert answer.status_code == 401, answer.text
        for key in ({"X-Control-Key": "the-key"}, {"Authorization": "Bearer the-key"}):
            answer = client.post("/_mock/stores", content=body, headers={**JSON, **key})
            assert answer.status_code == 400, answer.text  # the field is not known


def test_body_over_the_limit_of_the_workbench_is_refused() -> None:
    app = create_app()
    small = create_workbench(app.mock, Metrics(), body_limit=1000)
    with in_process(small) as client:
        answer = client.post("/_mock/stores", content=b" " * 1001, headers=JSON)
        assert answer.status_code == 413
        made = client.post("/_mock/stores", json={"client_id": "shop"})
        assert made.status_code == 201, made.text
