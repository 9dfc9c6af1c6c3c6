"""Loads what was recorded from the mock for the rule book: example exchanges and permissions.

The recording ships with the package, so that the book can be written without a mock. A test records
it again from the present mock and compares.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RECORDING_PATH = Path(__file__).with_name("recording.json")
"""The recording that ships with this package."""

_LINE = 64

_REASONS = {
    200: "OK", 201: "Created", 204: "No Content", 400: "Bad Request", 401: "Unauthorized",
    403: "Forbidden", 404: "Not Found", 409: "Conflict", 422: "Unprocessable Content",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer as HTTP text; ``status`` is the answer's."""

    request: str
    answer: str
    status: int


@dataclass(frozen=True, slots=True)
class Permission:
    """An attempt of an operation, and the status that each kind of caller got."""

    operation: str
    what: str
    statuses: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Recording:
    """The exchanges by rule id, and the permissions."""

    exchanges: Mapping[str, Sequence[Exchange]]
    permissions: Sequence[Permission]

    @property
    def callers(self) -> tuple[str, ...]:
        """The kinds of caller; the one that may do most comes first."""
        return tuple(self.permissions[0].statuses)


def load_recording() -> Recording:
    """Load the recording that ships with this package."""
    recorded = json.loads(RECORDING_PATH.read_text(encoding="utf-8"))
    return Recording(
        {
            rule_id: [_exchange(each) for each in exchanges]
            for rule_id, exchanges in recorded["exchanges"].items()
        },
        [Permission(**each) for each in recorded["permissions"]],
    )


def _exchange(recorded: Mapping[str, Any]) -> Exchange:
    request, answer = recorded["request"], recorded["answer"]
    head = [f"{request['method']} {request['path']}"]
    head += [f"{name}: {value}" for name, value in request["headers"].items()]
    is_form = request["headers"].get("Content-Type") == "application/x-www-form-urlencoded"
    status = answer["status"]
    return Exchange(
        request="\n".join(head) + _body(request.get("body"), is_form=is_form),
        answer=f"{status} {_REASONS.get(status, '')}".rstrip()
        + _body(answer["body"], is_form=False),
        status=status,
    )


def _body(body: Any, *, is_form: bool) -> str:
    if body is None:
        return ""
    if is_form:
        return "\n\n" + "&".join(f"{key}={value}" for key, value in body.items())
    return f"\n\n{body if isinstance(body, str) else _json(body)}"


def _json(value: Any, indent: str = "") -> str:
    """Return JSON that breaks a line only if it is too long to read at a glance."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(flat) <= _LINE or not value or not isinstance(value, dict | list):
        return flat
    deeper = indent + "  "
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}: {_json(item, deeper)}" for key, item in value.items()]
    else:
        # The first entry of a long list shows what the others are like.
        parts = [_json(item, deeper) for item in value[:1]]
        if len(value) > 1:
            parts.append(f"… and {len(value) - 1} more")
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    lines = f",\n{deeper}".join(parts)
    return f"{opening}\n{deeper}{lines}\n{indent}{closing}"
