"""Writes all exchanges of a run as HAR 1.2, without secrets; ``cart-spec traffic`` reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cart_conformance.reports.document import suite_version
from cart_conformance.reports.files import ReportDirError, write_whole
from cart_conformance.results import CleanupFinished, Exchange, Headers
from cart_conformance.run.events import Event, ExchangeFinished, RunFinished


class HarReport:
    """A reporter that keeps every exchange, and writes the file when the run ends."""

    def __init__(self, path: Path) -> None:
        """Write nothing yet. Raises ReportDirError if ``path`` cannot be written."""
        self._path = path
        self._entries: list[dict[str, Any]] = []
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ReportDirError(f"{path}: cannot be written: {error.strerror}") from error
        self._write()

    def handle(self, event: Event) -> None:
        """Process an event. Raises ReportDirError."""
        match event:
            case ExchangeFinished(operation, exchange):
                self._entries.append(_entry(operation, exchange))
            case CleanupFinished() | RunFinished():
                self._write()

    def _write(self) -> None:
        creator = {"name": "cart-conformance", "version": suite_version()}
        document = {"log": {"version": "1.2", "creator": creator, "entries": self._entries}}
        write_whole(self._path, json.dumps(document, ensure_ascii=False).encode())


def _entry(operation: str, exchange: Exchange) -> dict[str, Any]:
    milliseconds = round(1000 * exchange.elapsed, 1)
    request: dict[str, Any] = {
        "method": exchange.method,
        "url": exchange.url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _headers(exchange.request_headers),
        "queryString": [
            {"name": name, "value": value}
            for name, value in parse_qsl(urlsplit(exchange.url).query, keep_blank_values=True)
        ],
        "headersSize": -1,
        "bodySize": len((exchange.request_body or "").encode("utf-8", "replace")),
    }
    if exchange.request_body is not None:
        sent = dict(exchange.request_headers)
        mime_type = sent.get("Content-Type", "application/json")
        request["postData"] = {"mimeType": mime_type, "text": exchange.request_body}
    received = {name.lower(): value for name, value in exchange.response_headers}
    size = len(exchange.response_body.encode("utf-8", "replace"))
    return {
        "startedDateTime": exchange.at,
        "time": milliseconds,
        "request": request,
        "response": {
            "status": exchange.status or 0,
            "statusText": "",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _headers(exchange.response_headers),
            "content": {
                "size": size,
                "mimeType": received.get("content-type", ""),
                "text": exchange.response_body,
            },
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": size,
        },
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
        "comment": operation,
    }


def _headers(headers: Headers) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers]
