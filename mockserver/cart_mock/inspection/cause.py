"""Finds the part of a request that broke a rule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from cart_spec.redaction import Redactor

from cart_mock.api.endpoints import OAUTH_OPERATION
from cart_mock.inspection.request_view import form_of, headers_to_dict
from cart_mock.rules.context import (
    ACCESS_HEADER,
    ACCOUNT_HEADER,
    CUSTOMER_HEADER,
)
from cart_mock.tenants.request_log import Entry

JsonObject = dict[str, Any]

_HEADERS = {
    ACCESS_HEADER, CUSTOMER_HEADER, ACCOUNT_HEADER, "Content-Type", "Content-Encoding",
}  # fmt: skip
_QUERY = {"page[limit]", "page[offset]", "filter"}
_FORM_FIELDS = {"grant_type", "client_id", "client_secret"}
_STEP = re.compile(r"[^.\[\]]+")
# Rules about more than one field, or about the thing that the request names.
_BLAMED = {
    "credentials-wrong": "data.email",
    "account-credentials-wrong": "data.username",
    "cart-has-contact-email": "cartID",
    "cart-has-contact-email-account": "cartID",
}


def cause(entry: Entry, redactor: Redactor) -> JsonObject | None:
    """Return which part of the request broke its rule, and its value without secrets.

    The part is a header, a path or query parameter, a form field, or a JSON pointer into the body.
    """
    violation = entry.answer.violation
    if violation is None:
        return None
    found = _place(entry, redactor, _BLAMED.get(entry.answer.refused_by or "", violation.source))
    reason, hint = redactor.text(violation.reason), redactor.text(violation.hint)
    return {**found, "what": reason, "instead": hint}


def _place(entry: Entry, redactor: Redactor, source: str | None) -> JsonObject:
    request = entry.request
    if entry.answer.refused_by == "method-not-allowed":
        return {"in": "method", "present": True, "value": request.method}
    if entry.answer.refused_by == "path-unknown":
        return {"in": "path", "present": True, "value": redactor.text(request.path)}
    if source is None:
        body = redactor.body(request.body)
        return {"in": "body", "pointer": "", "present": bool(request.body), "value": body}
    if source in _HEADERS:
        headers = headers_to_dict(redactor, request.headers)
        return {"in": "header", "name": source, **_value(headers, source.lower())}
    if source in request.path_params:
        parameters = redactor.value(dict(request.path_params))
        return {"in": "path", "name": source, **_value(parameters, source)}
    if source in _QUERY:
        query = dict(parse_qsl(request.query.decode("latin-1"), keep_blank_values=True))
        return {"in": "query", "name": source, **_value(redactor.value(query), source)}
    if entry.operation_id == OAUTH_OPERATION or source in _FORM_FIELDS:
        form = form_of(entry)
        return {"in": "form", "name": source, **_value(redactor.value(form), source)}
    steps = _STEP.findall(source)
    pointer = "".join(f"/{step}" for step in steps)
    return {"in": "body", "pointer": pointer, **_at(steps, redactor.body(request.body))}


def _value(values: Mapping[str, Any], name: str) -> JsonObject:
    return {"present": True, "value": values[name]} if name in values else {"present": False}


def _at(steps: list[str], value: Any) -> JsonObject:
    for step in steps:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return {"present": False}
    return {"present": True, "value": value}
