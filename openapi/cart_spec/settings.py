"""Settings of a review: other severities, findings that are switched off or accepted for a time.

A file in YAML or JSON:

    severities:
      wording-changed: "off"
      response-different-maybe: error
    accepted:
      - id: request-narrower
        at: /components/schemas/CartName
        message: "NAME: maxLength was 255 and is 200."   # optional: part of the message
        reason: Agreed with the shop teams.
        expires: 2027-03-01

An accepted finding is a note with its reason until it expires; then it counts again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, cast, get_args

from cart_spec.findings import SEVERITIES, Finding, Review, Severity
from cart_spec.source import MAX_BYTES, Source, UnreadableDocumentError, parse_source, read_text

Switch = Literal["error", "warning", "note", "off"]
SWITCHES: tuple[Switch, ...] = get_args(Switch)

UNUSED = "accepted-unused"
"""The id of the note about an acceptance that fits no finding."""

_TITLE = "Every acceptance is needed"
_REQUIRED = ("id", "at", "reason", "expires")


@dataclass(frozen=True)
class Accepted:
    """An accepted finding: its id and pointer, perhaps a part of its message, and until when."""

    id: str
    at: str
    reason: str
    expires: date
    message: str = ""
    line: int = 1

    def fits(self, finding: Finding) -> bool:
        """Return whether this accepts a finding, if it has not expired."""
        return (
            finding.id == self.id and finding.pointer == self.at and self.message in finding.message
        )


@dataclass(frozen=True)
class Settings:
    """Severities by the id of a finding, and accepted findings. ``name`` is that of the file."""

    name: str = ""
    severities: Mapping[str, Switch] = field(default_factory=dict)
    accepted: Sequence[Accepted] = ()

    def with_severities(self, written: Iterable[str], known: Iterable[str]) -> Settings:
        """Return the settings with severities such as ``wording-changed=off``.

        Raises UnreadableDocumentError.
        """
        switched = dict(self.severities)
        for each in written:
            finding_id, _, severity = each.partition("=")
            switched[finding_id] = _switch(severity, finding_id, "--severity", known)
        return replace(self, severities=switched)

    def applied(self, review: Review, today: date) -> Review:
        """Return a review with these severities and acceptances, the worst findings first."""
        findings = [self._switched(each, today) for each in review.findings]
        findings = [each for each in findings if each is not None]
        unused = [each for each in self.accepted if not any(map(each.fits, review.findings))]
        notes = [self._unused(each) for each in unused]
        kept = cast("list[Finding]", [*findings, *notes])
        titles = {**review.titles, UNUSED: _TITLE} if self.accepted else review.titles
        return replace(
            review,
            findings=sorted(kept, key=lambda each: SEVERITIES.index(each.severity))
            if self.severities or self.accepted
            else kept,
            titles=titles,
        )

    def _switched(self, finding: Finding, today: date) -> Finding | None:
        ids = (finding.id, *finding.also)
        switches = [self.severities.get(each, finding.severity) for each in ids]
        remaining = [each for each in switches if each != "off"]
        if not remaining:
            return None
        severity: Severity = min(remaining, key=SEVERITIES.index)
        for accepted in self.accepted:
            if accepted.fits(finding):
                until = accepted.expires.isoformat()
                expired = accepted.expires < today
                said = f"the acceptance expired on {until}" if expired else f"until {until}"
                facts = {**finding.facts, "accepted": f"{said}: {accepted.reason}"}
                severity = severity if expired else "note"
                return replace(finding, severity=severity, facts=facts)
        return replace(finding, severity=severity)

    def _unused(self, accepted: Accepted) -> Finding:
        return Finding(
            id=UNUSED,
            severity="note",
            document=self.name,
            pointer="/accepted",
            line=accepted.line,
            message=f"Nothing is {accepted.id} at {accepted.at or '/'} now.",
            advice="Remove the entry.",
        )


def read_settings(path: Path, known: Iterable[str]) -> Settings:
    """Return the settings in a file; ``known`` are the ids of findings that the command can make.

    Raises UnreadableDocumentError with the line of what is wrong.
    """
    known = tuple(known)
    source = parse_source(read_text(path, MAX_BYTES), str(path))
    data = source.data
    if not isinstance(data, dict) or set(data) - {"severities", "accepted"}:
        raise UnreadableDocumentError(
            f"{path}: line 1: a settings file has `severities` and `accepted`, and nothing else"
        )
    severities, accepted = data.get("severities") or {}, data.get("accepted") or []
    if not isinstance(severities, dict) or not isinstance(accepted, list):
        raise UnreadableDocumentError(
            f"{path}: line 1: `severities` has to be a mapping and `accepted` a list"
        )
    return Settings(
        str(path),
        {
            key: _switch(value, key, _place(path, source, f"/severities/{key}"), known)
            for key, value in severities.items()
        },
        [_accepted(entry, path, source, at, known) for at, entry in enumerate(accepted)],
    )


def _place(path: Path, source: Source, pointer: str) -> str:
    return f"{path}: line {source.lines.get(pointer, 1)}"


def _switch(value: Any, finding_id: str, place: str, known: Iterable[str]) -> Switch:
    _require_known(finding_id, place, known)
    if value not in SWITCHES:
        raise UnreadableDocumentError(
            f"{place}: {finding_id} has the severity {value!r}; write {', '.join(SWITCHES)}"
        )
    return cast("Switch", value)


def _require_known(finding_id: str, place: str, known: Iterable[str]) -> None:
    known = tuple(known)
    if finding_id not in known:
        close = get_close_matches(finding_id, known, n=3) or sorted(known)[:3]
        raise UnreadableDocumentError(
            f"{place}: no finding has the id {finding_id!r}; it may be {', '.join(close)}"
        )


def _accepted(entry: Any, path: Path, source: Source, index: int, known: Iterable[str]) -> Accepted:
    pointer = f"/accepted/{index}"
    place = _place(path, source, pointer)
    allowed = {*_REQUIRED, "message"}
    texts = isinstance(entry, dict) and all(isinstance(each, str) for each in entry.values())
    if not texts or set(entry) - allowed or not set(_REQUIRED) <= set(entry):
        raise UnreadableDocumentError(
            f"{place}: an acceptance has the texts {', '.join(_REQUIRED)}, and may have a message"
        )
    _require_known(entry["id"], place, known)
    if not entry["reason"].strip():
        raise UnreadableDocumentError(f"{place}: the reason is empty; say why this is accepted")
    try:
        expires = date.fromisoformat(entry["expires"])
    except ValueError:
        raise UnreadableDocumentError(
            f"{place}: expires is {entry['expires']!r}; write a date such as 2027-03-01"
        ) from None
    line = source.lines.get(pointer, 1)
    pointer = entry["at"].removesuffix("/") if entry["at"] == "/" else entry["at"]
    return Accepted(entry["id"], pointer, entry["reason"], expires, entry.get("message", ""), line)
