"""Applies the faults of a tenant to its requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from cart_spec import Contract
from msgspec.structs import replace

from cart_mock.api.endpoints import Endpoint, Mock
from cart_mock.api.interceptors import Context, Handler
from cart_mock.bodies import Malformed
from cart_mock.errors import ErrorCatalogue
from cart_mock.messages import Answer, Header, Violation
from cart_mock.owners import OwnerType
from cart_mock.rules.context import RequestContext, TokenRequestContext
from cart_mock.tenants.faults import InjectedFault, Kind, Plan
from cart_mock.tenants.tenant import Tenant

INJECTED = Violation(
    "a fault of the workbench asked for this answer",
    "Take the fault back, or send the request again when it is used up.",
)


def apply_faults(mock: Mock) -> None:
    """Apply the faults of every present and future tenant to its requests."""
    injector = FaultInjector(mock)

    def prepare(tenant: Tenant) -> None:
        tenant.faults.injector = injector

    mock.tenants.on_create.append(prepare)
    for tenant in mock.tenants:
        prepare(tenant)


class FaultInjector:
    """The interceptor of the tenants that have faults."""

    def __init__(self, mock: Mock) -> None:
        self._mock = mock
        self._contract: Contract = mock.contract
        self._errors: ErrorCatalogue = mock.errors
        self._operations_of = lru_cache(maxsize=1024)(self._find_operations)

    def __call__(
        self, endpoint: Endpoint, ctx: Context, proceed: Handler
    ) -> Answer | Awaitable[Answer]:
        """Return the answer after the faults that take this request."""
        tenant = ctx.tenant
        assert tenant is not None  # the interceptor is only called for requests of a tenant
        replay = self._mock.replay
        latencies, decisive = tenant.faults.take(
            lambda plan: (
                endpoint.operation_id in self._operations_of(plan.operation, plan.rule)
                and _is_about(plan, ctx)
            )
        )

        if latencies and replay is not None:
            seconds = sum(fault.latency() for fault in latencies)
            made: Answer = replay.delay(seconds, latencies[-1].to_dict(), decisive)
            return made

        def answer() -> Answer | Awaitable[Answer]:
            if decisive is None:
                return proceed(endpoint, ctx)
            return self._fail(decisive, lambda: proceed(endpoint, ctx))

        return _delayed(tenant, latencies, answer) if latencies else answer()

    async def finish(
        self, decisive: InjectedFault | None, latency: Mapping[str, Any], endpoint: Endpoint,
        ctx: Context, proceed: Handler,
    ) -> Answer:  # fmt: skip
        """Return the answer to a request whose faults were taken before it was delayed."""

        def judge() -> Answer | Awaitable[Answer]:
            return proceed(endpoint, ctx)

        made = judge() if decisive is None else self._fail(decisive, judge)
        made = made if isinstance(made, Answer) else await made
        return made if made.fault is not None else replace(made, fault=latency)

    def _fail(
        self, fault: InjectedFault, proceed: Callable[[], Answer | Awaitable[Answer]]
    ) -> Answer | Awaitable[Answer]:
        kind, described = fault.plan.kind, fault.to_dict()
        if kind == "error":
            return replace(self._error(fault.plan), fault=described)
        if kind == "drop":
            return Answer(0, delivery="drop", fault=described)
        if kind == "stall":
            return Answer(0, delivery="stall", fault=described)
        made = proceed()
        if isinstance(made, Answer):
            return _spoilt(made, kind, described)
        return _spoilt_later(made, kind, described)

    def _error(self, plan: Plan) -> Answer:
        retry: tuple[Header, ...] = ()
        if plan.retry_after is not None:
            retry = ((b"retry-after", b"%d" % plan.retry_after),)
        return self._errors.answer(plan.rule or "", INJECTED, *retry)

    def _find_operations(self, operation: str | None, rule_id: str | None) -> frozenset[str]:
        operations = frozenset(self._contract.operations)
        rule = next((rule for rule in self._contract.rules if rule.id == rule_id), None)
        if rule is not None:
            operations = frozenset(rule.operations)
        return operations if operation is None else operations & {operation}


async def _delayed(
    tenant: Tenant,
    latencies: list[InjectedFault],
    answer: Callable[[], Answer | Awaitable[Answer]],
) -> Answer:
    await tenant.clock.sleep(sum(fault.latency() for fault in latencies))
    tenant.require()
    made = answer()
    made = made if isinstance(made, Answer) else await made
    return made if made.fault is not None else replace(made, fault=latencies[-1].to_dict())


def _spoilt(answer: Answer, kind: Kind, described: Mapping[str, Any]) -> Answer:
    """Return an answer whose request took effect, with a fault in its delivery."""
    if kind == "lose-reply":
        return replace(answer, delivery="drop", fault=described)
    if kind == "truncate":
        return replace(answer, delivery="truncate", fault=described)
    # Valid up to its last character, to detect clients that do not parse to the end.
    return replace(answer, body=answer.body[:-1], fault=described)


async def _spoilt_later(
    promise: Awaitable[Answer], kind: Kind, described: Mapping[str, Any]
) -> Answer:
    return _spoilt(await promise, kind, described)


def _is_about(plan: Plan, ctx: Context) -> bool:
    """Return whether a request concerns the cart and the owners that a plan names."""
    if plan.cart is not None and plan.cart not in _carts(ctx):
        return False
    if plan.account is not None and plan.account not in _accounts(ctx):
        return False
    return plan.customer is None or plan.customer in _customers(ctx)


def _carts(ctx: Context) -> set[str | None]:
    if isinstance(ctx, TokenRequestContext):
        return set()
    return {ctx.request.path_params.get("cartID"), _sent(ctx, "id")}


def _customers(ctx: Context) -> set[Any]:
    if isinstance(ctx, TokenRequestContext):
        return set()
    named = {ctx.caller.customer_id, ctx.request.path_params.get("customerID")}
    named.update(_named(ctx, "customer"))
    email = _sent(ctx, "email")
    if email is not None:
        customer = ctx.store.customer_with_email(email)
        named.add(None if customer is None else customer.id)
    return {name for name in named if isinstance(name, str)}


def _accounts(ctx: Context) -> set[Any]:
    if isinstance(ctx, TokenRequestContext):
        return set()
    named = {ctx.caller.account_id, ctx.request.path_params.get("accountID")}
    named.update(_named(ctx, "account"))
    username = _sent(ctx, "username")
    accounts = ctx.store.accounts
    member = None if username is None else accounts.member_with_username(username)
    if member is not None:
        named.update(account.id for account in accounts.accounts_of(member.id, 0, 100)[0])
    return {name for name in named if isinstance(name, str)}


def _named(ctx: RequestContext, kind: OwnerType) -> Iterator[Any]:
    """Yield the ids in the body of an association request for that kind of owner."""
    if ctx.owner_type == kind and isinstance(ctx.entries, list):
        yield from (entry.get("id") for entry in ctx.entries if isinstance(entry, dict))


def _sent(ctx: RequestContext, field: str) -> str | None:
    try:
        value = ctx.data.get(field)
    except Malformed:
        return None
    return value if isinstance(value, str) else None
