"""From a request to its answer: gather the context, judge, act, render.

Each operation of the contract is compiled once: its checks in the order of judgement, its handler
and the statuses of its successes. Nothing awaits between judging and acting, so one process is
atomic without locks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

from cart_spec import Contract

from cart_mock import bodies
from cart_mock.api.handlers import PREPARATIONS, Content
from cart_mock.api.operations import operations
from cart_mock.auth.tokens import Tokens
from cart_mock.errors import ErrorCatalogue
from cart_mock.messages import Answer, Request, Violation, empty_answer, json_answer
from cart_mock.owners import OWNER_TYPES, OwnerType
from cart_mock.rules import Checks, judgement
from cart_mock.rules.caller import access_violation
from cart_mock.rules.context import (
    Caller,
    Callers,
    RequestContext,
    TokenRequestContext,
    unknown_tenant,
)
from cart_mock.rules.protocol_checks import protocol_checks, wrong_media
from cart_mock.rules.refusal_context import refusal_context
from cart_mock.state.tinydb_tables import StorageClosed
from cart_mock.tenants.faults import InjectedFault
from cart_mock.tenants.forward import Forward
from cart_mock.tenants.interceptors import Interceptor
from cart_mock.tenants.registry import TenantRegistry
from cart_mock.tenants.tenant import Tenant, TenantDeleted

OAUTH_OPERATION = "createAccessToken"
_ACCESS_RULE = "access-token-invalid"


class Success:
    """The statuses of an operation's documented successes: with content, and without."""

    def __init__(self, operation: Mapping[str, Any]) -> None:
        statuses = {
            int(status): "content" in response
            for status, response in operation["responses"].items()
            if status.startswith("2")
        }
        self._with_content = next((s for s, content in statuses.items() if content), None)
        empty = next((s for s, content in statuses.items() if not content), None)
        self._empty = None if empty is None else empty_answer(empty)

    def answer(self, content: Content) -> Answer:
        """Return the answer with this content.

        Raises LookupError if the contract does not define it.
        """
        if content is not None and self._with_content is not None:
            return json_answer(self._with_content, content)
        if content is None and self._empty is not None:
            return self._empty
        raise LookupError("the contract documents no such success")


class Endpoint:
    """One compiled operation of the contract.

    ``ctx`` is not typed here because each type of endpoint has its own type of context.
    """

    operation_id: str
    reads_body: bool
    _mock: Mock

    def answer(self, request: Request) -> Answer | Awaitable[Answer]:
        """Return the answer to a request, or an awaitable if something must wait, and log both.

        Raises an exception only if the mock itself fails.
        """
        raise NotImplementedError

    def context(self, request: Request) -> RequestContext | None:  # noqa: ARG002  # others need it
        """Return the context of a request, None without a valid access token."""
        return None

    def judge(self, ctx: Any) -> Answer | Awaitable[Answer]:
        """Return the refusal of a rule, or the answer of the operation if every rule passes."""
        raise NotImplementedError

    def _interceptors(self, tenant: Tenant) -> tuple[Interceptor, ...]:
        """Return what is around the judgement of a tenant's requests, outermost first."""
        replay = self._mock.replay
        return tenant.interceptors.active if replay is None else replay.interceptors(tenant)

    def _intercepted(
        self, interceptors: Sequence[Interceptor], ctx: Any
    ) -> Answer | Awaitable[Answer]:
        """Return the answer of the outermost interceptor.

        The innermost one proceeds to the rules.
        """
        handler: Callable[[Endpoint, Any], Answer | Awaitable[Answer]] = _judge
        for interceptor in reversed(interceptors):
            handler = partial(_intercept, interceptor, handler)
        return handler(self, ctx)


def _judge(endpoint: Endpoint, ctx: Any) -> Answer | Awaitable[Answer]:
    return endpoint.judge(ctx)


def _intercept(
    interceptor: Callable[..., Answer | Awaitable[Answer]], proceed: Callable[..., Any],
    endpoint: Endpoint, ctx: Any,
) -> Answer | Awaitable[Answer]:  # fmt: skip
    return interceptor(endpoint, ctx, proceed)


