"""Takes secrets out of text, JSON values, headers and bodies: by value, by name and by shape.

- *By value*: a known secret is found wherever it stands, also URL-encoded, in base64, in hex, and
  escaped for JSON or HTML. Redaction by name alone misses a server that echoes what it was sent.
- *By name*: what stands in a field or header that is made for secrets, known or not.
- *By shape*: JSON Web Tokens, and credentials after ``Bearer`` or ``Basic``.

Every search takes time in proportion to the text, whatever it holds.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_plus

MARK = "[redacted]"
"""What stands in the place of a secret."""

SHORTEST = 4
"""Characters that a secret needs to be redacted by value: shorter ones are in ordinary words."""

SECRET_FIELDS = frozenset(
    {"access_token", "client_secret", "password", "password_hash", "refresh_token", "secret",
     "token"}
)  # fmt: skip
"""Names of JSON members, form fields and query parameters for secrets."""

SECRET_HEADERS = frozenset(
    {"authorization", "cookie", "proxy-authorization", "set-cookie", "x-control-key",
     "x-moltin-customer-token"}
)  # fmt: skip
"""Names of headers, in lower case, for secrets."""

# Stands for MARK while other forms are still looked for, so that none is found inside it.
_PLACE = "\uf8ff"
# Base64 of fewer bytes than this is too short to differ from ordinary text.
_SHORTEST_BASE64 = 6
# Of more secrets than this only the commonest forms are looked for, to bound the memory.
_MANY_SECRETS = 2_000
# More forms than this are found by an index: one search a form would take too long.
_MANY_FORMS = 500

# How the names of other fields and headers for secrets end, without their separators: this finds
# `new_password`, `Client-Secret` and `X-Api-Key`.
_ENDINGS = ("apikey", "accesskey", "credentials", "passphrase", "passwd", "password",
            "passwordhash", "privatekey", "secret", "secretkey", "signingkey", "token")  # fmt: skip
_LONGEST_ENDING = 100
_WRITTEN = ("api[_-]?key", "access[_-]?key", "credentials", "passphrase", "passwd", "password",
            "password[_-]?hash", "private[_-]?key", "secret", "secret[_-]?key", "signing[_-]?key",
            "token")  # fmt: skip
_NAMES = "|".join(_WRITTEN)
_ENDS = "|".join(
    f"(?<={written.replace('[_-]?', separator)})"
    for written in _WRITTEN
    for separator in (("", "_", "-") if "?" in written else ("",))
)
_HINTS = ("key", "credentials", "pass", "secret", "token")
# What ends a quoted name (its quotes may be escaped, for JSON inside JSON), `name=`, or `name:` at
# the start of a line; then a value in quotes that need not end, or a word. This leaves out
# "Invalid token: it has expired". The groups have bounds or are possessive, so that no part is
# read twice.
_NAMED = re.compile(
    rf"""
    (
        (?:{_NAMES})\\{{0,8}}["']\s*+[:=]\s*+
      | (?:{_NAMES})=
      | ^[ \t]*+[\w-]*+(?:{_ENDS})[ \t]*+:[ \t]*+
    )
    ( "(?:[^"\\]|\\.)*+"? | '(?:[^'\\]|\\.)*+'? | \\++["'][^"'\\]*+
    | (?!(?:true|false|null)\b) [^\s,&}}"']++ )
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL | re.IGNORECASE,
)
# A part of a multipart form: the name of its field, and the first line of its value.
_PART = re.compile(
    r"""(\bname="([^"\r\n]{0,200})"[^\r\n]{0,500}+\r?\n(?:[^\r\n]{1,500}+\r?\n){0,8}+\r?\n)([^\r\n]++)"""
)
_DOTTED = re.compile(r"(?<![\w-])[\w-]++(?:\.[\w-]*+)++", re.ASCII)
_AFTER_SCHEME = re.compile(r"\b(bearer|basic)( +|%20|\+)([\w+/=.~%-]+)", re.IGNORECASE | re.ASCII)
_ORDINARY_WORD = re.compile(r"[A-Za-z]{1,24}[.]?|[a-z]+(?:[-_][a-z]+){1,4}")


