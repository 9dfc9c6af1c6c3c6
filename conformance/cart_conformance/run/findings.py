"""A deviation as a case finds it: with its raw answers, before it is bound to a case."""

from __future__ import annotations

from dataclasses import dataclass

from cart_spec.contract import Level

from cart_conformance.run.events import Deviation, Kind, Layer
from cart_conformance.target.redaction import Redactor
from cart_conformance.target.transport import Answer


@dataclass(frozen=True, slots=True)
class Finding:
    """See :class:`cart_conformance.run.events.Deviation`; ``answer`` and ``control`` may hold secrets."""

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
        """Return the finding without secrets, and without the raw answers."""
        return Finding(
            self.rule, self.level, self.kind, self.operation,
            redactor.text(self.expected), redactor.text(self.actual), about=self.about,
        )  # fmt: skip

    def bind(self, case: str, layer: Layer, redactor: Redactor) -> Deviation:
        """The deviation, redacted."""
        return Deviation(
            rule=self.rule,
            level=self.level,
            kind=self.kind,
            operation=self.operation,
            case=case,
            layer=layer,
            expected=redactor.text(self.expected),
            actual=redactor.text(self.actual),
            exchange=self.answer.exchange(redactor) if self.answer else None,
            control=self.control.exchange(redactor) if self.control else None,
            steps=tuple(map(redactor.text, self.steps)),
            about=self.about,
        )
