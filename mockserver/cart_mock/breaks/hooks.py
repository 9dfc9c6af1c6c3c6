"""What broken rules are made of: a few kinds of hooks into the judging of a request.

A hook's ``at`` names the operations that it is for; if it is empty, it is for all. Hooks see the
context of a request as the rules do. A request without a valid access token has only ``.request``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal
from weakref import WeakKeyDictionary

from cart_mock.messages import Answer, Request
from cart_mock.tenants.tenant import Tenant

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


def always(_ctx: Any) -> bool:
    """Accept every request."""
    return True


def on(method: str) -> When:
    """Return a condition that accepts requests with that method only."""
    return lambda ctx: ctx.request.method == method


@dataclass(frozen=True)
class IgnoreRule:
    """Lets such requests pass the rule."""

    when: When = always


@dataclass(frozen=True)
class PatchRequest:
    """Changes the context of a request before anything judges it.

    Requests for an access token have another context: they are changed only if ``at`` names them.
    """

    change: Callable[[Any], None]
    at: tuple[str, ...] = ()


@dataclass(frozen=True)
class RejectWith:
    """Refuses such requests with that error, after the rules or ``early``, before them."""

    error: str
    when: When = always
    at: tuple[str, ...] = ()
    early: bool = False


@dataclass(frozen=True)
class ReplaceHandler:
    """Answers a request that passed its rules; ``do`` may call the operation's own handler."""

    do: Callable[[Any, Act], Answer]
    at: tuple[str, ...]


@dataclass(frozen=True)
class PatchError:
    """Changes the answer to such requests if the rule refuses them."""

    change: Callable[[Answer], Answer]
    when: When = always


@dataclass(frozen=True)
class PatchResponse:
    """Changes answers, refusals included."""

    change: Callable[[Any, Answer], Answer]
    at: tuple[str, ...] = ()


@dataclass(frozen=True)
class ApplyDespiteRefusal:
    """Lets ``effect`` happen although one of these rules refuses an association request."""

    effect: Callable[[Any], None]
    rules: tuple[str, ...]
    when: When = always
    at: tuple[str, ...] = (POST, DELETE)


@dataclass(frozen=True)
class Access:
    """Takes such Authorization headers for valid; ``global_scope`` says whose they are."""

    when: Callable[[Request], bool]


@dataclass(frozen=True)
class Form:
    """Changes the form of a request for an access token before it is read."""

    change: Callable[[dict[str, str]], dict[str, str]]


@dataclass(frozen=True)
class Header:
    """Drops a header unless ``accepts`` returns true for its name as it was sent."""

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
    """One way of breaking one rule, named ``rule:variant``; ``sentence`` says what is then wrong.

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
        """``process`` if it concerns requests whose tenant is not known yet."""
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


_memories: WeakKeyDictionary[Tenant, dict[Any, Any]] = WeakKeyDictionary()


def memory(tenant: Tenant) -> dict[Any, Any]:
    """Return what hooks remember of a tenant, for as long as it exists."""
    return _memories.setdefault(tenant, {})
