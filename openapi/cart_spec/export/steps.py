"""Requests to send one after the other, which the collections and the workflows are written from.

A text in a step may name variables, as ``{{cartID}}``: Postman and Bruno write them so.
A variable is given by the person who runs the steps, or captured from an earlier answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cart_spec.document import Operation

VARIABLE = re.compile(r"\{\{(\w+)\}\}")

BASE_URL = "baseUrl"
RUN = "run"
"""The variable that each run sets to a text of its own, so that names and emails are new."""

GIVEN = {
    BASE_URL: "http://127.0.0.1:8080",
    "clientID": "my-store",
    "clientSecret": "my-secret",
}
"""The variables that a person sets, with the values for a mock on this machine."""


@dataclass(frozen=True, slots=True)
class Capture:
    """A variable that is set from the answer's body; ``path`` leads to it, as ``data``, ``0``."""

    variable: str
    path: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """A check: whether the answer's list ``data`` has an entry with the ``id`` in a variable."""

    variable: str
    present: bool

    @property
    def sentence(self) -> str:
        """What the check says, as the name of a test."""
        return f"the list {'has' if self.present else 'no longer has'} {self.variable}"


@dataclass(frozen=True, slots=True)
class Step:
    """One request, the statuses that it must get, and what to do with its answer.

    ``path`` is below the base URL. ``optional`` are query parameters that may be sent, with an
    example each. ``body`` is None for a request without one. Headers include ``Authorization``.
    """

    name: str
    operation_id: str
    method: str
    path: str
    statuses: tuple[int, ...]
    summary: str = ""
    description: str = ""
    path_parameters: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    optional: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    media_type: str | None = None
    captures: tuple[Capture, ...] = ()
    checks: tuple[Listed, ...] = ()

    @property
    def url(self) -> str:
        """The path with its parameters filled in."""
        return re.sub(r"\{(\w+)\}", lambda found: self.path_parameters[found[1]], self.path)


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps with a title. They start from nothing but the given variables."""

    name: str
    title: str
    description: str
    steps: tuple[Step, ...]


def successes(operation: Operation) -> tuple[int, ...]:
    """Return the statuses with which an operation may succeed."""
    statuses = operation.data.get("responses", {})
    return tuple(int(each) for each in statuses if each.isdigit() and each[0] == "2")


def replaced(value: Any, change: Callable[[str], str]) -> Any:
    """Return a JSON value with each text in it changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: replaced(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, change) for item in value]
    return value
