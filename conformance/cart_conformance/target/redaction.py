"""Removes secrets from text by their value, in every encoding in which they may come back.

Redaction by name (of a header, of a field) misses a server that echoes what it was sent: what a
secret *is* decides, not where it stands.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MARK = "[redacted]"

# Stands for MARK while other forms are still looked for, so that none is found inside it.
_PLACE = "\uf8ff"

# Base64 of fewer bytes than this is too short to be told from ordinary text.
_SHORTEST_BASE64 = 6


class Redactor:
    """Knows the secrets of one run. Secrets are added as they come to be known."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Start with ``secrets``; empty ones are left out."""
        self._forms: set[str] = set()
        self._longest_first: list[str] | None = None
        self.add(*secrets)

    def add(self, *secrets: str | None) -> None:
        """Have these redacted from now on."""
        for secret in filter(None, secrets):
            new = _forms(secret) - self._forms
            if new:
                self._forms |= new
                self._longest_first = None

    def text(self, text: str) -> str:
        """``text`` with every known secret replaced."""
        if self._longest_first is None:
            self._longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
        # Searching form by form: secrets come all through a run, and one pattern of all of them
        # would have to be compiled anew each time.
        for form in self._longest_first:
            if form in text:
                text = text.replace(form, _PLACE)
        return text.replace(_PLACE, MARK)

    def body(self, body: bytes | None, limit: int = 20_000) -> str:
        """A body as text, redacted, then cut to ``limit`` characters."""
        if body is None:
            return ""
        text = self.text(body.decode("utf-8", "backslashreplace"))
        return text if len(text) <= limit else text[:limit] + f"… ({len(text)} characters)"

    def headers(self, headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Header names and values, redacted."""
        return tuple((self.text(name), self.text(value)) for name, value in headers)


def _forms(secret: str) -> set[str]:
    quoted = {
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        quote_plus(secret, safe=""),
    }
    escaped = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    escaped |= {form.replace("/", "\\/") for form in escaped}
    forms = {secret, html.escape(secret), html.escape(secret, quote=False), repr(secret)[1:-1]}
    forms |= escaped | quoted | {_lower_escapes(form) for form in quoted}
    # An escaped form quoted once more: JSON inside JSON, a curl line inside JSON.
    forms |= {json.dumps(form)[1:-1] for form in escaped}
    forms |= {quote(form, safe="") for form in quoted}
    forms.add(secret.encode().hex())
    if len(secret.encode()) >= _SHORTEST_BASE64:
        forms |= _base64_forms(secret.encode())
    return {form for form in forms if form}


def _lower_escapes(text: str) -> str:
    return re.sub(r"%[0-9A-F]{2}", lambda match: match.group().lower(), text)


def _base64_forms(secret: bytes) -> set[str]:
    """Base64 of ``secret`` as it shows inside longer text, at each of the three alignments.

    Only the characters that the secret alone decides are kept, so that it is found in, for example,
    the base64 of ``id:secret``.
    """
    forms = set()
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(b"\0" * shift + secret).rstrip(b"=").decode()
            start = (0, 2, 3)[shift]
            end = len(encoded) - (0 if (shift + len(secret)) % 3 == 0 else 1)
            forms.add(encoded[start:end])
    return forms | {quote(form, safe="") for form in forms}
