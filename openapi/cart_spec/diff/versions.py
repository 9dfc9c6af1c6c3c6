"""The version that changes ask for, and a changelog of them in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

from cart_spec.diff.changes import Change, Impact, worst
from cart_spec.document import OpenApiDocument

Bump = Literal["major", "minor", "patch", "none"]

_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?(?:[-+].*)?")
_SAYS_NOTHING = frozenset({"wording-changed", "rule-source-changed"})
_SECTIONS = ("Breaking", "Added", "Changed", "Removed", "Wording")


def impact_of(change: Change, audience: str) -> Impact:
    """Return the impact on ``clients``, on ``servers``, or the worse one for ``both``."""
    impacts = {"clients": (change.clients,), "servers": (change.servers,)}
    return worst(impacts.get(audience, (change.clients, change.servers)))


def bump_of(changes: Iterable[Change], audience: str) -> Bump:
    """Return which part of the version the changes raise.

    What breaks the audience is major, texts and sources are a patch, everything else is minor.
    """
    bumps: set[Bump] = {
        "major"
        if impact_of(change, audience) == "breaking"
        else "patch"
        if set(change.kinds) <= _SAYS_NOTHING
        else "minor"
        for change in changes
    }
    order: tuple[Bump, ...] = ("major", "minor", "patch")
    return next((each for each in order if each in bumps), "none")


def raised(version: str, bump: Bump) -> str | None:
    """Return the next version, or None if ``version`` is not like 1.2.3.

    Before 1.0.0 the minor version is raised for what breaks, and the patch for the rest.
    """
    found = _VERSION.fullmatch(version)
    if found is None:
        return None
    major, minor, patch = int(found[1]), int(found[2]), int(found[3] or 0)
    if major == 0 and bump != "none":
        bump = "minor" if bump == "major" else "patch"
    return {
        "major": f"{major + 1}.0.0",
        "minor": f"{major}.{minor + 1}.0",
        "patch": f"{major}.{minor}.{patch + 1}",
        "none": f"{major}.{minor}.{patch}",
    }[bump]


def version_of(document: OpenApiDocument) -> str:
    """Return the document's own version, ``info.version``; empty if it is missing."""
    info = document.data.get("info")
    return str(info.get("version", "")) if isinstance(info, dict) else ""


def is_enough(written: str, asked: str) -> bool:
    """Return whether a version is at least the one that is asked for."""
    found, least = _VERSION.fullmatch(written), _VERSION.fullmatch(asked)
    if found is None or least is None:
        return False
    return [int(each or 0) for each in found.groups()] >= [
        int(each or 0) for each in least.groups()
    ]


def version_sentence(
    changes: Sequence[Change], old: OpenApiDocument, new: OpenApiDocument, audience: str
) -> str:
    """Return what the changes ask of the version, and what the new document says."""
    was, now = version_of(old), version_of(new)
    bump = bump_of(changes, audience)
    asked = raised(was, bump)
    if bump == "none":
        return "The changes ask for no new version."
    said = f"The changes ask for a {bump} version"
    if asked is None:
        return f"{said}; the old one, {was!r}, is not like 1.2.3."
    fits = "which is enough" if is_enough(now, asked) else f"so raise it to {asked}"
    return f"{said}, {asked} after {was}; the new document says {now or 'none'}, {fits}."


def changelog(
    changes: Sequence[Change], old: OpenApiDocument, new: OpenApiDocument, audience: str
) -> str:
    """Return a section of a changelog in Markdown: the version, then the changes by their sort."""
    now, asked = version_of(new), raised(version_of(old), bump_of(changes, audience))
    heading = now if asked is None or is_enough(now, asked) else asked
    lines = [f"## {heading or 'Unreleased'}", ""]
    for section in _SECTIONS:
        entries = [each for each in changes if _section(each, audience) == section]
        if entries:
            lines += [f"### {section}", "", *dict.fromkeys(map(_entry, entries)), ""]
    if not changes:
        lines += ["No changes.", ""]
    return "\n".join(lines)


def _section(change: Change, audience: str) -> str:
    if impact_of(change, audience) == "breaking":
        return "Breaking"
    if set(change.kinds) <= _SAYS_NOTHING:
        return "Wording"
    if "added" in change.kind:
        return "Added"
    return "Removed" if "removed" in change.kind else "Changed"


def _entry(change: Change) -> str:
    about = change.about
    names = ", ".join(f"`{each}`" for each in about[:3])
    more = f" and {len(about) - 3} more" if len(about) > 3 else ""
    message = " ".join(change.message.split())
    return f"- {names}{more}: {message}"
