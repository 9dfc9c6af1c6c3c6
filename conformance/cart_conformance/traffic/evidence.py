"""Judges a recording: a verdict for each exchange, and one for each rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from cart_spec import Contract
from cart_spec.redaction import SECRET_FIELDS, SECRET_HEADERS, Redactor

from cart_conformance.exchange import Answer
from cart_conformance.findings import Finding
from cart_conformance.oracle import Judgement, Oracle, TargetState, learn
from cart_conformance.oracle.request_view import RequestView, Token
from cart_conformance.results import CaseResult, Deviation, Phase, RuleVerdict, Verdict
from cart_conformance.run.verdicts import Policy, fold
from cart_conformance.traffic.recording import Recorded, Recording, is_withheld

CART_LIFETIME = 6.9 * 24 * 3600
"""Seconds after which a cart may have expired: seven days, less a margin for inexact times."""

SHORTEST_SECRET = 4
_SHORTEST_COOKIE = 8

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
    """The exchanges of the contract's operations, the number of others, and the verdicts."""

    judged: Sequence[Judged]
    others: int
    verdicts: Sequence[RuleVerdict]


def weigh(recording: Recording, oracle: Oracle, policy: Policy, *, alone: bool) -> Evidence:
    """Judge a recording by the oracle's contract.

    ``alone`` says that no other client used the store or set its clock during the recording. Then
    later exchanges are judged with the effects of earlier ones. Otherwise only tokens are
    remembered.
    """
    redactor = Redactor(secrets_of(recording), by_name=False)
    known = recording.known
    judged: list[Judged] = []
    judgements: list[Judgement] = []
    others, latest = 0, None
    for recorded in recording.exchanges:
        if latest and recorded.at and recorded.at - latest > CART_LIFETIME:
            known = _remembered(known, alone=False)
        latest = recorded.at or latest
        assert recorded.answer is not None, (
            "every reader gives an answer, an empty one if none came"
        )
        reading = oracle.read(recorded.answer.request, known, recorded.at)
        if reading.operation is None:
            others += 1
            continue
        shown = _shown(recorded, redactor)
        if recorded.left_out:
            judged.append(
                Judged(shown, reading.operation, Verdict.SKIPPED, reason=recorded.left_out)
            )
            continue
        if not alone and _may_be_revoked(oracle, reading, recorded.answer.status):
            judgement = Judgement(reading.operation, cannot_tell=REVOKED)
        else:
            judgement = oracle.judge(recorded.answer, known, recorded.at)
        judgements.append(judgement)
        judged.append(_judged(shown, judgement, policy, redactor))
        learn(reading, recorded.answer, judgement.rules[0] if judgement.rules else "")
        known = _remembered(known, alone=alone)
    return Evidence(judged, others, _verdicts(judgements, oracle.contract, policy, redactor))


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
    """Return what is still known at the next exchange, without knowledge from withheld values."""
    kept = TargetState(access_tokens=known.access_tokens, owner_tokens=known.owner_tokens)
    if alone:
        kept.carts, kept.owners = known.carts, known.owners
        kept.secrets = {k: v for k, v in known.secrets.items() if not is_withheld(v)}
        for owner in kept.owners.values():
            owner.password = None if is_withheld(owner.password) else owner.password
    return kept


def _shown(recorded: Recorded, redactor: Redactor) -> Recorded:
    return replace(recorded, url=redactor.text(_without_credentials(recorded.url)), answer=None)


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def secrets_of(recording: Recording) -> Iterator[str]:
    """Yield every secret in a recording, found by the fields that contain secrets.

    Values so short that they may be ordinary words are left out, and so are placeholders for
    withheld values.
    """
    for recorded in recording.exchanges:
        if recorded.answer is not None:
            for secret in _secrets_of(recorded.answer):
                if len(secret) >= SHORTEST_SECRET and not is_withheld(secret.split(" ")[-1]):
                    yield secret


def _secrets_of(answer: Answer) -> Iterator[str]:
    request = answer.request
    parts = urlsplit(request.url)
    yield from (each for each in (parts.password, parts.username) if each)
    for headers in (request.headers, answer.headers):
        yield from _of_headers(headers)
    form = (request.body or b"").decode("utf-8", "replace")
    for text in (parts.query, form):
        for name, values in parse_qs(text).items():
            if name.lower() in SECRET_FIELDS:
                yield from values
    for body in (Answer(request, 0, {}, request.body or b"", 0.0).document, answer.document):
        yield from _of_fields(body)


def _of_headers(headers: Mapping[str, str]) -> Iterator[str]:
    for name, value in headers.items():
        if name.lower() not in SECRET_HEADERS:
            continue
        if "cookie" in name.lower():
            pairs = parse_qsl(value.replace(";", "&").replace(" ", ""))
            yield from (each for _, each in pairs if len(each) >= _SHORTEST_COOKIE)
        else:
            yield value
            yield from value.split()[1:]


def _of_fields(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            if str(name).lower() in SECRET_FIELDS and isinstance(each, str):
                yield each
            yield from _of_fields(each)
    elif isinstance(value, list):
        for each in value:
            yield from _of_fields(each)
