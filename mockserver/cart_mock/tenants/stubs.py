"""Stubs: answers of a tenant for paths that the contract does not have."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from cart_spec.paths import PathTemplates

from cart_mock.messages import NOT_IN_HEADERS, Answer, Header, encode_json

_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_PARAMETER = re.compile(r"\{([^{}/]+)\}")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FRAMING = {"connection", "content-length", "transfer-encoding", "x-request-id"}
_NO_BODY = {204, 304}
_LONGEST = 8000
"""How many characters the value of a header has at most; clients refuse more."""

_KINDS = "{{path.NAME}}, {{query.NAME}}, {{body.NAME}}, {{now}} and {{uuid}}"


class StubError(ValueError):
    """A stub that cannot be: what is wrong with it, how to fix it, and the field."""

    def __init__(self, reason: str, hint: str, field: str) -> None:
        super().__init__(reason)
        self.reason, self.hint, self.field = reason, hint, field


class Stub(NamedTuple):
    """An answer to one method and path template.

    ``body`` is a JSON value, ``text`` any other body; a stub has at most one of them. Strings in
    them, and values of ``headers``, may have placeholders.
    """

    method: str
    path: str
    status: int = 200
    headers: Mapping[str, str] = {}
    body: Any = None
    text: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the stub as it was sent, with its defaults."""
        shown: dict[str, Any] = {"method": self.method, "path": self.path, "status": self.status}
        if self.headers:
            shown["headers"] = dict(self.headers)
        if self.text is not None:
            shown["text"] = self.text
        elif self.body is not None:
            shown["body"] = self.body
        return shown


class Found(NamedTuple):
    """The values that placeholders of a stub stand for in one request."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    now: Callable[[], str]
    uuid: Callable[[], str]

    def value(self, name: str) -> Any:
        """Return the value of a placeholder, or None if the request lacks it."""
        kind, _, rest = name.partition(".")
        if kind == "now":
            return self.now()
        if kind == "uuid":
            return self.uuid()
        if kind == "body":
            return _member(self.body, rest.split("."))
        return (self.path if kind == "path" else self.query).get(rest)


def _member(value: Any, steps: list[str]) -> Any:
    for step in steps:
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


class Stubs:
    """The stubs of one tenant. Raises StubError if two of them answer the same requests."""

    def __init__(self, stubs: Iterable[Stub] = ()) -> None:
        self.all = tuple(stubs)
        self._paths: PathTemplates[Stub] = PathTemplates()
        known = set()
        for index, stub in enumerate(self.all):
            shape = (stub.method, _PARAMETER.sub("{}", stub.path))
            if shape in known:
                raise StubError(
                    f"there are two stubs for {stub.method} {stub.path}",
                    "Leave one of them out.",
                    f"stubs[{index}].path",
                )
            known.add(shape)
            self._paths.add(stub.method, stub.path, stub)

    def __len__(self) -> int:
        return len(self.all)

    def find(self, method: str, path: str) -> tuple[Stub, dict[str, str]] | None:
        """Return the stub for a request and its path parameters, or None."""
        return self._paths.find(method, path) if self.all else None


def answer_of(stub: Stub, found: Found) -> Answer:
    """Return a stub's answer to a request."""
    headers = {name.lower(): str(_filled(value, found)) for name, value in stub.headers.items()}
    if stub.text is not None:
        headers.setdefault("content-type", "text/plain; charset=utf-8")
        body = str(_filled(stub.text, found)).encode()
    elif stub.body is not None:
        headers.setdefault("content-type", "application/json")
        body = encode_json(_filled(stub.body, found))
    else:
        body = b""
    sent: tuple[Header, ...] = tuple(
        (name.encode(), _header_value(value)) for name, value in headers.items()
    )
    return Answer(stub.status, sent, body, origin={"stub": f"{stub.method} {stub.path}"})


def _filled(value: Any, found: Found) -> Any:
    """Return a value with its placeholders filled; one that is a whole string keeps its type."""
    if isinstance(value, str):
        whole = _PLACEHOLDER.fullmatch(value)
        if whole is not None:
            return found.value(whole[1])
        return _PLACEHOLDER.sub(lambda match: _text(found.value(match[1])), value)
    if isinstance(value, list):
        return [_filled(each, found) for each in value]
    if isinstance(value, Mapping):
        return {name: _filled(each, found) for name, each in value.items()}
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else encode_json(value).decode()


def _header_value(value: str) -> bytes:
    """Return a text as a header can have it: what a request put into it may be anything."""
    sent = _one_line(value)[:_LONGEST].encode("latin-1", "replace")
    return NOT_IN_HEADERS.sub(b"?", sent)


def _one_line(value: str) -> str:
    return " ".join(value.split())


def stub_of(sent: Mapping[str, Any], at: str) -> Stub:
    """Return a checked stub. ``at`` is its place in the request. Raises StubError."""
    stub = Stub(**{**sent, "method": str(sent.get("method", "GET"))})
    try:
        PathTemplates([(stub.method, stub.path, stub)])
    except ValueError as error:
        hint = "Write a parameter as a whole segment, such as /v2/products/{id}."
        raise StubError(str(error), hint, f"{at}.path") from None
    names = _PARAMETER.findall(stub.path)
    if len(set(names)) < len(names):
        reason = f"{stub.path} has a parameter twice"
        raise StubError(reason, "Give each one a name of its own.", f"{at}.path")
    if "body" in sent and "text" in sent:
        raise StubError("it has both body and text", "Send one of them.", f"{at}.text")
    if stub.status in _NO_BODY and (stub.text is not None or stub.body is not None):
        field = "text" if stub.text is not None else "body"
        reason = f"an answer with {stub.status} has no body"
        raise StubError(reason, "Leave it out, or send another status.", f"{at}.{field}")
    for name, value in stub.headers.items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _FRAMING:
            reason = f"{name[:100]!r} is not a header that a stub can have"
            raise StubError(reason, "Send another name.", f"{at}.headers")
        if _one_line(value) != value.strip() or not value.isprintable():
            reason = f"the value of {name} is not one line of text"
            raise StubError(reason, "Send it in one line.", f"{at}.headers")
    _check_placeholders(stub.headers, names, f"{at}.headers")
    _check_placeholders(stub.body, names, f"{at}.body")
    _check_placeholders(stub.text, names, f"{at}.text")
    return stub


def _check_placeholders(value: Any, parameters: list[str], field: str) -> None:
    if isinstance(value, Mapping):
        for each in value.values():
            _check_placeholders(each, parameters, field)
    elif isinstance(value, list):
        for each in value:
            _check_placeholders(each, parameters, field)
    elif isinstance(value, str):
        for name in _PLACEHOLDER.findall(value):
            _check_placeholder(name, parameters, field)


def _check_placeholder(name: str, parameters: list[str], field: str) -> None:
    kind, _, rest = name.partition(".")
    if kind == "path" and rest and rest not in parameters:
        reason = f"{{{{{name}}}}} is not a parameter of the path"
        known = ", ".join(parameters) or "none"
        raise StubError(reason, f"The path's parameters are: {known}.", field)
    is_known = name in ("now", "uuid") or (kind in ("path", "query", "body") and rest)
    if not is_known:
        reason = f"{{{{{name[:100]}}}}} is not a placeholder"
        raise StubError(reason, f"The placeholders are {_KINDS}.", field)
