"""Compares two reports of runs: which deviations are new, which are gone, which are still there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cart_conformance.config import SettingsError
from cart_conformance.reports.prose import counted
from cart_conformance.reports.text import one_line

Key = tuple[str, str, str]
DECIDED = frozenset({"conforms", "deviates", "advice"})


def read_report(path: Path) -> dict[str, Any]:
    """Return the report in a ``report.json``. Raises SettingsError if that is impossible."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise SettingsError(f"{path}: the report cannot be read: {error}") from None
    if not isinstance(report, dict) or not isinstance(report.get("rules"), list):
        raise SettingsError(f"{path}: not a report.json of cart-conformance")
    return report


@dataclass(frozen=True, slots=True)
class Changes:
    """The deviations of two runs by rule, operation and kind, each with one deviation.

    ``lost`` are rules and operations that only the old run decided.
    """

    new: dict[Key, dict[str, Any]]
    gone: dict[Key, dict[str, Any]]
    still: dict[Key, dict[str, Any]]
    lost: tuple[tuple[str, str], ...]


def changes(old: dict[str, Any], new: dict[str, Any]) -> Changes:
    """Return what has changed between two reports.

    A deviation that the new run did not try is not gone.
    """
    before, after = _deviations(old), _deviations(new)
    tried_before, tried_after = _decided(old), _decided(new)
    return Changes(
        new={key: each for key, each in after.items() if key not in before},
        gone={
            key: each for key, each in before.items() if key not in after and key[:2] in tried_after
        },
        still={key: each for key, each in after.items() if key in before},
        lost=tuple(sorted(tried_before - tried_after)),
    )


def told(found: Changes) -> Iterator[str]:
    """Yield the changes as lines for people."""
    for title, deviations in (("New", found.new), ("Gone", found.gone), ("Still", found.still)):
        for (rule, operation, kind), each in deviations.items():
            advice = "" if each["fails"] else " (advice)"
            yield f"{title:<6} {rule}, {operation}, {kind}{advice}"
            if title == "New":
                yield f"       expected {one_line(each['expected'])}"
                yield f"       came     {one_line(each['actual'])}"
                yield f"       case     {one_line(each['case'])}"
    for rule, operation in found.lost:
        yield f"Lost   {rule}, {operation}: tried before, and not now"
    counts = (len(found.new), len(found.gone), len(found.still))
    yield "{} new, {} gone, {} still there.".format(*counts) + (
        f" {counted(len(found.lost), 'pair')} of rule and method no longer tried."
        if found.lost
        else ""
    )


def _deviations(report: dict[str, Any]) -> dict[Key, dict[str, Any]]:
    found: dict[Key, dict[str, Any]] = {}
    for rule in report["rules"]:
        for each in rule["deviations"]:
            key = (rule["id"], each["operation"], each["kind"])
            if key not in found or (each["fails"] and not found[key]["fails"]):
                found[key] = each
    return found


def _decided(report: dict[str, Any]) -> set[tuple[str, str]]:
    return {
        (rule["id"], operation["operation"])
        for rule in report["rules"]
        for operation in rule["operations"]
        if operation["verdict"] in DECIDED
    }
