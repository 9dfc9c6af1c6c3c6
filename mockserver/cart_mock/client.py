"""Clients of the workbench, synchronous and asynchronous: prepare a store, ask what happened."""

from __future__ import annotations

import uuid
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from cart_mock.state.accounts import PASSWORD_PROFILE

Json = dict[str, Any]
"""A JSON object, as the document of the workbench describes it."""
PATIENCE = 60.0
"""Default timeout of clients in seconds, long because test machines can be busy."""
_EXISTS = 409


class WorkbenchError(Exception):
    """A request that the control API refused. The message says what is wrong and how to fix it.

    ``status`` is that of its answer, None if no mock answered.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class _Helper:
    """What both clients share: names, messages and the requests for tokens."""

    client_id: str
    client_secret: str
    url: str
    control_key: str | None

    def _named(self, client_id: str | None, control_key: str | None) -> None:
        self.client_id = client_id or f"test-{uuid.uuid4()}"
        self.client_secret = f"secret-of-{self.client_id}"
        self.control_key = control_key

    def _key(self) -> dict[str, str]:
        return {} if self.control_key is None else {"X-Control-Key": self.control_key}

    def _path(self, rest: str) -> str:
        return f"/stores/{_segment(self.client_id)}{rest}"

    def _no_mock(self) -> WorkbenchError:
        return WorkbenchError(
            f"No mock answers at {self.url}. Start one with cart-mock, or correct the URL."
        )

    def _content(self, answer: httpx.Response) -> Any:
        """Return the content of an answer of the workbench. Raises WorkbenchError."""
        content: Any
        media = answer.headers.get("content-type", "").partition(";")[0]
        try:
            content = answer.json() if media == "application/json" else None
            if answer.is_error:
                raise WorkbenchError(content["errors"][0]["detail"], answer.status_code)
        except (ValueError, LookupError, TypeError):
            content = None
        is_text = media in ("text/plain", "application/xml")
        if answer.is_success and (content is not None or not answer.content or is_text):
            return content if content is not None or not is_text else answer.text
        request = answer.request
        raise WorkbenchError(
            f"{self.url} is not a cart-mock: it answered {answer.status_code} to "
            f"{request.method} {request.url.path}.",
            answer.status_code,
        )

    def _token_form(self, grant: str) -> dict[str, str]:
        form = {"grant_type": grant, "client_id": self.client_id}
        if grant == "client_credentials":
            form["client_secret"] = self.client_secret
        return form


def _customer_login(email: str, password: str | None) -> Json:
    login = {"type": "token", "authentication_mechanism": "password"}
    return {"data": {**login, "email": email, "password": password}}


def _member_login(username: str, password: str) -> Json:
    return {
        "data": {
            "type": "account_management_authentication_token",
            "authentication_mechanism": "password",
            "password_profile_id": PASSWORD_PROFILE,
            "username": username,
            "password": password,
        }
    }


def _token_of(account: str | None, username: str, answer: httpx.Response) -> str:
    for token in answer.raise_for_status().json()["data"]:
        if account in (None, token["account_id"]):
            found: str = token["token"]
            return found
    raise LookupError(f"{username} does not belong to the account {account}")


def _without_password(url: httpx.URL) -> str:
    return str(url.copy_with(userinfo=b"")).rstrip("/")


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _segment(name: str) -> str:
    """Return a name as one segment of a path. Dots alone would lead to another path."""
    encoded = quote(name, safe="")
    return encoded if encoded.strip(".") else encoded.replace(".", "%2E")


def _snapshot(name: str, rest: str = "") -> str:
    return f"/snapshots/{_segment(name)}{rest}"


def _request_id(answer: httpx.Response | str) -> str:
    return answer if isinstance(answer, str) else str(answer.headers["X-Request-Id"])


def _check(expectation: Json, found: Json) -> None:
    """Raise AssertionError if an expectation was not met."""
    if found["verified"]:
        return
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
    raise AssertionError("\n".join(lines))


class CartMock(_Helper):
    """A mock with a store for one test.

    ``client`` is an httpx client of the mock, or its URL. Requests with tokens of ``client_id``
    use this store; by default it has a name of its own. If the store exists, ``reset`` empties it;
    otherwise that is an error. ``control_key`` is needed if the mock was started with one. The
    methods prepare the store and report what happened in it. They raise WorkbenchError.
    """

    def __init__(
        self, client: httpx.Client | str, client_id: str | None = None, *, reset: bool = False,
        control_key: str | None = None,
    ) -> None:  # fmt: skip
        if isinstance(client, str):
            client = httpx.Client(base_url=client, timeout=PATIENCE)
        self.client = client
        self.url = _without_password(client.base_url)
        self._named(client_id, control_key)
        try:
            self.workbench("POST", "/stores", {"client_id": self.client_id})
        except WorkbenchError as error:
            if not reset or error.status != _EXISTS:
                raise
            self.reset()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    def close(self) -> None:
        """Close the client of the mock."""
        self.client.close()

    # ---- Tokens -----------------------------------------------------------------------------

    def access_token(self, grant: str = "client_credentials") -> str:
        """Return a new access token for the administrator, or for a shopper (``implicit``).

        Raises httpx.HTTPStatusError if it is refused.
        """
        answer = self.client.post("/oauth/access_token", data=self._token_form(grant))
        token: str = answer.raise_for_status().json()["access_token"]
        return token

    def headers(self, email: str | None = None, password: str | None = None) -> dict[str, str]:
        """Return the headers of the administrator, or of the customer who logs in with an email.

        For account members, use ``account_headers``. Raises httpx.HTTPStatusError if the login is
        refused.
        """
        if email is None:
            return {"Authorization": f"Bearer {self.access_token()}"}
        headers = {"Authorization": f"Bearer {self.access_token('implicit')}"}
        login = _customer_login(email, password)
        answer = self.client.post("/v2/customers/tokens", headers=headers, json=login)
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
        login = _member_login(username, password)
        answer = self.client.post("/v2/account-members/tokens", headers=headers, json=login)
        token = _token_of(account, username, answer)
        return {**headers, "EP-Account-Management-Authentication-Token": token}

    # ---- The workbench ----------------------------------------------------------------------

    def workbench(self, method: str, path: str, body: Any = None, /, **query: Any) -> Any:
        """Send a request to the control API, at a path below ``/_mock``; return the JSON answer.

        Raises WorkbenchError.
        """
        try:
            answer = self.client.request(
                method, f"/_mock{path}", json=body, params=query, headers=self._key()
            )
        except (httpx.ConnectError, httpx.UnsupportedProtocol) as error:
            raise self._no_mock() from error
        return self._content(answer)

    def _store(self, method: str, path: str, body: Any = None, /, **query: Any) -> Any:
        return self.workbench(method, self._path(path), body, **query)

    def health(self) -> Json:
        """Return that the mock answers, and its versions."""
        found: Json = self.workbench("GET", "/health")
        return found

    def ready(self) -> Json:
        """Return that the API can be used. Raises WorkbenchError if not."""
        found: Json = self.workbench("GET", "/ready")
        return found

    def watched(self) -> Json:
        """Return the files that the mock watches, and what is wrong with their last change."""
        found: Json = self.workbench("GET", "/watched")["data"]
        return found

    def metrics(self) -> str:
        """Return the metrics in Prometheus' text format."""
        found: str = self.workbench("GET", "/metrics")
        return found

    def rules(self) -> list[Json]:
        """Return the rules of the contract, in the order of judgement."""
        found: list[Json] = self.workbench("GET", "/rules")["data"]
        return found

    def stores(self) -> list[Json]:
        """Return a summary of every store."""
        found: list[Json] = self.workbench("GET", "/stores")["data"]
        return found

    def scenarios(self) -> list[Json]:
        """Return the built-in scenarios."""
        found: list[Json] = self.workbench("GET", "/scenarios")["data"]
        return found

    def available_breaks(self) -> list[Json]:
        """Return the ways in which a rule can be broken."""
        found: list[Json] = self.workbench("GET", "/breaks")["data"]
        return found

    def storeless_requests(self, **filters: Any) -> list[Json]:
        """Return the last requests that belong to no store, oldest first."""
        found: list[Json] = self.workbench("GET", "/requests", **filters)["data"]
        return found

    def summary(self) -> Json:
        """Return a summary of the store."""
        found: Json = self._store("GET", "")["data"]
        return found

    def delete(self) -> None:
        """Delete the store with all it holds; its tokens stop working."""
        self._store("DELETE", "")

    def reset(self, *keep: str) -> None:
        """Reset the store to the state of a new one, except for the parts named in ``keep``."""
        self._store("POST", "/reset", {"keep": keep})

    def seed(self, scenario: str, **options: Any) -> None:
        """Replace the content of the store by a built-in scenario."""
        self._store("POST", "/seed", {"scenario": scenario, **options})

    def export_state(self, *, times: bool = False) -> Json:
        """Return the content of the store, as a seed file has it."""
        found: Json = self._store("GET", "/state", times=_flag(times))
        return found

    def import_state(self, state: Json) -> None:
        """Replace the content of the store by that of an export."""
        self._store("PUT", "/state", state)

    def people(self, find: str = "", limit: int = 20) -> list[Json]:
        """Return customers and accounts with a text in their name, email or id, newest first."""
        found: list[Json] = self._store("GET", "/people", find=find, limit=limit)["data"]
        return found

    def add_customer(self, name: str, email: str, password: str | None = None) -> Json:
        """Add a customer and return the new record. A customer needs a password to log in."""
        sent = _given({"name": name, "email": email, "password": password})
        added: Json = self._store("POST", "/customers", sent)["data"]
        return added

    def log_in(self, id: str, type: str = "customer") -> Json:  # noqa: A002  # the API's names
        """Log a customer or an account in without a password; ``headers`` are those to send."""
        login: Json = self._store("POST", "/logins", {"type": type, "id": id})["data"]
        return login

    def snapshots(self) -> list[Json]:
        """Return the snapshots of the store, oldest first."""
        found: list[Json] = self._store("GET", "/snapshots")["data"]
        return found

    def take_snapshot(self, name: str) -> None:
        """Save the content of the store under a name."""
        self._store("PUT", _snapshot(name))

    def export_snapshot(self, name: str, *, times: bool = False) -> Json:
        """Return the content of a snapshot, as a seed file has it."""
        found: Json = self._store("GET", _snapshot(name), times=_flag(times))
        return found

    def restore_snapshot(self, name: str) -> None:
        """Replace the content of the store by that of a snapshot."""
        self._store("POST", _snapshot(name, "/restore"))

    def delete_snapshot(self, name: str) -> None:
        """Delete a snapshot."""
        self._store("DELETE", _snapshot(name))

    def diff(self, before: str, after: str | None = None) -> Json:
        """Return what changed since a snapshot, until another one or until now."""
        found: Json = self._store("GET", "/diff", **_given({"before": before, "after": after}))
        return found

    def fault(self, kind: str, **plan: Any) -> str:
        """Inject a fault into some of the next requests; return its id."""
        found: str = self._store("POST", "/faults", {"kind": kind, **plan})["data"]["id"]
        return found

    def faults(self) -> list[Json]:
        """Return the faults in force."""
        found: list[Json] = self._store("GET", "/faults")["data"]
        return found

    def remove_fault(self, fault: str) -> None:
        """Remove a fault by its id."""
        self._store("DELETE", f"/faults/{_segment(fault)}")

    def clear_faults(self) -> None:
        """Remove every fault."""
        self._store("DELETE", "/faults")

    def time(self) -> Json:
        """Return the store's time."""
        found: Json = self._store("GET", "/clock")["data"]
        return found

    def clock(self, action: str, **change: Any) -> Json:
        """Freeze, advance, set or resume the store's clock; return its new state."""
        found: Json = self._store("POST", "/clock", {"action": action, **change})["data"]
        return found

    def broken(self) -> list[str]:
        """Return the rules that the store breaks."""
        found: list[str] = self._store("GET", "/breaks")["data"]
        return found

    def breaks(self, *names: str) -> None:
        """Let the store break exactly these rules."""
        self._store("PUT", "/breaks", {"breaks": names})

    def stubs(self) -> list[Json]:
        """Return the stubs of the store."""
        found: list[Json] = self._store("GET", "/stubs")["data"]
        return found

    def set_stubs(self, *stubs: Json) -> None:
        """Answer paths that the contract does not have with exactly these stubs."""
        self._store("PUT", "/stubs", {"stubs": stubs})

    def forward(self) -> Json:
        """Return the server that gets the requests for other paths."""
        found: Json = self._store("GET", "/forward")["data"]
        return found

    def set_forward(self, url: str | None, **options: Any) -> None:
        """Forward requests for other paths to a server; None forwards nothing.

        ``options`` are ``authorization`` and ``timeout``.
        """
        self._store("PUT", "/forward", {"url": url, **options})

    def remove_forward(self) -> None:
        """Forward as the mock was started to."""
        self._store("DELETE", "/forward")

    def requests(self, **filters: Any) -> list[Json]:
        """Return the requests of the store, oldest first."""
        found: list[Json] = self._store("GET", "/requests", **filters)["data"]
        return found

    def clear_requests(self) -> None:
        """Empty the request log of the store."""
        self._store("DELETE", "/requests")

    def explain(self, answer: httpx.Response | str) -> Json:
        """Return the explanation of an answer, or of the one with that X-Request-Id."""
        found: Json = self.workbench("GET", f"/requests/{_segment(_request_id(answer))}")["data"][
            "explanation"
        ]
        return found

    def verify(self, **expectation: Any) -> None:
        """Check that the store received such requests, that many times.

        Raises AssertionError, which describes the most similar request.
        """
        _check(expectation, self._store("POST", "/verify", expectation))

    def coverage(self, *required: str) -> Json:
        """Return which parts of the contract the store's requests have exercised."""
        found: Json = self._store("GET", "/coverage", require=",".join(required))
        return found

    def coverage_junit(self, *required: str) -> str:
        """Return the coverage as JUnit XML."""
        found: str = self._store("GET", "/coverage", output="junit", require=",".join(required))
        return found

    def clear_coverage(self) -> None:
        """Count from zero again."""
        self._store("DELETE", "/coverage")


