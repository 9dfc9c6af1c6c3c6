"""Plans a tour of the contract: every operation once, in an order in which each succeeds.

Nothing here knows an operation by its name. An id in a path is captured from the request that
creates such a resource, or else from a list of them. What creates comes before what reads, then
what changes, then what deletes, the deepest path first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cart_spec.document import OpenApiDocument, Operation
from cart_spec.export.steps import RUN, Capture, Plan, Step, replaced, successes

_ORDER = {"post": 0, "get": 1, "put": 2, "patch": 2, "delete": 3}
_PARAMETER = re.compile(r"\{(\w+)\}")
_TOKEN_FIELDS = ("access_token", "token")


def tour(document: OpenApiDocument) -> Plan:
    """Return the plan that sends every operation of a document, as an administrator."""
    return Plan(
        "operations",
        "Every operation",
        "Each operation once, as an administrator, in an order in which each one succeeds. The "
        "requests that need an id come after the one that creates it.",
        tuple(_Tour(document).steps()),
    )


class _Tour:
    def __init__(self, document: OpenApiDocument) -> None:
        self._document = document
        self._known: dict[str, str] = {}
        # What an id is called in examples, and the variable with the real one.
        self._literals = {
            str(parameter["example"]): parameter["name"]
            for operation in document.operations
            for parameter, _ in operation.parameters
            if parameter["in"] == "path" and "example" in parameter
        }
        self._authorization: str | None = None
        self._sources = {
            parameter: operation.id
            for method in ("get", "post")  # what creates comes last, and so is the one that counts
            for operation in document.operations
            if operation.method == method and (parameter := self._names(operation))
        }

    def steps(self) -> Iterator[Step]:
        waiting = sorted(
            self._document.operations,
            key=lambda each: (
                each.data.get("security") != [],
                _ORDER[each.method],
                -each.path.count("/") if each.method == "delete" else 0,
            ),
        )
        while waiting:
            ready = next((each for each in waiting if not self._missing(each)), waiting[0])
            waiting.remove(ready)
            for example in self._examples(ready):
                step = self._step(ready, *example)
                self._known |= {each.variable: f"{{{{{each.variable}}}}}" for each in step.captures}
                yield step

    def _missing(self, operation: Operation) -> list[str]:
        """Return the ids that an operation needs and that a later step will capture."""
        needed = _PARAMETER.findall(operation.path)
        for _, value in self._examples(operation):
            needed += [self._literals[text] for text in _texts(value) if text in self._literals]
        return [name for name in needed if name in self._sources and name not in self._known]

    def _examples(self, operation: Operation) -> list[tuple[str, Any]]:
        """Return the bodies to send, as (name, value): the first example as a rule.

        An access token is asked for in every way, and a member signs up: only then it can log in.
        """
        request = self._document.resolve(operation.data.get("requestBody", {}))
        for media in (request.get("content") or {}).values():
            named = [
                (name, self._document.resolve(example)["value"])
                for name, example in media.get("examples", {}).items()
            ]
            if operation.data.get("security") != []:
                named = [each for each in named if "signup" in each[0]] or named[:1]
            return named or [("", {})]
        return [("", None)]

    def _step(self, operation: Operation, example: str, body: Any) -> Step:
        parameters = [each for each, _ in operation.parameters]
        named = len(self._examples(operation)) > 1
        captures = tuple(self._captures(operation, example if named else ""))
        headers = {}
        if operation.data.get("security") != []:
            headers["Authorization"] = self._authorization or ""
        elif self._authorization is None and captures:
            self._authorization = f"Bearer {{{{{captures[0].variable}}}}}"
        request = self._document.resolve(operation.data.get("requestBody", {}))
        return Step(
            name=f"{operation.id} ({example.rpartition('-')[2]})" if named else operation.id,
            operation_id=operation.id,
            method=operation.method.upper(),
            path=operation.path,
            statuses=successes(operation),
            summary=operation.data.get("summary", ""),
            description=operation.data.get("description", ""),
            path_parameters={
                each["name"]: self._known.get(each["name"], str(each.get("example", "")))
                for each in parameters
                if each["in"] == "path"
            },
            headers=headers,
            optional={
                each["name"]: str(each.get("example", ""))
                for each in parameters
                if each["in"] == "query"
            },
            body=self._filled(operation, body),
            media_type=next(iter(request.get("content") or {}), None),
            captures=captures,
        )

    def _filled(self, operation: Operation, body: Any) -> Any:
        """Return an example with the ids of this run, and with names that no run had before."""

        def fill(text: str) -> str:
            if text in self._literals and self._literals[text] in self._known:
                return self._known[self._literals[text]]
            return text.replace("@example.com", f"-{{{{{RUN}}}}}@example.com")

        filled = replaced(body, fill)
        if not isinstance(filled, dict):
            return filled
        for name, variable in (("client_id", "clientID"), ("client_secret", "clientSecret")):
            if name in filled:
                filled[name] = f"{{{{{variable}}}}}"
        data = filled.get("data")
        answer = self._answer(operation)
        created = answer.get("data") if isinstance(answer, Mapping) else None
        if isinstance(data, dict) and isinstance(created, Mapping) and operation.method == "post":
            own_id = data.get("id")
            if isinstance(own_id, str) and own_id == created.get("id"):
                data["id"] = f"{own_id}-{{{{{RUN}}}}}"
        return filled

    def _names(self, operation: Operation) -> str | None:
        """Return the path parameter that names what is below this path, such as ``cartID``."""
        below = re.compile(re.escape(operation.path) + r"/\{(\w+)\}(?:/|\Z)")
        for other in self._document.operations:
            found = below.match(other.path)
            if found:
                return found[1]
        return None

    def _captures(self, operation: Operation, example: str) -> Iterator[Capture]:
        answer = self._answer(operation)
        if not isinstance(answer, Mapping):
            return
        parameter = self._names(operation)
        if parameter and self._sources.get(parameter) == operation.id:
            yield from _path_to(answer, "id", parameter)
        for name in _TOKEN_FIELDS:
            yield from _path_to(answer, name, _token_name(operation, example))

    def _answer(self, operation: Operation) -> Any:
        """Return the first example of a successful answer."""
        for status, written in operation.data.get("responses", {}).items():
            answer = self._document.resolve(written)
            for media in (answer.get("content") or {}).values() if status[:1] == "2" else ():
                for example in media.get("examples", {}).values():
                    return self._document.resolve(example).get("value")
        return None


def _token_name(operation: Operation, example: str) -> str:
    """Return the variable for a token: ``customerToken``, or by its example, ``shopperToken``."""
    kind = re.match(r"create(\w+)Token", operation.id)
    if operation.data.get("security") != [] and kind:
        return f"{kind[1][0].lower()}{kind[1][1:]}Token"
    return f"{example.rpartition('-')[2] or 'access'}Token"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(item)


def _path_to(answer: Mapping[str, Any], name: str, variable: str) -> Iterator[Capture]:
    """Yield the path to a member: at the top, in ``data``, or in the first entry of a list."""
    data = answer.get("data")
    if name in answer:
        yield Capture(variable, (name,))
    elif isinstance(data, Mapping) and name in data:
        yield Capture(variable, ("data", name))
    elif isinstance(data, list) and data and name in data[0]:
        yield Capture(variable, ("data", 0, name))
