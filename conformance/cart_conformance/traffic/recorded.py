"""Reads recorded exchanges from a file: HAR, or the request log of the mock."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from cart_spec.source import UnreadableDocumentError, decoded

from cart_conformance.traffic.archive import Attachments, opened
from cart_conformance.traffic.har import HarReader
from cart_conformance.traffic.recording import Recording, RecordingReader
from cart_conformance.traffic.request_log import RequestLogReader, is_logged

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_FLOW = re.compile(rb"\d{1,9}:.{0,400}?\d{1,6}:(version|request|response|websocket|type|backup)")
_CAPTURES = (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\x0a\x0d\x0d\x0a")
_BLANK = re.compile(rb"[\s,]*")


class _Log(msgspec.Struct):
    entries: list[msgspec.Raw]


class _Har(msgspec.Struct):
    log: _Log


class _Journal(msgspec.Struct):
    data: list[msgspec.Raw]


def read_recording(path: Path) -> Recording:
    """Return the recording in a file, which may be compressed or a zip.

    Entries are read later, one at a time. Raises UnreadableDocumentError, with a message of one
    line, if the file is too large, is not JSON, or is neither a HAR file nor a request log of the
    mock.
    """
    raw, attachments = opened(path)
    advice = _advice_for_bytes(raw)
    if advice is not None:
        raise UnreadableDocumentError(f"{path}: {advice}")
    found = _entries(raw)
    if found is not None:
        entries, key = found
        return _recording(path, entries, key, _lines(raw, key, entries), attachments, _decode)
    return _read_leniently(path, raw, attachments)


def _entries(raw: bytes) -> tuple[list[msgspec.Raw], str] | None:
    """Return the entries, undecoded, and the key that they stand under; None for other files."""
    with contextlib.suppress(*_UNREADABLE):
        return msgspec.json.decode(raw, type=_Har).log.entries, "entries"
    entries: list[msgspec.Raw] | None = None
    with contextlib.suppress(*_UNREADABLE):
        entries, key = msgspec.json.decode(raw, type=_Journal).data, "data"
    with contextlib.suppress(*_UNREADABLE):
        entries, key = msgspec.json.decode(raw, type=list[msgspec.Raw]), ""
    if entries is None or not all(is_logged(_decode(each)) for each in entries):
        return None
    return entries, key


def _decode(raw: Any) -> Any:
    """Return an entry. msgspec is fast; json takes lone surrogates and NaN, too."""
    try:
        return msgspec.json.decode(raw)
    except (*_UNREADABLE, msgspec.MsgspecError):
        return json.loads(bytes(raw).decode("utf-8", "replace"))


def _read_leniently(path: Path, raw: bytes, attachments: Attachments) -> Recording:
    """Read what msgspec refuses. Raises UnreadableDocumentError if it is not a recording."""
    text = decoded(raw, str(path))
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableDocumentError(f"{path}: is not JSON: {error}") from error
    log = document.get("log") if isinstance(document, dict) else None
    if isinstance(log, dict) and isinstance(log.get("entries"), list):
        entries, key = log["entries"], "entries"
    else:
        entries = document.get("data") if isinstance(document, dict) else document
        key = "data" if isinstance(document, dict) else ""
        if not (isinstance(entries, list) and all(map(is_logged, entries))):
            raise UnreadableDocumentError(f"{path}: {_advice_for_json(document)}")
    return _recording(path, entries, key, [1] * len(entries), attachments, lambda entry: entry)


def _recording(
    path: Path,
    entries: Sequence[Any],
    key: str,
    lines: Sequence[int],
    attachments: Attachments,
    decode: Callable[[Any], Any],
) -> Recording:
    base = {"entries": "/log/entries", "data": "/data", "": ""}[key]
    reader: RecordingReader = HarReader(attachments) if key == "entries" else RequestLogReader()
    return Recording(str(path), reader, entries, base, lines, decode)


def _lines(raw: bytes, key: str, entries: Sequence[Any]) -> list[int]:
    """Return the line on which each entry starts, or 1 if it is not found."""
    opening = re.search(rb'"%b"\s*:\s*\[' % key.encode() if key else rb"\[", raw)
    at = before = opening.end() if opening else len(raw)
    line = raw.count(b"\n", 0, at) + 1
    lines = []
    for entry in entries:
        view = memoryview(entry)
        blank = _BLANK.match(raw, at)
        at = blank.end() if blank else at
        if raw[at : at + 32] != bytes(view[:32]):
            return [1] * len(entries)
        line += raw.count(b"\n", before, at)
        lines.append(line)
        before = at
        at += view.nbytes
    return lines


def _advice_for_bytes(raw: bytes) -> str | None:
    """Return what to do with a file of another kind, seen from its first bytes; None for JSON."""
    start = raw[:600]
    if not start.strip():
        return "is empty"
    if _FLOW.match(start):
        return (
            "is a mitmproxy flow file; write it as HAR first: "
            "mitmdump -nr FILE --set hardump=out.har"
        )
    if start.startswith(_CAPTURES):
        return "is a packet capture, which has no exchanges; record a HAR with a proxy or browser"
    if start.lstrip()[:1] == b"<":
        return "is XML or HTML; export the traffic as HAR (Burp, Charles and Fiddler can)"
    return None


def _advice_for_json(document: Any) -> str:
    info = document.get("info") if isinstance(document, dict) else None
    if isinstance(info, dict) and (
        "_postman_id" in info or "getpostman.com" in str(info.get("schema"))
    ):
        return (
            "is a Postman collection: requests to send, not traffic; send them through a proxy "
            "that records (mitmdump --set hardump=out.har), or to the mock, and give its request "
            "journal"
        )
    if isinstance(document, dict) and isinstance(document.get("run"), dict):
        return (
            "is a report of Newman, which has no whole exchanges; send the requests through a "
            "proxy that records (mitmdump --set hardump=out.har)"
        )
    if isinstance(document, dict) and {"openapi", "swagger"} & document.keys():
        return "is an OpenAPI document; give it to cart-spec check"
    if isinstance(document, dict) and {"constants", "events"} <= document.keys():
        return "is a network log of Chrome; export a HAR from the network tab instead"
    first = document[0] if isinstance(document, list) and document else None
    if isinstance(first, dict) and {"scheme", "host", "request", "response"} <= first.keys():
        return "is a session of Charles; export it as HAR instead"
    return (
        "is neither a HAR file (log.entries) nor what the mock's request journal "
        "gives (GET /_mock/stores/STORE/requests)"
    )
