"""The interceptor that judges a tenant's requests with some rules broken."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from cart_mock.api.endpoints import ApiEndpoint, Endpoint
from cart_mock.api.interceptors import Context, Handler
from cart_mock.breaks.hooks import (
    DELETE,
    POST,
    TWINS,
    ApplyDespiteRefusal,
    Break,
    Hook,
    IgnoreRule,
    PatchError,
    PatchRequest,
    PatchResponse,
    RejectWith,
    ReplaceHandler,
)
from cart_mock.messages import Answer, Violation
from cart_mock.rules import Check, Checks
from cart_mock.rules.context import RequestContext

H = TypeVar("H", bound=Hook)

_ASSOCIATIONS = {POST, DELETE, *TWINS}
_NOT_TAKEN = Violation("it is not taken here", "Send another.")


class BreakRules:
    """An interceptor that replaces the judgement, and violates the broken rules."""

    def __init__(self, breaks: Sequence[Break]) -> None:
        self.breaks = tuple(breaks)

    async def __call__(self, endpoint: Endpoint, ctx: Context, proceed: Handler) -> Answer:
        """Return the answer of the broken rules."""
        operation_id = endpoint.operation_id
        for _, hook in self._hooks(PatchRequest, operation_id):
            if hook.at or isinstance(ctx, RequestContext):
                hook.change(ctx)
        if isinstance(endpoint, ApiEndpoint) and isinstance(ctx, RequestContext):
            answer = await self._judge(endpoint, ctx)
            for _, despite in self._hooks(ApplyDespiteRefusal, operation_id):
                if answer.refused_by in despite.rules and despite.when(ctx):
                    despite.effect(ctx)
        else:
            made = proceed(endpoint, ctx)
            answer = await made if isinstance(made, Awaitable) else made
        return self.patched(operation_id, ctx, answer)

    def patched(self, operation_id: str, ctx: Any, answer: Answer) -> Answer:
        """Return the answer after the changes that the breaks make to errors and responses."""
        for rule, error in self._hooks(PatchError, operation_id):
            if answer.refused_by == rule and error.when(ctx):
                answer = error.change(answer)
        for _, response in self._hooks(PatchResponse, operation_id):
            answer = response.change(ctx, answer)
        return answer

    async def _judge(self, endpoint: ApiEndpoint, ctx: RequestContext) -> Answer:
        refusal = self._rejection(endpoint, ctx, early=True) or endpoint.refusal(
            self._lenient(endpoint.checks_before_preparing), ctx
        )
        if refusal is not None:
            return refusal
        await endpoint.prepare(ctx)
        refusal = endpoint.refusal(self._lenient(endpoint.checks_after_preparing), ctx)
        return refusal or self._rejection(endpoint, ctx, early=False) or self._act(endpoint, ctx)

    def _lenient(self, checks: Checks) -> Checks:
        """Return the checks, in which those of broken rules let the ignored requests pass."""
        ignored: dict[str, list[IgnoreRule]] = {}
        for rule, hook in self._hooks(IgnoreRule):
            ignored.setdefault(rule, []).append(hook)

        def lenient(error_id: str, check: Check, ctx: RequestContext) -> Violation | None:
            violation = check(ctx)
            if violation is not None and any(hook.when(ctx) for hook in ignored[error_id]):
                return None
            return violation

        return tuple(
            (error_id, partial(lenient, error_id, check) if error_id in ignored else check)
            for error_id, check in checks
        )

    def _rejection(
        self, endpoint: ApiEndpoint, ctx: RequestContext, *, early: bool
    ) -> Answer | None:
        for _, hook in self._hooks(RejectWith, endpoint.operation_id):
            if hook.early is early and hook.when(ctx):
                error = hook.error.replace("{owner}", ctx.owner_type)
                return endpoint.refuse(error, _NOT_TAKEN)
        return None

    def _act(self, endpoint: ApiEndpoint, ctx: RequestContext) -> Answer:
        act = partial(endpoint.act, ctx)
        for _, hook in self._hooks(ReplaceHandler, endpoint.operation_id):
            act = partial(hook.do, ctx, act)
        return act()

    def _hooks(self, kind: type[H], operation_id: str | None = None) -> Iterator[tuple[str, H]]:
        """Yield the hooks of one kind with their rules, for one operation if it is given."""
        other = None
        if operation_id in _ASSOCIATIONS:
            other = "customer" if operation_id in TWINS else "account"
            operation_id = TWINS.get(operation_id, operation_id)
        for broken in self.breaks:
            if other is not None and broken.owner == other:
                continue
            for hook in broken.hooks:
                if isinstance(hook, kind):
                    at = getattr(hook, "at", ())
                    if not at or operation_id in at:
                        yield broken.rule, hook
