"""A run as one document: the content of ``report.json``, and the source of other reports."""

from __future__ import annotations

import json
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from typing import Any, cast

from cart_spec import Contract

from cart_conformance.reports.record import Record
from cart_conformance.reports.text import BODY_LIMIT, TEXT_LIMIT, clip, curl
from cart_conformance.results import (
    Deviation,
    Exchange,
    ExitStatus,
    RuleVerdict,
    StoryStep,
    Verdict,
)
from cart_conformance.run.events import Event, RunFinished
from cart_conformance.run.verdicts import leaves_incomplete

FORMAT = 1
"""The version of the schema. An incompatible change increases it."""

DEVIATION_LIMIT = 100
"""Maximum number of deviations that a report keeps for one rule; the rest is only counted."""

HEADER_LIMIT = 60
STEP_LIMIT = 100

OUTCOMES = {
    ExitStatus.CONFORMS: "conforms",
    ExitStatus.DEVIATES: "deviates",
    ExitStatus.COULD_NOT_RUN: "could-not-run",
    ExitStatus.INCOMPLETE: "incomplete",
    ExitStatus.LEFT_BEHIND: "left-behind",
}


def schema() -> dict[str, Any]:
    """Return the JSON schema of ``report.json``, which ships with this package."""
    text = files("cart_conformance.reports").joinpath("report.schema.json").read_text("utf-8")
    return cast("dict[str, Any]", json.loads(text))


def suite_version() -> str:
    """Return the version of the installed distribution, or "not installed"."""
    try:
        return version("cart-associations")
    except PackageNotFoundError:
        return "not installed"


def document(record: Record, finished: RunFinished, contract: Contract) -> dict[str, Any]:
    """Return the document of the run in ``record``, which ended with ``finished``."""
    started = record.started
    return {
        "format": FORMAT,
        "suite": {"name": "cart-conformance", "version": suite_version()},
        "contract_version": started.contract_version if started else contract.version,
        "run_id": finished.run_id,
        "target": clip(finished.target, TEXT_LIMIT),
        "seed": finished.seed,
        "started_at": finished.started_at,
        "finished_at": finished.finished_at,
        "elapsed": round(finished.elapsed, 3),
        "exit_status": int(finished.exit_status),
        "outcome": OUTCOMES[finished.exit_status],
        "problem": _clipped(finished.problem),
        "cut": [clip(sentence, TEXT_LIMIT) for sentence in finished.cut],
        "stale": list(finished.stale),
        "server_errors": [
            {"operation": operation, "status": status, "count": count}
            for operation, status, count in finished.failures
        ],
        "faults": [{"reason": reason, "count": count} for reason, count in finished.faults],
        "options": started
        and {
            "layers": [layer.value for layer in started.layers],
            "strict": started.strict,
            "texts": started.texts,
            "rate": started.rate,
            "profile": started.profile,
            "insecure": started.insecure,
        },
        "counts": {verdict.value: finished.counts.get(verdict.value, 0) for verdict in Verdict},
        "requests": finished.requests,
        "cases": record.cases,
        "layers": [
            {
                "layer": layer.layer.value,
                "cases": layer.cases,
                "requests": layer.requests,
                "elapsed": round(layer.elapsed, 3),
                "problem": _clipped(layer.problem),
                "cut": layer.cut,
            }
            for layer in record.layers
        ],
        "cleanup": _cleanup(record),
        "rules": [_rule(verdict, contract, record) for verdict in finished.verdicts],
    }


class DocumentReport:
    """A reporter that builds the document of a run.

    ``document`` is None until the run has ended.
    """

    def __init__(self, contract: Contract) -> None:
        """Start without events. ``contract`` is the contract of the run."""
        self.document: dict[str, Any] | None = None
        self._contract = contract
        self._record = Record()

    def handle(self, event: Event) -> None:
        """Process an event."""
        self._record.add(event)
        if isinstance(event, RunFinished):
            self.document = document(self._record, event, self._contract)


def _cleanup(record: Record) -> dict[str, Any] | None:
    cleanup = record.cleanup
    if cleanup is None:
        return None
    return {
        "removed": cleanup.removed,
        "left": [clip(entry, TEXT_LIMIT) for entry in cleanup.left],
        "problems": [clip(problem, TEXT_LIMIT) for problem in cleanup.problems],
        "requests": cleanup.requests,
        "elapsed": round(cleanup.elapsed, 3),
        "journal": record.provisioned and record.provisioned.journal,
    }