class AccessTokenEndpoint(Endpoint):
    """``createAccessToken``: the one operation that needs no access token, and takes a form."""

    operation_id = OAUTH_OPERATION
    reads_body = True

    def __init__(
        self, mock: Mock, operation: Mapping[str, Any],
        handler: Callable[[TokenRequestContext], Content],
    ) -> None:  # fmt: skip
        self._mock = mock
        self._act = handler
        self._success = Success(operation)
        rules = mock.contract.rules_of(OAUTH_OPERATION)
        self._checks = judgement(rules, mock.contract.owners)

    def answer(self, request: Request) -> Answer | Awaitable[Answer]:
        """Return the answer to a request for an access token."""
        media = bodies.media_type(request.headers.get(b"content-type", b""))
        if media not in ("", bodies.FORM):
            return self._unread(request, "media-type-unsupported", wrong_media(media, bodies.FORM))
        try:
            form = bodies.read_form(request.body)
        except bodies.Malformed as error:
            return self._unread(request, "body-malformed", Violation(str(error), "Send a form."))
        if self._mock.breaks is not None:
            form = self._mock.breaks.form(form)
        name = TokenRequestContext.tenant_of(form)
        if name is not None and self._mock.tenants.takes_long(name):
            return self._answer_later(name, request, form)
        return self._answer(request, form)

    async def _answer_later(self, name: str, request: Request, form: dict[str, str]) -> Answer:
        await self._mock.tenants.use_in_thread(name)
        made = self._answer(request, form)
        return made if isinstance(made, Answer) else await made

    def _answer(self, request: Request, form: dict[str, str]) -> Answer | Awaitable[Answer]:
        ctx = TokenRequestContext(request, form, self._mock.tenants)
        active = () if ctx.tenant is None else self._interceptors(ctx.tenant)
        if active:
            made = self._intercepted(active, ctx)
            return self._record(ctx, made) if isinstance(made, Answer) else self._wait(ctx, made)
        answer = self.judge(ctx)
        if self._mock.breaks is not None:
            answer = self._mock.breaks.patched(self.operation_id, ctx, answer)
        return self._record(ctx, answer)

    def judge(self, ctx: TokenRequestContext) -> Answer:
        """Return the refusal of the rules on the form, or a new access token."""
        for rule_id, predicate in self._checks:
            violation = predicate(ctx)
            if violation is not None:
                return self._mock.errors.answer(rule_id, violation)
        return self._success.answer(self._act(ctx))

    def _unread(self, request: Request, error_id: str, violation: Violation) -> Answer:
        answer = self._mock.errors.answer(error_id, violation)
        self._mock.request_log.record(request, self.operation_id, answer)
        return answer

    def _record(self, ctx: TokenRequestContext, answer: Answer) -> Answer:
        log = self._mock.request_log if ctx.tenant is None else ctx.tenant.request_log
        log.record(ctx.request, self.operation_id, answer)
        return answer

    async def _wait(self, ctx: TokenRequestContext, promise: Awaitable[Answer]) -> Answer:
        try:
            answer = await promise
        except TenantDeleted:
            # As if the request had arrived after the deletion: it creates a new tenant.
            ctx = TokenRequestContext(ctx.request, ctx.form, self._mock.tenants)
            answer = self.judge(ctx)
        return self._record(ctx, answer)


