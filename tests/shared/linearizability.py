"""Clients that change the same carts at once, and a check of what they saw.

Each answer must be explained by some order of all requests in which a request that began after
another was answered comes later. Carts are independent of each other, so each cart's requests are
checked apart (Herlihy and Wing 1990, locality; the search is that of Wing and Gong, with the states
that were tried already left out).
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import httpx

State = tuple[str, frozenset[str]] | None
"""The name and the customers of a cart, None if it does not exist."""
Ask = Callable[..., Awaitable[Any]]
"""Sends a request as httpx does, and returns an answer with ``status_code`` and ``json()``."""
FOREVER = 1e9
"""The end of a request whose outcome is not known."""
_NONE: Any = object()
T = TypeVar("T")
S = TypeVar("S")


class Seen(NamedTuple):
    """One request about a cart, and its answer; ``answer`` is None if the outcome is not known.

    ``value`` is a name or a customer; of the action ``set``, which replaces the whole store, it is
    the state that the cart has then.
    """

    began: float
    ended: float
    action: str
    value: Any
    answer: Any


def step(state: State, seen: Seen) -> Iterable[State]:
    """Yield the states after a request, none if its answer is wrong in this state.

    A request without an answer may have done nothing.
    """
    action, value, answer = seen.action, seen.value, seen.answer
    if action == "read":
        after: State = state or ("Cart", frozenset())
        expected: Any = (200, after)
    elif action == "rename":
        after = None if state is None else (value, state[1])
        expected = (404, None) if state is None else (200, after)
    elif action == "create":
        after = state if state is not None else (value, frozenset())
        expected = (409, None) if state is not None else (201, after)
    elif action == "set":
        after, expected = value, (200, None)
    elif action == "delete":
        after = None
        expected = (404 if state is None else 204, None)
    elif state is None:
        after, expected = None, (404, None)
    elif action == "add":
        after = (state[0], state[1] | {value})
        expected = (204 if value in state[1] else 200, None)
    else:
        after = (state[0], state[1] - {value})
        expected = (204, None)
    if answer is None:
        yield state
    if answer is None or answer == expected:
        yield after


def is_linearizable(history: list[Seen], initial: State = None) -> bool:
    """Return whether some order explains a history of one cart."""
    spans = [(seen.began, seen.ended, seen) for seen in history]
    return explains(spans, initial, step, _is_pure)


def explains(
    history: Sequence[tuple[float, float, T]], initial: S, step_: Callable[[S, T], Iterable[S]],
    is_pure: Callable[[T], bool],
) -> bool:  # fmt: skip
    """Return whether some order of requests explains their answers.

    Each request has its beginning, its end, and itself. ``step_`` yields the states after it, none
    if its answer is wrong. ``is_pure`` says that it changes nothing, whenever it comes. A request
    that never ended may take effect at any time, or never.
    """
    order = sorted(range(len(history)), key=lambda at: history[at][0])
    tried: set[tuple[int, frozenset[int], S]] = set()
    # Requests are taken in the order of their beginnings. A state of the search is how many of
    # these are all done, which later ones are done, too, and the object.
    stack: list[tuple[int, frozenset[int], S]] = [(0, frozenset(), initial)]
    while stack:
        first, done, state = stack.pop()
        while first < len(order) and order[first] in done:
            done -= {order[first]}
            first += 1
        if first == len(order):
            return True
        if (first, done, state) in tried:
            continue
        tried.add((first, done, state))
        candidates = _candidates(history, order, first, done)
        # A request that fits and never changes a thing can come next: no other order does better.
        free = [
            at
            for at in candidates
            if history[at][1] < FOREVER and is_pure(history[at][2])
            and next(iter(step_(state, history[at][2])), _NONE) == state
        ]  # fmt: skip
        if free:
            stack.append((first, done | set(free), state))
            continue
        for at in reversed(candidates):
            _, ended, asked = history[at]
            stack.extend((first, done | {at}, after) for after in step_(state, asked))
            if ended >= FOREVER:
                stack.append((first, done | {at}, state))  # it comes after everything, or never
    return False


def _candidates(
    history: Sequence[tuple[float, float, object]], order: Sequence[int], first: int,
    done: frozenset[int],
) -> list[int]:  # fmt: skip
    """Return the requests that may come next: none that is left ended before they began."""
    horizon, found = FOREVER, []
    for place in range(first, len(order)):  # never a copy of what is left of a long history
        at = order[place]
        if at in done:
            continue
        began, ended, _ = history[at]
        if began > horizon:
            break
        horizon = min(horizon, ended)
        found.append(at)
    return found


def _is_pure(seen: Seen) -> bool:
    """Return whether the answer says that the request changed nothing, whenever it came."""
    if seen.answer is None:
        return False
    status, cart = seen.answer
    if seen.action == "read":
        return bool(cart != ("Cart", frozenset()))  # or it may have made the cart
    return status in (404, 409) or (seen.action == "add" and status == 204)


class Workload:
    """Clients that send random requests about a few carts, and note what they see."""

    def __init__(self, ask: Ask, headers: dict[str, str], customers: list[str], *, carts: int,
                 seed: int, cancelled: float = 0.0, lost_is_over: bool = False,
                 prefix: str = "linear") -> None:  # fmt: skip
        """``cancelled`` is the share of requests that their clients give up.

        ``lost_is_over`` says that a request whose connection was lost takes no effect later: so it
        is if one mock acts on a request and closes the connection. Ids of carts have ``prefix``.
        """
        self._cancelled = cancelled
        self._lost_is_over = lost_is_over
        self._ask = ask
        self._headers = headers
        self._customers = customers
        self._carts = [f"{prefix}-{number}" for number in range(carts)]
        self._random = random.Random(seed)
        self._values = itertools.count()
        self.histories: dict[str, list[Seen]] = defaultdict(list)
        self.unknown = 0

    async def run(self, clients: int, operations: int) -> None:
        """Send so many requests from so many clients."""
        numbers = iter(range(operations))

        async def client() -> None:
            for _ in numbers:
                await self._one()

        await asyncio.gather(*(client() for _ in range(clients)))

    async def until(self, asked: int) -> None:
        """Wait until so many requests have ended."""
        while sum(map(len, self.histories.values())) < asked:  # noqa: ASYNC110  # no event for it
            await asyncio.sleep(0.01)

    async def _one(self) -> None:
        cart = self._random.choice(self._carts)
        action = self._random.choices(
            ("read", "rename", "create", "delete", "add", "remove"), (40, 20, 8, 6, 16, 10)
        )[0]
        value = f"name-{next(self._values)}"
        path, method = f"/v2/carts/{cart}", "GET"
        body: Any = None
        if action == "rename":
            method, body = "PUT", {"data": {"name": value}}
        elif action == "create":
            method, path, body = "POST", "/v2/carts", {"data": {"id": cart, "name": value}}
        elif action == "delete":
            method = "DELETE"
        elif action in ("add", "remove"):
            value = self._random.choice(self._customers)
            method = "POST" if action == "add" else "DELETE"
            path += "/relationships/customers"
            body = {"data": [{"type": "customer", "id": value}]}
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._patience()):
                answer = await self._ask(method, path, headers=self._headers, json=body)
        except (httpx.TransportError, OSError, TimeoutError):
            answer = None
        if answer is not None and answer.status_code not in (500, 503):
            seen = Seen(began, time.monotonic(), action, value, _outcome(answer, action))
        else:
            self.unknown += 1
            ended = time.monotonic() if self._lost_is_over else FOREVER
            seen = Seen(began, ended, action, value, None)
        self.histories[cart].append(seen)

    def _patience(self) -> float | None:
        is_short = self._random.random() < self._cancelled
        return self._random.uniform(0.0, 0.02) if is_short else None

    def wrong(self) -> list[str]:
        """Return the carts whose answers no order explains."""
        return [cart for cart, seen in self.histories.items() if not is_linearizable(seen)]


def _outcome(answer: Any, action: str) -> Any:
    if action not in ("read", "rename", "create") or answer.status_code >= 400:
        return answer.status_code, None
    data = answer.json()["data"]
    customers = data["relationships"]["customers"].get("data", [])
    return answer.status_code, (data["name"], frozenset(c["id"] for c in customers))
