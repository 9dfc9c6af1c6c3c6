"""Explains an answer: the rule, the part of the request that broke it, and the state."""

from __future__ import annotations

from typing import Any

import msgspec
from cart_spec import Contract, Rule
from cart_spec.redaction import Redactor

from cart_mock.api.timestamps import timestamp
from cart_mock.errors import FORWARDING_ERRORS
from cart_mock.inspection.cause import cause
from cart_mock.inspection.commands import Command, placeholders_in
from cart_mock.inspection.request_view import caller_to_dict, redactor_for
from cart_mock.inspection.suggestions import Suggester, suggest_token_request, suggest_with_token
from cart_mock.messages import Answer
from cart_mock.rules.context import RequestContext, TokenRequestContext
from cart_mock.state.entities import Cart, Customer
from cart_mock.state.store import Store
from cart_mock.tenants.request_log import Entry

JsonObject = dict[str, Any]

_NO_SUGGESTION = {"path-unknown", "method-not-allowed", "body-too-large", "head-too-large",
                  "request-malformed", "storage-full", "internal-error",
                  *FORWARDING_ERRORS}  # fmt: skip
"""Errors for which no similar request can pass."""


def explain(entry: Entry, contract: Contract, store: Store | None, base_url: str) -> JsonObject:
    """Return the explanation of a logged request, without secrets.

    ``store`` is the one it was sent to, None if it had no valid access token. ``base_url`` is the
    URL of the mock, for the commands.
    """
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
    explained["state"] = redactor.value(_state(entry))
    lines = [command.curl(base_url) for command in _suggestions(entry, store, redactor)]
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


def _state(entry: Entry) -> JsonObject:
    """Return the state that the rules used: caller, time, cart, customer and account."""
    context = entry.ctx
    if isinstance(context, TokenRequestContext):
        return {"store": None if context.tenant is None else context.tenant.name}
    if not isinstance(context, RequestContext):
        return {"caller": None}
    # Only what was looked up during the judgement, because the state may have changed since then.
    looked_up = vars(context)
    state: JsonObject = {"caller": caller_to_dict(context), "time": timestamp(context.now)}
    if "cart" in looked_up:
        state["cart"] = _cart_to_dict(looked_up["cart"])
    if "customer" in looked_up:
        state["customer"] = _customer_to_dict(looked_up["customer"])
    if "account" in looked_up:
        account = looked_up["account"]
        state["account"] = None if account is None else {"id": account.id, "name": account.name}
    return {**state, **entry.refusal_context}


def _cart_to_dict(cart: Cart | None) -> JsonObject | None:
    if cart is None:
        return None
    found: JsonObject = {"id": cart.id, "name": cart.name, "customers": list(cart.customers)}
    if cart.accounts:
        found["accounts"] = list(cart.accounts)
    if cart.contact is not None:
        found["contact"] = msgspec.to_builtins(cart.contact)
    return {**found, "updated_at": timestamp(cart.updated_at)}


def _customer_to_dict(customer: Customer | None) -> JsonObject | None:
    if customer is None:
        return None
    return {"id": customer.id, "name": customer.name, "email": customer.email}


def _suggestions(entry: Entry, store: Store | None, redactor: Redactor) -> list[Command]:
    """Return commands, the last of which passes; empty if too little of the request was kept."""
    context, request = entry.ctx, entry.request
    if entry.answer.refused_by in _NO_SUGGESTION:
        return []
    if isinstance(context, TokenRequestContext):
        return suggest_token_request(context)
    if store is None:
        # Without a valid access token the request reached no store.
        query = request.query.decode("latin-1")
        target = redactor.text(request.path + (f"?{query}" if query else ""))
        body = redactor.body(request.body)
        return suggest_with_token(entry.operation_id, request.method, target, body)
    if not isinstance(context, RequestContext):
        return []
    return Suggester(context, store).suggest(entry.operation_id)
