"""Compares two versions of an operation: parameters, body, answers and credentials."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cart_spec.diff.changes import Change, Direction, Side
from cart_spec.diff.schemas import SchemaComparison
from cart_spec.document import OpenApiDocument, Operation
from cart_spec.source import pointer_of

OperationKey = tuple[str, str]
"""Method and path, with the base path of the server but without names of path parameters."""

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

    def changes(self) -> Iterator[Change]:
        """Yield what changed from the old operation to the new one."""
        yield from self._names()
        yield from self._security()
        yield from self._parameters()
        yield from self._body()
        yield from self._answers()

    def _change(self, kind: str, message: str, pointer: str, side: Side = "new") -> Change:
        return Change(
            kind, (self.now.id if side == "new" else self.was.id,), side, pointer, message
        )

    def _names(self) -> Iterator[Change]:
        if self.now.data.get("deprecated") and not self.was.data.get("deprecated"):
            yield self._change("operation-deprecated", "It is deprecated.", self.now.pointer)
        if self.foreign:
            return
        if self.was.id != self.now.id:
            message = f"{self.was.id} is called {self.now.id}."
            yield self._change("operation-renamed", message, self.now.pointer)
        for key in ("summary", "description"):
            if self.was.data.get(key) != self.now.data.get(key):
                at = f"{self.now.pointer}/{key}"
                yield self._change("wording-changed", f"The {key} changed.", at)

    def _security(self) -> Iterator[Change]:
        before, after = _credentials(self.old, self.was), _credentials(self.new, self.now)
        if before == after:
            return
        pointer = self.now.pointer
        if frozenset() in before and frozenset() not in after:
            yield self._change("security-added", "It requires credentials.", pointer)
        else:
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
        (was, was_at), (now, now_at) = before, after
        name = f"{place} {now['name']}"
        if bool(was.get("required")) != bool(now.get("required")):
            kind = "parameter-required" if now.get("required") else "parameter-optional"
            word = "required" if now.get("required") else "optional"
            yield self._change(kind, f"{name.capitalize()} became {word}.", now_at)
        if "schema" in was and "schema" in now:
            old, new = (was["schema"], was_at + "/schema"), (now["schema"], now_at + "/schema")
            yield from self._schemas("request", old, new, name)

    def _body(self) -> Iterator[Change]:
        was, was_at = self.old.resolved(
            self.was.data.get("requestBody"), self.was.pointer + "/requestBody"
        )
        now, now_at = self.new.resolved(
            self.now.data.get("requestBody"), self.now.pointer + "/requestBody"
        )
        if not (was and now):
            if now:
                yield self._change("body-added", "The request has a body.", now_at)
            elif was:
                yield self._change("body-removed", "The request has no body.", was_at, "old")
            return
        if bool(was.get("required")) != bool(now.get("required")):
            kind = "body-required" if now.get("required") else "body-optional"
            word = "required" if now.get("required") else "optional"
            yield self._change(kind, f"The request body became {word}.", now_at)
        yield from self._content("request", (was, was_at), (now, now_at), "the body")

    def _answers(self) -> Iterator[Change]:
        before, after = self.was.data.get("responses", {}), self.now.data.get("responses", {})
        for status in sorted({*before, *after}):
            kind = "success" if status.startswith(("1", "2", "3")) else "error"
            name = f"the {status} answer"
            was_at, now_at = (
                f"{operation.pointer}/responses/{status}" for operation in (self.was, self.now)
            )
            if status not in after:
                message = f"{name.capitalize()} is gone."
                yield self._change(f"{kind}-removed", message, was_at, "old")
            elif status not in before:
                yield self._change(f"{kind}-added", f"{name.capitalize()} is new.", now_at)
            else:
                was = self.old.resolved(before[status], was_at)
                now = self.new.resolved(after[status], now_at)
                yield from self._headers(was, now, name)
                # Errors share their schemas. One name for them all makes one change of many.
                shared = name if kind == "success" else "an error answer"
                yield from self._content("response", was, now, shared)

    def _headers(self, was: tuple[Any, str], now: tuple[Any, str], name: str) -> Iterator[Change]:
        before = {key.lower(): key for key in was[0].get("headers") or ()}
        after = {key.lower(): key for key in now[0].get("headers") or ()}
        for key in sorted(after.keys() - before.keys()):
            at = now[1] + pointer_of("headers", after[key])
            yield self._change("header-added", f"{name.capitalize()} has {after[key]}.", at)
        for key in sorted(before.keys() - after.keys()):
            at = was[1] + pointer_of("headers", before[key])
            message = f"{name.capitalize()} has no {before[key]}."
            yield self._change("header-removed", message, at, "old")

    def _content(
        self, direction: Direction, was: tuple[Any, str], now: tuple[Any, str], name: str
    ) -> Iterator[Change]:
        before, after = was[0].get("content") or {}, now[0].get("content") or {}
        if direction == "response" and bool(before) != bool(after):
            kind = "answer-body-added" if after else "answer-body-removed"
            word = "a" if after else "no"
            yield self._change(kind, f"{name.capitalize()} has {word} body.", now[1])
            return
        for media_type in sorted({*before, *after}):
            suffix = pointer_of("content", media_type)
            if media_type not in after:
                effect = "narrower"
                message = f"{name.capitalize()} is no longer {media_type}."
                if direction == "response":
                    effect = "different"
                yield self._change(f"{direction}-{effect}", message, was[1] + suffix, "old")
            elif media_type not in before:
                message = f"{name.capitalize()} may be {media_type}."
                yield self._change(f"{direction}-wider-maybe", message, now[1] + suffix)
            elif "schema" in before[media_type] and "schema" in after[media_type]:
                old = (before[media_type]["schema"], f"{was[1]}{suffix}/schema")
                new = (after[media_type]["schema"], f"{now[1]}{suffix}/schema")
                yield from self._schemas(direction, old, new, name)

    def _schemas(
        self, direction: Direction, old: tuple[Any, str], new: tuple[Any, str], name: str
    ) -> Iterator[Change]:
        comparison = SchemaComparison(self.old, self.new, direction)
        for step in comparison.compare(old, new, name):
            message = step.message[0].upper() + step.message[1:]
            yield self._change(step.kind, message, step.pointer, step.side)


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
        found[parameter["in"], name] = (parameter, at)
    return found


def _credentials(document: OpenApiDocument, operation: Operation) -> set[frozenset[str]]:
    """Return the accepted combinations of credentials, by their kinds instead of their names."""
    schemes = document.data.get("components", {}).get("securitySchemes", {})
    written = operation.data.get("security", document.data.get("security", ()))
    required: list[Mapping[str, Any]] = list(written) or [{}]
    return {
        frozenset(_credential(document.resolve(schemes.get(name, {})), name) for name in option)
        for option in required
    }


def _credential(scheme: Mapping[str, Any], name: str) -> str:
    parts = [str(scheme[key]).lower() for key in ("type", "scheme", "in", "name") if key in scheme]
    return " ".join(parts) or name
