"""Runs that never took place: streams of events for the tests of reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from cart_conformance.results import (
    CaseResult,
    CleanupFinished,
    Deviation,
    Exchange,
    ExitStatus,
    Kind,
    OperationVerdict,
    Phase,
    RuleVerdict,
    Verdict,
)
from cart_conformance.run.events import (
    CaseFinished,
    Event,
    PhaseFinished,
    PhaseStarted,
    Provisioned,
    RunFinished,
    RunStarted,
)
from cart_spec import Rule, load_contract

CONTRACT = load_contract()
TARGET = "https://shop.example/api"
POST = "createCustomerCartAssociation"
DELETE = "deleteCustomerCartAssociation"

EXCHANGE = Exchange(
    method="POST",
    url=f"{TARGET}/v2/carts/run-cart/relationships/customers",
    request_headers=(
        ("Authorization", "Bearer [redacted]"),
        ("Content-Type", "application/json"),
        ("Content-Length", "42"),
    ),
    request_body='{"data":[{"type":"Customer","id":"it\'s"}]}',
    status=204,
    response_headers=(("Server", "shop"),),
    response_body="",
    elapsed=0.012,
)

STARTED = RunStarted(
    run_id="run-7",
    target=TARGET,
    seed=4711,
    started_at="2026-11-23T10:00:00Z",
    layers=tuple(Phase),
    cases=120,
    contract_version=CONTRACT.version,
    strict=False,
    texts="fail",
    rate=0.0,
)


def deviation(
    rule: str = "type-not-customer",
    operation: str = POST,
    *,
    expected: str = "400 The type does not exist or is not listed as customer",
    actual: str = "204",
    exchange: Exchange | None = EXCHANGE,
    kind: Kind = Kind.NOT_REFUSED,
    layer: Phase = Phase.DIRECTED,
    case: str = "",
    steps: tuple[str, ...] = (),
    about: str | None = None,
) -> Deviation:
    """A deviation of ``rule``, with the same exchange as its control."""
    return Deviation(
        rule=rule,
        level=CONTRACT.rule(rule).level,
        kind=kind,
        operation=operation,
        case=case or f"{rule}/{operation}/wrong-case",
        layer=layer,
        expected=expected,
        actual=actual,
        exchange=exchange,
        control=exchange and replace(exchange, status=204, response_body=""),
        steps=steps,
        about=about,
    )


def verdict_of(
    rule: Rule, verdict: Verdict, deviations: tuple[Deviation, ...], reason: str | None
) -> RuleVerdict:
    """The verdict of one rule: that of each of its operations, unless deviations say otherwise."""
    deviating = {each.operation for each in deviations}
    operations = tuple(
        OperationVerdict(
            operation,
            *CONTRACT.operations[operation],
            verdict if not deviations or operation in deviating else Verdict.CONFORMS,
            cases=3,
            reason=reason,
        )
        for operation in rule.operations
    )
    failing = tuple(verdict is Verdict.DEVIATES for _ in deviations)
    cases = 3 * len(operations)
    return RuleVerdict(
        rule.id, rule.level, rule.group, verdict, operations, deviations, failing, reason, cases
    )


def run(
    verdicts: Mapping[str, Verdict] | None = None,
    deviations: tuple[Deviation, ...] = (),
    *,
    exit_status: ExitStatus = ExitStatus.CONFORMS,
    reason: str | None = None,
    problem: str | None = None,
    cleanup: CleanupFinished | None = None,
) -> list[Event]:
    """A whole run. Rules without a verdict conform, but what is beyond a run is skipped."""
    given = dict(verdicts or {})
    judged = []
    for rule in CONTRACT.rules:
        own = tuple(each for each in deviations if each.rule == rule.id)
        fallback = Verdict.SKIPPED if rule.beyond_run else Verdict.CONFORMS
        why = reason if rule.id in given else rule.beyond_run
        judged.append(verdict_of(rule, given.get(rule.id, fallback), own, why))
    results = [
        CaseResult(
            case=f"{verdict.id}/{operation.operation}/{number}",
            rule=verdict.id,
            operation=operation.operation,
            layer=Phase.DIRECTED,
            verdict=operation.verdict,
            title="one fault beside its control",
            requests=2,
            elapsed=0.01,
        )
        for verdict in judged
        for operation in verdict.operations
        for number in range(operation.cases)
    ]
    return [
        STARTED,
        Provisioned(customers=3, given=False, requests=9, journal="run-7.journal"),
        PhaseStarted(Phase.DIRECTED, len(results)),
        *map(CaseFinished, results),
        PhaseFinished(Phase.DIRECTED, len(results), 2 * len(results), 3.2),
        PhaseFinished(Phase.MODEL, 50, 410, 4.1, problem),
        cleanup or CleanupFinished(12, (), (), 12, 0.4),
        finished(tuple(judged), exit_status, problem),
    ]


def finished(
    verdicts: tuple[RuleVerdict, ...], exit_status: ExitStatus, problem: str | None = None
) -> RunFinished:
    """The last event."""
    return RunFinished(
        run_id="run-7",
        target=TARGET,
        seed=4711,
        verdicts=verdicts,
        counts=dict(Counter(verdict.verdict.value for verdict in verdicts)),
        requests=940,
        started_at="2026-11-23T10:00:00Z",
        finished_at="2026-11-23T10:01:12Z",
        elapsed=72.4,
        exit_status=exit_status,
        problem=problem,
    )