class ApiEndpoint(Endpoint):
    """Every other operation: an access token first, then JSON.

    The checks come in this order: the rules on the caller, what HTTP asks of path and body, then
    the other rules and the body's schema. If the operation has slow work to prepare, that is done
    after the caller and the body were accepted, and before the other rules judge.
    """

    def __init__(
        self, mock: Mock, operation_id: str, operation: Mapping[str, Any],
        handler: Callable[[RequestContext], Content],
    ) -> None:  # fmt: skip
        self.operation_id = operation_id
        self._mock = mock
        self._callers = mock.callers
        self._errors = mock.errors
        self._envelope_only = mock.envelope_only
        self._act = handler
        self._prepare = PREPARATIONS.get(operation_id)
        self._success = Success(operation)
        self.reads_body = "requestBody" in operation
        rules = [r for r in mock.contract.rules_of(operation_id) if r.id != _ACCESS_RULE]
        kinds = mock.contract.owners
        ids = {rule.id for rule in rules}
        self._takes = tuple(kind for kind in OWNER_TYPES if f"{kind}-token-invalid" in ids)
        """The kinds of owner whose tokens the operation takes."""
        self.owner_kind = next(
            (kinds[kind] for kind in OWNER_TYPES if f"type-not-{kind}" in ids), None
        )
        checks = protocol_checks(mock.contract, operation_id)
        self.checks_before_preparing = (
            *judgement((r for r in rules if r.group == "caller"), kinds),
            *checks.before_rules,
        )
        self.checks_after_preparing = (
            *judgement((r for r in rules if r.group != "caller"), kinds),
            *checks.after_rules,
        )

    def answer(self, request: Request) -> Answer | Awaitable[Answer]:
        """Find the caller, and return the answer to the request."""
        caller = self._callers.of(request.headers, self._takes)
        tenant = caller.tenant
        if tenant is None:
            if self._mock.breaks is not None:
                caller = self._mock.breaks.caller(request, caller, self._takes)
                tenant = caller.tenant
            if tenant is None:
                return self._unauthorized(request, caller)
        ctx = RequestContext(
            request, caller, tenant, envelope_only=self._envelope_only, owner_kind=self.owner_kind
        )
        active = self._interceptors(tenant)
        made = self._intercepted(active, ctx) if active else self.judge(ctx)
        return self._record(ctx, made) if isinstance(made, Answer) else self._wait(ctx, made)

    def context(self, request: Request) -> RequestContext | None:
        """Return the context of a request, None without a valid access token."""
        caller = self._callers.of(request.headers, self._takes)
        if caller.tenant is None:
            return None
        return RequestContext(
            request, caller, caller.tenant, envelope_only=self._envelope_only,
            owner_kind=self.owner_kind,
        )  # fmt: skip

    def judge(self, ctx: RequestContext) -> Answer | Awaitable[Answer]:
        """Return the first refusal, or the answer of the operation."""
        refusal = self.refusal(self.checks_before_preparing, ctx)
        if refusal is not None:
            return refusal
        if self._prepare is not None:
            return self._judge_prepared(ctx)
        return self.refusal(self.checks_after_preparing, ctx) or self.act(ctx)

    async def _judge_prepared(self, ctx: RequestContext) -> Answer:
        await self.prepare(ctx)
        return self.refusal(self.checks_after_preparing, ctx) or self.act(ctx)

    def refusal(self, checks: Checks, ctx: RequestContext) -> Answer | None:
        """Return the answer of the first check that fails, or None."""
        for error_id, check in checks:
            violation = check(ctx)
            if violation is not None:
                return self._errors.answer(error_id, violation)
        return None

    def refuse(self, error_id: str, violation: Violation) -> Answer:
        """Return the answer of a rule or protocol error."""
        return self._errors.answer(error_id, violation)

    async def prepare(self, ctx: RequestContext) -> None:
        """Do the slow work of the operation, if it has any. Raises TenantDeleted."""
        if self._prepare is not None:
            replay = self._mock.replay
            await (self._prepare(ctx) if replay is None else replay.prepare(ctx))
            ctx.tenant.require()

    def act(self, ctx: RequestContext) -> Answer:
        """Return the answer of the operation itself, unjudged."""
        return self._success.answer(self._act(ctx))

    def _record(self, ctx: RequestContext, answer: Answer) -> Answer:
        log, request = ctx.tenant.request_log, ctx.request
        if answer.refused_by is None:
            log.record(request, self.operation_id, answer, ctx.caller)
        else:
            context = refusal_context(answer, ctx)
            log.record(request, self.operation_id, answer, ctx.caller, context)
        return answer

    async def _wait(self, ctx: RequestContext, promise: Awaitable[Answer]) -> Answer:
        try:
            answer = await promise
        except (TenantDeleted, StorageClosed):
            return self._unauthorized(ctx.request, unknown_tenant(ctx.tenant.name))
        return self._record(ctx, answer)

    def _unauthorized(self, request: Request, caller: Caller) -> Answer:
        violation = access_violation(caller)
        if violation is None:
            raise LookupError("a caller without a tenant must have a problem")
        answer = self._errors.answer(_ACCESS_RULE, violation)
        if self._mock.breaks is not None:
            unidentified = UnidentifiedRequest(request)
            answer = self._mock.breaks.patched(self.operation_id, unidentified, answer)
        self._mock.request_log.record(request, self.operation_id, answer)
        return answer


