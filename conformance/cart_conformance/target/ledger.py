"""The things that a run makes, recorded before they are made, so that they can be removed.

The file is the run's *journal*: append-only JSON lines, for ``cart-conformance cleanup``.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_state_path

from cart_conformance.bodies import account_tokens
from cart_conformance.exchange import Answer
from cart_conformance.target.requests import RequestParts

Thing = Literal["cart", "customer", "account"]


class JournalError(ValueError):
    """A journal that cannot be written or read. The message names the file and the reason."""


def default_path(run_id: str) -> Path:
    """Return the path of a run's journal in the user's state directory."""
    return user_state_path("cart-conformance") / f"{run_id}.jsonl"


class Ledger:
    """What a run made and has not removed, in memory and in the journal.

    Each line is flushed before the request is sent. ``carts``, ``customers`` and ``accounts`` are
    ids, oldest first. ``unsure`` are things that requests without an answer may have made.
    """

    def __init__(self, path: Path, run_id: str, target: str, *, resume: bool = False) -> None:
        """Start the file, or ``resume`` one. Raises JournalError if it cannot be written."""
        self.path = path
        self.carts: list[str] = []
        self.customers: list[str] = []
        self.accounts: list[str] = []
        self.unsure: list[tuple[Thing, str]] = []
        self._pending: list[tuple[Thing, str]] = []
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a" if resume else "x", encoding="utf-8")
        except OSError as error:
            raise JournalError(f"{path}: the journal cannot be written: {error}") from None
        if not resume:
            self._write({"run": run_id, "target": target})

    # --- What a request may make ---

    def expect(self, parts: RequestParts) -> None:
        """Note what the next request may make."""
        data = parts.document.get("data") if isinstance(parts.document, dict) else None
        if not isinstance(data, dict):
            return
        if parts.operation == "createACart" and isinstance(data.get("id"), str):
            self.intend("cart", data["id"])
        if parts.operation == "createCustomer" and isinstance(data.get("email"), str):
            self.intend("customer", data["email"])
        if _makes_an_account(parts.operation, data) and isinstance(data.get("name"), str):
            self.intend("account", data["name"])

    def intend(self, thing: Thing, key: str) -> None:
        """Note that the next request may make a thing.

        ``key`` is a cart's id or name, a customer's email, or an account's name.
        """
        self._write({"intend": thing, "key": key})
        self._pending.append((thing, key))

    def settle(self, parts: RequestParts, answer: Answer | None) -> None:
        """Note what exists after a request. After no answer or a 5xx, note it as ``unsure``."""
        if answer is None or answer.status >= 500:
            self.unsure += self._pending
        elif answer.refused:
            for thing, key in self._pending:
                self._write({"none": thing, "key": key})
        self._pending.clear()
        if answer is not None and answer.ok:
            self._made_by(parts, answer)
            self._removed_by(parts)

    def _made_by(self, parts: RequestParts, answer: Answer) -> None:
        data = parts.document.get("data") if isinstance(parts.document, dict) else None
        sent = data if isinstance(data, dict) else {}
        if parts.operation == "createAccountToken":
            if _makes_an_account(parts.operation, sent):
                for each in account_tokens(answer):
                    self.made("account", "", each["account_id"])
            return
        made = answer.data.get("id") if isinstance(answer.data, dict) else None
        if not isinstance(made, str) or not made:
            return
        if parts.operation == "createACart":
            self.made("cart", made, made)
        elif parts.operation == "createCustomer":
            email = sent.get("email")
            self.made("customer", email if isinstance(email, str) else "", made)
        elif parts.operation == "createAccount":
            self.made("account", "", made)

    def _removed_by(self, parts: RequestParts) -> None:
        removed: tuple[tuple[str, Thing, str | None], ...] = (
            ("deleteACart", "cart", parts.cart),
            ("deleteCustomer", "customer", parts.customer),
            ("deleteAccount", "account", parts.account),
        )
        for operation, thing, made_id in removed:
            if parts.operation == operation and made_id in self._ids(thing):
                self.gone(thing, str(made_id))

    # --- What exists ---

    def claim(self, cart: str) -> str:
        """Note a cart that a deployment may create when a request names it, and return its id."""
        self._write({"intend": "cart", "key": cart})
        self.carts.append(cart)
        return cart

    def made(self, thing: Thing, key: str, made_id: str) -> None:
        """Note a thing that was made, with its id."""
        ids = self._ids(thing)
        if made_id not in ids:
            self._write({"made": thing, "key": key, "id": made_id})
            ids.append(made_id)

    def given(self, customer_id: str) -> None:
        """Note a customer of the fixtures. Clean-up only removes its associations."""
        self._write({"given": customer_id})

    def gone(self, thing: Thing, made_id: str) -> None:
        """Note that a thing was removed."""
        self._write({"gone": thing, "id": made_id})
        ids = self._ids(thing)
        if made_id in ids:
            ids.remove(made_id)

    def maybe(self) -> list[tuple[Thing, str]]:
        """Return the things that requests without an answer may have made."""
        return [*self.unsure, *self._pending]

    # --- The file ---

    def finish(self) -> None:
        """Remove the file, because nothing is left."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file and keep it."""
        self._file.close()

    def _ids(self, thing: Thing) -> list[str]:
        return {"cart": self.carts, "customer": self.customers, "account": self.accounts}[thing]

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()


