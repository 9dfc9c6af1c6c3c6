"""Connections to the shared store. Calls of the same moment share one write to the socket.

redis-py finds the server, connects, authenticates and parses. This module only keeps several calls
on their way at once, which redis-py's clients do not.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from hiredis import pack_command
from redis.asyncio import ConnectionPool, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import AbstractConnection, parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.exceptions import ConnectionError as LinkBroken

Future = asyncio.Future[Any]

CONNECT_TIMEOUT = 2.0
"""Seconds to wait for a connection."""


class Link:
    """One connection with calls in flight. It connects on first use, and again after a failure."""

    def __init__(self, new_connection: Callable[[], AbstractConnection]) -> None:
        self._new_connection = new_connection
        self._connection: AbstractConnection | None = None
        self._opening: asyncio.Task[None] | None = None
        self._queue: list[bytes] = []
        self._waiting: deque[Future] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    async def call(self, *commands: tuple[Any, ...], seconds: float) -> list[Any]:
        """Send commands one after the other, and return their replies, errors included.

        Raises redis.exceptions.ConnectionError; then the commands may have been carried out.
        """
        if self._connection is None:
            if self._opening is None:
                self._opening = asyncio.create_task(self._open())
                self._opening.add_done_callback(self._opened)
            try:
                async with asyncio.timeout(seconds):
                    await asyncio.shield(self._opening)
            except TimeoutError as error:
                raise LinkBroken("it does not accept connections") from error
        connection = self._connection
        if connection is None:
            raise LinkBroken("the connection was closed")
        loop = asyncio.get_running_loop()
        replies: list[Future] = []
        for command in commands:
            self._queue.append(pack_command(command))
            reply = loop.create_future()
            replies.append(reply)
            self._waiting.append(reply)
        self._wake.set()
        timer = loop.call_later(seconds, self._fail, LinkBroken("no answer in time"))
        try:
            return [await reply for reply in replies]
        finally:
            timer.cancel()

    def _opened(self, opening: asyncio.Task[None]) -> None:
        self._opening = None
        if not opening.cancelled():
            opening.exception()  # each caller gets it

    async def _open(self) -> None:
        connection = self._new_connection()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await connection.connect()  # type: ignore[no-untyped-call]  # it has no types
        except TimeoutError as error:
            raise LinkBroken("it does not accept connections") from error
        except OSError as error:
            raise LinkBroken(str(error)) from error
        self._connection = connection
        self._wake = asyncio.Event()
        for work in (self._write(connection, self._wake), self._read(connection)):
            task = asyncio.create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _write(self, connection: AbstractConnection, wake: asyncio.Event) -> None:
        try:
            while True:
                await wake.wait()
                wake.clear()
                parts, self._queue = self._queue, []
                await connection.send_packed_command([b"".join(parts)], check_health=False)
        except (RedisError, OSError) as error:
            self._fail_if_current(connection, error)

    async def _read(self, connection: AbstractConnection) -> None:
        try:
            while True:
                try:
                    reply = await connection.read_response(disable_decoding=True, timeout=math.inf)
                except (ResponseError, AuthenticationError) as error:
                    reply = error  # redis-py counts the second kind as broken connections
                future = self._waiting.popleft()
                if not future.done():
                    future.set_result(reply)
        except (RedisError, OSError, IndexError) as error:
            self._fail_if_current(connection, error)

    def _fail_if_current(self, connection: AbstractConnection, error: Exception) -> None:
        if connection is self._connection:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """Close the connection. Every call on its way fails, because replies come in order."""
        connection, self._connection = self._connection, None
        waiting, self._waiting, self._queue = self._waiting, deque(), []
        for reply in waiting:
            if not reply.done():
                reply.set_exception(LinkBroken(str(error)))
                reply.exception()  # a caller that fails at an earlier reply never looks
        for task in self._tasks:
            task.cancel()
        if connection is not None:
            closing = asyncio.ensure_future(connection.disconnect(nowait=True))
            self._tasks.add(closing)
            closing.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Close the connection."""
        self._fail(LinkBroken("the mock stops"))


class Servers(Protocol):
    """The servers of a shared store: which one has a key."""

    async def link_to(self, key: bytes, seconds: float) -> Link:
        """Return the link to the server that has a key, found within that time.

        Raises redis.exceptions.RedisError, TimeoutError.
        """

    async def refresh(self, *, is_refused: bool) -> None:
        """Find the servers again: one of them refused a call, or cannot be reached."""

    async def close(self) -> None:
        """Close every connection."""


class OneServer:
    """A single server, or the primary that sentinels name."""

    def __init__(
        self, new_connection: Callable[[], AbstractConnection],
        close: Callable[[], Awaitable[Any]] | None = None,
    ) -> None:  # fmt: skip
        self._link = Link(new_connection)
        self._close = close

    async def link_to(self, key: bytes, seconds: float) -> Link:  # noqa: ARG002  # it has every key
        """Return the link to the server."""
        return self._link

    async def refresh(self, *, is_refused: bool) -> None:
        """Connect again after a refusal: the server may be the primary no more."""
        if is_refused:
            self._link.close()

    async def close(self) -> None:
        """Close the connection."""
        self._link.close()
        if self._close is not None:
            await self._close()


