"""Runs of the suite against breaks of the mock: is the break found, and its rule named?

Mock and suite run in this process, because starting another process would take longer than most
runs. One intact mock serves the runs. Each run uses its own store, which breaks one rule. A break
of the whole process gets its own mock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from cart_conformance.cases.context import NOTHING_CHANGES
from cart_conformance.results import Phase, RuleVerdict, Verdict
from cart_conformance.run.engine import Reporter
from cart_conformance.run.events import CaseFinished, Event
from cart_mock.app import create_app
from cart_mock.breaks import BREAKS, Break, parse_break
from cart_mock.breaks.hooks import ApplyDespiteRefusal
from cart_mock.testing import CartMock, served

from tests.conformance.runs import CONTRACT, Run, run
from tests.hashes import cheap_hashes

INTERRUPTED = "the run was interrupted"
FOUND = (Verdict.DEVIATES, Verdict.ADVICE)
BESIDE = {"error-envelope": ("customer-token-required", "credentials-wrong")}
"""Additional rules to try, if the cases of the broken rule alone get too few answers."""


_ELSEWHERE = "that associations stay is published; that the rest of a cart does is not"
_SAME = "that a login is refused is published; that each failure looks the same is not"
ADVISED = {
    "payload-not-array:bad-utf8-accepted": (
        "common parsers replace such bytes by U+FFFD, and then refuse a wrong type"
    ),
    "association-repeat:moves-updated-at": _ELSEWHERE,
    "refusal-changes-nothing:contact-dropped": _ELSEWHERE,
    "refusal-changes-nothing:renames": _ELSEWHERE,
    "refusal-changes-nothing:moves-updated-at": _ELSEWHERE,
    "updated-at-moves:not-with-items": "that PUT moves it is published; that items do is not",
    "credentials-wrong:tells-apart": _SAME,
    "credentials-wrong:tells-apart-in-words": _SAME,
}
"""Breaks of documented rules that rightly get advice only, and why."""


def expected(broken: Break) -> set[Verdict]:
    """Return the verdicts on its rule that are right."""
    if broken.beyond_run or broken.free:
        return set(Verdict) - {Verdict.DEVIATES, Verdict.ERROR}
    if CONTRACT.rule(broken.rule).level != "documented" or broken.id in ADVISED:
        return {Verdict.ADVICE}
    return {Verdict.DEVIATES}


def may_be_accused(broken: Break) -> set[str]:
    """Return the other rules that a run may accuse.

    If one rule refuses and the state changes all the same, that rule is to blame as well.
    """
    refusing = _refusing(broken)
    return {*refusing} - {broken.rule} if len(refusing) == 1 else set()


def _refusing(broken: Break) -> tuple[str, ...]:
    """Return the rules whose refusal a break makes ineffective."""
    despite = [hook for hook in broken.hooks if isinstance(hook, ApplyDespiteRefusal)]
    return tuple(rule for hook in despite for rule in hook.rules)


def one_of_each_rule() -> set[str]:
    """Return the names of the first break of each rule: those of the fast lane."""
    return {next(group).id for _, group in groupby(BREAKS.values(), key=lambda one: one.rule)}


@dataclass(frozen=True)
class Result:
    """What one run found: the verdict on the broken rule, and the other rules that it accused."""

    broken: Break
    named: RuleVerdict
    others: tuple[str, ...]
    requests: int
    seconds: float

    @property
    def verdict(self) -> Verdict:
        """What the run says of the broken rule."""
        return self.named.verdict

    @property
    def is_found(self) -> bool:
        """Whether the run accuses the broken rule."""
        return self.verdict in FOUND

    @property
    def told(self) -> str:
        """What was found, for the message of a test."""
        deviations = (f"{d.case}: {d.expected} | {d.actual}" for d in self.named.deviations[:5])
        reason = self.named.reason or "found:"
        return "\n".join((f"{self.broken.id}: {self.verdict}, {reason}", *deviations))

    @property
    def may_be_missed(self) -> bool:
        """Whether the contract allows a deployment this, or no run can see it."""
        return self.broken.free or self.broken.beyond_run


def tried(broken: Break) -> tuple[str, ...]:
    """The rules that a run tries for a break.

    The effect of a refused request is checked by the cases of the refusing rule.
    """
    refusing = _refusing(broken)
    if broken.rule == NOTHING_CHANGES and len(refusing) == 1:
        return (broken.rule, *refusing)
    return (broken.rule, *BESIDE.get(broken.rule, ()))


@contextmanager
def intact_mock() -> Iterator[httpx.Client]:
    """A mock that breaks nothing, served; its client.

    Hashing the passwords of each run's customers would take as long as all of its other requests:
    meanwhile, hashes in this process are made to cost next to nothing.
    """
    with cheap_hashes(), served(create_app()) as client:
        yield client


@contextmanager
def serving_break(name: str) -> Iterator[str]:
    """Serve a mock that breaks one rule for everybody; its URL."""
    broken = parse_break(name)
    with served(create_app(breaks=[broken]), [broken]) as client:
        yield str(client.base_url).rstrip("/")


@contextmanager
def broken_mock(broken: Break, intact: httpx.Client) -> Iterator[CartMock]:
    """A store that breaks the rule: of the mock ``intact``, or where need be of one of its own."""
    if broken.scope == "store":
        mock = CartMock(intact)
        mock.breaks(broken.id)
        yield mock
    else:
        with served(create_app(breaks=[broken]), [broken]) as client:
            yield CartMock(client)


def attempt(
    broken: Break,
    intact: httpx.Client,
    *,
    layers: Sequence[Phase] = (Phase.DIRECTED,),
    rules: Sequence[str] | None = None,
    seed: int = 1,
    until_found: bool = False,
) -> Result:
    """Run the suite against a break; ``rules`` are those to try, by default as :func:`tried`.

    With ``until_found`` the run ends with the first case that finds the break. The tests do this,
    because most of a run comes later; ``scripts.kill_matrix`` makes whole runs.
    """
    chosen = tried(broken) if rules is None else tuple(rules)
    with broken_mock(broken, intact) as mock, TemporaryDirectory() as directory:
        end = EndWhenFound(broken) if until_found else None
        made = run_on(
            mock,
            Path(directory),
            *([end] if end else []),
            layers=tuple(layers),
            rules=chosen,
            seed=seed,
        )
    finished = made.finished
    if finished.problem == INTERRUPTED and not (end and end.found):  # a run would only end itself
        raise KeyboardInterrupt
    verdicts = {each.id: each for each in finished.verdicts}
    others = tuple(id_ for id_, v in verdicts.items() if v.verdict in FOUND and id_ != broken.rule)
    return Result(broken, verdicts[broken.rule], others, finished.requests, finished.elapsed)


class EndWhenFound:
    """A reporter that interrupts a run, as Ctrl-C does, when a case finds the break as expected."""

    def __init__(self, broken: Break) -> None:
        self._broken = broken
        self.found = False

    def handle(self, event: Event) -> None:
        if not isinstance(event, CaseFinished) or event.result.rule != self._broken.rule:
            return
        verdict = event.result.verdict
        if verdict is Verdict.ADVICE and CONTRACT.rule(self._broken.rule).level == "documented":
            return  # cases that were not tried would outrank advice
        if verdict in FOUND and verdict in expected(self._broken):
            self.found = True
            raise KeyboardInterrupt


def run_on(
    mock: CartMock,
    directory: Path,
    *reporters: Reporter,
    layers: tuple[Phase, ...],
    rules: tuple[str, ...],
    seed: int,
) -> Run:
    """One run on a store of the mock."""
    return run(
        mock.url,
        directory,
        *reporters,
        client_id=mock.client_id,
        client_secret=mock.client_secret,
        layers=layers,
        rules=rules,
        seed=seed,
    )
