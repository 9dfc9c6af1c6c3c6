"""Reads conformance reports for the rule book: what a run observed on a deployment, and when."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cart_spec.book.cases import grouped_titles
from cart_spec.contract import Contract
from cart_spec.source import UnreadableDocumentError, read_text

MAX_REPORT_BYTES = 50 * 1024 * 1024

WORDS = {
    "conforms": "conforms",
    "deviates": "deviates",
    "advice": "differs, as advice",
    "untestable": "could not be tried",
    "skipped": "was not tried",
    "error": "was not reached",
}
"""The verdicts of a report in the words of the book."""


JUDGED = frozenset({"conforms", "deviates", "advice", "untestable"})
"""The verdicts that a run reaches by sending something."""


class NothingObservedError(UnreadableDocumentError):
    """The report is of a run that never started; the message says why."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The verdict of a run on one rule, with each deviation in one sentence.

    ``differing`` says in which of the cases the deployment differed, or is empty.
    """

    verdict: str
    deviations: tuple[str, ...]
    reason: str | None
    differing: str = ""

    @property
    def words(self) -> str:
        """The verdict in the words of the book."""
        return WORDS.get(self.verdict, self.verdict)


@dataclass(frozen=True, slots=True)
class Observation:
    """What a run observed on ``target`` (host and path, without credentials) on ``date``."""

    target: str
    date: str
    rules: Mapping[str, Seen]


def read_observation(path: Path, contract: Contract) -> Observation:
    """Return the observation in a ``report.json``.

    Raises UnreadableDocumentError if the file is not a conformance report, or judges no rule of
    this contract; NothingObservedError if the run never started.
    """
    text = read_text(path, MAX_REPORT_BYTES)
    try:
        report = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableDocumentError(f"{path}: is not JSON: {error}") from error
    if not isinstance(report, Mapping) or not isinstance(report.get("rules"), list):
        raise UnreadableDocumentError(
            f"{path}: is not a conformance report: it has no list of rules; "
            "give the report.json that cart-conformance wrote"
        )
    rules = {
        str(rule["id"]): _seen(rule)
        for rule in report["rules"]
        if isinstance(rule, Mapping) and "id" in rule and "verdict" in rule
    }
    if not {rule.id for rule in contract.rules} & rules.keys():
        raise UnreadableDocumentError(
            f"{path}: judges no rule of this contract; give a report on it"
        )
    if not any(seen.verdict in JUDGED for seen in rules.values()):
        problem = report.get("problem") or "no rule was tried"
        raise NothingObservedError(f"{path}: left out, the run never started: {problem}")
    return Observation(_target(report), _date(report, path), rules)


def _seen(rule: Mapping[str, Any]) -> Seen:
    written = rule.get("deviations")
    deviations = written if isinstance(written, list) else []
    reason = rule.get("reason")
    return Seen(
        str(rule["verdict"]),
        tuple(dict.fromkeys(_sentence(deviation) for deviation in deviations)),
        str(reason) if reason else None,
        _differing(rule, deviations),
    )


def _differing(rule: Mapping[str, Any], deviations: Sequence[Any]) -> str:
    """Return how many cases differed, and which, as ``2 of 84 cases: the body is a string``."""
    titles = {
        str(each["case"]): str(each.get("title") or each["case"])
        for each in deviations
        if isinstance(each, Mapping) and each.get("case")
    }
    total = rule.get("cases")
    if not titles or not isinstance(total, int):
        return ""
    count = f"at least {len(titles)}" if rule.get("deviations_left_out") else str(len(titles))
    cases = "case" if total == 1 else "cases"
    return f"{count} of {total} {cases}: {'; '.join(grouped_titles(titles.values()))}"


def _sentence(deviation: Any) -> str:
    if not isinstance(deviation, Mapping):
        return str(deviation)
    operation = f"{deviation['operation']}: " if deviation.get("operation") else ""
    return f"{operation}expected {deviation.get('expected')}, came {deviation.get('actual')}"


def _target(report: Mapping[str, Any]) -> str:
    parts = urlsplit(str(report.get("target") or "an unnamed deployment"))
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")


def _date(report: Mapping[str, Any], path: Path) -> str:
    for name in ("started_at", "started"):
        if isinstance(report.get(name), str):
            return str(report[name])[:10]
    raise UnreadableDocumentError(
        f"{path}: says nowhere when it started; give a report with started_at"
    )


def only(observations: Sequence[Observation], rule_id: str) -> list[tuple[Observation, Seen]]:
    """Return the observations that judge a rule, each with its result for it."""
    return [(each, each.rules[rule_id]) for each in observations if rule_id in each.rules]
