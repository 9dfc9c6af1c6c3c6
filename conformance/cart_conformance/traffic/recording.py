"""The exchanges of a recording, and the values that it withholds.

Recordings are rarely complete. Browsers omit credentials and bodies, and tools replace secrets with
a marker. Such a marker must not be mistaken for the value that was sent. So each one becomes a
unique placeholder, about which nothing is known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from cart_spec.redaction import SECRET_FIELDS, SECRET_HEADERS

from cart_conformance.exchange import Answer
from cart_conformance.oracle import TargetState

WITHHELD = "withheld-by-the-recording-"
"""Prefix of the placeholder for a withheld value; a unique number follows."""

# Markers that recorders write instead of a secret, alone or after a scheme.
_MARK = re.compile(
    r"(\w+ )?(\[?(redacted|removed|filtered|hidden|masked)\]?|<(redacted|removed)>|[*x•]{3,})",
    re.IGNORECASE,
)
_FORM_SECRET = re.compile(rf"(?<![^&])({'|'.join(sorted(SECRET_FIELDS))})=([^&]*)")


@dataclass(frozen=True, slots=True)
class Recorded:
    """One exchange. ``left_out`` says why it cannot be judged; then ``answer`` may be None.

    ``line`` is the line in the file on which it starts, from 1. ``when`` is the time of sending as
    written in the file; ``at`` is the same in seconds since the epoch, or None if it is unreliable.
    """

    pointer: str
    line: int
    method: str
    url: str
    status: int | None
    when: str | None = None
    at: float | None = None
    answer: Answer | None = None
    left_out: str | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """The exchanges of a file in their order, and what is known about their callers."""

    name: str
    kind: str
    exchanges: Sequence[Recorded]
    known: TargetState = field(default_factory=TargetState)


def is_withheld(value: str | None) -> bool:
    """Return whether a value is a placeholder for one that the recording withholds."""
    return value is not None and value.startswith(WITHHELD)


class RecordingReader:
    """A reader that replaces each withheld value with a unique placeholder."""

    kind = ""

    def __init__(self, _entries: Sequence[Any]) -> None:
        self.known = TargetState()
        self._numbers = count(1)

    def withheld(self) -> str:
        """Return a new placeholder."""
        return f"{WITHHELD}{next(self._numbers)}"

    def secret(self, value: str) -> str:
        """Return a secret value, or a placeholder if it was withheld."""
        found = _MARK.fullmatch(value.strip())
        return f"{found[1] or ''}{self.withheld()}" if found else value

    def header(self, name: str, value: str) -> str:
        """Return a header's value. A withheld ``Authorization`` keeps its scheme."""
        if name.lower() not in SECRET_HEADERS:
            return value
        found = self.secret(value)
        whole = name.lower() == "authorization" and is_withheld(found)
        return f"Bearer {found}" if whole else found

    def restored(self, value: Any) -> Any:
        """Return a JSON value with a placeholder for each withheld value."""
        if isinstance(value, list):
            return [self.restored(each) for each in value]
        if isinstance(value, dict):
            return {
                key: self.secret(each)
                if isinstance(each, str) and key in SECRET_FIELDS
                else self.restored(each)
                for key, each in value.items()
            }
        return value

    def body(self, text: str) -> bytes:
        """Return a body as it was sent, byte for byte if nothing is withheld."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            text = _FORM_SECRET.sub(lambda m: f"{m[1]}={self.secret(m[2])}", text)
        else:
            restored = self.restored(value)
            text = text if restored == value else json.dumps(restored)
        return text.encode("utf-8", "surrogatepass")

    def exchange(self, entry: Mapping[str, Any], pointer: str, line: int) -> Recorded:
        """Return one entry. Raises AttributeError, KeyError, TypeError or ValueError."""
        raise NotImplementedError


def text_or_none(value: Any) -> str | None:
    """Return ``value`` if it is a string, else None."""
    return value if isinstance(value, str) else None


def seconds_of(written: str | None) -> float | None:
    """Return an ISO 8601 time in seconds since the epoch, or None if it is invalid."""
    try:
        return datetime.fromisoformat(written or "").timestamp()
    except ValueError:
        return None