def is_secret_name(name: str) -> bool:
    """Whether a field or header of that name is made for a secret, however it is written."""
    return _ends_like_secret(name[-_LONGEST_ENDING:])


# The same few names come again and again. Their ends are short, so the cache is, too.
@lru_cache(maxsize=2_000)
def _ends_like_secret(name: str) -> bool:
    end = re.sub(r"[\W_]+", "", name).lower()
    return end.endswith(_ENDINGS) or name.lower() in SECRET_HEADERS


def may_name_secrets(text: str) -> bool:
    """Whether a text has a word that names of secrets contain: a quick look before a search."""
    folded = text.casefold()
    return any(hint in folded for hint in _HINTS)


class ShortSecretError(ValueError):
    """A secret is so short that it cannot be redacted without redacting ordinary words."""


def require_redactable(secret: str, what: str) -> None:
    """Raise ShortSecretError if a secret cannot be redacted; ``what`` names it in the message."""
    if len(secret) < SHORTEST:
        raise ShortSecretError(
            f"{what} has fewer than {SHORTEST} characters and could not be kept out of reports; "
            "use a longer one"
        )


class Redactor:
    """Removes the secrets that it knows. Secrets are added as they become known.

    With ``by_name``, the values of secret fields, headers and shapes are hidden too; without it
    only the known values are. ``own_words`` is text of the product itself, such as error titles: a
    value that occurs in it is not a secret, since everyone can read it there.
    """

    def __init__(
        self, secrets: Iterable[str] = (), *, by_name: bool = True, own_words: str = ""
    ) -> None:
        """Start with ``secrets``; see ``add``."""
        self._by_name = by_name
        self._own_words = own_words
        self._secrets: set[str] = set()
        self._forms: list[str] | None = None
        self._index: _Index | None = None
        self.add(*secrets)

    # --- What is secret ---

    def add(self, *secrets: str | None) -> None:
        """Redact these values from now on.

        It ignores None, own words, and values shorter than ``SHORTEST``; callers refuse those
        early with ``require_redactable``.
        """
        for secret in secrets:
            if secret and len(secret) >= SHORTEST and secret not in self._own_words:
                if secret not in self._secrets:
                    self._forms = None
                self._secrets.add(secret)

    def learn_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """Add the secrets that headers carry: credentials after their scheme, keys, cookies."""
        for name, value in headers:
            if is_secret_name(name):
                self.add(*_header_secrets(name.lower(), value))

    def learn_value(self, value: object) -> None:
        """Add what stands in the secret fields of a JSON value."""
        waiting = [value]
        while waiting:
            found = waiting.pop()
            if isinstance(found, list):
                waiting += found
            elif isinstance(found, Mapping):
                for name, inner in found.items():
                    if isinstance(inner, str) and is_secret_name(str(name)):
                        self.add(inner)
                    else:
                        waiting.append(inner)

    def learn_text(self, text: str) -> None:
        """Add what stands after the names of secret fields in any text, such as cut JSON."""
        if may_name_secrets(text):
            for match in _NAMED.finditer(text):
                value = match[2].strip("\\\"'")
                self.add(value, value.replace("\\", ""))

    def learn_body(self, body: bytes) -> None:
        """Add what stands in the secret fields of a body that is JSON or a form."""
        text = body.decode("utf-8", "replace")
        if not may_name_secrets(text):
            return
        try:
            self.learn_value(json.loads(body))
        except (ValueError, RecursionError):
            self.learn_form(text)
            if 'name="' in text:
                parts = _PART.finditer(text)
                self.add(*(part[3] for part in parts if is_secret_name(part[2])))

    def learn_form(self, text: str) -> None:
        """Add what stands in the secret fields of a form or of a query string."""
        if "=" in text:
            pairs = parse_qsl(text, keep_blank_values=True)
            # A plus sign stands for a space, or for itself if it was not encoded.
            raw = [each.partition("=")[::2] for each in text.split("&") if "+" in each]
            pairs += [(name, form) for name, value in raw for form in (value, unquote(value))]
            self.add(*(value for name, value in pairs if is_secret_name(name)))

    # --- What remains ---

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        if self._forms is None:
            few = len(self._secrets) <= _MANY_SECRETS
            forms = {
                form
                for secret in self._secrets
                for form in (_forms(secret) if few else _first_forms(secret))
            }
            self._forms = sorted(forms, key=lambda form: (-len(form), form))
            self._index = None
        text = text.replace(_PLACE, "\ufffd")
        text = self._without_forms(text).replace(_PLACE, MARK)
        if not self._by_name:
            return text
        # The expression takes 0.1 to 0.5 µs a character, looking for the words first 0.01 µs.
        if may_name_secrets(text):
            text = _NAMED.sub(_without_value, text)
            if 'name="' in text:
                text = _PART.sub(_without_part, text)
        return _by_shape(text)

    def _without_forms(self, text: str) -> str:
        assert self._forms is not None, "the caller makes them"
        if len(self._forms) > _MANY_FORMS:
            if self._index is None:
                self._index = _Index(self._forms)
            return self._index.hidden(text)
        # Form by form: secrets come all through a run, and one pattern of all of them would have
        # to be compiled again each time.
        for form in self._forms:
            if form in text:
                text = text.replace(form, _PLACE)
        return text

    def value(self, value: object) -> Any:
        """Return a JSON value without secrets; one that nests too deep is hidden as a whole."""
        try:
            return self._value(value)
        except RecursionError:
            return MARK

    def _value(self, value: object) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self._value(inner) for inner in value]
        if isinstance(value, Mapping):
            return {self.text(name): self._member(name, inner) for name, inner in value.items()}
        return value

    def _member(self, name: str, value: object) -> Any:
        # Whether there is a password is not a secret.
        hidden = self._by_name and is_secret_name(name)
        if hidden and value is not None and not isinstance(value, bool):
            return MARK
        return self._value(value)

    def headers(self, headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Return header names and values without secrets."""
        return tuple(
            (
                self.text(name),
                MARK if self._by_name and is_secret_name(name) else self.text(value),
            )
            for name, value in headers
        )

    def body(self, body: bytes) -> Any:
        """Return a body without secrets: a JSON value, or text if it is not JSON; None if empty."""
        if not body:
            return None
        try:
            decoded = json.loads(body, parse_constant=_refuse)
        except (ValueError, RecursionError):
            return self.text(body.decode("utf-8", "replace"))
        return self.value(decoded)

    def body_text(self, body: bytes | None, limit: int = 20_000) -> str:
        """Return a body as text, redacted first, then cut to ``limit`` characters."""
        if body is None:
            return ""
        text = self.text(body.decode("utf-8", "backslashreplace"))
        return text if len(text) <= limit else text[:limit] + f"… ({len(text)} characters)"


class _Index:
    """Many forms of secrets, by their first characters: a search takes as long as the text is."""

    def __init__(self, forms: Iterable[str]) -> None:
        self._by_start: dict[str, dict[int, set[str]]] = {}
        for form in forms:  # the longest first
            lengths = self._by_start.setdefault(form[:SHORTEST], {})
            lengths.setdefault(len(form), set()).add(form)

    def hidden(self, text: str) -> str:
        """Return the text with a place in the stead of each stretch that forms cover."""
        parts, kept, end = [], 0, 0
        for at in range(len(text) - SHORTEST + 1):
            for length, forms in self._by_start.get(text[at : at + SHORTEST], {}).items():
                if text[at : at + length] in forms:
                    if at >= end:
                        parts += [text[kept:at], _PLACE]
                    end = kept = max(end, at + length)
                    break
        return "".join(parts) + text[kept:]


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _header_secrets(name: str, value: str) -> Iterator[str]:
    if name in ("cookie", "set-cookie"):
        # The attributes of a Set-Cookie, such as Path, are not secret.
        pairs = value.split(";") if name == "cookie" else value.split(";")[:1]
        for pair in pairs:
            yield pair.partition("=")[2].strip()
        return
    scheme, _, credentials = value.partition(" ")
    credentials = credentials.strip()
    yield credentials or value
    if scheme.lower() == "basic":
        try:
            decoded = base64.b64decode(credentials, validate=True).decode()
        except (binascii.Error, ValueError):
            return
        yield decoded
        yield decoded.partition(":")[2]


def _forms(secret: str) -> frozenset[str]:
    # Short enough for the cache to be bounded in bytes, some 2 MB; it makes the view of a request
    # log, in which the same tokens come again and again, several times faster.
    return _kept_forms(secret) if len(secret) <= _LONGEST_KEPT else _forms_of(secret)


def _forms_of(secret: str) -> frozenset[str]:
    raw = secret.encode("utf-8", "surrogatepass")
    quoted = {quote(raw), quote(raw, safe=""), quote_plus(raw), quote_plus(raw, safe="")}
    escaped = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    escaped |= {form.replace("/", "\\/") for form in escaped}
    forms = {secret, html.escape(secret), html.escape(secret, quote=False), repr(secret)[1:-1]}
    forms |= escaped | quoted | {_lower_escapes(form) for form in quoted}
    # An escaped form quoted once more: JSON inside JSON, a curl line inside JSON.
    forms |= {json.dumps(form)[1:-1] for form in escaped}
    forms |= {quote(form, safe="") for form in quoted}
    # A secret that was sent encoded may come back decoded.
    forms.add(unquote_plus(secret))
    forms |= {raw.hex(), raw.hex().upper()}
    if len(raw) >= _SHORTEST_BASE64:
        forms |= _base64_forms(raw)
    return frozenset(form for form in forms if len(form) >= SHORTEST)


def _first_forms(secret: str) -> frozenset[str]:
    """Return a secret as it is, quoted, and decoded."""
    forms = {secret, quote(secret, safe=""), unquote_plus(secret)}
    return frozenset(form for form in forms if len(form) >= SHORTEST)


_LONGEST_KEPT = 1_000
_kept_forms = lru_cache(maxsize=64)(_forms_of)


def _lower_escapes(text: str) -> str:
    return re.sub(r"%[0-9A-F]{2}", lambda match: match.group().lower(), text)


def _base64_forms(secret: bytes) -> set[str]:
    """Return the base64 of a secret inside longer text, at each of the three alignments.

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


def _without_value(match: re.Match[str]) -> str:
    return match[1] + MARK


def _without_part(match: re.Match[str]) -> str:
    return match[1] + MARK if is_secret_name(match[2]) else match[0]


def _by_shape(text: str) -> str:
    if "eyJ" in text:
        text = _DOTTED.sub(_without_token, text)
    return _AFTER_SCHEME.sub(_without_credentials, text)


def _without_token(match: re.Match[str]) -> str:
    """Hide a JSON Web Token in words with dots between them; it begins with ``{"`` in base64."""
    parts = match[0].split(".")
    for index, part in enumerate(parts[:-2]):
        at = part.find("eyJ")
        if 0 <= at <= len(part) - 8 and parts[index + 1]:
            return ".".join([*parts[:index], part[:at] + MARK])
    return match[0]


def _without_credentials(match: re.Match[str]) -> str:
    """Hide what follows ``Bearer``, unless it is prose such as "Bearer token required"."""
    if len(match[3]) < SHORTEST or _ORDINARY_WORD.fullmatch(match[3]):
        return match[0]
    return f"{match[1]}{match[2]}{MARK}"
