"""Judges a recording: a verdict for each exchange, and one for each rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cart_spec import Contract
from cart_spec.redaction import Redactor

from cart_conformance.findings import Finding
from cart_conformance.oracle import Judgement, Oracle, TargetState, learn
from cart_conformance.oracle.request_view import RequestView, Token
from cart_conformance.results import CaseResult, Deviation, Phase, RuleVerdict, Verdict
from cart_conformance.run.verdicts import Policy, fold
from cart_conformance.traffic.recording import (
    BrokenEntryError,
    Outline,
    Recorded,
    Recording,
)
from cart_conformance.traffic.survey import Broken, surveyed, without_credentials

CART_LIFETIME = 6.9 * 24 * 3600
"""Seconds after which a cart may have expired: seven days, less a margin for inexact times."""

_ONLY_READ = frozenset({"getCarts", "getCustomers", "getCustomer"})
"""Operations that change nothing. Reading a cart may create it."""

REVOKED = "others may have ended a token that it carries (--alone rules that out)"
NOT_SHOWN = "no exchange in this recording puts it to the test"


@dataclass(frozen=True, slots=True)
class Judged:
    """One exchange with its verdict. ``rules`` are the rules that it tests.

    If there is no verdict, ``reason`` says why. All values are redacted.
    """

    recorded: Recorded
    operation: str | None
    verdict: Verdict
    rules: tuple[str, ...] = ()
    deviations: tuple[Deviation, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """The exchanges of the contract's operations, in the order of their times, and the verdicts.

    ``others`` is the number of other exchanges. ``broken`` are entries that cannot be read.
    """

    judged: Sequence[Judged]
    others: int
    verdicts: Sequence[RuleVerdict]
    broken: Sequence[Broken] = ()


def weigh(recording: Recording, oracle: Oracle, policy: Policy, *, alone: bool) -> Evidence:
    """Judge a recording by the oracle's contract.

    ``alone`` says that no other client used the store or set its clock during the recording. Then
    later exchanges are judged with the effects of earlier ones. Otherwise only tokens are
    remembered.
    """
    survey = surveyed(recording, oracle)
    redactor = survey.redactor
    known = recording.reader.known
    judged: list[Judged] = []
    judgements: list[Judgement] = []
    broken = list(survey.broken)
    latest: float | None = None
    urls: dict[str, str] = {}
    for index, operation, outline in survey.exchanges:
        at = outline.at
        if latest and at and at - latest > CART_LIFETIME:
            known = _remembered(known, alone=False)
        latest = at or latest
        recorded = _recorded(recording, index, outline)
        if recorded.url not in urls:
            urls[recorded.url] = redactor.text(without_credentials(recorded.url))
        shown = replace(recorded, url=urls[recorded.url], answer=None)
        if recorded.left_out or recorded.answer is None:
            judged.append(Judged(shown, operation, Verdict.SKIPPED, reason=recorded.left_out))
            if operation not in _ONLY_READ:
                # What it did is not known, so what follows is judged as if others had done it.
                alone = False
                known = _remembered(known, alone=False)
            continue
        reading = oracle.read(recorded.answer.request, known, at)
        if not alone and _may_be_revoked(oracle, reading, recorded.answer.status):
            judgement = Judgement(operation, cannot_tell=REVOKED)
        else:
            judgement = oracle.judge(recorded.answer, known, at)
        judgements.append(judgement)
        judged.append(_judged(shown, judgement, policy, redactor))
        learn(reading, recorded.answer, judgement.rules[0] if judgement.rules else "")
        known = _remembered(known, alone=alone)
    verdicts = _verdicts(judgements, oracle.contract, policy, redactor)
    return Evidence(judged, survey.others, verdicts, broken)


def _recorded(recording: Recording, index: int, outline: Outline) -> Recorded:
    try:
        return recording.exchange(index)
    except BrokenEntryError as error:
        return Recorded(
            recording.pointer(index), recording.lines[index], outline.method, outline.url, None,
            outline.when, outline.at, left_out=f"it {error}",
        )  # fmt: skip


def _may_be_revoked(oracle: Oracle, reading: RequestView, status: int) -> bool:
    """Return whether others may have ended a token that is valid as far as this traffic shows."""
    if status == 401:
        return reading.access is Token.VALID
    # 403 is an invalid customer token too, and has other reasons.
    return status == 403 and reading.owner is not None and oracle.allowed(reading).must_succeed


def _judged(recorded: Recorded, judgement: Judgement, policy: Policy, redactor: Redactor) -> Judged:
    deviations = tuple(
        finding.bind(recorded.pointer, Phase.DIRECTED, redactor) for finding in judgement.findings
    )
    verdict = policy.verdict(deviations)
    if verdict is None:
        verdict = Verdict.UNTESTABLE if judgement.cannot_tell else Verdict.CONFORMS
    counting = tuple(each for each in deviations if policy.counts(each))
    reason = judgement.cannot_tell and redactor.text(judgement.cannot_tell)
    return Judged(recorded, judgement.operation, verdict, judgement.rules, counting, reason)


def _verdicts(
    judgements: Sequence[Judgement],
    contract: Contract,
    policy: Policy,
    redactor: Redactor,
) -> tuple[RuleVerdict, ...]:
    """Return one verdict for each rule, combined like those of a run."""
    found: defaultdict[tuple[str, str], list[Finding]] = defaultdict(list)
    examined: defaultdict[tuple[str, str], int] = defaultdict(int)
    for judgement in judgements:
        for rule in judgement.rules:
            examined[rule, str(judgement.operation)] += 1
        for finding in judgement.findings:
            found[finding.rule, finding.operation].append(finding)
            examined[finding.rule, finding.operation] += 0
    results = []
    for (rule, operation), number in examined.items():
        case = f"traffic/{operation}/{rule}"
        deviations = tuple(
            each.bind(case, Phase.DIRECTED, redactor) for each in found[rule, operation]
        )
        results.append(
            CaseResult(
                case=case,
                rule=rule,
                operation=operation,
                layer=Phase.DIRECTED,
                verdict=policy.case_verdict(rule, deviations),
                deviations=deviations,
                examined=((rule, operation),),
                requests=number,
            )
        )
    return tuple(
        replace(each, reason=NOT_SHOWN) if each.verdict is Verdict.SKIPPED else each
        for each in fold(contract, results, policy)
    )


def _remembered(known: TargetState, *, alone: bool) -> TargetState:
    """Return what is still known at the next exchange."""
    if alone:
        return known
    return TargetState(
        access_tokens=known.access_tokens,
        owner_tokens=known.owner_tokens,
        is_withheld=known.is_withheld,
    )
