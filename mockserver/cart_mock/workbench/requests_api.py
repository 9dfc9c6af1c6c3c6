"""Operations on the request log: list requests, explain one, verify expectations."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from connexion import request as current_request
from connexion.lifecycle import ConnexionResponse

from cart_mock.errors import FORWARDING_ERRORS
from cart_mock.http.delivery import ENDS_WITH_CLIENT
from cart_mock.inspection.explanation import explain
from cart_mock.inspection.request_view import request_to_dict
from cart_mock.inspection.verification import path_matches, verify
from cart_mock.tenants.request_log import Entry, Kept, RequestLog
from cart_mock.tenants.tenant import Tenant
from cart_mock.workbench.control import control, tenant_named
from cart_mock.workbench.errors import Refusal
from cart_mock.workbench.slices import convert_all, json_lists, sliced

Body = dict[str, Any]

_POLL = 0.1
"""Seconds between two checks of the log for new requests."""


async def list_storeless_requests(**parameters: Any) -> ConnexionResponse:
    """List the requests that belong to no store."""
    return await _list(control().mock.request_log, None, parameters)


async def list_requests(store: str, **parameters: Any) -> ConnexionResponse:
    """List the last requests of a store."""
    tenant = tenant_named(store)
    return await _list(tenant.request_log, tenant.name, parameters)


async def clear_requests(store: str) -> tuple[None, int]:
    """Empty the request log of a store."""
    tenant_named(store).request_log.clear()
    return None, 204


async def explain_request(request: str) -> Body:
    """Return one request of any store, with an explanation of its answer."""
    entry, tenant = await _find(request)
    base_url = f"{current_request.scope['scheme']}://{current_request.headers['host']}"
    shown = request_to_dict(entry, None if tenant is None else tenant.name)
    explanation = explain(entry, control().mock, tenant, base_url)
    return {"data": {**shown, "explanation": explanation}}


async def verify_requests(store: str, body: Body) -> Body:
    """Check whether such requests were sent, that many times."""
    tenant = tenant_named(store)
    _check_names(body)
    if "times" in body and ("at_least" in body or "at_most" in body):
        hint = 'Send either "times", or "at_least" and "at_most".'
        raise Refusal("request-invalid", "times is exact already", hint, "times")
    kept = list(tenant.request_log.kept)
    requests = await convert_all(lambda each: request_to_dict(each.entry(), tenant.name), kept)
    return verify(body, requests, tenant.request_log.forgotten)


def _check_names(expectation: Mapping[str, Any]) -> None:
    """Raise Refusal if no request can have that operation or rule."""
    contract = control().mock.contract
    operation, rule = expectation.get("operation"), expectation.get("rule")
    if operation is not None and operation not in contract.operations:
        raise _unknown_name("operation", operation, contract.operations)
    if rule is None:
        return
    rules = [each.id for each in contract.rules if each.is_refusal]
    errors = [error.id for error in contract.protocol_errors]
    if rule not in (*rules, *errors, *FORWARDING_ERRORS):
        raise _unknown_name("rule", rule, (*rules, *errors, *FORWARDING_ERRORS))


def _unknown_name(field: str, name: str, known: Iterable[str]) -> Refusal:
    names = sorted(known)
    near = get_close_matches(name, names, n=3) or names
    reason = f"no request can have the {field} {name[:200]!r}"
    return Refusal("request-invalid", reason, f"Send one such as: {', '.join(near)}.", field)


async def _find(request_id: str) -> tuple[Entry, Tenant | None]:
    mock = control().mock
    async for tenant in sliced(mock.tenants):
        kept = tenant.request_log.find(request_id)
        if kept is not None:
            return kept.entry(), tenant
    kept = mock.request_log.find(request_id)
    if kept is None:
        raise Refusal(
            "request-unknown",
            f"no request log has {request_id[:200]!r}",
            "Send the X-Request-Id of an answer. A log keeps only the last requests; "
            "cart-mock --journal sets how many.",
            "request",
        )
    return kept.entry(), None


class _Query(NamedTuple):
    """The query parameters of a list. A filter without a value accepts any request."""

    operation: str | None = None
    status: str | None = None
    rule: str | None = None
    method: str | None = None
    path: str | None = None
    since: str | None = None
    before: str | None = None
    limit: int = 100
    wait: float = 0

    def accepts(self, entry: Entry) -> bool:
        answered = f"{entry.answer.status:03}"
        return (
            (self.operation is None or entry.operation_id == self.operation)
            and (self.status is None or self.status in (answered, f"{answered[0]}xx"))
            and (self.rule is None or entry.answer.refused_by == self.rule)
            and (self.method is None or entry.request.method == self.method.upper())
            and (self.path is None or path_matches(self.path, entry.request.path))
        )


async def _list(
    log: RequestLog, store: str | None, parameters: Mapping[str, Any]
) -> ConnexionResponse:
    # Connexion adds the caller's identity to the parameters if a key was sent.
    query = _Query(**{name: parameters[name] for name in _Query._fields if name in parameters})
    loop = asyncio.get_running_loop()
    until = loop.time() + query.wait
    scope: dict[str, Any] = current_request.scope
    scope.setdefault("extensions", {})[ENDS_WITH_CLIENT] = True
    while True:
        await control().refresh(store)
        if query.before is None:
            kept, missed = log.since(query.since)
        else:
            kept, missed = log.before(query.before), False
        entries = await convert_all(Kept.entry, kept)
        found = [entry for entry in entries if query.accepts(entry)]
        if found or missed or query.before is not None or loop.time() >= until:
            break
        if await current_request.is_disconnected():
            break
        await asyncio.sleep(min(_POLL, query.wait))
    meta = {
        "kept": len(log.kept),
        "forgotten": log.forgotten,
        "length": log.length,
        "last": log.last_id(),
        "missed": missed,
    }
    listed = (request_to_dict(entry, store) for entry in found[-query.limit :])
    return await json_lists({"data": listed}, meta=meta)
