"""Several mocks in this process that share one store, behind a client that takes turns."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

import httpx
from cart_mock.app import MockApp, create_app
from cart_mock.shared.attach import attach
from cart_mock.shared.client import StoreClient
from cart_mock.shared.link import servers_at
from cart_mock.shared.tenants import SharedTenants

T = TypeVar("T")


class SharedSite:
    """Mocks that share the store at a URL. ``send`` takes the next mock for each request."""

    def __init__(
        self, url: str, mocks: int = 3, *, patience: float = 5.0, replicas: int = 0,
        ttl: float = 0.0, prefix: str = "cart-mock", **options: Any,
    ) -> None:  # fmt: skip
        self._runner = asyncio.Runner()
        self._options = {"patience": patience, "replicas": replicas, "ttl": ttl, "prefix": prefix}
        self._url = url
        self._tenant_options = options
        self.apps: list[MockApp] = []
        self.tenants: list[SharedTenants] = []
        self.clients: list[httpx.AsyncClient] = []
        self._unused: list[httpx.AsyncClient] = []
        for _ in range(mocks):
            self.add()
        self._turns = itertools.count()

    def add(self) -> None:
        """Add one mock."""
        client = StoreClient(servers_at(self._url, None, None), **self._options)  # type: ignore[arg-type]  # each has its type
        options: dict[str, Any] = {"version": "test", **self._tenant_options}
        tenants = SharedTenants(client, **options)
        app = create_app(tenants=tenants)
        attach(app, tenants)
        self.tenants.append(tenants)
        self.apps.append(app)
        self.clients.append(
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app=app, raise_app_exceptions=False),
                base_url="http://mock",
            )
        )

    def go_to(self, urls: Iterable[str]) -> None:
        """Send requests to mocks in processes of their own instead, which share the store."""
        self._unused += self.clients
        self.clients = [httpx.AsyncClient(base_url=url, timeout=60) for url in urls]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end."""
        return self._runner.run(work)

    async def ask(self, method: str, path: str, *, at: int | None = None, **more: Any
                  ) -> httpx.Response:  # fmt: skip
        """Send a request to the mock of that number, or to the next one."""
        number = next(self._turns) if at is None else at
        return await self.clients[number % len(self.clients)].request(method, path, **more)

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request to the next mock, or to the one that ``at`` names."""
        return self.run(self.ask(method, path, **more))

    def each(self, method: str, path: str, **more: Any) -> list[httpx.Response]:
        """Send a request to every mock, one after the other."""
        return [self.send(method, path, at=at, **more) for at in range(len(self.clients))]

    def control(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Send a request to the workbench of the next mock, and return its data."""
        answer = self.send(method, f"/_mock{path}", json=body, **more)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def close(self) -> None:
        """Close everything."""

        async def close() -> None:
            for client in (*self.clients, *self._unused):
                await client.aclose()
            for tenants in self.tenants:
                await tenants.aclose()

        self.run(close())
        self._runner.close()


class Shop:
    """A store of its own at a site, and an administrator's token."""

    _numbers = itertools.count(1)

    def __init__(self, site: SharedSite, client_id: str | None = None) -> None:
        self.site = site
        self.client_id = client_id or f"shop-{next(Shop._numbers)}"
        form = {"grant_type": "client_credentials", "client_id": self.client_id}
        answer = site.send("POST", "/oauth/access_token", data={**form, "client_secret": "secret"})
        assert answer.status_code == 200, answer.text
        self.admin = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def send(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """Send a request as the administrator."""
        headers = {**self.admin, **more.pop("headers", {})}
        return self.site.send(method, path, headers=headers, json=body, **more)

    def cart(self, cart_id: str, **more: str) -> str:
        """Make a cart."""
        data = {"id": cart_id, "name": "Groceries", **more}
        answer = self.send("POST", "/v2/carts", {"data": data})
        assert answer.status_code == 201, answer.text
        return cart_id

    def control(self, method: str, path: str = "", body: Any = None, **more: Any) -> Any:
        """Send a request about this store to the workbench."""
        return self.site.control(method, f"/stores/{self.client_id}{path}", body, **more)
