"""Reads HAR 1.2, as browsers, proxies and test tools write it.

A body counts only if it was surely recorded as a whole. Recorders differ in how they say that they
kept none, cut it, or left it compressed; :class:`HarReader` knows their ways.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

from requests.structures import CaseInsensitiveDict

from cart_conformance.exchange import Answer, Request
from cart_conformance.traffic.archive import Attachments
from cart_conformance.traffic.encodings import StillCompressedError, opened
from cart_conformance.traffic.recording import (
    BrokenEntryError,
    Outline,
    Recorded,
    RecordingReader,
    is_marker,
    seconds_of,
    text_or_none,
)

# How JSON and compressed bodies begin in base64; a request has no field that says so.
_BASE64_JSON = re.compile(r"ey[A-Za-z0-9+/]|W[yw][A-Za-z0-9+/]|H4sI|KLUv/")
_BODILESS_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
NOT_SENT = "what was sent was not recorded"
NOT_RECEIVED = "the answer's body was not recorded"
SENT_CUT = "what was sent was cut by the recorder"
RECEIVED_CUT = "the answer's body was cut by the recorder"


class MissingBodyError(ValueError):
    """A body that was not recorded, or not as a whole. The message says which and why."""


class HarReader(RecordingReader):
    """HAR 1.2."""

    kind = "HAR"

    def __init__(self, attachments: Attachments) -> None:
        super().__init__()
        self._attachments = attachments
        # Browsers omit credentials from their exports. So a file without any credentials is read
        # as an export of a browser.
        self._has_credentials = False
        self._keeps_sent = self._keeps_received = False

    def survey(self, entry: Any) -> None:
        """Note whether the recorder keeps credentials, sent bodies and received bodies."""
        request, response = (
            _mapping(_mapping(entry).get("request")),
            _mapping(entry).get("response"),
        )
        if not self._has_credentials:
            names = {name.lower() for name, _ in _pairs(request.get("headers"))}
            self._has_credentials = "authorization" in names
        if self._keeps_sent and self._keeps_received:
            return
        posted = _mapping(request.get("postData"))
        content = _mapping(_mapping(response).get("content"))
        kept = [any(each.get(key) for key in ("text", "params", "_file", "_sha1"))
                for each in (posted, content)]  # fmt: skip
        self._keeps_sent = self._keeps_sent or kept[0]
        self._keeps_received = self._keeps_received or kept[1]

    def outline(self, entry: Any) -> Outline:
        """Return the outline of an entry. Raises BrokenEntryError."""
        request = _mapping(entry).get("request")
        if not isinstance(request, dict):
            raise BrokenEntryError(_said("request", request))
        method, url = request.get("method"), request.get("url")
        if not isinstance(method, str) or not isinstance(url, str):
            raise BrokenEntryError("has no method or no url")
        try:
            urlsplit(url)
        except ValueError as error:
            raise BrokenEntryError(f"has an invalid url: {error}") from error
        when = text_or_none(entry.get("startedDateTime"))
        return Outline(method.upper(), url, when, seconds_of(when))

    def headers(self, entry: Any) -> Iterator[Sequence[tuple[str, str]]]:
        """Yield the headers of each side of an entry, whatever state they are in."""
        for side in ("request", "response"):
            yield _pairs(_mapping(_mapping(entry).get(side)).get("headers"))

    def bodies(self, entry: Any) -> Iterator[bytes]:
        """Yield the body of each side of an entry, as far as it can be opened."""
        for side, name in (("request", "postData"), ("response", "content")):
            owner = _mapping(_mapping(entry).get(side))
            body = _mapping(owner.get(name))
            if not body.keys() & {"text", "_file"}:
                continue
            text = text_or_none(body.get("text")) or ""
            raw = text.encode("utf-8", "replace")
            if isinstance(body.get("_file"), str):
                raw = self._attachments.read(body["_file"]) or b""
            elif "base64" in (body.get("encoding"), body.get("_encoding")) or _BASE64_JSON.match(
                text
            ):
                with contextlib.suppress(binascii.Error, ValueError):
                    raw = base64.b64decode(text)
            headers = _pairs(owner.get("headers"))
            encodings = [value for key, value in headers if key.lower() == "content-encoding"]
            with contextlib.suppress(StillCompressedError):
                raw = opened(raw, ",".join(encodings))
            yield raw

    def secrets(self, entry: Any) -> Iterator[tuple[str, str]]:
        """Yield cookies as ``cookie``, and the parameters of the query and of a form."""
        for side in ("request", "response"):
            owner = _mapping(_mapping(entry).get(side))
            yield from (("cookie", value) for _, value in _pairs(owner.get("cookies")))
            yield from _pairs(owner.get("queryString"))
            yield from _pairs(_mapping(owner.get("postData")).get("params"))
            redirect = owner.get("redirectURL")
            if isinstance(redirect, str):
                yield "url", redirect

    def exchange(self, entry: Any, pointer: str, line: int) -> Recorded:
        """Return one entry. Raises BrokenEntryError."""
        outline = self.outline(entry)
        request, response = entry["request"], entry.get("response")
        method, url, at = outline.method, outline.url, outline.at
        status = _status(response)
        left_out = _left_out(entry, response, status)
        if left_out is not None:
            return Recorded(
                pointer, line, method, url, status or None, outline.when, at, None, left_out
            )
        assert isinstance(response, dict), "an entry without an answer is left out"
        headers = self._headers(request, "request")
        if not self._has_credentials:
            headers["Authorization"] = f"Bearer {self.withheld()}"
        received = self._headers(response, "response")
        content = _mapping(response.get("content"))
        if content.get("mimeType"):
            received.setdefault("Content-Type", str(content["mimeType"]))
        try:
            sent = self._sent(request, method, headers)
            body = self._received(response, method, status, received)
        except MissingBodyError as error:
            sent, body, left_out = None, b"", str(error)
        answer = Answer(
            request=Request(method, url, headers, sent),
            status=status,
            headers=received,
            body=body,
            elapsed=_number(entry.get("time")) / 1000,
        )
        return Recorded(pointer, line, method, url, status, outline.when, at, answer, left_out)

    def _headers(self, owner: Mapping[str, Any], what: str) -> CaseInsensitiveDict[str]:
        written = owner.get("headers")
        if not isinstance(written, list | dict) and what == "request":
            raise BrokenEntryError(_said(f"headers of the {what}", written))
        return CaseInsensitiveDict(
            (name, self.header(name, value))
            for name, value in _pairs(written)
            if not name.startswith(":")  # HTTP/2's own
        )

    def _sent(
        self, request: Mapping[str, Any], method: str, headers: CaseInsensitiveDict[str]
    ) -> bytes | None:
        posted, size = _mapping(request.get("postData")), request.get("bodySize")
        text = text_or_none(posted.get("text"))
        if isinstance(posted.get("_file"), str):
            raw = self._attached(posted["_file"], NOT_SENT)
        elif text:
            if is_marker(text):
                raise MissingBodyError(NOT_SENT)
            raw = self._raw(posted, text, size, NOT_SENT)
            if _is_cut(raw, size, posted) and "content-encoding" not in headers:
                raise MissingBodyError(SENT_CUT)
        elif _pairs(posted.get("params")):
            return self.body(urlencode(_pairs(posted.get("params"))))
        elif self._was_sent(size, method, headers):
            raise MissingBodyError(NOT_SENT)
        else:
            return None
        return self._opened(raw, headers, "what was sent")

    def _was_sent(self, size: Any, method: str, headers: Mapping[str, str]) -> bool:
        """Return whether a request without a recorded body may have had one."""
        if isinstance(size, int) and size > 0:
            return True
        length = headers.get("content-length")
        if length is not None:
            return length.strip() != "0"
        if method in _BODILESS_METHODS:
            return False
        named = "content-type" in headers or "transfer-encoding" in headers
        return named and (size != 0 or not self._keeps_sent)

    def _received(
        self,
        response: Mapping[str, Any],
        method: str,
        status: int,
        headers: CaseInsensitiveDict[str],
    ) -> bytes:
        content = _mapping(response.get("content"))
        size, text = content.get("size"), text_or_none(content.get("text"))
        if method == "HEAD" or status in (204, 205):
            return b""
        if isinstance(content.get("_file"), str):
            raw = self._attached(content["_file"], NOT_RECEIVED)
        elif text:
            if is_marker(text):
                raise MissingBodyError(NOT_RECEIVED)
            raw = self._raw(content, text, None, NOT_RECEIVED)
        elif size == 0 and self._keeps_received and headers.get("content-length", "0") == "0":
            return b""
        else:
            raise MissingBodyError(NOT_RECEIVED)
        raw = self._opened(raw, headers, "the answer's body")
        if _is_cut(raw, size, content):
            raise MissingBodyError(RECEIVED_CUT)
        return raw

    def _raw(self, owner: Mapping[str, Any], text: str, size: Any, missing: str) -> bytes:
        """Return the bytes of a text that may be base64; HAR has no field for that in a request."""
        is_base64 = "base64" in (owner.get("encoding"), owner.get("_encoding"))
        length = len(text)
        looks_like = isinstance(size, int) and 0 < size < length and length == -(-size // 3) * 4
        if is_base64 or looks_like:
            try:
                raw = base64.b64decode(text, validate=True)
            except (binascii.Error, ValueError):
                if is_base64:
                    raise MissingBodyError(f"{missing}: its text is not base64") from None
            else:
                if is_base64 or len(raw) == size:
                    return raw
        return self.body(text)

    def _opened(self, raw: bytes, headers: CaseInsensitiveDict[str], what: str) -> bytes:
        encodings = headers.get("content-encoding", "")
        if encodings and b"\xef\xbf\xbd" in raw[:200]:
            raise MissingBodyError(f"{what} is still compressed, and was damaged by the recorder")
        try:
            found = opened(raw, encodings)
        except StillCompressedError as error:
            raise MissingBodyError(f"{what} {error}") from None
        headers.pop("content-encoding", None)
        if found is not raw:
            found = (
                self.body(found.decode("utf-8", "surrogateescape")) if _is_utf8(found) else found
            )
        return found

    def _attached(self, name: str, missing: str) -> bytes:
        raw = self._attachments.read(name)
        if raw is None:
            raise MissingBodyError(f"{missing}: its file {name[:80]!r} is not with the recording")
        return self.body(raw.decode("utf-8")) if _is_utf8(raw) else raw


def _left_out(entry: Mapping[str, Any], response: Any, status: int) -> str | None:
    """Return why an entry cannot be judged, whatever its bodies are; or None."""
    if not isinstance(response, dict) or status <= 0:
        return "no answer came"
    if 300 <= status < 400:
        return f"{status} is an answer of a cache or of the way there"
    if entry.get("_fromCache"):
        return "it was answered from the browser's cache"
    if entry.get("_fetchedViaServiceWorker") or response.get("_fetchedViaServiceWorker"):
        return "a service worker may have answered it"
    return None


def _status(response: Any) -> int:
    status = _mapping(response).get("status")
    if isinstance(status, str) and status.isdecimal():
        return int(status)
    return status if isinstance(status, int) and not isinstance(status, bool) else 0


def _is_cut(raw: bytes, size: Any, owner: Mapping[str, Any]) -> bool:
    """Return whether less was recorded than there was.

    Some recorders write JSON again, shorter than it was; then it still is JSON.
    """
    notes = [owner.get(key) for key in ("comment", "_truncated", "truncated")]
    noted = any(note is True or "trunc" in str(note).lower() for note in notes)
    short = isinstance(size, int) and len(raw) < size
    if not (noted or short):
        return False
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        return True
    return False


def _pairs(written: Any) -> list[tuple[str, str]]:
    """Return names and values from a list of objects, or from one object; others are ignored."""
    if isinstance(written, dict):
        return [(str(name), _text(value)) for name, value in written.items()]
    if not isinstance(written, list):
        return []
    return [
        (str(each["name"]), _text(each.get("value")))
        for each in written
        if isinstance(each, dict) and isinstance(each.get("name"), str)
    ]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else 0.0


def _said(what: str, value: Any) -> str:
    """Say that a part of an entry is missing, or of the wrong type."""
    if value is None:
        return f"has no {what}"
    names = {list: "a list", dict: "an object", str: "a string", bool: "a boolean"}
    return f"has {names.get(type(value), 'a number')} in the place of the {what}"


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
