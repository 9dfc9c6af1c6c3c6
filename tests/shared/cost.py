"""What sharing costs: CPU time and round trips of a request, without HTTP.

``python -m tests.shared.cost`` prints a table. Figures are CPU time of the process, so that other
work on the machine disturbs them little.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

import click
from cart_mock.app import MockApp, create_app
from cart_mock.messages import Answer, Request

from tests.shared.servers import redis_server
from tests.shared.site import SharedSite, Shop

REQUESTS = 3200
LOADS = {"GET cart": ("getACart", "GET", b""),
         "PUT cart": ("updateACart", "PUT", b'{"data":{"name":"x"}}')}  # fmt: skip


async def _load(app: MockApp, headers: dict[str, str], at_once: int, load: str) -> None:
    operation, method, body = LOADS[load]
    endpoint, requests = app.mock.endpoints[operation], app.requests
    sent = {name.lower().encode(): value.encode() for name, value in headers.items()}
    sent[b"content-type"] = b"application/json"

    async def client() -> None:
        for _ in range(REQUESTS // at_once):
            request = Request(
                requests.new_id(), method, "/v2/carts/c", {"cartID": "c"}, b"", sent, body
            )
            made: Any = requests.answer(endpoint, request, time.perf_counter())
            answer = made if isinstance(made, Answer) else await made
            assert answer.status == 200, answer

    await asyncio.gather(*(client() for _ in range(at_once)))


def _microseconds(site: Any, work: Any) -> float:
    began = time.process_time()
    site.run(work)
    return (time.process_time() - began) / REQUESTS * 1e6


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as server:
        site = SharedSite(server.url, 2)
        shop = Shop(site)
        shop.cart("c")
        alone = create_app()
        form = {"grant_type": "client_credentials", "client_id": "c", "client_secret": "secret"}
        site.apps.append(alone)  # to be asked in the same loop
        embedded = _embedded_headers(site, alone, form)
        click.echo("| load | at once | embedded | shared | replayed | round trips |")
        click.echo("| --- | --- | --- | --- | --- | --- |")
        for load in LOADS:
            for at_once in (1, 16, 64, 256):
                base = _microseconds(site, _load(alone, embedded, at_once, load))
                site.run(_load(site.apps[0], shop.admin, at_once, load))
                trips = site.tenants[0].client.round_trips
                shop.send("GET", "/v2/carts/c", at=1)
                shared = _microseconds(site, _load(site.apps[0], shop.admin, at_once, load))
                trips = site.tenants[0].client.round_trips - trips
                replayed = _microseconds(site, site.ask("GET", "/v2/carts/c", at=1,
                                                        headers=shop.admin))  # fmt: skip
                click.echo(f"| {load} | {at_once} | {base:.0f} | {shared:.0f} | {replayed:.0f} | "
                      f"{trips / REQUESTS:.3f} |")  # fmt: skip
        site.apps.pop()
        site.close()


def _embedded_headers(site: SharedSite, app: MockApp, form: dict[str, str]) -> dict[str, str]:
    import httpx

    async def ask() -> dict[str, str]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://mock") as client:
            answer = await client.post("/oauth/access_token", data=form)
            headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
            await client.get("/v2/carts/c", headers=headers)
            return headers

    return site.run(ask())


if __name__ == "__main__":
    main()
