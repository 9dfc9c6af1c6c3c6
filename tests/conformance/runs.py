"""Makes runs of the suite in the test's own process, and keeps their events."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

from cart_conformance.config import Settings
from cart_conformance.results import CaseResult, Phase, Verdict
from cart_conformance.run import engine
from cart_conformance.run.engine import Reporter
from cart_conformance.run.events import CaseFinished, Event, RunFinished
from cart_conformance.target import cleanup
from cart_spec import load_contract

CONTRACT = load_contract()
SECRET = "the-secret-of-this-store"
_E = TypeVar("_E", bound=Event)


@dataclass
class Run:
    """The events of one run."""

    events: list[Event] = field(default_factory=list)

    def handle(self, event: Event) -> None:
        self.events.append(event)

    def of(self, kind: type[_E]) -> list[_E]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def finished(self) -> RunFinished:
        last = self.events[-1]
        assert isinstance(last, RunFinished)
        return last

    @property
    def status(self) -> int:
        return int(self.finished.exit_status)

    @property
    def results(self) -> list[CaseResult]:
        return [event.result for event in self.of(CaseFinished)]

    def with_verdict(self, *verdicts: Verdict) -> list[str]:
        return [each.id for each in self.finished.verdicts if each.verdict in verdicts]

    def told(self) -> str:
        """What failed, for the message of a test."""
        return "\n".join(
            f"{each.id}: {each.verdict} {each.reason or ''}\n"
            + "\n".join(f"    {d.case}: {d.expected} | {d.actual}" for d in each.deviations[:5])
            for each in self.finished.verdicts
            if each.verdict not in (Verdict.CONFORMS, Verdict.SKIPPED)
        )


def run(target: str, tmp_path: Path, *reporters: Reporter, **changed: Any) -> Run:
    """One run of the directed cases against ``target``, with more reporters if given."""
    made = Run()
    values: dict[str, Any] = {
        "client_id": "a-store",
        "client_secret": SECRET,
        "seed": 1,
        "layers": (Phase.DIRECTED,),
        "journal": tmp_path / "journal.jsonl",
        # The servers of these tests show changes at once; waiting for broken ones takes time.
        "settle": 0.0,
    }
    # Clean-up tries as often as always, and waits for no server to recover.
    with patch.object(cleanup, "PAUSES", (0.0,) * len(cleanup.PAUSES)):
        engine.run(Settings(target=target, **(values | changed)), CONTRACT, [made, *reporters])
    return made
