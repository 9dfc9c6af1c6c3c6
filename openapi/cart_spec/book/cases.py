"""Shortens lists of cases, which often differ in the operation or in the caller only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CaseGroup:
    """Cases that are the same for some operations; ``operations`` may be empty."""

    operations: tuple[str, ...]
    titles: tuple[str, ...]


def grouped_cases(rule_id: str, names: Iterable[str]) -> list[CaseGroup]:
    """Return the cases of a rule, named ``RULE/OPERATION/TITLE``, by their operations."""
    by_operation: dict[str, list[str]] = {}
    for name in names:
        operation, _, title = name.removeprefix(f"{rule_id}/").rpartition("/")
        by_operation.setdefault(operation, []).append(title)
    by_titles: dict[tuple[str, ...], list[str]] = {}
    for operation, titles in by_operation.items():
        by_titles.setdefault(tuple(grouped_titles(titles)), []).append(operation)
    return [
        CaseGroup(tuple(filter(None, operations)), titles)
        for titles, operations in by_titles.items()
    ]


def grouped_titles(titles: Iterable[str]) -> list[str]:
    """Return titles once each; those that differ in their last part only stand together.

    The last part of a title is often the caller: ``the body is empty, shopper``.
    """
    groups: dict[str, dict[str, None]] = {}
    for title in titles:
        head, _, tail = title.rpartition(", ")
        groups.setdefault(head or title, {})[tail if head else ""] = None
    return [_joined(head, tuple(filter(None, tails))) for head, tails in groups.items()]


def _joined(head: str, tails: tuple[str, ...]) -> str:
    if len(tails) > 1:
        return f"{head} ({', '.join(tails)})"
    return ", ".join((head, *tails))
