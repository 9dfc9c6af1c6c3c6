"""Explains an answer: the rule, the part of the request that broke it, and the state."""

from __future__ import annotations

from typing import Any

from cart_spec import Contract, Rule
from cart_spec.redaction import Redactor
from msgspec.structs import replace

from cart_mock.api.endpoints import OAUTH_OPERATION, ApiEndpoint, Mock
from cart_mock.api.timestamps import timestamp
from cart_mock.errors import FORWARDING_ERRORS
from cart_mock.inspection.cause import cause
from cart_mock.inspection.commands import Command, placeholders_in
from cart_mock.inspection.request_view import caller_of, caller_to_dict, form_of, redactor_for
from cart_mock.inspection.suggestions import Suggester, suggest_token_request, suggest_with_token
from cart_mock.messages import Answer
from cart_mock.rules.context import RequestContext
from cart_mock.tenants.request_log import Entry
from cart_mock.tenants.tenant import Tenant

JsonObject = dict[str, Any]

_NO_SUGGESTION = {"path-unknown", "method-not-allowed", "body-too-large", "head-too-large",
                  "request-malformed", "storage-full", "internal-error",
                  *FORWARDING_ERRORS}  # fmt: skip
"""Errors for which no similar request can pass."""


def explain(entry: Entry, mock: Mock, tenant: Tenant | None, base_url: str) -> JsonObject:
    """Return the explanation of a logged request, without secrets.

    ``tenant`` is the one it was sent to, None if it had no valid access token. ``base_url`` is the
    URL of the mock, for the commands.
    """
    contract = mock.contract
    redactor = redactor_for(entry.request, entry.answer)
    answer = entry.answer
    explained: JsonObject = {"summary": redactor.text(_summary(entry, contract))}
    if answer.fault is not None:
        explained["fault"] = dict(answer.fault)
    if answer.refused_by is None or answer.is_injected:
        return explained
    rule = _rule(contract, answer.refused_by)
    explained["rule"] = {"id": answer.refused_by} if rule is None else rule_to_dict(contract, rule)
    explained["cause"] = cause(entry, redactor)
    explained["state"] = redactor.value(_state(entry, tenant))
    lines = [command.curl(base_url) for command in _suggestions(entry, mock, tenant, redactor)]
    explained["passes"] = lines
    explained["placeholders"] = placeholders_in(lines)
    return explained


def rule_to_dict(contract: Contract, rule: Rule) -> JsonObject:
    """Return a rule as the control API renders it."""
    return {
        "id": rule.id,
        "group": rule.group,
        "level": rule.level,
        "condition": rule.condition,
        "sentence": rule.source.sentence,
        "source": contract.source_title(rule),
        "operations": list(rule.operations),
        "refusal": rule.is_refusal,
        "status": rule.status,
        "text": rule.text,
    }


def _rule(contract: Contract, rule_id: str) -> Rule | None:
    return next((rule for rule in contract.rules if rule.id == rule_id), None)


def _summary(entry: Entry, contract: Contract) -> str:
    answer = entry.answer
    if answer.fault is not None and answer.fault["kind"] != "latency":
        return f"A fault of the workbench decided over this answer: {answer.fault['kind']}."
    if answer.origin is not None and answer.refused_by is None:
        return _summary_of_origin(answer)
    if answer.refused_by is None:
        return f"Answered with {answer.status}: no rule was broken."
    rule = _rule(contract, answer.refused_by)
    level = "" if rule is None else f" ({rule.level})"
    reason = "" if answer.violation is None else f": {answer.violation.reason}"
    return f"Refused with {answer.status} by {answer.refused_by}{level}{reason}."


def _summary_of_origin(answer: Answer) -> str:
    origin = answer.origin or {}
    if "stub" in origin:
        return f"Answered with {answer.status} by the stub {origin['stub']}."
    early = "" if answer.delivery is None else " Its answer ended early."
    return f"Forwarded to {origin['forwarded_to']}, which answered with {answer.status}.{early}"


def _state(entry: Entry, tenant: Tenant | None) -> JsonObject:
    """Return the state that the rules used: caller, time, cart, customer and account."""
    if entry.operation_id == OAUTH_OPERATION:
        return {"store": None if tenant is None else tenant.name}
    caller = caller_of(entry)
    if caller is None:
        return {"caller": None}
    state: JsonObject = {"caller": caller_to_dict(entry), "time": timestamp(int(caller.now))}
    state |= entry.refusal_context
    cart = state.get("cart")
    if cart is not None:
        state["cart"] = {**cart, "updated_at": timestamp(cart["updated_at"])}
    return state


def _context(entry: Entry, mock: Mock, tenant: Tenant) -> RequestContext | None:
    """Return the context that the rules judged, but with the store as it is now."""
    caller, endpoint = caller_of(entry), mock.endpoints.get(entry.operation_id)
    if caller is None or not isinstance(endpoint, ApiEndpoint):
        return None
    return RequestContext(
        entry.request, replace(caller, tenant=tenant), tenant, envelope_only=mock.envelope_only,
        owner_kind=endpoint.owner_kind,
    )  # fmt: skip


def _suggestions(
    entry: Entry, mock: Mock, tenant: Tenant | None, redactor: Redactor
) -> list[Command]:
    """Return commands, the last of which passes; empty if too little of the request was kept."""
    request = entry.request
    if entry.answer.refused_by in _NO_SUGGESTION:
        return []
    if entry.operation_id == OAUTH_OPERATION:
        return suggest_token_request(form_of(entry))
    if tenant is None:
        # Without a valid access token the request reached no store.
        query = request.query.decode("latin-1")
        target = redactor.text(request.path + (f"?{query}" if query else ""))
        body = redactor.body(request.body)
        return suggest_with_token(entry.operation_id, request.method, target, body)
    context = _context(entry, mock, tenant)
    return [] if context is None else Suggester(context, tenant.store).suggest(entry.operation_id)
