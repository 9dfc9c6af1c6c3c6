"""Collects the events of one run, for reports that are written at its end."""

from __future__ import annotations

from dataclasses import dataclass, field

from cart_spec import Contract

from cart_conformance.results import CaseResult, CleanupFinished, ExitStatus, RuleVerdict, Verdict
from cart_conformance.run.events import (
    CaseFinished,
    Event,
    PhaseFinished,
    Provisioned,
    RunFinished,
    RunStarted,
)

UNFINISHED = "The run has not finished, or was killed."


@dataclass
class Record:
    """The events of a run so far. ``seconds`` is keyed by (rule, operation), ``titles`` by case."""

    started: RunStarted | None = None
    provisioned: Provisioned | None = None
    layers: list[PhaseFinished] = field(default_factory=list)
    cleanup: CleanupFinished | None = None
    finished: RunFinished | None = None
    cases: int = 0
    seconds: dict[tuple[str, str], float] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        """Add the next event."""
        match event:
            case RunStarted():
                self.started = event
            case Provisioned():
                self.provisioned = event
            case PhaseFinished():
                self.layers.append(event)
            case CleanupFinished():
                self.cleanup = event
            case RunFinished():
                self.finished = event
            case CaseFinished(result):
                self._count(result)

    def _count(self, result: CaseResult) -> None:
        self.cases += 1
        key = (result.rule, result.operation)
        self.seconds[key] = self.seconds.get(key, 0.0) + result.elapsed
        if result.title:
            self.titles[result.case] = result.title


def untried(contract: Contract, problem: str) -> tuple[RuleVerdict, ...]:
    """Return a verdict for each rule that could not be tried, because of ``problem``."""
    return tuple(
        RuleVerdict(rule.id, rule.level, rule.group, Verdict.ERROR, (), reason=problem)
        for rule in contract.rules
    )


def unfinished(started: RunStarted, contract: Contract) -> RunFinished:
    """Return the last event for a run that has not ended: every rule is an error."""
    verdicts = untried(contract, UNFINISHED)
    return RunFinished(
        run_id=started.run_id,
        target=started.target,
        seed=started.seed,
        verdicts=verdicts,
        counts={Verdict.ERROR.value: len(verdicts)},
        requests=0,
        started_at=started.started_at,
        finished_at=started.started_at,
        elapsed=0.0,
        exit_status=ExitStatus.COULD_NOT_RUN,
        problem=UNFINISHED,
    )
