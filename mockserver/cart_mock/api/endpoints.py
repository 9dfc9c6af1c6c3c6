"""From a request to its answer: gather the facts, judge, write, show.

The contract is compiled once, when the engine is made: for each operation its checks in the order
of judgement, and the statuses of its successes. Between judging and writing nothing
awaits, so that one process is atomic without locks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from cart_spec import Contract, Rule

from cart_mock.api.handlers import Content, Operation, create_access_token, operations
from cart_mock.api.interceptors import Handler
from cart_mock.auth.tokens import Tokens
from cart_mock.http import bodies
from cart_mock.http.checks import protocol_checks, wrong_media
from cart_mock.http.errors import ErrorCatalogue
from cart_mock.http.judged import Checks, in_parts
from cart_mock.http.messages import Answer, Request, Violation, empty_answer, json_answer
from cart_mock.rules import PREDICATES
from cart_mock.rules.caller import access_fault
from cart_mock.rules.context import Caller, Callers, RequestContext, TokenRequestContext
from cart_mock.state.store import Store
from cart_mock.tenants.registry import TenantRegistry

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
        """The answer that shows this content. Raises LookupError if the contract has none such."""
        if content is not None and self._with_content is not None:
            return json_answer(self._with_content, content)
        if content is None and self._empty is not None:
            return self._empty
        raise LookupError("the contract documents no such success")


class Endpoint:
    """One operation of the contract, ready to answer."""

    operation_id: str
    reads_body: bool

    def answer(self, request: Request) -> Answer | Awaitable[Answer]:
        """The answer to a request, or its promise where something has to be waited for.

        Raises only what is a fault of the mock itself.
        """
        raise NotImplementedError

    async def judge_and_act(self, ctx: Any) -> Answer:
        """The answer that the rules and the operation give."""
        raise NotImplementedError


class AccessTokenEndpoint(Endpoint):
    """``createAccessToken``: the one operation that needs no access token, and takes a form."""

    operation_id = OAUTH_OPERATION
    reads_body = True

    def __init__(self, engine: Engine, operation: Mapping[str, Any]) -> None:
        self._engine = engine
        self._success = Success(operation)
        self._judgement = judgement(engine.contract.rules_of(OAUTH_OPERATION))

    def answer(self, request: Request) -> Answer | Awaitable[Answer]:
        media = bodies.media_type(request.headers.get(b"content-type", b""))
        if media not in ("", bodies.FORM):
            return self._unread(request, "media-type-unsupported", wrong_media(media, bodies.FORM))
        try:
            form = bodies.read_form(request.body)
        except bodies.Malformed as error:
            return self._unread(request, "body-malformed", Violation(str(error), "Send a form."))
        breaks = self._engine.breaks
        if breaks is not None:
            form = breaks.form(form)
        ctx = TokenRequestContext(request, form, self._engine.stores)
        if ctx.store is not None and ctx.store.intervention is not None:
            return self._answer_later(ctx, ctx.store, ctx.store.intervention)
        answer = self._judge(ctx)
        if breaks is not None:
            answer = breaks.shown(self.operation_id, ctx, answer)
        journal = self._engine.journal if ctx.store is None else ctx.store.journal
        journal.record(request, self.operation_id, answer, ctx)
        return answer

    def _unread(self, request: Request, error_id: str, breach: Violation) -> Answer:
        answer = self._engine.errors.answer(error_id, breach)
        self._engine.journal.record(request, self.operation_id, answer, None)
        return answer

    async def judge_and_act(self, ctx: TokenRequestContext) -> Answer:
        return self._judge(ctx)

    async def _answer_later(
        self, ctx: TokenRequestContext, store: Store, intervention: Handler
    ) -> Answer:
        answer = await intervention(self, ctx)
        store.journal.record(ctx.request, self.operation_id, answer, ctx)
        return answer

    def _judge(self, ctx: TokenRequestContext) -> Answer:
        for rule_id, predicate in self._judgement:
            breach = predicate(ctx)
            if breach is not None:
                return self._engine.errors.answer(rule_id, breach)
        return self._success.answer(create_access_token(ctx, self._engine.tokens))


class ApiEndpoint(Endpoint):
    """Every other operation: an access token first, then JSON.

    A request goes through ``checks``: the rules on the caller, what HTTP asks of path and body,
    then the other rules and the body's schema. Where the operation has slow work to prepare, that
    is done once the caller and the body are known to be good, before the other rules judge.
    """

    def __init__(
        self, engine: Engine, operation_id: str, operation: Mapping[str, Any], code: Operation
    ) -> None:
        self.operation_id = operation_id
        self._engine = engine
        self._callers = engine.callers
        self._errors = engine.errors
        self._envelope_only = engine.envelope_only
        self._act, self._prepare = code
        self._success = Success(operation)
        self.reads_body = "requestBody" in operation
        rules = [r for r in engine.contract.rules_of(operation_id) if r.id != _ACCESS_RULE]
        checks = protocol_checks(engine.contract, operation_id)
        self.checks_before_preparing = (
            *judgement(r for r in rules if r.group == "caller"),
            *checks.before_rules,
        )
        self.checks_after_preparing = (
            *judgement(r for r in rules if r.group != "caller"),
            *checks.after_rules,
        )
        self._parts = in_parts(self.checks_before_preparing + self.checks_after_preparing)

    def answer(self, request: Request) -> Answer | Awaitable[Answer]:
        caller = self._callers.of(request.headers)
        store = caller.store
        if store is None:
            if self._engine.breaks is not None:
                caller = self._engine.breaks.caller(request, caller)
                store = caller.store
            if store is None:
                return self._unauthorized(request, caller)
        ctx = RequestContext(request, caller, store, envelope_only=self._envelope_only)
        if self._prepare is not None or store.intervention is not None:
            return self._answer_later(ctx)
        answer = self._judge(ctx) or self._success.answer(self._act(ctx))
        store.journal.record(request, self.operation_id, answer, ctx)
        return answer

    def _judge(self, ctx: RequestContext) -> Answer | None:
        """The answer of the first check of all that fails, or None.

        What such a request got before for what it says is not found out again.
        """
        before, of_request, after = self._parts
        refusal = self.refusal(before, ctx)
        if refusal is not None:
            return refusal
        reading = ctx.request.reading
        if reading is None:
            refusal = self.refusal(of_request, ctx)
        elif reading.said is None:
            refusal = reading.refusal = self.refusal(of_request, ctx)
            reading.said = ctx.of_request()
        else:
            refusal = reading.refusal
            vars(ctx).update(reading.said)
        return refusal or self.refusal(after, ctx)

    async def judge_and_act(self, ctx: RequestContext) -> Answer:
        refusal = self.refusal(self.checks_before_preparing, ctx)
        if refusal is not None:
            return refusal
        await self.prepare(ctx)
        refusal = self.refusal(self.checks_after_preparing, ctx)
        return refusal or self.act(ctx)

    def refusal(self, checks: Checks, ctx: RequestContext) -> Answer | None:
        """The answer of the first check that fails, or None."""
        for error_id, check in checks:
            breach = check(ctx)
            if breach is not None:
                return self._errors.answer(error_id, breach)
        return None

    def refuse(self, error_id: str, breach: Violation) -> Answer:
        """The answer of a rule or protocol error."""
        return self._errors.answer(error_id, breach)

    async def prepare(self, ctx: RequestContext) -> None:
        """Do the slow work of the operation, if it has any."""
        if self._prepare is not None:
            await self._prepare(ctx)

    def act(self, ctx: RequestContext) -> Answer:
        """Do what was asked, unjudged, and show it."""
        return self._success.answer(self._act(ctx))

    async def _answer_later(self, ctx: RequestContext) -> Answer:
        store = ctx.store
        if store.intervention is None:
            answer = await self.judge_and_act(ctx)
        else:
            answer = await store.intervention(self, ctx)
        store.journal.record(ctx.request, self.operation_id, answer, ctx)
        return answer

    def _unauthorized(self, request: Request, caller: Caller) -> Answer:
        fault = access_fault(caller)
        if fault is None:
            raise LookupError("a caller without a store must have a fault")
        answer = self._errors.answer(_ACCESS_RULE, fault)
        if self._engine.breaks is not None:
            answer = self._engine.breaks.shown(self.operation_id, Unknown(request), answer)
        self._engine.journal.record(request, self.operation_id, answer, None)
        return answer


class Unknown(NamedTuple):
    """All there is to know of a request without a valid access token."""

    request: Request


class ProcessBreaks(Protocol):
    """Broken rules where no store's layers reach: before it is known whose a request is.

    ``of_stores`` are the names of those that every new store has in its layers.
    """

    of_stores: tuple[str, ...]

    def form(self, form: dict[str, str]) -> dict[str, str]:
        """The form of a request for an access token, as it is to be taken."""

    def caller(self, request: Request, caller: Caller) -> Caller:
        """Who a caller without a valid access token is to be taken for."""

    def shown(
        self, operation_id: str, ctx: TokenRequestContext | Unknown, answer: Answer
    ) -> Answer:
        """The answer as it is sent."""


class Engine:
    """Everything that answers requests, compiled from the contract.

    ``journal`` has the requests that belong to no store: those without a valid access token.
    ``breaks`` are the process's broken rules, None if all are intact.

    Raises LookupError, naming them, if operations or refusals of the contract are not implemented.
    """

    def __init__(
        self, contract: Contract, stores: TenantRegistry, *, envelope_only: bool = False
    ) -> None:
        self.contract = contract
        self.stores = stores
        self.envelope_only = envelope_only
        self.errors = ErrorCatalogue(contract)
        self.tokens = Tokens(stores.signing_key)
        self.journal = stores.new_journal()
        self.callers = Callers(stores, self.tokens)
        self.breaks: ProcessBreaks | None = None
        code = operations(self.tokens)
        self.endpoints: dict[str, Endpoint] = {}
        for operation_id, (method, path) in contract.operations.items():
            operation = contract.document["paths"][path][method.lower()]
            self.endpoints[operation_id] = (
                AccessTokenEndpoint(self, operation)
                if operation_id == OAUTH_OPERATION
                else ApiEndpoint(self, operation_id, operation, code[operation_id])
            )


INTERNAL = Violation(
    "this is a fault of the server, not of the request",
    "Its log has more under the id in the X-Request-Id header.",
)


def judgement(rules: Iterable[Rule]) -> Checks:
    """The predicates of those rules that are refusals, in the same order."""
    refusals = [rule for rule in rules if rule.is_refusal]
    missing = [rule.id for rule in refusals if rule.id not in PREDICATES]
    if missing:
        raise LookupError(f"rules without a predicate: {', '.join(missing)}")
    return tuple((rule.id, PREDICATES[rule.id]) for rule in refusals)
