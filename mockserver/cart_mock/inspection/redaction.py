"""Takes secrets out of what is shown of a request: by the field they stand in, and by value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus

import msgspec

from cart_mock.http.messages import Answer, Request

HIDDEN = "[redacted]"
"""What stands in the place of a secret."""

_SECRET_HEADERS = {
    "authorization", "cookie", "proxy-authorization", "set-cookie", "x-control-key",
    "x-moltin-customer-token",
}  # fmt: skip
_SECRET_FIELDS = {
    "access_token", "client_secret", "password", "password_hash", "refresh_token", "secret",
    "token",
}  # fmt: skip
_SHORTEST = 4
"""Shorter values are hidden in their own field only: elsewhere they are ordinary words."""
_JWT = re.compile(r"eyJ[\w-]{5,}\.[\w-]+\.[\w-]*")
_FIELD_IN_TEXT = re.compile(
    rf"""(["']?(?:{"|".join(sorted(_SECRET_FIELDS))})["']?\s*[:=]\s*)("(?:[^"\\]|\\.)*"?|[^\s,&}}]+)"""
)


class Redactor:
    """Shows the parts of one exchange without the secrets that were sent or answered in it."""

    def __init__(self, request: Request, answer: Answer) -> None:
        self._secrets: set[str] = set()
        for name, value in request.headers.items():
            if name.decode("latin-1") in _SECRET_HEADERS:
                text = value.decode("latin-1")
                self._learn(text.partition(" ")[2].strip() or text)
        for body in (_decoded(request.body), _decoded(answer.body), _form(request)):
            self._learn_fields(body)
        shown = {form for s in self._secrets for form in (s, quote(s, safe=""), quote_plus(s))}
        self._shown = sorted(shown, key=len, reverse=True)

    def _learn(self, secret: str) -> None:
        if len(secret) >= _SHORTEST:
            self._secrets.add(secret)

    def _learn_fields(self, value: Any) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                if name in _SECRET_FIELDS and isinstance(inner, str):
                    self._learn(inner)
                else:
                    self._learn_fields(inner)
        elif isinstance(value, list):
            for inner in value:
                self._learn_fields(inner)

    def text(self, text: str) -> str:
        """A text without secrets."""
        for secret in self._shown:
            text = text.replace(secret, HIDDEN)
        return _FIELD_IN_TEXT.sub(rf"\1{HIDDEN}", _JWT.sub(HIDDEN, text))

    def value(self, value: Any) -> Any:
        """A JSON value without secrets. Whether there is a password is none."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(inner) for inner in value]
        if not isinstance(value, dict):
            return value
        return {
            self.text(name): HIDDEN
            if name in _SECRET_FIELDS and inner is not None and not isinstance(inner, bool)
            else self.value(inner)
            for name, inner in value.items()
        }

    def headers(self, headers: Mapping[bytes, bytes]) -> dict[str, str]:
        """Headers without secrets."""
        shown = {}
        for raw_name, value in headers.items():
            name = raw_name.decode("latin-1")
            secret = name in _SECRET_HEADERS
            shown[name] = HIDDEN if secret else self.text(value.decode("latin-1"))
        return shown

    def body(self, body: bytes) -> Any:
        """A body as a JSON value, or as text if it is none, without secrets; None if empty."""
        if not body:
            return None
        decoded = _decoded(body)
        if decoded is _NOT_JSON:
            return self.text(body.decode("utf-8", "replace"))
        return self.value(decoded)


_NOT_JSON: Any = object()


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _NOT_JSON


def _form(request: Request) -> dict[str, str]:
    try:
        return dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    except (UnicodeDecodeError, ValueError):
        return {}
