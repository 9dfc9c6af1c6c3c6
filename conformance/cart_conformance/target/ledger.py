"""What a run makes, written down before it is made, so that it can be removed whatever happens."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Thing = Literal["cart", "customer"]


class JournalError(ValueError):
    """A journal cannot be written or read. The message says which file and why."""


def default_path(run_id: str) -> Path:
    """Where a journal goes that is given no place: the user's state directory."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "cart-conformance" / f"{run_id}.jsonl"


class Journal:
    """An append-only file of JSON lines; each is on its way to disk before the request is sent."""

    def __init__(self, path: Path, run_id: str, target: str, *, resume: bool = False) -> None:
        """Start the file, or ``resume`` one. Raises JournalError where it cannot be written."""
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a" if resume else "x", encoding="utf-8")
        except OSError as error:
            raise JournalError(f"{path}: the journal cannot be written: {error}") from None
        if not resume:
            self._write({"run": run_id, "target": target})

    def intend(self, thing: Thing, key: str) -> None:
        """About to make one; ``key`` is a cart's id or name, or a customer's email."""
        self._write({"intend": thing, "key": key})

    def made(self, thing: Thing, key: str, made_id: str) -> None:
        """It was made, with this id."""
        self._write({"made": thing, "key": key, "id": made_id})

    def given(self, customer_id: str) -> None:
        """A customer from the fixtures: its associations are removed, itself never."""
        self._write({"given": customer_id})

    def gone(self, thing: Thing, made_id: str) -> None:
        """It was removed."""
        self._write({"gone": thing, "id": made_id})

    def finish(self) -> None:
        """Everything was removed: so is the file."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Keep the file."""
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()


@dataclass
class Remains:
    """What a journal says is still there, oldest first.

    ``carts`` and ``customers`` are ids. ``emails`` are of customers that may have been made without
    their id becoming known. A cart is always asked for by an id that is known beforehand, or known
    by ``names`` alone.
    """

    run_id: str
    target: str
    carts: list[str] = field(default_factory=list)
    customers: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)

    def forget(self, thing: Thing, made_id: str) -> None:
        """It is gone."""
        ids = self.carts if thing == "cart" else self.customers
        if made_id in ids:
            ids.remove(made_id)


def read_journal(path: Path) -> Remains:
    """What is left of a run. A last line that was cut off is left out. Raises JournalError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        first = json.loads(lines[0])
        remains = Remains(first["run"], first["target"])
    except (OSError, UnicodeDecodeError, ValueError, IndexError, KeyError, TypeError) as error:
        raise JournalError(f"{path}: is no journal of a run: {error}") from None
    for number, line in enumerate(lines[1:], 2):
        try:
            _apply(remains, json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines):
                break
            raise JournalError(f"{path}, line {number}: {error}") from None
    return remains


def _apply(remains: Remains, line: dict[str, Any]) -> None:
    if "intend" in line:
        intended = remains.carts if line["intend"] == "cart" else remains.emails
        if line["key"] not in intended:
            intended.append(line["key"])
    elif "made" in line:
        if line["made"] == "customer":
            if line["key"] in remains.emails:
                remains.emails.remove(line["key"])
            remains.customers.append(line["id"])
        elif line["id"] not in remains.carts:
            remains.carts.append(line["id"])
    elif "given" in line:
        remains.given.append(line["given"])
    elif "gone" in line:
        remains.forget(line["gone"], line["id"])
