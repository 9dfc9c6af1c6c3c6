"""HAR files for the tests, as a recorder that keeps everything writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx

from tests.openapi.recorder import NOW

Entry = dict[str, Any]
Har = dict[str, Any]


def entry_of(response: httpx.Response) -> Entry:
    """An exchange as a HAR file has it."""
    request = response.request
    entry: Entry = {
        "startedDateTime": datetime.fromtimestamp(NOW, UTC).isoformat(),
        "time": 1,
        "request": {
            "method": request.method,
            "url": str(request.url),
            "headers": [{"name": n, "value": v} for n, v in request.headers.items()],
            "bodySize": len(request.content),
        },
        "response": {
            "status": response.status_code,
            "headers": [{"name": n, "value": v} for n, v in response.headers.items()],
            "content": {
                "size": len(response.content),
                "mimeType": response.headers.get("content-type", ""),
                "text": response.text,
            },
        },
    }
    if request.content:
        entry["request"]["postData"] = {"mimeType": "", "text": request.content.decode()}
    return entry


def har(entries: list[Entry]) -> Har:
    return {"log": {"version": "1.2", "creator": {"name": "a test"}, "entries": entries}}
