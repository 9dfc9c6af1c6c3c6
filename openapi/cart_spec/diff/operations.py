"""Compares two versions of an operation: parameters, body, answers and credentials."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cart_spec.contract import METHODS
from cart_spec.diff.changes import NAME, Change, Direction, Side, Use
from cart_spec.diff.fields import field_steps
from cart_spec.diff.schemas import SchemaComparison
from cart_spec.diff.shapes import Placed
from cart_spec.document import OpenApiDocument, Operation
from cart_spec.source import pointer_of

OperationKey = tuple[str, str]
"""Method and path, with the base path of the server but without names of path parameters."""

# In a foreign document these do not count as changes.
_OUR_OWN = frozenset({"wording-changed", "extension-changed"})
# What the classes below compare in detail; every other field is reported if it differs.
_OPERATION_FIELDS = frozenset(
    {"operationId", "deprecated", "security", "parameters", "requestBody", "responses"}
)
_PATH_FIELDS = frozenset({"parameters", "$ref", "query", "additionalOperations", *METHODS})
_PARAMETER_FIELDS = frozenset({"name", "in", "required", "schema", "content"})
_BODY_FIELDS = frozenset({"required", "content"})
_ANSWER_FIELDS = frozenset({"headers", "content"})
_HEADER_FIELDS = frozenset({"schema"})
_MEDIA_FIELDS = frozenset({"schema"})

_SUCCESS = ("1", "2", "3")
_TEMPLATE = re.compile(r"\{[^}]*\}")


def operations_by_key(document: OpenApiDocument) -> dict[OperationKey, Operation]:
    """Return the operations of a document by the method and path that a client calls."""
    servers = document.data.get("servers") or [{}]
    url = servers[0].get("url", "") if isinstance(servers[0], Mapping) else ""
    base = _TEMPLATE.sub("{}", urlsplit(str(url)).path).rstrip("/")
    return {
        (operation.method, base + _TEMPLATE.sub("{}", operation.path)): operation
        for operation in document.operations
    }


@dataclass(frozen=True)
class OperationComparison:
    """One operation in two documents.

    If one of them is ``foreign``, a vendor's for example, its different wordings and names are not
    changes.
    """

    old: OpenApiDocument
    new: OpenApiDocument
    was: Operation
    now: Operation
    foreign: bool
    schemas: Mapping[Direction, SchemaComparison]

    def changes(self) -> Iterator[Change]:
        """Yield what changed from the old operation to the new one."""
        yield from self._names()
        yield from self._security()
        yield from self._parameters()
        yield from self._body()
        yield from self._answers()

    def _change(
        self, kind: str, words: str, pointer: str, side: Side = "new", name: str = ""
    ) -> Change:
        use = Use(self.now.id if side == "new" else self.was.id, name)
        return Change.of(kind, use, side, pointer, words)

    def _names(self) -> Iterator[Change]:
        if self.now.data.get("deprecated") and not self.was.data.get("deprecated"):
            yield self._change("operation-deprecated", "It is deprecated.", self.now.pointer)
        elif self.was.data.get("deprecated") and not self.now.data.get("deprecated"):
            message = "It is no longer deprecated."
            yield self._change("wording-changed", message, self.now.pointer)
        if self.was.id != self.now.id and not self.foreign:
            message = f"{self.was.id} is called {self.now.id}."
            yield self._change("operation-renamed", message, self.now.pointer)
        was, now = (self.was.data, self.was.pointer), (self.now.data, self.now.pointer)
        yield from self._fields(was, now, "the operation", _OPERATION_FIELDS)
        items = [
            (document.at(operation.item_pointer), operation.item_pointer)
            for document, operation in ((self.old, self.was), (self.new, self.now))
        ]
        yield from self._fields(items[0], items[1], "the path", _PATH_FIELDS)

    def _fields(
        self, was: Placed, now: Placed, name: str, compared: frozenset[str]
    ) -> Iterator[Change]:
        """Yield a change for each field that differs and is not ``compared`` in detail."""
        for step in field_steps(self.old, was, self.new, now, name, compared):
            if not (self.foreign and step.kind in _OUR_OWN):
                yield self._change(step.kind, step.words, step.pointer, step.side, step.name)

    def _security(self) -> Iterator[Change]:
        before, after = _credentials(self.old, self.was), _credentials(self.new, self.now)
        pointer = self.now.pointer
        # Credentials will do if they include those of one option.
        if any(not any(option <= given for option in after) for given in before):
            kind = "security-added" if frozenset() in before else "security-narrower"
            said = "It requires" if kind == "security-added" else "It requires other or more"
            yield self._change(kind, f"{said} credentials.", pointer)
        if any(not any(option <= given for option in before) for given in after):
            yield self._change("security-changed", "It accepts other credentials.", pointer)

    def _parameters(self) -> Iterator[Change]:
        before, after = _parameters(self.was), _parameters(self.now)
        for key in sorted({*before, *after}):
            place = f"the {key[0]} parameter"
            if key not in after:
                parameter, at = before[key]
                message = f"{place.capitalize()} {parameter['name']} is gone."
                yield self._change("parameter-removed", message, at, "old")
            elif key not in before:
                parameter, at = after[key]
                kind = (
                    "parameter-added-required" if parameter.get("required") else "parameter-added"
                )
                message = f"{place.capitalize()} {parameter['name']} is new."
                yield self._change(kind, message, at)
            else:
                yield from self._parameter(before[key], after[key], place)

    def _parameter(
        self, before: tuple[Any, str], after: tuple[Any, str], place: str
    ) -> Iterator[Change]:
        was, (now, now_at) = before[0], after
        name = f"{place} {now['name']}"
        if bool(was.get("required")) != bool(now.get("required")):
            kind = "parameter-required" if now.get("required") else "parameter-optional"
            word = "required" if now.get("required") else "optional"
            yield self._change(kind, f"{name.capitalize()} became {word}.", now_at)
        if bool(was.get("content")) != bool(now.get("content")):
            said = "a schema" if was.get("content") else "content"
            words = f"{name.capitalize()} is written in another way, as its {said} says."
            yield self._change("request-different", words, now_at)
            yield from self._schema("request", _of_content(before), _of_content(after), name)
        elif was.get("content"):
            yield from self._content("request", before, after, name)
        else:
            yield from self._schema("request", before, after, name)
        # An absent style is the default one of the place.
        styled = [(_with_style(each), at) for each, at in (before, after)]
        yield from self._fields(styled[0], styled[1], name, _PARAMETER_FIELDS)

    def _schema(
        self, direction: Direction, was: Placed, now: Placed, name: str
    ) -> Iterator[Change]:
        """Compare the schemas of two owners; an owner without one allows everything."""
        olds, news = (
            (owner.get("schema", {}), f"{at}/schema" if "schema" in owner else at)
            for owner, at in (was, now)
        )
        yield from self._schemas(direction, olds, news, name)

    def _body(self) -> Iterator[Change]:
        was, was_at = self.old.resolved(
            self.was.data.get("requestBody"), self.was.pointer + "/requestBody"
        )
        now, now_at = self.new.resolved(
            self.now.data.get("requestBody"), self.now.pointer + "/requestBody"
        )
        if not (was and now):
            if now:
                kind = "body-required" if now.get("required") else "body-added"
                yield self._change(kind, "The request has a body.", now_at)
            elif was:
                yield self._change("body-removed", "The request has no body.", was_at, "old")
            return
        if bool(was.get("required")) != bool(now.get("required")):
            kind = "body-required" if now.get("required") else "body-optional"
            word = "required" if now.get("required") else "optional"
            yield self._change(kind, f"The request body became {word}.", now_at)
        yield from self._content("request", (was, was_at), (now, now_at), "the body")
        yield from self._fields((was, was_at), (now, now_at), "the body", _BODY_FIELDS)

    def _answers(self) -> Iterator[Change]:
        before, after = _answers_of(self.was), _answers_of(self.now)
        for status in sorted({*before, *after}):
            was, now = _answer_for(status, before), _answer_for(status, after)
            if status not in after:
                yield from self._answer_removed(status, before[status][1], after)
            elif status not in before:
                yield from self._answer_added(status, after[status][1], before)
            if was is not None and now is not None:
                yield from self._answer(
                    self.old.resolved(*was), self.new.resolved(*now), f"the {status} answer"
                )

    def _answer_removed(
        self, status: str, at: str, after: Mapping[str, Placed]
    ) -> Iterator[Change]:
        is_success = status.startswith(_SUCCESS)
        remaining = _within(status, after)
        if is_success and remaining:
            words = f"Of the {status} answers only {', '.join(remaining)} remain."
            yield self._change("success-narrower", words, at, "old")
        elif _range(status) not in after:
            kind = "success-removed" if is_success else "error-removed"
            yield self._change(kind, f"The {status} answer is gone.", at, "old")

    def _answer_added(self, status: str, at: str, before: Mapping[str, Placed]) -> Iterator[Change]:
        is_success = status.startswith(_SUCCESS)
        known = _within(status, before)
        if is_success and known:
            words = f"The answer may have any {status} status, not only {', '.join(known)}."
            yield self._change("success-wider", words, at)
        elif _range(status) not in before:
            kind = "success-added" if is_success else "error-added"
            yield self._change(kind, f"The {status} answer is new.", at)

    def _answer(self, was: Placed, now: Placed, name: str) -> Iterator[Change]:
        if isinstance(was[0], Mapping) and isinstance(now[0], Mapping):
            yield from self._headers(was, now, name)
            yield from self._content("response", was, now, name)
            yield from self._fields(was, now, name, _ANSWER_FIELDS)

    def _headers(self, was: tuple[Any, str], now: tuple[Any, str], name: str) -> Iterator[Change]:
        # OpenAPI says that Content-Type among the headers of an answer is ignored.
        before, after = (
            {
                key.lower(): key
                for key in owner.get("headers") or ()
                if key.lower() != "content-type"
            }
            for owner in (was[0], now[0])
        )
        for key in sorted(after.keys() - before.keys()):
            at = now[1] + pointer_of("headers", after[key])
            yield self._change("header-added", f"{NAME} has {after[key]}.", at, name=name)
        for key in sorted(before.keys() - after.keys()):
            at = was[1] + pointer_of("headers", before[key])
            words = f"{NAME} has no {before[key]}."
            yield self._change("header-removed", words, at, "old", name)
        for key in sorted(before.keys() & after.keys()):
            old = self.old.resolved(
                was[0]["headers"][before[key]], was[1] + pointer_of("headers", before[key])
            )
            new = self.new.resolved(
                now[0]["headers"][after[key]], now[1] + pointer_of("headers", after[key])
            )
            if isinstance(old[0], Mapping) and isinstance(new[0], Mapping):
                about = f"the header {after[key]}"
                yield from self._schema("response", old, new, about)
                yield from self._fields(old, new, about, _HEADER_FIELDS)

    def _content(
        self, direction: Direction, was: tuple[Any, str], now: tuple[Any, str], name: str
    ) -> Iterator[Change]:
        before, after = _media_types(was[0]), _media_types(now[0])
        if direction == "response" and bool(before) != bool(after):
            kind = "answer-body-added" if after else "answer-body-removed"
            word = "a" if after else "no"
            yield self._change(kind, f"{NAME} has {word} body.", now[1], name=name)
            return
        for media_type in sorted({*before, *after}):
            old, new = _media_for(media_type, before), _media_for(media_type, after)
            if media_type not in after:
                at = was[1] + pointer_of("content", before[media_type][0])
                yield from self._media_gone(direction, media_type, at, after, name)
            elif media_type not in before:
                at = now[1] + pointer_of("content", after[media_type][0])
                if old is None:
                    words = f"{NAME} may be {media_type}."
                    yield self._change(f"{direction}-wider-maybe", words, at, name=name)
            if old is not None and new is not None:
                olds = (old[1], was[1] + pointer_of("content", old[0]))
                news = (new[1], now[1] + pointer_of("content", new[0]))
                yield from self._schema(direction, olds, news, name)
                yield from self._fields(olds, news, name, _MEDIA_FIELDS)

    def _media_gone(
        self,
        direction: Direction,
        media_type: str,
        at: str,
        after: Mapping[str, MediaType],
        name: str,
    ) -> Iterator[Change]:
        remaining = sorted(each for each in after if _covers(media_type, each))
        if remaining:
            words = f"Of {media_type}, {NAME} is only {', '.join(remaining)}."
            kind = "request-narrower" if direction == "request" else "response-narrower-maybe"
        elif _media_for(media_type, after) is None:
            words = f"{NAME} is no longer {media_type}."
            kind = "request-narrower" if direction == "request" else "response-different"
        else:
            return
        yield self._change(kind, words, at, "old", name)

    def _schemas(
        self, direction: Direction, old: tuple[Any, str], new: tuple[Any, str], name: str
    ) -> Iterator[Change]:
        for step in self.schemas[direction].compare((old,), (new,), name):
            if not (self.foreign and step.kind in _OUR_OWN):
                yield self._change(step.kind, step.words, step.pointer, step.side, step.name)


def _answers_of(operation: Operation) -> dict[str, Placed]:
    """Return the answers by status; ranges such as ``2XX`` in capitals."""
    return {
        status if status == "default" else status.upper(): (
            answer, f"{operation.pointer}/responses/{status}"
        )
        for status, answer in operation.data.get("responses", {}).items()
    }  # fmt: skip


def _range(status: str) -> str:
    return f"{status[:1]}XX"


def _within(status: str, answers: Mapping[str, Placed]) -> list[str]:
    """Return the single statuses of a range that are among the answers."""
    if status[1:] != "XX":
        return []
    return sorted(each for each in answers if each[:1] == status[:1] and each != status)


def _answer_for(status: str, answers: Mapping[str, Placed]) -> Placed | None:
    """Return the answer that describes a status: its own, that of its range, or the default."""
    if status in answers or status[1:] == "XX":
        return answers.get(status)
    fallback = None if status.startswith(_SUCCESS) else answers.get("default")
    return answers.get(_range(status), fallback)


def _with_style(parameter: Mapping[str, Any]) -> Mapping[str, Any]:
    style = "form" if parameter.get("in") in ("query", "cookie") else "simple"
    style = str(parameter.get("style", style))
    return {"style": style, "explode": style == "form", **parameter}


def _of_content(parameter: Placed) -> Placed:
    """Return a parameter's only media type, which has its schema; else the parameter."""
    value, at = parameter
    for written, media in (value.get("content") or {}).items():
        return media, at + pointer_of("content", written)
    return parameter


