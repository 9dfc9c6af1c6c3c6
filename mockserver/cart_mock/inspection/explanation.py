"""Why a request was answered so: the rule, what in the request broke it, and against what state."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from cart_spec import Contract, Rule

from cart_mock.api.serializers import timestamp
from cart_mock.inspection.curl import variables
from cart_mock.inspection.redaction import Redactor
from cart_mock.inspection.suggestions import PLACEHOLDERS, commands, without_token
from cart_mock.rules.context import (
    ACCESS_HEADER,
    CUSTOMER_HEADER,
    RequestContext,
    TokenRequestContext,
)
from cart_mock.state.entities import Cart, Customer
from cart_mock.state.store import Store
from cart_mock.tenants.request_log import Entry

Shown = dict[str, Any]

_HEADERS = {ACCESS_HEADER, CUSTOMER_HEADER, "Content-Type"}
_FORM_FIELDS = {"grant_type", "client_id", "client_secret"}
_NO_ADVICE = {"path-unknown", "method-not-allowed", "body-too-large", "internal-error"}
"""Errors of requests that no other request is near to."""
_STEP = re.compile(r"[^.\[\]]+")
# The rules that blame more than one field, or what the request names rather than what it says.
_BLAMED = {"credentials-wrong": "data.email", "cart-has-contact-email": "cartID"}


def explain(entry: Entry, contract: Contract, store: Store | None, base_url: str) -> Shown:
    """The explanation of a journalled request, without secrets.

    ``store`` is the one it was sent to, None if it had no valid access token; ``base_url`` is where
    the mock is, for the commands.
    """
    redactor = Redactor(entry.request, entry.answer)
    broken = entry.answer.broken
    explained: Shown = {"summary": redactor.text(_summary(entry, contract))}
    if entry.answer.fault is not None:
        explained["fault"] = dict(entry.answer.fault)
    if broken is None or entry.answer.is_injected:
        return explained
    rule = _rule(contract, broken)
    explained["rule"] = {"id": broken} if rule is None else rule_shown(contract, rule)
    explained["cause"] = cause(entry, redactor)
    explained["state"] = redactor.value(state(entry))
    attempts = _attempts(entry, store, redactor)
    explained["passes"] = [command.text(base_url) for command in attempts]
    explained["placeholders"] = {
        name: PLACEHOLDERS[name] for name in sorted(variables(attempts)) if name in PLACEHOLDERS
    }
    return explained


def rule_shown(contract: Contract, rule: Rule) -> Shown:
    """A rule as the workbench shows it."""
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


def _rule(contract: Contract, broken: str) -> Rule | None:
    return next((rule for rule in contract.rules if rule.id == broken), None)


def _summary(entry: Entry, contract: Contract) -> str:
    answer = entry.answer
    if answer.fault is not None and answer.fault["kind"] != "latency":
        return f"A fault of the workbench decided over this answer: {answer.fault['kind']}."
    if answer.broken is None:
        return f"Answered with {answer.status}: no rule was broken."
    rule = _rule(contract, answer.broken)
    level = "" if rule is None else f" ({rule.level})"
    what = "" if answer.breach is None else f": {answer.breach.what}"
    return f"Refused with {answer.status} by {answer.broken}{level}{what}."


# ---- What in the request broke the rule -------------------------------------------------------


def cause(entry: Entry, redactor: Redactor) -> Shown | None:
    """Where the request broke its rule: a header, a path or query parameter, a form field or a JSON
    pointer into the body, with the value that was there.
    """
    breach, broken = entry.answer.breach, entry.answer.broken or ""
    if breach is None:
        return None
    source = _BLAMED.get(broken, breach.source)
    request = entry.request
    found: Shown
    if broken == "method-not-allowed":
        found = {"in": "method", "present": True, "value": request.method}
    elif broken == "path-unknown":
        found = {"in": "path", "present": True, "value": redactor.text(request.path)}
    elif source is None:
        found = {"in": "body", "pointer": "", "present": bool(request.body)}
        found["value"] = redactor.body(request.body)
    elif source in _HEADERS:
        name = source.lower()
        found = {"in": "header", "name": source}
        _put(found, name, redactor.headers(request.headers))
    elif source in request.path_params:
        found = {"in": "path", "name": source}
        _put(found, source, redactor.value(dict(request.path_params)))
    elif source.startswith("page["):
        found = {"in": "query", "name": source}
        query = request.query.decode("latin-1")
        _put(found, source, redactor.value(dict(parse_qsl(query, keep_blank_values=True))))
    elif isinstance(entry.ctx, TokenRequestContext) or source in _FORM_FIELDS:
        found = {"in": "form", "name": source}
        form = entry.ctx.form if isinstance(entry.ctx, TokenRequestContext) else {}
        _put(found, source, redactor.value(form))
    else:
        steps = _STEP.findall(source)
        found = {"in": "body", "pointer": "".join(f"/{step}" for step in steps)}
        found.update(_at(steps, redactor.body(request.body)))
    return {**found, "what": redactor.text(breach.what), "instead": redactor.text(breach.instead)}


def _put(found: Shown, name: str, values: Mapping[str, Any]) -> None:
    found["present"] = name in values
    if name in values:
        found["value"] = values[name]


def _at(steps: list[str], value: Any) -> Shown:
    for step in steps:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return {"present": False}
    return {"present": True, "value": value}


# ---- The state that it was judged against -----------------------------------------------------


def state(entry: Entry) -> Shown:
    """What the rules knew: caller, time, and the cart and customer that they looked at."""
    ctx = entry.ctx
    if isinstance(ctx, TokenRequestContext):
        return {"store": None if ctx.store is None else ctx.store.name}
    if not isinstance(ctx, RequestContext):
        return {"caller": None}
    # Only what was looked at while judging: a look now would show the state of now.
    looked_at = vars(ctx)
    seen: Shown = {"caller": caller_shown(ctx), "time": timestamp(ctx.now)}
    if "cart" in looked_at:
        seen["cart"] = _cart_shown(looked_at["cart"])
    if "customer" in looked_at:
        seen["customer"] = _customer_shown(looked_at["customer"])
    return {**seen, **entry.witnessed}


def caller_shown(ctx: Any) -> Shown | None:
    """Who sent a request, None if that is not known."""
    if isinstance(ctx, TokenRequestContext):
        return {"grant": ctx.grant}
    if not isinstance(ctx, RequestContext):
        return None
    return {"grant": ctx.caller.grant, "customer_id": ctx.caller.customer_id}


def _cart_shown(cart: Cart | None) -> Shown | None:
    if cart is None:
        return None
    shown: Shown = {"id": cart.id, "name": cart.name, "customers": list(cart.customers)}
    if cart.contact is not None:
        shown["contact"] = msgspec.to_builtins(cart.contact)
    return {**shown, "updated_at": timestamp(cart.updated_at)}


def _customer_shown(customer: Customer | None) -> Shown | None:
    if customer is None:
        return None
    return {"id": customer.id, "name": customer.name, "email": customer.email}


def _attempts(entry: Entry, store: Store | None, redactor: Redactor) -> list[Any]:
    if entry.answer.broken in _NO_ADVICE:
        return []
    if store is None and not isinstance(entry.ctx, TokenRequestContext):
        request = entry.request
        query = request.query.decode("latin-1")
        target = request.path + (f"?{query}" if query else "")
        body = redactor.body(request.body)
        return without_token(entry.operation_id, request.method, redactor.text(target), body)
    return commands(entry.operation_id, entry.ctx, store)
