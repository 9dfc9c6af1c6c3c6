"""Coverage: counted by store, shown as JSON and JUnit, and required by a command."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest
from cart_mock.cli import main
from cart_mock.rules import PREDICATES
from cart_mock.testing import CartMock
from cart_spec import load_contract
from click.testing import CliRunner, Result


@pytest.fixture
def exercised(live_cart_mock: CartMock) -> CartMock:
    """Return a mock whose requests exercised one rule, and another by a fault."""
    mock, headers = live_cart_mock, live_cart_mock.headers()
    body = {"data": {"id": "c", "name": "Cart"}}
    for _ in range(3):
        mock.client.post("/v2/carts", headers=headers, json=body)
    mock.fault("error", rule="last-cart", times=1)
    mock.client.delete("/v2/carts/c", headers=headers)
    return mock


def rule(measured: dict[str, Any], rule_id: str) -> dict[str, Any]:
    (line,) = [line for line in measured["rules"] if line["rule"] == rule_id]
    return {k: line[k] for k in ("covered", "answered", "injected")}


def test_rules_and_answers_are_counted(exercised: CartMock) -> None:
    measured = exercised.coverage()
    assert rule(measured, "cart-id-taken") == {"covered": True, "answered": 2, "injected": 0}
    assert rule(measured, "last-cart") == {"covered": True, "answered": 0, "injected": 1}
    assert rule(measured, "email-taken") == {"covered": False, "answered": 0, "injected": 0}
    covered = {(a["operation"], a["status"]) for a in measured["answers"] if a["covered"]}
    assert covered == {
        ("createAccessToken", 200),
        ("createACart", 201),
        ("createACart", 409),
        ("deleteACart", 400),
    }
    assert measured["summary"]["answers"]["covered"] == 4


def test_an_answer_that_a_fault_only_delays_is_no_injected_one(cart_mock: CartMock) -> None:
    headers = cart_mock.headers()
    cart_mock.fault("latency", seconds=0)
    cart_mock.client.delete("/v2/carts/none", headers=headers)
    measured = cart_mock.coverage()
    assert rule(measured, "cart-unknown") == {"covered": True, "answered": 1, "injected": 0}


@pytest.mark.parametrize("kind", ["drop", "lose-reply", "truncate"])
def test_an_answer_that_never_came_covers_nothing(cart_mock: CartMock, kind: str) -> None:
    headers = cart_mock.headers()
    cart_mock.fault(kind, operation="deleteACart")
    with pytest.raises(httpx.RemoteProtocolError):
        cart_mock.client.delete("/v2/carts/none", headers=headers)
    assert rule(cart_mock.coverage(), "cart-unknown")["covered"] is False


def test_every_refusal_is_measured_and_the_others_are_named(cart_mock: CartMock) -> None:
    measured = cart_mock.coverage()
    rules = [line["rule"] for line in measured["rules"]]
    assert set(rules) == set(PREDICATES)
    assert [*sorted(rules), *sorted(measured["not_measured"])] == [
        *sorted(PREDICATES),
        *sorted({r.id for r in load_contract().rules} - set(PREDICATES)),
    ]


def test_coverage_is_that_of_one_store(exercised: CartMock) -> None:
    other = CartMock(exercised.client)
    assert rule(other.coverage(), "cart-id-taken")["covered"] is False


def test_a_request_without_a_store_counts_for_every_store(cart_mock: CartMock) -> None:
    cart_mock.client.get("/v2/carts")
    assert rule(cart_mock.coverage(), "access-token-invalid")["covered"] is True


def test_counting_starts_anew(exercised: CartMock) -> None:
    exercised.workbench("DELETE", f"/stores/{exercised.client_id}/coverage")
    assert exercised.coverage()["summary"]["answers"]["covered"] == 0


def test_junit_has_a_case_for_each_rule_and_answer(exercised: CartMock) -> None:
    path = f"/_mock/stores/{exercised.client_id}/coverage"
    query = {"output": "junit", "require": "cart-id-taken,email-taken"}
    answer = exercised.client.get(path, params=query)
    assert answer.headers["Content-Type"].startswith("application/xml")
    suite = ET.fromstring(answer.text)
    cases = {case.get("name"): [child.tag for child in case] for case in suite}
    assert cases["cart-id-taken"] == []
    assert cases["email-taken"] == ["failure"]
    assert cases["cart-unknown"] == ["skipped"]
    assert cases["createACart 409"] == []
    measured = exercised.coverage()
    assert suite.get("tests") == str(len(measured["rules"]) + len(measured["answers"]))
    assert suite.get("failures") == "1"
    assert suite.get("skipped") == str(sum(tags == ["skipped"] for tags in cases.values()))


def ran(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["coverage", *arguments])


@pytest.mark.parametrize(
    ("required", "status", "says"),
    [
        ("", 0, "cart-id-taken"),
        ("cart-id-taken", 0, "answers: 4 of"),
        ("cart-id-taken,last-cart", 0, "last-cart (1 by a fault)"),
        ("cart-id-taken,email-taken", 1, "required, and not covered: email-taken"),
        ("no-such-rule", 2, "no refusal has the id 'no-such-rule'"),
    ],
)
def test_the_command_fails_below_what_is_required(
    exercised: CartMock, required: str, status: int, says: str
) -> None:
    result = ran(exercised.url, exercised.client_id, "--require", required)
    assert result.exit_code == status
    assert says in " ".join(result.output.split())


def test_the_command_writes_junit_and_json(exercised: CartMock, tmp_path: Path) -> None:
    file = tmp_path / "coverage.xml"
    result = ran(exercised.url, exercised.client_id, "--junit", str(file), "--json")
    assert result.exit_code == 0
    assert '"summary"' in result.output
    assert ET.fromstring(file.read_text()).tag == "testsuite"


@pytest.mark.parametrize(
    ("url", "store", "says"),
    [
        ("LIVE", "no-such-store", "Store not found"),
        ("http://127.0.0.1:9", "s", "no mock answers at"),
        ("LIVE/v2/carts", "s", "Path not found"),
        ("nonsense", "s", "no mock answers at"),
    ],
)
def test_the_command_says_what_to_do_when_it_cannot_ask(
    live_cart_mock: CartMock, url: str, store: str, says: str
) -> None:
    result = ran(url.replace("LIVE", live_cart_mock.url), store)
    assert result.exit_code == 2
    assert says in result.output
    assert "Traceback" not in result.output


def test_metrics_count_requests_latency_and_stores(cart_mock: CartMock) -> None:
    cart_mock.seed("one-shopper")
    headers = cart_mock.headers()

    def sample(line_start: str) -> float:
        text: httpx.Response = cart_mock.client.get("/_mock/metrics")
        assert text.headers["Content-Type"].startswith("text/plain; version=")
        found = [line for line in text.text.splitlines() if line.startswith(line_start)]
        return float(found[0].rpartition(" ")[2]) if found else 0.0

    refused = (
        'cart_mock_requests_total{operation="getACart",rule="customer-token-invalid",status="403"}'
    )
    answered = 'cart_mock_requests_total{operation="getACart",rule="",status="200"}'
    timed = 'cart_mock_request_seconds_count{operation="getACart"}'
    before = [sample(name) for name in (refused, answered, timed)]
    cart_mock.client.get("/v2/carts/gifts", headers=headers)
    cart_mock.seed("shared-cart")
    forged = {**headers, "X-Moltin-Customer-Token": "forged"}
    cart_mock.client.get("/v2/carts/cleos", headers=forged)
    after = [sample(name) for name in (refused, answered, timed)]
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 1, 2]
    carts = f'cart_mock_store_carts{{store="{cart_mock.client_id}"}}'
    assert sample(carts) == 3
    bucket = 'cart_mock_request_seconds_bucket{le="+Inf",operation="getACart"}'
    assert sample(bucket) == sample(timed)
