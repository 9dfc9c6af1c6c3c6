"""Reads the request log of the mock, as its control API returns it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from requests.structures import CaseInsensitiveDict

from cart_conformance.exchange import OWNER_TOKENS, Answer, Request
from cart_conformance.oracle import ADMINISTRATOR, SHOPPER, AccessToken, OwnerRef, OwnerToken
from cart_conformance.traffic.recording import (
    BrokenEntryError,
    Outline,
    Recorded,
    RecordingReader,
    text_or_none,
)

_LONGEST_KEPT = 60_000
"""Length in characters from which a body in the mock's request log may be truncated."""


class RequestLogReader(RecordingReader):
    """The mock's request log, which names the caller but withholds secrets."""

    kind = "journal of the mock"

    def __init__(self) -> None:
        super().__init__()
        for grant in (ADMINISTRATOR, SHOPPER):
            self.known.access_tokens[_token(grant)] = AccessToken(grant)

    def outline(self, entry: Any) -> Outline:
        """Return the outline of an entry. Raises BrokenEntryError."""
        query = f"?{entry['query']}" if entry.get("query") else ""
        url = f"{entry['path']}{query}"
        try:
            urlsplit(url)
        except ValueError as error:
            raise BrokenEntryError(f"has an invalid path: {error}") from error
        # The store's clock may be set, so the machine's time says neither the order nor whether a
        # token expired.
        return Outline(str(entry["method"]).upper(), url, text_or_none(entry.get("at")))

    def headers(self, entry: Any) -> Iterator[Sequence[tuple[str, str]]]:
        """Yield the headers of each side of an entry, whatever state they are in."""
        for owner in (entry, entry.get("answer")):
            headers = owner.get("headers") if isinstance(owner, Mapping) else None
            if isinstance(headers, Mapping):
                yield [(str(name), str(each)) for name, each in headers.items()]

    def bodies(self, entry: Any) -> Iterator[bytes]:
        """Yield the body of each side of an entry, as far as it can be opened."""
        for owner in (entry, entry.get("answer")):
            if isinstance(owner, Mapping):
                body = owner.get("body")
                text = body if isinstance(body, str) else json.dumps(body)
                yield text.encode("utf-8", "replace")

    def secrets(self, entry: Any) -> Iterator[tuple[str, str]]:
        """Yield the URL with its query."""
        yield "url", f"{entry.get('path')}?{entry.get('query') or ''}"

    def exchange(self, entry: Any, pointer: str, line: int) -> Recorded:
        """Return one entry. Raises BrokenEntryError."""
        try:
            return self._exchange(entry, pointer, line)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BrokenEntryError(f"{type(error).__name__}: {error}") from error

    def _exchange(self, entry: Mapping[str, Any], pointer: str, line: int) -> Recorded:
        outline, status = self.outline(entry), entry.get("status")
        method, url = outline.method, outline.url
        sent = Request(method, url, self._headers(entry), self._bytes(entry.get("body")))
        shown = entry.get("answer") or {}
        answer = Answer(
            request=sent,
            status=int(status or 0),
            headers=CaseInsensitiveDict(shown.get("headers") or {}),
            body=self._bytes(shown.get("body")) or b"",
            elapsed=0.0,
        )
        left_out = _journal_left_out(entry)
        return Recorded(
            pointer,
            line,
            method,
            url,
            status,
            outline.when,
            None,
            answer,
            left_out,
        )

    def _headers(self, entry: Mapping[str, Any]) -> CaseInsensitiveDict[str]:
        headers = CaseInsensitiveDict(
            (str(name), self.header(str(name), str(value)))
            for name, value in (entry.get("headers") or {}).items()
        )
        caller = entry.get("caller") or {}
        grant = caller.get("grant")
        if "Authorization" in headers:
            known = isinstance(grant, str) and _token(grant) in self.known.access_tokens
            headers["Authorization"] = f"Bearer {_token(str(grant)) if known else self.withheld()}"
        for kind, name in OWNER_TOKENS.items():
            owner = caller.get(f"{kind}_id")
            if name in headers and owner:
                headers[name] = _token(owner)
                self.known.owner_tokens[_token(owner)] = OwnerToken(OwnerRef(kind, owner))
        return headers

    def _bytes(self, body: Any) -> bytes | None:
        if body is None:
            return None
        if isinstance(body, str):
            return self.body(body)
        return json.dumps(self.restored(body), ensure_ascii=False).encode("utf-8", "surrogatepass")


def _journal_left_out(entry: Mapping[str, Any]) -> str | None:
    bodies = (entry.get("body"), (entry.get("answer") or {}).get("body"))
    if entry.get("fault"):
        return "a fault was injected into it"
    if not entry.get("status"):
        return "no answer was sent"
    if any(isinstance(body, str) and len(body) >= _LONGEST_KEPT for body in bodies):
        return "a body in it was cut"
    return None


def _token(owner: str) -> str:
    return f"token-of-{owner}-in-the-journal"


def is_logged(entry: Any) -> bool:
    """Return whether a JSON value is an entry of the request log."""
    return isinstance(entry, dict) and {"method", "path", "status", "operation"} <= entry.keys()
