"""The journal: what was asked and answered, why, and whether it was as a test expects."""

from __future__ import annotations

import asyncio
from typing import Any

from connexion import request as current_request

from cart_mock.inspection.explanation import explain
from cart_mock.inspection.request_view import exchange_shown
from cart_mock.inspection.verification import path_matches, verify
from cart_mock.state.store import Store
from cart_mock.tenants.request_log import Entry, RequestLog
from cart_mock.tenants.tenant import Benches
from cart_mock.workbench.errors import Refusal

Body = dict[str, Any]

_POLL = 0.1
"""Seconds between two looks for something new: the journal itself tells nobody."""


class RequestOperations:
    """The operations on the journal, each named after its ``operationId``."""

    def __init__(self, benches: Benches) -> None:
        self._benches = benches
        self._engine = benches.engine

    async def list_storeless_requests(self, **filters: Any) -> Body:
        """The requests that belong to no store."""
        return await _listed(self._engine.journal, None, **filters)

    async def list_requests(self, store: str, **filters: Any) -> Body:
        """The last requests of a store."""
        held = self._benches.named(store).store
        return await _listed(held.journal, held.name, **filters)

    async def clear_requests(self, store: str) -> tuple[None, int]:
        """Empty the journal."""
        self._benches.named(store).store.journal.entries.clear()
        return None, 204

    async def explain_request(self, request: str) -> Body:
        """One request, with an explanation."""
        entry, store = self._find(request)
        base_url = f"{current_request.scope['scheme']}://{current_request.headers['host']}"
        shown = exchange_shown(entry, None if store is None else store.name)
        explanation = explain(entry, self._engine.contract, store, base_url)
        return {"data": {**shown, "explanation": explanation}}

    def _find(self, request_id: str) -> tuple[Entry, Store | None]:
        for store in self._engine.stores:
            entry = store.journal.find(request_id)
            if entry is not None:
                return entry, store
        entry = self._engine.journal.find(request_id)
        if entry is None:
            raise Refusal(
                "request-unknown",
                f"no journal holds {request_id[:200]!r}",
                "Send the X-Request-Id of an answer; a journal keeps the last ones only, "
                "how many is said by cart-mock --journal.",
                "request",
            )
        return entry, None

    async def verify_requests(self, store: str, body: Body) -> Body:
        """Whether there was a request like this, this often."""
        held = self._benches.named(store).store
        if "times" in body and ("at_least" in body or "at_most" in body):
            advice = 'Send either "times", or "at_least" and "at_most".'
            raise Refusal("request-invalid", "times is exact already", advice, "times")
        shown = [exchange_shown(entry, held.name) for entry in held.journal.entries]
        return verify(body, shown)


async def _listed(
    journal: RequestLog, store: str | None, *, since: str | None = None, limit: int = 100,
    wait: float = 0, **filters: Any,
) -> Body:  # fmt: skip
    loop = asyncio.get_running_loop()
    until = loop.time() + wait
    while True:
        entries, missed = journal.since(since)
        found = [entry for entry in entries if _passes(entry, **filters)]
        if found or missed or loop.time() >= until:
            break
        await asyncio.sleep(min(_POLL, wait))
    return {
        "data": [exchange_shown(entry, store) for entry in found[-limit:]],
        "meta": {
            "kept": len(journal.entries),
            "length": journal.length,
            "last": journal.last_id(),
            "missed": missed,
        },
    }


def _passes(
    entry: Entry, *, operation: str | None = None, status: str | None = None,
    rule: str | None = None, method: str | None = None, path: str | None = None,
) -> bool:  # fmt: skip
    answered = f"{entry.answer.status:03}"
    return (
        (operation is None or entry.operation_id == operation)
        and (status is None or status in (answered, f"{answered[0]}xx"))
        and (rule is None or entry.answer.broken == rule)
        and (method is None or entry.request.method == method.upper())
        and (path is None or path_matches(path, entry.request.path))
    )
