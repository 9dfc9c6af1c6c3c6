"""Judges requests with some rules broken, in place of the intact rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from mockserver.breaks.kinds import (
    Break,
    Do,
    Hook,
    Leak,
    Read,
    Refuse,
    Reword,
    Show,
    Skip,
)
from mockserver.engine import ApiEndpoint, Endpoint
from mockserver.facts import Facts
from mockserver.http import Answer, Breach
from mockserver.interventions import Intervention
from mockserver.reading import Checks

H = TypeVar("H", bound=Hook)

_NOT_TAKEN = Breach("it is not taken here", "Send another.")


class Broken:
    """A layer that stands in for the rules and violates those that are broken, and no other."""

    def __init__(self, breaks: Sequence[Break]) -> None:
        self.breaks = tuple(breaks)

    async def __call__(self, endpoint: Endpoint, facts: Any, proceed: Intervention) -> Answer:
        operation_id = endpoint.operation_id
        is_api = isinstance(endpoint, ApiEndpoint)
        for _, read in self._hooks(Read, operation_id):
            if is_api or read.at:
                read.change(facts)
        if isinstance(endpoint, ApiEndpoint):
            answer = await self._judge(endpoint, facts)
            for _, leak in self._hooks(Leak, operation_id):
                if answer.broken in leak.rules and leak.when(facts):
                    leak.effect(facts)
        else:
            answer = await proceed(endpoint, facts)
        return self.shown(operation_id, facts, answer)

    def shown(self, operation_id: str, facts: Any, answer: Answer) -> Answer:
        """The answer as it is sent."""
        for rule, reword in self._hooks(Reword, operation_id):
            if answer.broken == rule and reword.when(facts):
                answer = reword.change(answer)
        for _, show in self._hooks(Show, operation_id):
            answer = show.change(facts, answer)
        return answer

    async def _judge(self, endpoint: ApiEndpoint, facts: Facts) -> Answer:
        refusal = self._refused(endpoint, facts, early=True) or endpoint.refusal(
            self._checks(endpoint.checks_before_preparing), facts
        )
        if refusal is not None:
            return refusal
        await endpoint.prepare(facts)
        refusal = endpoint.refusal(self._checks(endpoint.checks_after_preparing), facts)
        return refusal or self._refused(endpoint, facts, early=False) or self._act(endpoint, facts)

    def _checks(self, checks: Checks) -> Checks:
        skips: dict[str, list[Skip]] = {}
        for rule, skip in self._hooks(Skip):
            skips.setdefault(rule, []).append(skip)

        def lenient(error_id: str, check: Any, facts: Any) -> Breach | None:
            breach: Breach | None = check(facts)
            if breach is not None and any(skip.when(facts) for skip in skips[error_id]):
                return None
            return breach

        return tuple(
            (error_id, partial(lenient, error_id, check) if error_id in skips else check)
            for error_id, check in checks
        )

    def _refused(self, endpoint: ApiEndpoint, facts: Facts, *, early: bool) -> Answer | None:
        for _, refuse in self._hooks(Refuse, endpoint.operation_id):
            if refuse.early is early and refuse.when(facts):
                return endpoint.refuse(refuse.error, _NOT_TAKEN)
        return None

    def _act(self, endpoint: ApiEndpoint, facts: Facts) -> Answer:
        act = partial(endpoint.act, facts)
        for _, hook in self._hooks(Do, endpoint.operation_id):
            act = partial(hook.do, facts, act)
        return act()

    def _hooks(self, kind: type[H], operation_id: str | None = None) -> Iterator[tuple[str, H]]:
        """The hooks of one kind with their rules, only those for an operation if one is given."""
        for broken in self.breaks:
            for hook in broken.hooks:
                if isinstance(hook, kind):
                    at = getattr(hook, "at", ())
                    if not at or operation_id in at:
                        yield broken.rule, hook