class UnidentifiedRequest(NamedTuple):
    """All that is known about a request without a valid access token."""

    request: Request


class ProcessBreaks(Protocol):
    """Broken rules for requests whose tenant is not known yet, which have no interceptors.

    ``of_stores`` are the names of the rules that every new tenant breaks.
    """

    of_stores: tuple[str, ...]

    def form(self, form: dict[str, str]) -> dict[str, str]:
        """Return the form of a request for an access token after these breaks."""

    def caller(self, request: Request, caller: Caller, takes: Collection[OwnerType]) -> Caller:
        """Return the caller that a request without a valid access token is attributed to."""

    def patched(
        self, operation_id: str, ctx: TokenRequestContext | UnidentifiedRequest, answer: Answer
    ) -> Answer:
        """Return the answer after these breaks."""


class Replay(Protocol):
    """What a request brings along that is carried out at its place in a log (``shared``)."""

    def interceptors(self, tenant: Tenant) -> tuple[Interceptor, ...]:
        """Return the interceptors of the request."""

    def delay(
        self, seconds: float, latency: Mapping[str, Any], decisive: InjectedFault | None
    ) -> Any:
        """Leave a delayed request; it goes on later."""

    async def prepare(self, ctx: RequestContext) -> None:
        """Bring in the slow work of an operation, which is done already."""


class Mock:
    """The operations for all tenants, compiled from the contract.

    ``request_log`` has the requests that belong to no tenant: those without a valid access token.
    ``breaks`` are the process's broken rules, None if all are intact. ``endpoints`` has what was
    added so far: Connexion adds each operation when it resolves it, ``add_all`` adds them without.

    Raises LookupError, with their names, if operations or refusals are not implemented.
    """

    def __init__(
        self, contract: Contract, tenants: TenantRegistry, *, envelope_only: bool = False
    ) -> None:
        self.contract = contract
        self.tenants = tenants
        self.envelope_only = envelope_only
        self.errors = ErrorCatalogue(contract)
        self.tokens = Tokens(tenants.signing_key)
        self.request_log = tenants.new_request_log()
        self.callers = Callers(tenants, self.tokens)
        self.breaks: ProcessBreaks | None = None
        self.replay: Replay | None = None
        """What the present request brings along, None unless the mock is one of many."""
        self.forward: Forward | None = None
        """The server for paths that the contract does not have, for tenants without their own."""
        self.handlers = operations(self.tokens, self.errors)
        """The function of each operation, by its ``operationId``."""
        self.endpoints: dict[str, Endpoint] = {}
        judgement(contract.rules, contract.owners)
        missing = [operation for operation in contract.operations if operation not in self.handlers]
        if missing:
            raise LookupError(f"operations without a handler: {', '.join(missing)}")

    def add(self, operation_id: str, handler: Callable[[Any], Content]) -> Endpoint:
        """Compile an operation of the contract: its checks, its handler and its successes."""
        method, path = self.contract.operations[operation_id]
        operation = self.contract.document["paths"][path][method.lower()]
        endpoint = self.endpoints[operation_id] = (
            AccessTokenEndpoint(self, operation, handler)
            if operation_id == OAUTH_OPERATION
            else ApiEndpoint(self, operation_id, operation, handler)
        )
        return endpoint

    def add_all(self) -> None:
        """Compile every operation, to use the mock without HTTP."""
        for operation_id in self.contract.operations:
            self.add(operation_id, self.handlers[operation_id])