def _rule(verdict: RuleVerdict, contract: Contract, record: Record) -> dict[str, Any]:
    rule = contract.rule(verdict.id)
    kept = _most_telling(verdict)
    return {
        "id": verdict.id,
        "level": verdict.level,
        "group": verdict.group,
        "verdict": verdict.verdict.value,
        "reason": _clipped(verdict.reason),
        "follows": verdict.follows,
        "leaves_incomplete": leaves_incomplete(verdict.level, verdict.verdict),
        "statement": rule.condition,
        "source": {
            "document": contract.source_title(rule),
            "page": rule.source.page,
            "sentence": rule.source.sentence,
            "url": rule.source.url,
        },
        "cases": verdict.cases,
        "operations": [
            {
                "operation": operation.operation,
                "method": operation.method,
                "path": operation.path,
                "verdict": operation.verdict.value,
                "reason": _clipped(operation.reason),
                "cases": operation.cases,
                "elapsed": round(record.seconds.get((verdict.id, operation.operation), 0.0), 3),
            }
            for operation in verdict.operations
        ],
        "deviations": [_deviation(*pair, record, contract) for pair in kept],
        "deviations_left_out": len(verdict.deviations) - len(kept),
    }


def _most_telling(verdict: RuleVerdict) -> list[tuple[Deviation, bool]]:
    """Return the deviations to keep, most relevant first, each with whether it fails the run.

    Failing ones come before advice. Among them, the first of each kind and operation comes first.
    """
    seen: Counter[tuple[str, str, bool]] = Counter()
    ranked = []
    for deviation, fails in zip(verdict.deviations, verdict.failing, strict=True):
        key = (deviation.kind.value, deviation.operation, fails)
        ranked.append((not fails, seen[key], deviation, fails))
        seen[key] += 1
    ranked.sort(key=lambda each: each[:2])
    return [(deviation, fails) for *_, deviation, fails in ranked[:DEVIATION_LIMIT]]


def _deviation(
    deviation: Deviation, fails: bool, record: Record, contract: Contract
) -> dict[str, Any]:
    method, path = contract.operations.get(deviation.operation, (None, None))
    title = record.titles.get(deviation.case, "")
    if title == contract.rule(deviation.rule).condition:
        title = ""  # It only repeats the rule.
    return {
        "kind": deviation.kind.value,
        "level": deviation.level,
        "fails": fails,
        "operation": deviation.operation,
        "method": method,
        "path": path,
        "case": clip(deviation.case, TEXT_LIMIT),
        "title": clip(title, TEXT_LIMIT),
        "layer": deviation.layer.value,
        "expected": clip(deviation.expected, TEXT_LIMIT),
        "actual": clip(deviation.actual, TEXT_LIMIT),
        "about": deviation.about,
        "known": _known(deviation, record),
        "story": [_step(step) for step in deviation.story],
        "steps": [clip(step, TEXT_LIMIT) for step in deviation.steps[:STEP_LIMIT]],
        "exchange": _exchange(deviation.exchange),
        "control": _exchange(deviation.control),
    }


def _exchange(exchange: Exchange | None) -> dict[str, Any] | None:
    if exchange is None:
        return None
    body = exchange.request_body
    return {
        "curl": curl(exchange),
        "method": exchange.method,
        "url": clip(exchange.url, TEXT_LIMIT),
        "request_headers": _headers(exchange.request_headers),
        "request_body": None if body is None else clip(body, BODY_LIMIT),
        "status": exchange.status,
        "response_headers": _headers(exchange.response_headers),
        "response_body": clip(exchange.response_body, BODY_LIMIT),
        "failure": _clipped(exchange.failure),
        "elapsed": round(exchange.elapsed, 3),
        "at": exchange.at,
        "request_id": _clipped(exchange.request_id),
    }


def _step(step: StoryStep) -> dict[str, Any]:
    return {
        "role": step.role,
        "method": step.method,
        "url": clip(step.url, TEXT_LIMIT),
        "body": _clipped(step.body),
        "status": step.status,
        "at": step.at,
        "elapsed": round(step.elapsed, 3),
        "request_id": _clipped(step.request_id),
    }


def _known(deviation: Deviation, record: Record) -> dict[str, Any] | None:
    """Return the entry of the baseline for a deviation that is known already, or None."""
    key = (deviation.rule, deviation.operation, deviation.kind.value)
    for entry in record.started.known if record.started else ():
        if entry.key == key:
            return {"reason": entry.reason, "link": entry.link, "expires": entry.expires}
    return None


def _headers(headers: tuple[tuple[str, str], ...]) -> list[list[str]]:
    return [[clip(n, TEXT_LIMIT), clip(v, TEXT_LIMIT)] for n, v in headers[:HEADER_LIMIT]]


def _clipped(text: str | None) -> str | None:
    return None if text is None else clip(text, TEXT_LIMIT)
