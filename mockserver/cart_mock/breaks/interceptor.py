"""Judges requests with some rules broken, in place of the intact rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from cart_mock.api.endpoints import ApiEndpoint, Endpoint
from cart_mock.api.interceptors import Handler
from cart_mock.breaks.hooks import (
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
from cart_mock.http.judged import Checks
from cart_mock.http.messages import Answer, Violation
from cart_mock.rules.context import RequestContext

H = TypeVar("H", bound=Hook)

_NOT_TAKEN = Violation("it is not taken here", "Send another.")


class Broken:
    """A layer that stands in for the rules and violates those that are broken, and no other."""

    def __init__(self, breaks: Sequence[Break]) -> None:
        self.breaks = tuple(breaks)

    async def __call__(self, endpoint: Endpoint, ctx: Any, proceed: Handler) -> Answer:
        operation_id = endpoint.operation_id
        is_api = isinstance(endpoint, ApiEndpoint)
        for _, read in self._hooks(PatchRequest, operation_id):
            if is_api or read.at:
                read.change(ctx)
        if isinstance(endpoint, ApiEndpoint):
            answer = await self._judge(endpoint, ctx)
            for _, leak in self._hooks(ApplyDespiteRefusal, operation_id):
                if answer.broken in leak.rules and leak.when(ctx):
                    leak.effect(ctx)
        else:
            answer = await proceed(endpoint, ctx)
        return self.shown(operation_id, ctx, answer)

    def shown(self, operation_id: str, ctx: Any, answer: Answer) -> Answer:
        """The answer as it is sent."""
        for rule, reword in self._hooks(PatchError, operation_id):
            if answer.broken == rule and reword.when(ctx):
                answer = reword.change(answer)
        for _, show in self._hooks(PatchResponse, operation_id):
            answer = show.change(ctx, answer)
        return answer

    async def _judge(self, endpoint: ApiEndpoint, ctx: RequestContext) -> Answer:
        refusal = self._refused(endpoint, ctx, early=True) or endpoint.refusal(
            self._checks(endpoint.checks_before_preparing), ctx
        )
        if refusal is not None:
            return refusal
        await endpoint.prepare(ctx)
        refusal = endpoint.refusal(self._checks(endpoint.checks_after_preparing), ctx)
        return refusal or self._refused(endpoint, ctx, early=False) or self._act(endpoint, ctx)

    def _checks(self, checks: Checks) -> Checks:
        skips: dict[str, list[IgnoreRule]] = {}
        for rule, skip in self._hooks(IgnoreRule):
            skips.setdefault(rule, []).append(skip)

        def lenient(error_id: str, check: Any, ctx: Any) -> Violation | None:
            breach: Violation | None = check(ctx)
            if breach is not None and any(skip.when(ctx) for skip in skips[error_id]):
                return None
            return breach

        return tuple(
            (error_id, partial(lenient, error_id, check) if error_id in skips else check)
            for error_id, check in checks
        )

    def _refused(self, endpoint: ApiEndpoint, ctx: RequestContext, *, early: bool) -> Answer | None:
        for _, refuse in self._hooks(RejectWith, endpoint.operation_id):
            if refuse.early is early and refuse.when(ctx):
                return endpoint.refuse(refuse.error, _NOT_TAKEN)
        return None

    def _act(self, endpoint: ApiEndpoint, ctx: RequestContext) -> Answer:
        act = partial(endpoint.act, ctx)
        for _, hook in self._hooks(ReplaceHandler, endpoint.operation_id):
            act = partial(hook.do, ctx, act)
        return act()

    def _hooks(self, kind: type[H], operation_id: str | None = None) -> Iterator[tuple[str, H]]:
        """The hooks of one kind with their rules, only those for an operation if one is given."""
        for broken in self.breaks:
            for hook in broken.hooks:
                if isinstance(hook, kind):
                    at = getattr(hook, "at", ())
                    if not at or operation_id in at:
                        yield broken.rule, hook
