"""Reads and writes the deviations that are known already, each with a reason and an expiry.

A run with a baseline fails on other deviations only. It also fails on stale entries: those that
have expired, and those whose rule was tried and no longer deviates like that.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec

from cart_conformance.config import SettingsError
from cart_conformance.results import Deviation, KnownDeviation, RuleVerdict, Verdict

FORMAT = 1


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    rule: str
    operation: str
    kind: str
    reason: str
    link: str | None = None
    expires: date | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    deviations: list[_Entry]


@dataclass(frozen=True, slots=True)
class Baseline:
    """The known deviations of a deployment, on one day."""

    entries: tuple[KnownDeviation, ...] = ()
    today: str = ""

    def knows(self, deviation: Deviation) -> KnownDeviation | None:
        """Return the entry for a deviation, or None if it is unknown or has expired."""
        key = (deviation.rule, deviation.operation, deviation.kind.value)
        for entry in self.entries:
            if entry.key == key and not self._has_expired(entry):
                return entry
        return None

    def stale(self, verdicts: Sequence[RuleVerdict]) -> tuple[str, ...]:
        """Return a sentence for each entry that has expired, or that no longer deviates."""
        return tuple(self._stale(verdicts))

    def _stale(self, verdicts: Sequence[RuleVerdict]) -> Iterable[str]:
        found = {
            (each.rule, each.operation, each.kind.value)
            for verdict in verdicts
            for each in verdict.deviations
        }
        decided = {
            (verdict.id, operation.operation)
            for verdict in verdicts
            for operation in verdict.operations
            if operation.verdict in (Verdict.CONFORMS, Verdict.DEVIATES, Verdict.ADVICE)
        }
        for entry in self.entries:
            where = f"{entry.rule}, {entry.operation}, {entry.kind}"
            if self._has_expired(entry):
                yield f"{where}: expired on {entry.expires}"
            elif entry.key not in found and entry.key[:2] in decided:
                yield f"{where}: no longer deviates"

    def _has_expired(self, entry: KnownDeviation) -> bool:
        return entry.expires is not None and entry.expires < self.today


def read_baseline(path: Path | None) -> Baseline:
    """Return the baseline in a file; an empty one without a path. Raises SettingsError."""
    today = datetime.now(UTC).date().isoformat()
    if path is None:
        return Baseline(today=today)
    try:
        file = msgspec.json.decode(path.read_bytes(), type=_File)
    except OSError as error:
        raise SettingsError(
            f"{path}: the baseline cannot be read: {error.strerror}."
            " Write one with: cart-conformance baseline update"
        ) from None
    except msgspec.MsgspecError as error:
        raise SettingsError(f"{path}: not a baseline: {error}") from None
    if file.format != FORMAT:
        raise SettingsError(f"{path}: a baseline of format {file.format}; this is {FORMAT}")
    entries = [
        KnownDeviation(
            each.rule,
            each.operation,
            each.kind,
            each.reason,
            each.link,
            None if each.expires is None else each.expires.isoformat(),
        )
        for each in file.deviations
    ]
    return Baseline(tuple(entries), today)


def updated(
    old: Collection[KnownDeviation], report: dict[str, Any], new: KnownDeviation
) -> list[KnownDeviation]:
    """Return the entries that make a report pass: old ones that still deviate, and new ones.

    ``new`` gives the reason, link and expiry of new entries. Entries of rules that the report does
    not decide stay.
    """
    failing, decided = set(), set()
    for rule in report["rules"]:
        for each in rule["deviations"]:
            if each["fails"] or each.get("known"):
                failing.add((rule["id"], each["operation"], each["kind"]))
        decided |= {
            (rule["id"], operation["operation"])
            for operation in rule["operations"]
            if operation["verdict"] in ("conforms", "deviates", "advice")
        }
    kept = [each for each in old if each.key in failing or each.key[:2] not in decided]
    known = {each.key for each in kept}
    kept += [
        KnownDeviation(*key, new.reason, new.link, new.expires) for key in sorted(failing - known)
    ]
    return kept


def written(entries: Iterable[KnownDeviation]) -> bytes:
    """Return the entries as a file."""
    document = {"format": FORMAT, "deviations": [asdict(entry) for entry in entries]}
    return json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n"
