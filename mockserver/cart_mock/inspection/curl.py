"""Requests as curl commands for a shell, in which names such as ``$ACCESS_TOKEN`` are variables."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

_VARIABLE = re.compile(r"\$[A-Z_]+")


class Command(NamedTuple):
    """One request. ``access`` and ``customer`` name the variables that hold its tokens, if any."""

    method: str
    path: str
    access: str | None = "ACCESS_TOKEN"
    customer: str | None = None
    body: Any = None
    form: Mapping[str, str] | None = None

    def text(self, base_url: str) -> str:
        """The command, sent to a mock at that URL."""
        parts = ["curl", "-g", "-X", self.method, _quoted(base_url + self.path)]
        if self.access is not None:
            parts += ["-H", f'"Authorization: Bearer ${self.access}"']
        if self.customer is not None:
            parts += ["-H", f'"X-Moltin-Customer-Token: ${self.customer}"']
        if self.body is not None:
            body = json.dumps(self.body, ensure_ascii=False, separators=(",", ":"))
            parts += ["-H", "'Content-Type: application/json'", "-d", _quoted(body)]
        for name, value in (self.form or {}).items():
            # What is no variable is escaped here, because curl sends what it is given.
            escaped = value if _VARIABLE.fullmatch(value) else quote(value, safe="")
            parts += ["-d", _quoted(f"{name}={escaped}")]
        return " ".join(parts)


def variables(commands: list[Command]) -> set[str]:
    """The names of the variables that commands use."""
    texts = " ".join(command.text("") for command in commands)
    return {found[1:] for found in _VARIABLE.findall(texts)}


def _quoted(text: str) -> str:
    """A text as one word for the shell, its variables expanded."""
    pieces, end = [], 0
    for found in _VARIABLE.finditer(text):
        pieces += [_literal(text[end : found.start()]), f'"{found.group()}"']
        end = found.end()
    return "".join([*pieces, _literal(text[end:])]) or "''"


def _literal(text: str) -> str:
    return shlex.quote(text) if text else ""
