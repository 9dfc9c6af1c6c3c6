"""Faults: what lets a share of a store's requests go wrong, repeatably, until it is used up."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, get_args

from msgspec.structs import replace

from cart_mock.api.endpoints import Endpoint
from cart_mock.api.interceptors import Handler
from cart_mock.http.bodies import Malformed
from cart_mock.http.errors import ErrorCatalogue
from cart_mock.http.messages import Answer, Violation
from cart_mock.rules.context import RequestContext, TokenRequestContext
from cart_mock.state.store import Store

Kind = Literal["latency", "error", "drop", "stall", "truncate", "malform", "lose-reply"]
KINDS: tuple[Kind, ...] = get_args(Kind)

LONGEST = 3600.0
"""Seconds that an injected latency lasts at most, of whatever distribution."""


class Plan(NamedTuple):
    """Which requests a fault is for, and what it does to them.

    ``operation``, ``cart`` and ``customer`` narrow it to requests of that operation and about those
    ids. It applies to ``share`` of these, ``times`` times; then it is used up. A latency is
    ``seconds``, or lognormal with that ``median`` in seconds and that ``sigma``. ``rule`` is the id
    of the rule or protocol error that an error answers with, ``retry_after`` in seconds.
    """

    kind: Kind
    seed: int
    operation: str | None = None
    cart: str | None = None
    customer: str | None = None
    times: int | None = None
    share: float | None = None
    seconds: float | None = None
    median: float | None = None
    sigma: float | None = None
    rule: str | None = None
    retry_after: int | None = None


class Fault:
    """A plan in force."""

    def __init__(self, fault_id: str, plan: Plan) -> None:
        self.id = fault_id
        self.plan = plan
        self.applied = 0
        self._random = random.Random(plan.seed)  # noqa: S311  # repeatable on purpose

    def shown(self) -> dict[str, Any]:
        """The fault as the workbench shows it."""
        plan = {name: value for name, value in self.plan._asdict().items() if value is not None}
        return {"id": self.id, "applied": self.applied, **plan}

    def takes(self, endpoint: Endpoint, ctx: Any, operations: frozenset[str]) -> bool:
        """Whether it is applied to that request; counts it if so."""
        plan = self.plan
        if endpoint.operation_id not in operations or self.is_used_up:
            return False
        if plan.cart is not None and plan.cart not in _carts(ctx):
            return False
        if plan.customer is not None and plan.customer not in _customers(ctx):
            return False
        if plan.share is not None and self._random.random() >= plan.share:
            return False
        self.applied += 1
        return True

    @property
    def is_used_up(self) -> bool:
        """Whether it was applied as often as it was to be."""
        return self.plan.times is not None and self.applied >= self.plan.times

    def latency(self) -> float:
        """How long this request waits, in seconds."""
        if self.plan.median is None:
            return self.plan.seconds or 0.0
        return min(
            self._random.lognormvariate(math.log(self.plan.median), self.plan.sigma or 0.0), LONGEST
        )


def _carts(ctx: RequestContext | TokenRequestContext) -> set[Any]:
    if isinstance(ctx, TokenRequestContext):
        return set()
    return {ctx.request.path_params.get("cartID"), _sent(ctx, "id")}


def _customers(ctx: RequestContext | TokenRequestContext) -> set[Any]:
    if isinstance(ctx, TokenRequestContext):
        return set()
    named = {ctx.caller.customer_id, ctx.request.path_params.get("customerID")}
    entries = _sent_entries(ctx)
    named.update(entry.get("id") for entry in entries if isinstance(entry, dict))
    email = _sent(ctx, "email")
    if isinstance(email, str):
        customer = ctx.store.customer_with_email(email)
        named.add(None if customer is None else customer.id)
    return {name for name in named if isinstance(name, str)}


def _sent(ctx: RequestContext, field: str) -> str | None:
    try:
        value = ctx.data.get(field)
    except Malformed:
        return None
    return value if isinstance(value, str) else None


def _sent_entries(ctx: RequestContext) -> list[Any]:
    entries = ctx.entries
    return entries if isinstance(entries, list) else []


class Faults:
    """The faults of one store, in the order in which they were added.

    Latencies add up; the first of the others that takes a request decides what becomes of it.
    ``operations_of`` says which operations a rule is about.
    """

    def __init__(
        self, store: Store, errors: ErrorCatalogue, operations_of: Callable[[Plan], frozenset[str]]
    ) -> None:
        self._store = store
        self._errors = errors
        self._operations_of = operations_of
        self._faults: dict[str, tuple[Fault, frozenset[str]]] = {}
        self._made = 0

    def __iter__(self) -> Iterator[Fault]:
        return iter([fault for fault, _ in self._faults.values()])

    def __len__(self) -> int:
        return len(self._faults)

    def add(self, plan: Plan) -> Fault:
        """Put a plan in force."""
        self._made += 1
        fault = Fault(f"fault-{self._made}", plan)
        self._faults[fault.id] = (fault, self._operations_of(plan))
        self._store.set_interceptor("faults", self._answer)
        return fault

    def remove(self, fault_id: str) -> bool:
        """Take a fault back; whether there was one."""
        found = self._faults.pop(fault_id, None) is not None
        self._settle()
        return found

    def clear(self) -> None:
        """Take every fault back."""
        self._faults.clear()
        self._settle()

    def _settle(self) -> None:
        if not self._faults:
            self._store.set_interceptor("faults", None)

    async def _answer(self, endpoint: Endpoint, ctx: Any, proceed: Handler) -> Answer:
        latencies, decisive = self._of(endpoint, ctx)
        if latencies:
            await self._store.clock.sleep(sum(fault.latency() for fault in latencies))
        if decisive is None:
            answer = await proceed(endpoint, ctx)
            return replace(answer, fault=latencies[-1].shown()) if latencies else answer
        return await self._fail(decisive, endpoint, ctx, proceed)

    def _of(self, endpoint: Endpoint, ctx: Any) -> tuple[list[Fault], Fault | None]:
        latencies, decisive = [], None
        for fault, operations in list(self._faults.values()):
            if fault.plan.kind != "latency" and decisive is not None:
                continue
            if fault.takes(endpoint, ctx, operations):
                if fault.plan.kind == "latency":
                    latencies.append(fault)
                else:
                    decisive = fault
            if fault.is_used_up:
                self.remove(fault.id)
        return latencies, decisive

    async def _fail(self, fault: Fault, endpoint: Endpoint, ctx: Any, proceed: Handler) -> Answer:
        kind, shown = fault.plan.kind, fault.shown()
        if kind == "error":
            return replace(self._error(fault.plan), fault=shown)
        if kind in ("drop", "stall"):
            return Answer(0, delivery="drop" if kind == "drop" else "stall", fault=shown)
        answer = replace(await proceed(endpoint, ctx), fault=shown)
        if kind == "lose-reply":
            return replace(answer, delivery="drop")
        if kind == "truncate":
            return replace(answer, delivery="truncate")
        # Valid up to its last character: a client that does not parse to the end is found out.
        return replace(answer, body=answer.body[:-1])

    def _error(self, plan: Plan) -> Answer:
        retry: tuple[tuple[bytes, bytes], ...] = ()
        if plan.retry_after is not None:
            retry = ((b"retry-after", b"%d" % plan.retry_after),)
        return self._errors.answer(plan.rule or "", INJECTED, *retry)


INJECTED = Violation(
    "a fault of the workbench asked for this answer",
    "Take the fault back, or send the request again when it is used up.",
)


def problem_of(plan: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """What is wrong with a new fault, what to send instead and the field; None if nothing is."""
    kind = plan["kind"]
    if kind == "latency":
        if ("seconds" in plan) == ("median" in plan):
            advice = 'Send "seconds", or "median" with "sigma".'
            return "a latency has either seconds or a median", advice, "seconds"
    elif "seconds" in plan or "median" in plan:
        return f"{kind} has no duration", 'Leave it out, or send "kind":"latency".', "seconds"
    if "sigma" in plan and "median" not in plan:
        return "sigma goes with a median", 'Send "median" too, or leave it out.', "sigma"
    if (kind == "error") != ("rule" in plan):
        if kind == "error":
            advice = 'Send "rule" with the id of a rule; GET /_mock/rules has them.'
            return "an error needs a rule", advice, "rule"
        return f"{kind} has no rule", 'Leave it out, or send "kind":"error".', "rule"
    if "retry_after" in plan and kind != "error":
        return f"{kind} has no Retry-After", "Leave retry_after out.", "retry_after"
    return None
