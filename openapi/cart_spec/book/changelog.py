"""Reads the changelog of the contract, which the rule book shows.

Its form is our own: a section ``## VERSION`` for each version, with an entry ``### Title`` for each
change and points below it, ``- **Now**: text``. The title has the names of rules in back quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_FILE = "CHANGELOG.md"
_INSTALLED = Path(__file__).parents[1] / _FILE
# A wheel has it inside the package; a checkout has it at the top of ``openapi``.
CHANGELOG_PATH = _INSTALLED if _INSTALLED.exists() else Path(__file__).parents[2] / _FILE
"""The changelog of the contract that ships with this package."""

_LABEL = re.compile(r"\*\*(.+?)\*\*:?\s*")


@dataclass(frozen=True, slots=True)
class Change:
    """One change; ``points`` are (label, text), and ``rules`` the names in its title."""

    title: str
    points: tuple[tuple[str, str], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What the title names in back quotes: rules, operations and fields."""
        return tuple(re.findall(r"`([^`]+)`", self.title))


@dataclass(frozen=True, slots=True)
class Version:
    """What changed in one version, in the file's order."""

    name: str
    changes: tuple[Change, ...]


def load_changelog() -> tuple[Version, ...]:
    """Return the versions of the contract, newest first; empty if the file does not ship."""
    if not CHANGELOG_PATH.is_file():
        return ()
    return tuple(versions(CHANGELOG_PATH.read_text(encoding="utf-8")))


def versions(text: str) -> Iterator[Version]:
    """Yield the versions in the text of a changelog."""
    for heading, body in _sections(text, "## "):
        yield Version(heading, tuple(_change(*each) for each in _sections(body, "### ")))


def changes_of(history: Sequence[Version], name: str) -> list[str]:
    """Return the versions in which a rule changed, by the titles that name it."""
    return [
        version.name
        for version in history
        if any(name in change.names for change in version.changes)
    ]


def _sections(text: str, mark: str) -> Iterator[tuple[str, str]]:
    parts = re.split(rf"^{mark}(.+)$", text, flags=re.MULTILINE)
    yield from zip((each.strip() for each in parts[1::2]), parts[2::2], strict=True)


def _change(title: str, body: str) -> Change:
    points = re.split(r"^- ", body, flags=re.MULTILINE)
    return Change(title, tuple(_point(point) for point in points if point.strip()))


def _point(text: str) -> tuple[str, str]:
    line = " ".join(text.split())
    label = _LABEL.match(line)
    return (label[1], line[label.end() :]) if label else ("", line)
