"""A mock for tests: in this process or served on a port, with a store for each test."""

from __future__ import annotations

import asyncio
import socket
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from cart_mock.http.delivery import CONNECTION
from cart_mock.state.accounts import PASSWORD_PROFILE

if TYPE_CHECKING:
    from cart_mock.breaks import Break

IN_PROCESS_URL = "http://localhost"
"""The base URL of a mock in this process; nothing is sent over a network."""
PATIENCE = 60.0
"""Default timeout of clients in seconds, long because test machines can be busy."""


class InProcessTransport(httpx.BaseTransport):
    """An httpx transport that calls an ASGI application in its own event loop.

    Several threads may use it at the same time. As over a network, a late answer raises
    httpx.ReadTimeout, and a dropped connection raises httpx.RemoteProtocolError.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer to a request. Raises httpx.ReadTimeout, httpx.RemoteProtocolError."""
        answer = asyncio.run_coroutine_threadsafe(self._answer(request), self._loop)
        try:
            return answer.result(request.extensions.get("timeout", {}).get("read"))
        except TimeoutError:
            answer.cancel()
            raise httpx.ReadTimeout("no answer came in time", request=request) from None

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        connection = _InProcessConnection()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await self._app({**scope, "extensions": {CONNECTION: connection}}, receive, send)

        try:
            response = await httpx.ASGITransport(app=app).handle_async_request(request)
        except asyncio.CancelledError:
            if not connection.is_closed:
                raise
            text = "a fault closed the connection"
            raise httpx.RemoteProtocolError(text, request=request) from None
        content = await response.aread()
        return httpx.Response(response.status_code, headers=response.headers, content=content)

    def close(self) -> None:
        """Cancel the requests in progress, and stop the event loop."""
        asyncio.run_coroutine_threadsafe(_cancel_other_tasks(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class _InProcessConnection:
    """A substitute for a request's connection, which a fault may close.

    Create it in the request's task.
    """

    def __init__(self) -> None:
        self.is_closed = False
        self._task = asyncio.current_task()

    def close(self) -> None:
        """Stop answering the request, as a server does when its connection is closed."""
        self.is_closed = True
        if self._task is not None:
            self._task.cancel()


async def _cancel_other_tasks() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class WorkbenchError(Exception):
    """A request that the control API refused. The message says what is wrong and how to fix it."""


class CartMock:
    """A mock with a store for one test.

    ``client`` is an httpx client of the API. Requests with tokens of ``client_id`` use this store.
    The methods prepare it and report what
    happened in it.
    """

    def __init__(self, client: httpx.Client, client_id: str | None = None) -> None:
        self.client = client
        self.client_id = client_id or f"test-{uuid.uuid4()}"
        self.client_secret = f"secret-of-{self.client_id}"
        self.workbench("POST", "/stores", {"client_id": self.client_id})

    @property
    def url(self) -> str:
        """The base URL of the mock, without a slash at the end."""
        return str(self.client.base_url).rstrip("/")

    def access_token(self, grant: str = "client_credentials") -> str:
        """Return a new access token for the administrator, or for a shopper (``implicit``).

        Raises httpx.HTTPStatusError if it is refused.
        """
        form = {"grant_type": grant, "client_id": self.client_id}
        if grant == "client_credentials":
            form["client_secret"] = self.client_secret
        answer = self.client.post("/oauth/access_token", data=form).raise_for_status()
        token: str = answer.json()["access_token"]
        return token

    def headers(self, email: str | None = None, password: str | None = None) -> dict[str, str]:
        """Return the headers of the administrator, or of the customer who logs in with an email.

        For account members, use ``account_headers``. Raises httpx.HTTPStatusError if the login is
        refused.
        """
        if email is None:
            return {"Authorization": f"Bearer {self.access_token()}"}
        headers = {"Authorization": f"Bearer {self.access_token('implicit')}"}
        login = {
            "type": "token",
            "email": email,
            "password": password,
            "authentication_mechanism": "password",
        }
        answer = self.client.post("/v2/customers/tokens", headers=headers, json={"data": login})
        token = answer.raise_for_status().json()["data"]["token"]
        return {**headers, "X-Moltin-Customer-Token": token}

    def account_headers(
        self, username: str, password: str, account: str | None = None
    ) -> dict[str, str]:
        """Return the headers of an account whose member logs in; by default the member's first.

        Raises httpx.HTTPStatusError if the login is refused, LookupError if the member does not
        belong to ``account``.
        """
        headers = {"Authorization": f"Bearer {self.access_token('implicit')}"}
        login = {
            "type": "account_management_authentication_token",
            "authentication_mechanism": "password",
            "password_profile_id": PASSWORD_PROFILE,
            "username": username,
            "password": password,
        }
        path = "/v2/account-members/tokens"
        answer = self.client.post(path, headers=headers, json={"data": login})
        for token in answer.raise_for_status().json()["data"]:
            if account in (None, token["account_id"]):
                return {**headers, "EP-Account-Management-Authentication-Token": token["token"]}
        raise LookupError(f"{username} does not belong to the account {account}")

    def workbench(self, method: str, path: str, body: Any = None, /, **query: Any) -> Any:
        """Send a request to the control API, at a path below ``/_mock``; return the JSON answer.

        Raises WorkbenchError.
        """
        answer = self.client.request(method, f"/_mock{path}", json=body, params=query)
        if answer.is_error:
            raise WorkbenchError(answer.json()["errors"][0]["detail"])
        return answer.json() if answer.content else None

    def _store(self, method: str, path: str, body: Any = None, /, **query: Any) -> Any:
        return self.workbench(method, f"/stores/{self.client_id}{path}", body, **query)

    def reset(self, *keep: str) -> None:
        """Reset the store to the state of a new one, except for the parts named in ``keep``."""
        self._store("POST", "/reset", {"keep": keep})

    def seed(self, scenario: str, **options: Any) -> None:
        """Replace the content of the store by a built-in scenario."""
        self._store("POST", "/seed", {"scenario": scenario, **options})

    def fault(self, kind: str, **plan: Any) -> str:
        """Inject a fault into some of the next requests; return its id."""
        fault: str = self._store("POST", "/faults", {"kind": kind, **plan})["data"]["id"]
        return fault

    def clock(self, action: str, **change: Any) -> dict[str, Any]:
        """Freeze, advance, set or resume the store's clock; return its new state."""
        clock: dict[str, Any] = self._store("POST", "/clock", {"action": action, **change})["data"]
        return clock

    def breaks(self, *names: str) -> None:
        """Let the store break exactly these rules."""
        self._store("PUT", "/breaks", {"breaks": names})

    def requests(self, **filters: Any) -> list[dict[str, Any]]:
        """Return the requests of the store, oldest first."""
        found: list[dict[str, Any]] = self._store("GET", "/requests", **filters)["data"]
        return found

    def explain(self, answer: httpx.Response) -> dict[str, Any]:
        """Return the explanation of an answer."""
        request_id = answer.headers["X-Request-Id"]
        found: dict[str, Any] = self.workbench("GET", f"/requests/{request_id}")["data"]
        return found["explanation"]  # type: ignore[no-any-return]  # the document says that it is an object

    def verify(self, **expectation: Any) -> None:
        """Check that the store received such requests, that many times.

        Raises AssertionError, which describes the most similar request.
        """
        found = self._store("POST", "/verify", expectation)
        if not found["verified"]:
            raise AssertionError(_describe_miss(expectation, found))

    def coverage(self, *required: str) -> dict[str, Any]:
        """Return which parts of the contract the store's requests have exercised."""
        found: dict[str, Any] = self._store("GET", "/coverage", require=",".join(required))
        return found


def _describe_miss(expectation: dict[str, Any], found: dict[str, Any]) -> str:
    lines = [f"expected {found['expected']} of {expectation}, and there were {found['count']}"]
    if found["warning"] is not None:
        lines.append(found["warning"])
    nearest = found["nearest"]
    if nearest is not None:
        request = nearest["request"]
        lines.append(f"the nearest was {request['method']} {request['path']}, but for")
        lines += [
            f"  {d['where']}: expected {d['expected']!r}, found {d['found']!r}"
            for d in nearest["differences"]
        ]
    return "\n".join(lines)


@contextmanager
def in_process(app: ASGIApp) -> Iterator[httpx.Client]:
    """Yield a client of an application in this process."""
    transport = InProcessTransport(app)
    with httpx.Client(transport=transport, base_url=IN_PROCESS_URL, timeout=PATIENCE) as client:
        yield client


@contextmanager
def served(
    app: ASGIApp, breaks: Sequence[Break] = (), *, accelerator: bool = True
) -> Iterator[httpx.Client]:
    """Serve an application on a free loopback port, in a thread; yield a client of it.

    ``breaks`` are the rules that the application breaks; those about header names need the server.
    """
    from cart_mock.server import server_of

    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(2048)
    host, port = listening.getsockname()
    server = server_of(app, "warning", breaks, accelerator=accelerator)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        with httpx.Client(base_url=f"http://{host}:{port}", timeout=PATIENCE) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(timeout=30)