class Cluster:
    """The primaries of a cluster. redis-py keeps the table of slots."""

    def __init__(self, client: RedisCluster) -> None:
        self._client = client
        self._links: dict[str, Link] = {}
        self._is_known = False

    async def link_to(self, key: bytes, seconds: float) -> Link:
        """Return the link to the primary that has the slot of a key."""
        if not self._is_known:
            async with asyncio.timeout(seconds):
                _ = await self._client.initialize()
            self._is_known = True
        nodes = self._client.nodes_manager
        node = nodes.get_node_from_slot(self._client.keyslot(key))
        link = self._links.get(node.name)
        if link is None:
            link = self._links[node.name] = Link(
                lambda: node.connection_class(**node.connection_kwargs)
            )
        return link

    async def refresh(self, *, is_refused: bool) -> None:  # noqa: ARG002  # both need it
        """Read the table of slots again. Raises redis.exceptions.RedisError."""
        self._is_known = False
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await self._client.aclose()
            _ = await self._client.initialize()
        self._is_known = True

    async def close(self) -> None:
        """Close every connection."""
        for link in self._links.values():
            link.close()
        await self._client.aclose()


class UrlError(Exception):
    """A URL of a shared store that cannot be used. The message says why, without its password."""


SCHEMES = (
    "redis", "rediss", "unix",
    "redis+cluster", "rediss+cluster", "redis+sentinel", "rediss+sentinel",
)  # fmt: skip
_EXAMPLE = "redis://localhost:6379/0, redis+cluster://HOST:PORT or redis+sentinel://HOST:26379/NAME"


def check_url(url: str) -> None:
    """Raise UrlError if a URL names no shared store."""
    try:
        parts = urlsplit(url)
        _ = [urlsplit(f"//{place}").port for place in parts.netloc.rpartition("@")[2].split(",")]
    except ValueError as error:
        raise UrlError(f"its address is malformed ({error}); send one such as {_EXAMPLE}") from None
    if parts.scheme not in SCHEMES:
        raise UrlError(f"its scheme must be one of {', '.join(SCHEMES)}; send {_EXAMPLE}")
    if parts.scheme != "unix" and not parts.hostname:
        raise UrlError(f"it has no host; send one such as {_EXAMPLE}")
    if parts.scheme.endswith("+sentinel") and not parts.path.strip("/"):
        raise UrlError("its path must name the primary, such as redis+sentinel://HOST:26379/NAME")
    try:
        parse_url(_plain(url))
    except ValueError as error:
        raise UrlError(f"{error}; send one such as {_EXAMPLE}") from None


def _plain(url: str) -> str:
    """Return a URL of one server that redis-py can read."""
    parts = urlsplit(url)
    scheme, _, kind = parts.scheme.partition("+")
    login, at, places = parts.netloc.rpartition("@")
    first = places.split(",")[0]
    return urlunsplit((scheme, login + at + first, "" if kind else parts.path, parts.query, ""))


def servers_at(url: str, username: str | None, password: str | None) -> Servers:
    """Return the servers at a URL; a given user name and password outrank those of the URL."""
    options: dict[str, Any] = {
        **parse_url(_plain(url)),
        "protocol": 2,
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "retry": Retry(NoBackoff(), 0),  # this module's callers try again, with the same batch
    }
    if username is not None:
        options["username"] = username
    if password is not None:
        options["password"] = password
    parts = urlsplit(url)
    kind = parts.scheme.partition("+")[2]
    if kind and parts.scheme.startswith("rediss"):
        options["ssl"] = True
    if kind == "cluster":
        for name in ("db", "path", "connection_class"):
            options.pop(name, None)
        options.pop("host", None)
        options.pop("port", None)
        found = [urlsplit(f"//{place}") for place in parts.netloc.rpartition("@")[2].split(",")]
        nodes = [ClusterNode(str(a.hostname), a.port or 6379) for a in found]
        return Cluster(RedisCluster(startup_nodes=nodes, **options))
    if kind == "sentinel":
        return _behind_sentinels(parts.netloc.rpartition("@")[2], parts.path.strip("/"), options)
    pool = ConnectionPool(**options)
    return OneServer(pool.make_connection, pool.aclose)


def _behind_sentinels(places: str, name: str, options: dict[str, Any]) -> Servers:
    addresses = [urlsplit(f"//{place}") for place in places.split(",")]
    for each in ("host", "port", "db", "path", "connection_class"):
        options.pop(each, None)
    encryption = {name: value for name, value in options.items() if name.startswith("ssl")}
    sentinel = Sentinel(  # type: ignore[no-untyped-call]  # it has no types
        [(a.hostname, a.port or 26379) for a in addresses],
        sentinel_kwargs={"socket_connect_timeout": 0.5, "socket_timeout": 0.5, **encryption},
        **options,
    )
    client = sentinel.master_for(name)
    return OneServer(client.connection_pool.make_connection, client.aclose)
