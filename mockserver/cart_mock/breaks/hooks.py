"""The hooks that breaks consist of; each changes one step of the judgement of a request.

``at`` names the operations that a hook applies to; if it is empty, it applies to all. Hooks get the
same context as the rules. A request without a valid access token only has ``.request``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar
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
CHANGE_OF_ITEMS = (
    "addCartItems",
    "updateCartItems",
    "updateCartItem",
    "deleteCartItem",
    "deleteCartItems",
)
LOGIN, GRANT = "createCustomerToken", "createAccessToken"

TWINS = {"createAccountCartAssociation": POST, "deleteAccountCartAssociation": DELETE}
"""The operations of accounts by those of customers: a hook at one is at both."""
LOGINS = (LOGIN, "createAccountToken")

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
    """A hook that lets matching requests pass the rule."""

    when: When = always


@dataclass(frozen=True)
class PatchRequest:
    """A hook that changes the context of a request before it is judged.

    Requests for an access token have another type of context, so ``at`` must name that operation.
    """

    change: Callable[[Any], None]
    at: tuple[str, ...] = ()


@dataclass(frozen=True)
class RejectWith:
    """A hook that refuses matching requests, after the rules, or before them if ``early``.

    ``{owner}`` in the id of the error stands for the kind of owner that the request is about.
    """

    error: str
    when: When = always
    at: tuple[str, ...] = ()
    early: bool = False


@dataclass(frozen=True)
class ReplaceHandler:
    """A hook that answers a request that passed its rules. ``do`` may call the original handler."""

    do: Callable[[Any, Act], Answer]
    at: tuple[str, ...]


@dataclass(frozen=True)
class PatchError:
    """A hook that changes the rule's refusal of matching requests."""

    change: Callable[[Answer], Answer]
    when: When = always


@dataclass(frozen=True)
class PatchResponse:
    """A hook that changes answers, including refusals."""

    change: Callable[[Any, Answer], Answer]
    at: tuple[str, ...] = ()


@dataclass(frozen=True)
class ApplyDespiteRefusal:
    """A hook that causes ``effect`` although one of these rules refuses an association request."""

    effect: Callable[[Any], None]
    rules: tuple[str, ...]
    when: When = always
    at: tuple[str, ...] = (POST, DELETE)


@dataclass(frozen=True)
class Access:
    """A hook that accepts matching Authorization headers; ``global_scope`` attributes them."""

    when: Callable[[Request], bool]


@dataclass(frozen=True)
class Form:
    """A hook that changes the form of a request for an access token before it is read."""

    change: Callable[[dict[str, str]], dict[str, str]]


@dataclass(frozen=True)
class Header:
    """A hook that drops a header unless ``accepts`` returns true for its name as it was sent."""

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
    """One way of breaking one rule, named ``rule:variant``. ``sentence`` describes the violation.

    ``free`` says that the contract allows this, so a run need not find it. ``beyond_run`` says that
    it cannot be observed by a run against a live deployment. ``owner`` is the kind of owner that
    the rule is stated for, None if for both.
    """

    rule: str
    variant: str
    sentence: str
    hooks: tuple[Hook, ...]
    free: bool = False
    beyond_run: bool = False
    owner: str | None = None

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


def break_of(
    rule: str, row: Row, *, free: bool = False, beyond_run: bool = False, owner: str | None = None
) -> Break:
    """Return the break of a rule that a row describes."""
    variant, sentence, hooks = row
    hooks = hooks if isinstance(hooks, tuple) else (hooks,)
    return Break(rule, variant, sentence, hooks, free=free, beyond_run=beyond_run, owner=owner)


def breaks_of(
    rule: str, rows: Iterable[Row], *, free: bool = False, beyond_run: bool = False,
    owner: str | None = None,
) -> tuple[Break, ...]:  # fmt: skip
    """Return the breaks of one rule."""
    return tuple(break_of(rule, row, free=free, beyond_run=beyond_run, owner=owner) for row in rows)


M = TypeVar("M", bound=Collection[Any])
_memories: WeakKeyDictionary[Tenant, dict[Any, Any]] = WeakKeyDictionary()


MOST = 10_000
"""How many things of each kind hooks remember about a tenant."""


def memory(tenant: Tenant) -> dict[Any, Any]:
    """Return what hooks remember about a tenant while it exists."""
    kept = _memories.setdefault(tenant, {})
    if len(kept) > MOST:
        del kept[next(key for key in kept if not isinstance(key, str))]
    return kept


def many(tenant: Tenant, name: str, kind: Callable[[], M]) -> M:
    """Return the set or dict that hooks remember under a name. Empty it first if it is full."""
    kept = memory(tenant)
    found: M | None = kept.get(name)
    if found is None or len(found) > MOST:
        found = kept[name] = kind()
    return found