MediaType = tuple[str, Mapping[str, Any]]
"""A media type as written, and its object."""


def _media_types(owner: Mapping[str, Any]) -> dict[str, MediaType]:
    """Return the media types without their charset, each as (as written, its object)."""
    content = owner.get("content")
    return {
        written.partition(";")[0].strip().lower(): (written, data)
        for written, data in (content.items() if isinstance(content, Mapping) else ())
        if isinstance(data, Mapping)
    }


def _media_for(media_type: str, types: Mapping[str, MediaType]) -> MediaType | None:
    """Return the entry that describes a media type: its own, or that of a range."""
    if media_type in types:
        return types[media_type]
    return next((types[each] for each in types if _covers(each, media_type)), None)


def _covers(media_range: str, media_type: str) -> bool:
    """Return whether a range such as ``text/*`` or ``*/*`` has a media type in it."""
    start = media_range.removesuffix("*")
    return start != media_range and (start == "*/" or media_type.startswith(start))


def _parameters(operation: Operation) -> dict[tuple[str, str], tuple[Any, str]]:
    """Return the parameters by place and name: path ones by position, headers in lower case."""
    found: dict[tuple[str, str], tuple[Any, str]] = {}
    positions = [name[1:-1] for name in _TEMPLATE.findall(operation.path)]
    for parameter, at in operation.parameters:
        name = str(parameter["name"])
        if parameter["in"] == "path" and name in positions:
            name = str(positions.index(name))
        elif parameter["in"] == "header":
            name = name.lower()
            if name in ("accept", "authorization", "content-type"):
                continue  # OpenAPI says that they are ignored
        found[parameter["in"], name] = (parameter, at)
    return found


def _credentials(
    document: OpenApiDocument, operation: Operation
) -> set[frozenset[tuple[str, str]]]:
    """Return the accepted combinations of credentials, as pairs of kind and scope."""
    schemes = document.data.get("components", {}).get("securitySchemes", {})
    written = operation.data.get("security", document.data.get("security", ()))
    required: list[Mapping[str, Any]] = list(written) or [{}]
    return {
        frozenset(
            (_credential(document.resolve(schemes.get(name, {})), name), scope)
            for name, scopes in option.items()
            for scope in ("", *map(str, scopes or ()))
        )
        for option in required
    }


def _credential(scheme: Mapping[str, Any], name: str) -> str:
    parts = [str(scheme[key]).lower() for key in ("type", "scheme", "in", "name") if key in scheme]
    return " ".join(parts) or name
