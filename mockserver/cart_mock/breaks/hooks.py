"""What broken rules are made of: a few kinds of hooks into the judging of a request.

A hook's ``at`` names the operations that it is for, all where it is empty. Hooks see the facts of a
request as the rules do; where a request has no valid access token there is only ``.request``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal
from weakref import WeakKeyDictionary

from cart_mock.http.messages import Answer, Request
from cart_mock.state.store import Store

POST, DELETE = "createCustomerCartAssociation", "deleteCustomerCartAssociation"
LIST, CREATE, READ, UPDATE, REMOVE = (
    "getCarts",
    "createACart",
    "getACart",
    "updateACart",
    "deleteACart",
)
LOGIN, GRANT = "createCustomerToken", "createAccessToken"

When = Callable[[Any], bool]
Act = Callable[[], Answer]
Scope = Literal["store", "process"]


def always(_facts: Any) -> bool:
    """Whatever the request is."""
    return True


def on(method: str) -> When:
    """Only requests with that method."""
    return lambda ctx: ctx.request.method == method


@dataclass(frozen=True)
class IgnoreRule:
    """The rule lets such requests pass."""

    when: When = always


@dataclass(frozen=True)
class PatchRequest:
    """The facts are changed before anything judges them.

    Those of a request for an access token are others: a change is for them only if ``at`` says so.
    """

    change: Callable[[Any], None]
    at: tuple[str, ...] = ()


@dataclass(frozen=True)
class RejectWith:
    """Such requests are refused with that error: once they passed the rules, or before any."""

    error: str
    when: When = always
    at: tuple[str, ...] = ()
    early: bool = False


@dataclass(frozen=True)
class ReplaceHandler:
    """``do`` answers a request that passed its rules; it may call the operation's own act."""

    do: Callable[[Any, Act], Answer]
    at: tuple[str, ...]


@dataclass(frozen=True)
class PatchError:
    """The answer to such requests is changed where the rule refuses them."""

    change: Callable[[Answer], Answer]
    when: When = always


@dataclass(frozen=True)
class PatchResponse:
    """Answers are changed, refusals included."""

    change: Callable[[Any, Answer], Answer]
    at: tuple[str, ...] = ()


@dataclass(frozen=True)
class ApplyDespiteRefusal:
    """``effect`` happens though an association request is refused by one of these rules."""

    effect: Callable[[Any], None]
    rules: tuple[str, ...]
    when: When = always
    at: tuple[str, ...] = (POST, DELETE)


@dataclass(frozen=True)
class Access:
    """Such Authorization headers are taken for valid; see ``process`` for whose they are then."""

    when: Callable[[Request], bool]


@dataclass(frozen=True)
class Form:
    """The form of a request for an access token is changed before it is looked at."""

    change: Callable[[dict[str, str]], dict[str, str]]


@dataclass(frozen=True)
class Header:
    """A header is lost unless ``accepts`` its name, as its bytes were sent over HTTP."""

    accepts: Callable[[bytes], bool]


Hook = (
    IgnoreRule
    | PatchRequest
    | RejectWith
    | ReplaceHandler
    | PatchError
    | PatchResponse
    | ApplyDespiteRefusal
    | Access
    | Form
    | Header
)

_OF_THE_PROCESS = (Access, Form, Header)
_JUDGED_WITHOUT_STORE = "access-token-invalid"


@dataclass(frozen=True)
class Break:
    """One way of breaking one rule, named ``rule:variant``, and in one sentence what is then wrong.

    ``free``: the contract allows deployments this, so that a run may find nothing wrong with it.
    ``beyond_run``: no run against a live deployment can see it.
    """

    rule: str
    variant: str
    sentence: str
    hooks: tuple[Hook, ...]
    free: bool = False
    beyond_run: bool = False

    @property
    def id(self) -> str:
        """Its name: ``rule:variant``."""
        return f"{self.rule}:{self.variant}"

    @property
    def scope(self) -> Scope:
        """``process`` where it concerns requests that no store is known for yet."""
        of_process = self.rule == _JUDGED_WITHOUT_STORE or any(
            isinstance(hook, _OF_THE_PROCESS) for hook in self.hooks
        )
        return "process" if of_process else "store"


Row = tuple[str, str, Hook] | tuple[str, str, tuple[Hook, ...]]
"""Variant, sentence, and the hook or hooks."""


def break_of(rule: str, row: Row, *, free: bool = False, beyond_run: bool = False) -> Break:
    """Return the break of a rule that a row describes."""
    variant, sentence, hooks = row
    hooks = hooks if isinstance(hooks, tuple) else (hooks,)
    return Break(rule, variant, sentence, hooks, free=free, beyond_run=beyond_run)


def breaks_of(
    rule: str, rows: Iterable[Row], *, free: bool = False, beyond_run: bool = False
) -> tuple[Break, ...]:
    """Return the breaks of one rule."""
    return tuple(break_of(rule, row, free=free, beyond_run=beyond_run) for row in rows)


_memories: WeakKeyDictionary[Store, dict[str, Any]] = WeakKeyDictionary()


def memory(store: Store) -> dict[Any, Any]:
    """What hooks remember of a store, for as long as it exists."""
    return _memories.setdefault(store, {})


def forget(store: Store) -> None:
    """Forget what hooks remember of a store."""
    _memories.pop(store, None)