class AsyncCartMock(_Helper):
    """The asynchronous twin of CartMock, with the same methods.

    ``create`` makes one with its store, and ``AsyncCartMock(...)`` uses a store that exists.
    """

    def __init__(
        self, client: httpx.AsyncClient | str, client_id: str | None = None, *,
        control_key: str | None = None,
    ) -> None:  # fmt: skip
        if isinstance(client, str):
            client = httpx.AsyncClient(base_url=client, timeout=PATIENCE)
        self.client = client
        self.url = _without_password(client.base_url)
        self._named(client_id, control_key)

    @classmethod
    async def create(
        cls, client: httpx.AsyncClient | str, client_id: str | None = None, *, reset: bool = False,
        control_key: str | None = None,
    ) -> Self:  # fmt: skip
        """Return a mock with a new store, or with one that exists and is emptied by ``reset``."""
        mock = cls(client, client_id, control_key=control_key)
        try:
            await mock.workbench("POST", "/stores", {"client_id": mock.client_id})
        except WorkbenchError as error:
            if not reset or error.status != _EXISTS:
                raise
            await mock.reset()
        return mock

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        await self.close()

    async def close(self) -> None:
        """Close the client of the mock."""
        await self.client.aclose()

    # ---- Tokens -----------------------------------------------------------------------------

    async def access_token(self, grant: str = "client_credentials") -> str:
        """Return a new access token for the administrator, or for a shopper (``implicit``).

        Raises httpx.HTTPStatusError if it is refused.
        """
        answer = await self.client.post("/oauth/access_token", data=self._token_form(grant))
        token: str = answer.raise_for_status().json()["access_token"]
        return token

    async def headers(
        self, email: str | None = None, password: str | None = None
    ) -> dict[str, str]:
        """Return the headers of the administrator, or of the customer who logs in with an email.

        For account members, use ``account_headers``. Raises httpx.HTTPStatusError if the login is
        refused.
        """
        if email is None:
            return {"Authorization": f"Bearer {await self.access_token()}"}
        headers = {"Authorization": f"Bearer {await self.access_token('implicit')}"}
        login = _customer_login(email, password)
        answer = await self.client.post("/v2/customers/tokens", headers=headers, json=login)
        token = answer.raise_for_status().json()["data"]["token"]
        return {**headers, "X-Moltin-Customer-Token": token}

    async def account_headers(
        self, username: str, password: str, account: str | None = None
    ) -> dict[str, str]:
        """Return the headers of an account whose member logs in; by default the member's first.

        Raises httpx.HTTPStatusError if the login is refused, LookupError if the member does not
        belong to ``account``.
        """
        headers = {"Authorization": f"Bearer {await self.access_token('implicit')}"}
        login = _member_login(username, password)
        answer = await self.client.post("/v2/account-members/tokens", headers=headers, json=login)
        token = _token_of(account, username, answer)
        return {**headers, "EP-Account-Management-Authentication-Token": token}

    # ---- The workbench ----------------------------------------------------------------------

    async def workbench(self, method: str, path: str, body: Any = None, /, **query: Any) -> Any:
        """Send a request to the control API, at a path below ``/_mock``; return the JSON answer.

        Raises WorkbenchError.
        """
        try:
            answer = await self.client.request(
                method, f"/_mock{path}", json=body, params=query, headers=self._key()
            )
        except (httpx.ConnectError, httpx.UnsupportedProtocol) as error:
            raise self._no_mock() from error
        return self._content(answer)

    async def _store(self, method: str, path: str, body: Any = None, /, **query: Any) -> Any:
        return await self.workbench(method, self._path(path), body, **query)

    async def health(self) -> Json:
        """Return that the mock answers, and its versions."""
        found: Json = await self.workbench("GET", "/health")
        return found

    async def ready(self) -> Json:
        """Return that the API can be used. Raises WorkbenchError if not."""
        found: Json = await self.workbench("GET", "/ready")
        return found

    async def watched(self) -> Json:
        """Return the files that the mock watches, and what is wrong with their last change."""
        found: Json = (await self.workbench("GET", "/watched"))["data"]
        return found

    async def metrics(self) -> str:
        """Return the metrics in Prometheus' text format."""
        found: str = await self.workbench("GET", "/metrics")
        return found

    async def rules(self) -> list[Json]:
        """Return the rules of the contract, in the order of judgement."""
        found: list[Json] = (await self.workbench("GET", "/rules"))["data"]
        return found

    async def stores(self) -> list[Json]:
        """Return a summary of every store."""
        found: list[Json] = (await self.workbench("GET", "/stores"))["data"]
        return found

    async def scenarios(self) -> list[Json]:
        """Return the built-in scenarios."""
        found: list[Json] = (await self.workbench("GET", "/scenarios"))["data"]
        return found

    async def available_breaks(self) -> list[Json]:
        """Return the ways in which a rule can be broken."""
        found: list[Json] = (await self.workbench("GET", "/breaks"))["data"]
        return found

    async def storeless_requests(self, **filters: Any) -> list[Json]:
        """Return the last requests that belong to no store, oldest first."""
        found: list[Json] = (await self.workbench("GET", "/requests", **filters))["data"]
        return found

    async def summary(self) -> Json:
        """Return a summary of the store."""
        found: Json = (await self._store("GET", ""))["data"]
        return found

    async def delete(self) -> None:
        """Delete the store with all it holds; its tokens stop working."""
        await self._store("DELETE", "")

    async def reset(self, *keep: str) -> None:
        """Reset the store to the state of a new one, except for the parts named in ``keep``."""
        await self._store("POST", "/reset", {"keep": keep})

    async def seed(self, scenario: str, **options: Any) -> None:
        """Replace the content of the store by a built-in scenario."""
        await self._store("POST", "/seed", {"scenario": scenario, **options})

    async def export_state(self, *, times: bool = False) -> Json:
        """Return the content of the store, as a seed file has it."""
        found: Json = await self._store("GET", "/state", times=_flag(times))
        return found

    async def import_state(self, state: Json) -> None:
        """Replace the content of the store by that of an export."""
        await self._store("PUT", "/state", state)

    async def people(self, find: str = "", limit: int = 20) -> list[Json]:
        """Return customers and accounts with a text in their name, email or id, newest first."""
        found: list[Json] = (await self._store("GET", "/people", find=find, limit=limit))["data"]
        return found

    async def add_customer(self, name: str, email: str, password: str | None = None) -> Json:
        """Add a customer and return the new record. A customer needs a password to log in."""
        sent = _given({"name": name, "email": email, "password": password})
        added: Json = (await self._store("POST", "/customers", sent))["data"]
        return added

    async def log_in(self, id: str, type: str = "customer") -> Json:  # noqa: A002  # the API's names
        """Log a customer or an account in without a password; ``headers`` are those to send."""
        login: Json = (await self._store("POST", "/logins", {"type": type, "id": id}))["data"]
        return login

    async def snapshots(self) -> list[Json]:
        """Return the snapshots of the store, oldest first."""
        found: list[Json] = (await self._store("GET", "/snapshots"))["data"]
        return found

    async def take_snapshot(self, name: str) -> None:
        """Save the content of the store under a name."""
        await self._store("PUT", _snapshot(name))

    async def export_snapshot(self, name: str, *, times: bool = False) -> Json:
        """Return the content of a snapshot, as a seed file has it."""
        found: Json = await self._store("GET", _snapshot(name), times=_flag(times))
        return found

    async def restore_snapshot(self, name: str) -> None:
        """Replace the content of the store by that of a snapshot."""
        await self._store("POST", _snapshot(name, "/restore"))

    async def delete_snapshot(self, name: str) -> None:
        """Delete a snapshot."""
        await self._store("DELETE", _snapshot(name))

    async def diff(self, before: str, after: str | None = None) -> Json:
        """Return what changed since a snapshot, until another one or until now."""
        found: Json = await self._store(
            "GET", "/diff", **_given({"before": before, "after": after})
        )
        return found

    async def fault(self, kind: str, **plan: Any) -> str:
        """Inject a fault into some of the next requests; return its id."""
        found: str = (await self._store("POST", "/faults", {"kind": kind, **plan}))["data"]["id"]
        return found

    async def faults(self) -> list[Json]:
        """Return the faults in force."""
        found: list[Json] = (await self._store("GET", "/faults"))["data"]
        return found

    async def remove_fault(self, fault: str) -> None:
        """Remove a fault by its id."""
        await self._store("DELETE", f"/faults/{_segment(fault)}")

    async def clear_faults(self) -> None:
        """Remove every fault."""
        await self._store("DELETE", "/faults")

    async def time(self) -> Json:
        """Return the store's time."""
        found: Json = (await self._store("GET", "/clock"))["data"]
        return found

    async def clock(self, action: str, **change: Any) -> Json:
        """Freeze, advance, set or resume the store's clock; return its new state."""
        found: Json = (await self._store("POST", "/clock", {"action": action, **change}))["data"]
        return found

    async def broken(self) -> list[str]:
        """Return the rules that the store breaks."""
        found: list[str] = (await self._store("GET", "/breaks"))["data"]
        return found

    async def breaks(self, *names: str) -> None:
        """Let the store break exactly these rules."""
        await self._store("PUT", "/breaks", {"breaks": names})

    async def stubs(self) -> list[Json]:
        """Return the stubs of the store."""
        found: list[Json] = (await self._store("GET", "/stubs"))["data"]
        return found

    async def set_stubs(self, *stubs: Json) -> None:
        """Answer paths that the contract does not have with exactly these stubs."""
        await self._store("PUT", "/stubs", {"stubs": stubs})

    async def forward(self) -> Json:
        """Return the server that gets the requests for other paths."""
        found: Json = (await self._store("GET", "/forward"))["data"]
        return found

    async def set_forward(self, url: str | None, **options: Any) -> None:
        """Forward requests for other paths to a server; None forwards nothing.

        ``options`` are ``authorization`` and ``timeout``.
        """
        await self._store("PUT", "/forward", {"url": url, **options})

    async def remove_forward(self) -> None:
        """Forward as the mock was started to."""
        await self._store("DELETE", "/forward")

    async def requests(self, **filters: Any) -> list[Json]:
        """Return the requests of the store, oldest first."""
        found: list[Json] = (await self._store("GET", "/requests", **filters))["data"]
        return found

    async def clear_requests(self) -> None:
        """Empty the request log of the store."""
        await self._store("DELETE", "/requests")

    async def explain(self, answer: httpx.Response | str) -> Json:
        """Return the explanation of an answer, or of the one with that X-Request-Id."""
        found: Json = (await self.workbench("GET", f"/requests/{_segment(_request_id(answer))}"))[
            "data"
        ]["explanation"]
        return found

    async def verify(self, **expectation: Any) -> None:
        """Check that the store received such requests, that many times.

        Raises AssertionError, which describes the most similar request.
        """
        _check(expectation, await self._store("POST", "/verify", expectation))

    async def coverage(self, *required: str) -> Json:
        """Return which parts of the contract the store's requests have exercised."""
        found: Json = await self._store("GET", "/coverage", require=",".join(required))
        return found

    async def coverage_junit(self, *required: str) -> str:
        """Return the coverage as JUnit XML."""
        found: str = await self._store(
            "GET", "/coverage", output="junit", require=",".join(required)
        )
        return found

    async def clear_coverage(self) -> None:
        """Count from zero again."""
        await self._store("DELETE", "/coverage")
