"""Checks without a rule: media types, JSON, path patterns and body schemas.

Each check has the signature of a predicate, and the id of its protocol error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from cart_spec import Contract

from cart_mock import bodies
from cart_mock.formats import format_value, kind
from cart_mock.messages import Violation
from cart_mock.rules.accounts import signup_incomplete
from cart_mock.rules.body_schemas import BodySchema
from cart_mock.rules.context import RequestContext
from cart_mock.rules.published_errors import published_checks
from cart_mock.rules.registry import Check, Checks


class ProtocolChecks(NamedTuple):
    """The checks of one operation before and after its rules on the request."""

    before_rules: Checks
    after_rules: Checks


def protocol_checks(contract: Contract, operation_id: str) -> ProtocolChecks:
    """Return the checks of an operation."""
    method, path = contract.operations[operation_id]
    operation = contract.document["paths"][path][method.lower()]
    before: list[tuple[str, Check]] = []
    body_checks: list[tuple[str, Check]] = []
    patterns = _path_patterns(path, contract)
    if patterns:
        before.append(("request-invalid", _path_check(patterns)))
    if "requestBody" in operation:
        before.append(("media-type-unsupported", media_type_unsupported))
        # If a rule defines how an unreadable body is refused, that rule answers.
        if not any(rule.id == "payload-not-array" for rule in contract.rules_of(operation_id)):
            before.append(("body-malformed", body_malformed))
            schema = BodySchema(_body_schema(operation), contract.document)
            takes = _data_types(_body_schema(operation), contract.document)
            before.append(("request-invalid", partial(data_missing, takes=takes)))
            body_checks.append(("request-invalid", lambda ctx: schema.violation(ctx.body)))
            if operation_id == "createAccountToken":
                body_checks.append(("request-invalid", signup_incomplete))
    after = [
        *published_checks(contract, operation_id, reads_body=False),
        *body_checks,
        *published_checks(contract, operation_id, reads_body=True),
    ]
    return ProtocolChecks(tuple(before), tuple(after))


def media_type_unsupported(ctx: RequestContext) -> Violation | None:
    """Refuse a body with a media type other than JSON. Without a media type, it is JSON."""
    media = ctx.request.headers.get(b"content-type")
    if media is None or media == b"application/json" or not ctx.request.body:
        return None
    name = bodies.media_type(media)
    return None if not name or bodies.is_json(name) else wrong_media(name, bodies.JSON)


def body_malformed(ctx: RequestContext) -> Violation | None:
    """Refuse a body that cannot be read."""
    try:
        _ = ctx.body
    except bodies.Malformed as error:
        return Violation(str(error), "Send a JSON object.")
    return None


def data_missing(ctx: RequestContext, takes: tuple[type, ...] = (dict,)) -> Violation | None:
    """Refuse a body without the envelope: its fields would seem to be missing.

    ``takes`` are the types of value that the operation takes under ``data``.
    """
    body = ctx.body
    if isinstance(body, dict) and isinstance(body.get("data"), takes):
        return None
    if not isinstance(body, dict):
        what = f"the body is {kind(body)}"
    elif "data" in body:
        what = f'"data" is {kind(body["data"])}'
    else:
        what = '"data" is missing'
    if dict not in takes:
        return Violation(what, 'Send an array under "data": {"data":[...]}.', "data")
    return Violation(what, 'Send the fields in an object under "data": {"data":{...}}.', "data")


def wrong_media(media: str, right: str) -> Violation:
    """Return the violation of sending that media type."""
    return Violation(media, f"Send {right}.", "Content-Type")


def _path_check(patterns: list[tuple[str, re.Pattern[str]]]) -> Check:
    def path_invalid(ctx: RequestContext) -> Violation | None:
        for name, pattern in patterns:
            value = ctx.request.path_params[name]
            if not pattern.fullmatch(value):
                return Violation(
                    f"{name} is {format_value(value)}",
                    f"Send one that matches {pattern.pattern}.",
                    name,
                )
        return None

    return path_invalid


def _body_schema(operation: Mapping[str, Any]) -> Mapping[str, Any]:
    schema: Mapping[str, Any] = operation["requestBody"]["content"][bodies.JSON]["schema"]
    return schema


def _data_types(schema: Mapping[str, Any], document: Mapping[str, Any]) -> tuple[type, ...]:
    """Return the types of value that a body's schema takes under ``data``."""

    def resolved(part: Mapping[str, Any]) -> Mapping[str, Any]:
        found = part
        while "$ref" in found:
            found = document["components"]["schemas"][found["$ref"].rsplit("/", 1)[1]]
        return found

    data = resolved(resolved(schema)["properties"]["data"])
    branches = [resolved(branch) for branch in data.get("oneOf", (data,))]
    return tuple(list if branch.get("type") == "array" else dict for branch in branches)


def _path_patterns(path: str, contract: Contract) -> list[tuple[str, re.Pattern[str]]]:
    """Return the parameters of a path whose schema has a pattern."""
    components = contract.document["components"]
    found = []
    for reference in contract.document["paths"][path].get("parameters", ()):
        parameter = components["parameters"][reference["$ref"].rsplit("/", 1)[1]]
        schema = parameter["schema"]
        if "$ref" in schema:
            schema = components["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        if parameter["in"] == "path" and "pattern" in schema:
            found.append((parameter["name"], re.compile(schema["pattern"])))
    return found
