"""Journalled requests as they are shown: without secrets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cart_mock.inspection.explanation import caller_shown
from cart_mock.inspection.redaction import Redactor
from cart_mock.tenants.request_log import Entry


def exchange_shown(entry: Entry, store: str | None) -> dict[str, Any]:
    """One request with its answer, without secrets; ``store`` is the name of its store."""
    request, answer = entry.request, entry.answer
    redactor = Redactor(request, answer)
    at = datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="milliseconds")
    return {
        "id": request.id,
        "at": at.replace("+00:00", "Z"),
        "store": store,
        "operation": entry.operation_id or None,
        "method": request.method,
        "path": redactor.text(request.path),
        "query": redactor.text(request.query.decode("latin-1")),
        "headers": redactor.headers(request.headers),
        "body": redactor.body(request.body),
        "caller": caller_shown(entry.ctx),
        "status": answer.status or None,
        "rule": answer.broken,
        "fault": None if answer.fault is None else dict(answer.fault),
        "answer": {
            "headers": redactor.headers(dict(answer.headers)),
            "body": redactor.body(answer.body),
            "delivery": answer.delivery,
        },
    }
