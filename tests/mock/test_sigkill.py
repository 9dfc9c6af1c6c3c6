"""A mock that is killed during writes keeps every change that it acknowledged."""

from __future__ import annotations

import itertools
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from tests.mock.processes import mock

PASSWORD, EMAIL = "correct horse", "ada@example.com"
WRITERS, ENOUGH = 4, 40


class Shop:
    """A customer of a mock, and the tokens that were issued first."""

    def __init__(self, url: str) -> None:
        with httpx.Client(base_url=url) as client:
            form = {"client_id": "shop", "client_secret": "secret"}
            answer = client.post(
                "/oauth/access_token", data={"grant_type": "client_credentials", **form}
            )
            self.admin = {"Authorization": f"Bearer {answer.json()['access_token']}"}
            data = {"type": "customer", "name": "Ada", "email": EMAIL, "password": PASSWORD}
            made = client.post("/v2/customers", headers=self.admin, json={"data": data})
            self.customer: str = made.json()["data"]["id"]
            login = {"type": "token", "email": EMAIL, "password": PASSWORD,
                     "authentication_mechanism": "password"}  # fmt: skip
            answer = client.post("/v2/customers/tokens", headers=self.admin, json={"data": login})
            self.ada = {**self.admin, "X-Moltin-Customer-Token": answer.json()["data"]["token"]}

    def associations(self, url: str, ids: Iterator[int], enough: threading.Event) -> set[str]:
        """Make carts and associate them until the mock is gone; those that were acknowledged."""
        acknowledged: set[str] = set()
        body = {"data": [{"type": "customer", "id": self.customer}]}
        with httpx.Client(base_url=url, headers=self.admin) as client:
            try:
                while True:
                    cart = f"cart-{next(ids)}"
                    client.post("/v2/carts", json={"data": {"id": cart, "name": "C"}})
                    answer = client.post(f"/v2/carts/{cart}/relationships/customers", json=body)
                    assert answer.status_code == 200, answer.text
                    acknowledged.add(cart)
                    if len(acknowledged) >= ENOUGH:
                        enough.set()
            except httpx.TransportError:
                return acknowledged

    def carts(self, url: str) -> set[str]:
        """The ids of all carts that the customer sees, with the customer's first token."""
        found: set[str] = set()
        with httpx.Client(base_url=url, headers=self.ada) as client:
            following: Any = "/v2/carts?page[limit]=100"
            while following:
                page = client.get(following)
                assert page.status_code == 200, page.text
                found |= {cart["id"] for cart in page.json()["data"]}
                following = page.json()["links"]["next"]
        return found


def test_every_acknowledged_association_survives_a_kill_and_so_do_the_tokens(
    tmp_path: Path,
) -> None:
    shop: Shop | None = None
    ids = itertools.count(1)
    acknowledged: set[str] = set()
    for _ in range(2):
        with mock("--data", str(tmp_path)) as (process, url), ThreadPoolExecutor() as pool:
            shop = shop or Shop(url)
            assert acknowledged <= shop.carts(url)
            enough = threading.Event()
            writers = [pool.submit(shop.associations, url, ids, enough) for _ in range(WRITERS)]
            assert enough.wait(60)
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
            acknowledged |= set().union(*(writer.result() for writer in writers))
    assert len(acknowledged) >= 2 * ENOUGH
    assert shop is not None
    with mock("--data", str(tmp_path)) as (_, url):
        kept = shop.carts(url)
        assert acknowledged <= kept
        # At most one association of each writer was kept and not acknowledged, each time.
        assert len(kept - acknowledged) <= 2 * WRITERS
        answer = httpx.get(f"{url}/v2/customers/{shop.customer}", headers=shop.admin)
        assert answer.json()["data"]["email"] == EMAIL
