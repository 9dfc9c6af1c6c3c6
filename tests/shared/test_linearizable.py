"""Whichever mock answers, a request sees what was answered before it began."""

from __future__ import annotations

import pytest

from tests.shared.linearizability import FOREVER, Seen, Workload, is_linearizable
from tests.shared.site import SharedSite, Shop
from tests.shared.sizes import size

CART = ("Cart", frozenset[str]())


def customers_of(shop: Shop, number: int) -> list[str]:
    """Make customers who each have a cart that is never deleted."""
    found = []
    for at in range(number):
        data = {"type": "customer", "name": "Ada", "email": f"ada{at}@example.com"}
        made = shop.send("POST", "/v2/customers", {"data": data}).json()["data"]["id"]
        shop.cart(f"kept-{at}")
        entry = {"data": [{"type": "customer", "id": made}]}
        answer = shop.send("POST", f"/v2/carts/kept-{at}/relationships/customers", entry)
        assert answer.status_code == 200
        found.append(made)
    return found


def test_history_of_64_clients_over_three_mocks_is_linearizable(site: SharedSite) -> None:
    shop = Shop(site)
    workload = Workload(site.ask, shop.admin, customers_of(shop, 3), carts=size(16, 64), seed=1)
    site.run(workload.run(64, size(600, 100_000)))
    assert workload.unknown == 0
    assert not workload.wrong()
    lists = {answer.text for answer in site.each("GET", "/v2/carts", headers=shop.admin)}
    assert len(lists) == 1


def test_lost_replies_and_cancelled_requests_leave_a_linearizable_history(
    site: SharedSite,
) -> None:
    for seed in range(size(1, 50)):
        # Each store has few requests of which the outcome is not known: they may come at any time.
        shop = Shop(site)
        customers = customers_of(shop, 2)
        shop.control("POST", "/faults", {"kind": "lose-reply", "share": 0.2, "seed": seed})
        workload = Workload(site.ask, shop.admin, customers, carts=8, seed=seed, cancelled=0.2)
        site.run(workload.run(12, 240))
        assert workload.unknown > 30
        assert not workload.wrong()


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([], True),
        ([Seen(0, 1, "read", "", (200, CART))], True),
        # The second read began after the first was answered, and sees an older state.
        (
            [
                Seen(0, 9, "create", "new", (201, ("new", frozenset()))),
                Seen(1, 2, "read", "", (200, ("new", frozenset()))),
                Seen(3, 4, "create", "newer", (201, ("newer", frozenset()))),
            ],
            False,
        ),
        # A write whose outcome is not known may have taken effect, or not.
        (
            [
                Seen(0, 1, "read", "", (200, CART)),
                Seen(2, FOREVER, "rename", "x", None),
                Seen(3, 4, "read", "", (200, CART)),
                Seen(5, 6, "read", "", (200, ("x", frozenset()))),
            ],
            True,
        ),
        (
            [
                Seen(0, 1, "read", "", (200, CART)),
                Seen(2, FOREVER, "rename", "x", None),
                Seen(3, 4, "read", "", (200, ("x", frozenset()))),
                Seen(5, 6, "read", "", (200, CART)),
            ],
            False,
        ),
    ],
)
def test_checker_tells_histories_that_an_order_explains(
    history: list[Seen], expected: bool
) -> None:
    assert is_linearizable(history) is expected