def _makes_an_account(operation: str, data: dict[str, Any]) -> bool:
    signs_up = data.get("authentication_mechanism") == "self_signup"
    return operation == "createAccount" or (operation == "createAccountToken" and signs_up)


@dataclass
class Remains:
    """What still exists according to a journal, oldest first.

    ``carts``, ``customers`` and ``accounts`` are ids. ``emails`` belong to customers, and ``names``
    to accounts, that may exist although no answer gave their id. A run's accounts share a name.
    """

    run_id: str
    target: str
    carts: list[str] = field(default_factory=list)
    customers: list[str] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def keys(self, thing: Thing) -> list[str]:
        """Return the list of the keys by which such things are intended."""
        return {"cart": self.carts, "customer": self.emails, "account": self.names}[thing]

    def refused(self, thing: Thing, key: str) -> None:
        """Drop a key of a thing that was not made. Another account may have the same name."""
        if thing != "account":
            with suppress(ValueError):
                self.keys(thing).remove(key)

    def forget(self, thing: Thing, made_id: str) -> None:
        """Drop a thing that was removed."""
        things = {"cart": self.carts, "customer": self.customers, "account": self.accounts}
        if made_id in things[thing]:
            things[thing].remove(made_id)


def read_journal(path: Path) -> Remains:
    """Return what a run left. Ignore a last line that is incomplete.

    Raises JournalError.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        first = json.loads(lines[0])
        remains = Remains(first["run"], first["target"])
    except OSError as error:
        raise JournalError(f"{path}: {error.strerror}") from None
    except (ValueError, IndexError, KeyError, TypeError):
        reason = "its first line has no JSON object with the run and the target"
        raise JournalError(f"{path}: not the journal of a run: {reason}.") from None
    for number, line in enumerate(lines[1:], 2):
        try:
            _apply(remains, json.loads(line))
        except (ValueError, KeyError, TypeError):
            if number == len(lines):
                break
            reason = "this line does not say what a run made or removed"
            raise JournalError(f"{path}, line {number}: {reason}.") from None
    return remains


def _apply(remains: Remains, line: dict[str, Any]) -> None:
    if "intend" in line:
        intended = remains.keys(line["intend"])
        if line["key"] not in intended:
            intended.append(line["key"])
    elif "made" in line:
        if line["made"] == "customer":
            with suppress(ValueError):
                remains.emails.remove(line["key"])
            remains.customers.append(line["id"])
        elif line["made"] == "account":
            remains.accounts.append(line["id"])
        elif line["id"] not in remains.carts:
            remains.carts.append(line["id"])
    elif "none" in line:
        remains.refused(line["none"], line["key"])
    elif "given" in line:
        remains.given.append(line["given"])
    elif "gone" in line:
        remains.forget(line["gone"], line["id"])
