"""Renders logged requests without secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any

import msgspec
from cart_spec.redaction import Redactor

from cart_mock import bodies, rules
from cart_mock.api.endpoints import OAUTH_OPERATION
from cart_mock.messages import Answer, Request
from cart_mock.rules.context import Caller, TokenRequestContext
from cart_mock.tenants.request_log import Entry


def redactor_for(request: Request, answer: Answer) -> Redactor:
    """Return a redactor that knows the secrets in one request and its answer."""
    redactor = Redactor(own_words=_own_words(answer))
    redactor.learn_headers(_decoded(request.headers))
    redactor.learn_body(request.body)
    redactor.learn_body(answer.body)
    return redactor


def _own_words(answer: Answer) -> str:
    """Return words of the mock itself. Everyone can read them, so they are not secrets.

    A client that sends ``Bearer token`` must still be able to read why it was refused.
    """
    if answer.refused_by is None:
        return _words_of_rules()
    try:
        titles = [str(error["title"]) for error in json.loads(answer.body)["errors"]]
    except (ValueError, LookupError, TypeError):
        titles = []  # a fault has changed the body
    return "\n".join((_words_of_rules(), answer.refused_by, *titles))


@cache
def _words_of_rules() -> str:
    """Return the source of the rules: it has every sentence that they refuse with."""
    folder = resources.files(rules)
    names = sorted(each.name for each in folder.iterdir() if each.name.endswith(".py"))
    return "\n".join(folder.joinpath(name).read_text("utf-8") for name in names)


def headers_to_dict(redactor: Redactor, headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """Return headers without secrets, by their names in lower case."""
    return dict(redactor.headers(_decoded(headers)))


def _decoded(headers: Mapping[bytes, bytes]) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers.items()]


def caller_of(entry: Entry) -> Caller | None:
    """Return the caller of a logged request without its tenant, None if it is unknown."""
    return msgspec.convert(entry.caller, Caller | None)


def form_of(entry: Entry) -> dict[str, str]:
    """Return the form of a logged request for an access token, empty if it could not be read."""
    try:
        return bodies.read_form(entry.request.body)
    except bodies.Malformed:
        return {}


def caller_to_dict(entry: Entry) -> dict[str, Any] | None:
    """Return the caller of a logged request, None if it is unknown."""
    if entry.operation_id == OAUTH_OPERATION:
        return {"grant": TokenRequestContext.grant_of(form_of(entry))}
    caller = caller_of(entry)
    if caller is None:
        return None
    found = {"grant": caller.grant, "customer_id": caller.customer_id}
    if caller.account_id is not None:
        found |= {"account_id": caller.account_id, "account_member_id": caller.member}
    return found


def request_to_dict(entry: Entry, store: str | None) -> dict[str, Any]:
    """Return a request and its answer without secrets; ``store`` is the name of its store."""
    request, answer = entry.request, entry.answer
    redactor = redactor_for(request, answer)
    origin = answer.origin or {}
    at = datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="milliseconds")
    return {
        "id": request.id,
        "at": at.replace("+00:00", "Z"),
        "store": store,
        "operation": entry.operation_id or None,
        "method": request.method,
        "path": redactor.text(request.path),
        "query": redactor.text(request.query.decode("latin-1")),
        "headers": headers_to_dict(redactor, request.headers),
        "body": redactor.body(request.body),
        "caller": caller_to_dict(entry),
        "status": answer.status or None,
        "rule": answer.refused_by,
        "fault": None if answer.fault is None else dict(answer.fault),
        "forwarded_to": origin.get("forwarded_to"),
        "stub": origin.get("stub"),
        "answer": {
            "headers": headers_to_dict(redactor, dict(answer.headers)),
            "body": redactor.body(answer.body),
            "delivery": answer.delivery,
        },
    }
