"""A deviation with its raw answers, before it is redacted and bound to a case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cart_spec.contract import Level
from cart_spec.redaction import Redactor

from cart_conformance.exchange import Answer, stamp
from cart_conformance.results import Deviation, Kind, Phase, StoryStep

MOST_STEPS = 60
"""Maximum number of requests in the story of a deviation: the last ones."""
BODY_LIMIT = 500
"""Maximum number of characters of a request's body in a story."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A :class:`cart_conformance.results.Deviation` that is not yet redacted or bound to a case.

    ``answer`` and ``control`` may contain secrets.
    """

    rule: str
    level: Level
    kind: Kind
    operation: str
    expected: str
    actual: str
    answer: Answer | None = None
    control: Answer | None = None
    steps: tuple[str, ...] = ()
    about: str | None = None

    def redacted(self, redactor: Redactor) -> Finding:
        """Return the finding without secrets, and without the answers, which contain secrets."""
        return replace(
            self,
            expected=redactor.text(self.expected),
            actual=redactor.text(self.actual),
            answer=None,
            control=None,
        )

    def bind(
        self, case: str, phase: Phase, redactor: Redactor, trace: Sequence[Answer] = ()
    ) -> Deviation:
        """Return the finding as a redacted deviation of ``case``.

        ``trace`` are the exchanges of the case, oldest first.
        """
        return Deviation(
            rule=self.rule,
            level=self.level,
            kind=self.kind,
            operation=self.operation,
            case=case,
            layer=phase,
            expected=redactor.text(self.expected),
            actual=redactor.text(self.actual),
            exchange=self.answer.exchange(redactor) if self.answer else None,
            control=self.control.exchange(redactor) if self.control else None,
            steps=tuple(map(redactor.text, self.steps)),
            about=self.about,
            story=tuple(self._step(answer, redactor) for answer in _shortened(trace)),
        )

    def _step(self, answer: Answer, redactor: Redactor) -> StoryStep:
        """Return one exchange of the case as a step of its story."""
        request = answer.request
        if answer is self.answer:
            role = "proof"
        elif answer is self.control:
            role = "control"
        else:
            role = "read" if request.method == "GET" else "set-up"
        body = None if request.body is None else redactor.body_text(request.body, BODY_LIMIT)
        request_id = answer.request_id
        return StoryStep(
            role=role,
            method=request.method,
            url=redactor.text(request.url),
            status=answer.status,
            at=stamp(answer.at),
            elapsed=answer.elapsed,
            body=body,
            request_id=None if request_id is None else redactor.text(request_id),
        )


def _shortened(trace: Sequence[Answer]) -> Sequence[Answer]:
    """Return the last exchanges of a case that has very many."""
    return trace[-MOST_STEPS:]
