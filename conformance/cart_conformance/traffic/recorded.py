"""Reads recorded exchanges from a file: HAR, or the request log of the mock."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from cart_spec.source import UnreadableDocumentError, read_text

from cart_conformance.traffic.har import HarReader
from cart_conformance.traffic.recording import Recording
from cart_conformance.traffic.request_log import RequestLogReader, is_logged

MAX_BYTES = 100 * 1024 * 1024
"""Maximum size of a recording in bytes."""


def read_recording(path: Path) -> Recording:
    """Return the recording in a file.

    Raises UnreadableDocumentError, with a message of one line, if the file is too large, is not
    JSON, is neither a HAR file nor a request log of the mock, or contains an invalid entry.
    """
    text = read_text(path, MAX_BYTES)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableDocumentError(f"{path}: is not JSON: {error}") from error
    log = document.get("log") if isinstance(document, dict) else None
    reader: type[HarReader | RequestLogReader]
    if isinstance(log, dict) and isinstance(log.get("entries"), list):
        reader, entries, base, key = HarReader, log["entries"], "/log/entries", "entries"
    else:
        found = document.get("data") if isinstance(document, dict) else document
        if not (isinstance(found, list) and all(map(is_logged, found))):
            raise UnreadableDocumentError(
                f"{path}: is neither a HAR file (log.entries) nor what the mock's request journal "
                "gives (GET /_mock/stores/STORE/requests)"
            )
        reader, entries = RequestLogReader, found
        base, key = ("/data", "data") if isinstance(document, dict) else ("", "")
    lines = _lines(text, key, len(entries))
    read = reader(entries)
    exchanges = []
    for number, (entry, line) in enumerate(zip(entries, lines, strict=True)):
        try:
            exchanges.append(read.exchange(entry, f"{base}/{number}", line))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UnreadableDocumentError(
                f"{path}: line {line}: {base}/{number} is not an exchange: "
                f"{type(error).__name__}: {_one_line(error)}"
            ) from error
    return Recording(str(path), read.kind, exchanges, read.known)


def _lines(text: str, key: str, number: int) -> Iterator[int]:
    """Yield the line on which each of the ``number`` entries starts, or 1 if it is unknown."""
    starts = list(_starts(text, key, number))
    if len(starts) != number:
        starts = [0] * number
    line, before = 1, 0
    for start in starts:
        line += text.count("\n", before, start)
        before = start
        yield line


def _starts(text: str, key: str, number: int) -> Iterator[int]:
    opening = re.search(rf'"{key}"\s*:\s*\[' if key else r"\[", text)
    decoder, at = json.JSONDecoder(), opening.end() if opening else len(text)
    blank = re.compile(r"[\s,]*")
    for _ in range(number):
        start = blank.match(text, at)
        assert start is not None, "it matches nothing at all, too"
        try:
            _, at = decoder.raw_decode(text, start.end())
        except ValueError:
            return
        yield start.end()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
