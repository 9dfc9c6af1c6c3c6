"""Connexion's own errors as refusals of the control API: what is wrong and what to send."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from connexion.exceptions import ExtraParameterProblem, ProblemException
from starlette.exceptions import HTTPException

from cart_mock.workbench.errors import Refusal

_DOCUMENT = "See /_mock/openapi.json, or /_mock/ui to try it out."
_AT_FIELD = re.compile(r" - '([^']*)'$")
_MISSING_PARAMETER = re.compile(r"Missing (\w+) parameter '(.+)'")


def to_refusal(error: Exception, scope: Mapping[str, Any]) -> Refusal:
    """Return the refusal that an exception of the workbench or of Connexion stands for."""
    if isinstance(error, Refusal):
        return error
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = str(getattr(error, "detail", None) or "").rstrip(".")
    if status == 401:
        return key_needed()
    if status == 404:
        return Refusal(
            "path-unknown",
            f"nothing is served at {str(scope['path'])[:200]}",
            "The paths are in /_mock/openapi.json.",
        )
    if status == 415:
        return Refusal("media-type-unsupported", detail, "Send application/json.", "Content-Type")
    if isinstance(error, ExtraParameterProblem):
        return Refusal("request-invalid", _lower(detail), f"Leave it out. {_DOCUMENT}")
    if isinstance(error, ProblemException) and status < 500:
        return _invalid(detail, scope)
    return Refusal("internal-error", "this is a fault of the workbench", "Its log has more.")


def method_not_allowed(method: str, allowed: str) -> Refusal:
    """Return the refusal of a method that a path does not have."""
    return Refusal("method-not-allowed", f"this path does not have {method}", f"Use {allowed}.")


def unreadable_body(error: Exception) -> Refusal | None:
    """Return the refusal if Connexion raised one of Python's exceptions for a bad body, or None."""
    if isinstance(error, UnicodeDecodeError):
        return Refusal("body-malformed", "it is not UTF-8", "Send JSON in UTF-8.")
    if isinstance(error, RecursionError):
        return Refusal("body-malformed", "it is nested too deeply", "Send a flatter one.")
    if isinstance(error, LookupError) and str(error).startswith("unknown encoding"):
        return Refusal("media-type-unsupported", str(error), "Send UTF-8.", "Content-Type")
    return None


def key_needed() -> Refusal:
    """Return the refusal of a request without the control key."""
    return Refusal(
        "control-key-invalid",
        "the request has no valid key",
        'Send "X-Control-Key: KEY" or "Authorization: Bearer KEY" with the key that cart-mock '
        "was given or printed when it started.",
        "X-Control-Key",
    )


def _invalid(detail: str, scope: Mapping[str, Any]) -> Refusal:
    if re.match(r"(Expecting|Extra data|Invalid|Unterminated)", detail):
        return Refusal("body-malformed", _lower(detail), "Send a JSON object.")
    if "must not be empty" in detail:
        return Refusal("request-invalid", "the body is empty", "Send a JSON object.")
    missing = _MISSING_PARAMETER.search(detail)
    if missing is not None:
        source = missing[2]
        return Refusal("request-invalid", f"{source} is missing", f"Send it. {_DOCUMENT}", source)
    reason, _, more = detail.partition("\n")
    field = _AT_FIELD.search(reason)
    source = field[1] if field is not None else _parameter(more, scope)
    return Refusal("request-invalid", _lower(_AT_FIELD.sub("", reason))[:500], _DOCUMENT, source)


def _parameter(explained: str, scope: Mapping[str, Any]) -> str | None:
    """Return the query parameter that an error is about, by the value that Connexion reports."""
    value = explained.rpartition("On instance:\n")[2].strip().strip("'\"")
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return next((name for name, sent in query if sent == value), None)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
