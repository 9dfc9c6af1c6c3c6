"""The exchanges of a recording, and the values that it withholds.

Recordings are rarely complete. Browsers omit credentials and bodies, and tools replace secrets with
a marker. Such a marker must not be mistaken for the value that was sent. So each one becomes a
unique placeholder, about which nothing is known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
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
    r"(\w+ )?(\[?(redacted|removed|filtered|hidden|masked)\]?|<(redacted|removed)>"
    r"|\*{3,}|x{3,}|•{3,})",
    re.IGNORECASE,
)
_FORM_SECRET = re.compile(rf"(?<![^&])({'|'.join(sorted(SECRET_FIELDS))})=([^&]*)")


# Text that may contain such a marker; most bodies do not, and then they are not parsed here.
_MARK_WORDS = ("redacted", "removed", "filtered", "hidden", "masked", "***", "xxx", "•••")


class BrokenEntryError(ValueError):
    """An entry that cannot be read. The message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What is needed of an entry to know whether it is of the contract, and when it was sent."""

    method: str
    url: str
    when: str | None = None
    at: float | None = None


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


class RecordingReader:
    """A reader that replaces each withheld value with a unique placeholder."""

    kind = ""

    def __init__(self) -> None:
        self.known = TargetState(is_withheld=is_withheld)
        self._numbers = count(1)
        self._index = 0

    # --- What a format implements ---

    def survey(self, entry: Any) -> None:
        """Look at an entry for what its recorder keeps. Each entry is surveyed before any is read.

        It never raises.
        """

    def outline(self, entry: Any) -> Outline:
        """Return the outline of an entry. Raises BrokenEntryError."""
        raise NotImplementedError

    def exchange(self, entry: Any, pointer: str, line: int) -> Recorded:
        """Return one entry. Raises BrokenEntryError."""
        raise NotImplementedError

    def headers(self, entry: Any) -> Iterator[Sequence[tuple[str, str]]]:
        """Yield the headers of each side of an entry, whatever state they are in."""
        raise NotImplementedError

    def bodies(self, entry: Any) -> Iterator[bytes]:
        """Yield the body of each side of an entry, as far as it can be opened."""
        raise NotImplementedError

    def secrets(self, entry: Any) -> Iterator[tuple[str, str]]:
        """Yield names and values of an entry outside its headers and bodies, such as cookies."""
        raise NotImplementedError

    # --- Withheld values ---

    def start(self, index: int) -> None:
        """Begin an entry: its placeholders have its number, so reading it twice gives the same."""
        self._index, self._numbers = index, count(1)

    def withheld(self) -> str:
        """Return a new placeholder."""
        return f"{WITHHELD}{self._index}-{next(self._numbers)}"

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
        lowered = text.lower()
        if not any(word in lowered for word in _MARK_WORDS):
            return text.encode("utf-8", "surrogatepass")
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            text = _FORM_SECRET.sub(lambda m: f"{m[1]}={self.secret(m[2])}", text)
        else:
            restored = self.restored(value)
            text = text if restored == value else json.dumps(restored)
        return text.encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class Recording:
    """The entries of a file in their order, and the reader that knows their format.

    Entries are kept as they stand in the file, and read one at a time: a recording may be large.
    """

    name: str
    reader: RecordingReader
    entries: Sequence[Any]
    base: str
    lines: Sequence[int]
    decode: Callable[[Any], Any]

    @property
    def kind(self) -> str:
        """What the file is, in words."""
        return self.reader.kind

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self.entries)

    def entry(self, index: int) -> Any:
        """Return an entry. Raises BrokenEntryError."""
        try:
            return self.decode(self.entries[index])
        except (ValueError, RecursionError) as error:
            raise BrokenEntryError(f"is not JSON: {error}") from error

    def pointer(self, index: int) -> str:
        """Return the JSON pointer of an entry."""
        return f"{self.base}/{index}"

    def exchange(self, index: int) -> Recorded:
        """Return an exchange. Raises BrokenEntryError."""
        self.reader.start(index)
        return self.reader.exchange(self.entry(index), self.pointer(index), self.lines[index])


def is_withheld(value: str | None) -> bool:
    """Return whether a value is a placeholder for one that the recording withholds."""
    return value is not None and value.startswith(WITHHELD)


def is_marker(text: str) -> bool:
    """Return whether a text is nothing but a marker for something that was withheld."""
    return _MARK.fullmatch(text.strip()) is not None


def text_or_none(value: Any) -> str | None:
    """Return ``value`` if it is a string, else None."""
    return value if isinstance(value, str) else None


def seconds_of(written: str | None) -> float | None:
    """Return an ISO 8601 time in seconds since the epoch, or None if it is invalid."""
    try:
        return datetime.fromisoformat(written or "").timestamp()
    except (ValueError, OverflowError, OSError):
        return None
