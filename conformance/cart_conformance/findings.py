"""A deviation with its raw answers, before it is redacted and bound to a case."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cart_spec.contract import Level
from cart_spec.redaction import Redactor

from cart_conformance.exchange import Answer
from cart_conformance.results import Deviation, Kind, Phase


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

    def bind(self, case: str, phase: Phase, redactor: Redactor) -> Deviation:
        """Return the finding as a redacted deviation of ``case``."""
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
        )
