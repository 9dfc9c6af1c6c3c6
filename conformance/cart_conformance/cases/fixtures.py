"""The template of a refused association request, next to its control.

A prepared cart is in the state that the request needs: no owner for POST, owner A for
DELETE. The control is the same request without the fault; it was sent for this cart and undone.
Cases of the same operation and caller reuse the cart, until one changes it or the control is due
again. A suspected deviation is tried once more, on a new prepared cart.

The cart and the owners' lists are read once for all cases that share a cart, after the last of
them. If something has changed, these cases are tried again, and all is read after each refusal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from cart_spec.contract import Level

from cart_conformance.cases.context import NOTHING_CHANGES, USES, CaseContext
from cart_conformance.cases.registry import Case
from cart_conformance.errors import Untestable
from cart_conformance.exchange import Answer
from cart_conformance.target.credentials import CartOwner, Credentials
from cart_conformance.target.requests import ASSOCIATE, DISSOCIATE
from cart_conformance.target.session import Session
from cart_conformance.target.state import State, read_state
from cart_conformance.target.transport import Interruption

SHOPPER = "shopper"
ADMINISTRATOR = "administrator"
NARROWED = "client credentials beside the customer token"
CALLERS = (SHOPPER, ADMINISTRATOR)
OPERATIONS = (ASSOCIATE, DISSOCIATE)

SUSPECTS = "cases after which something had changed"
"""The place in the shared things of the cases that must be tried again."""
CLOSELY = "the state is read after each refusal"
"""Is in the shared things when such cases are tried again."""

Fault = Callable[[CaseContext, str], dict[str, Any]]
"""Maps the context and the cart to the parts of the request that differ from the control."""


def caller_of(ctx: CaseContext, name: str) -> Credentials:
    """Return the named caller: customer A with either access token, or the administrator."""
    if name == NARROWED:
        return ctx.narrowed(_a(ctx))
    return ctx.shopper("A") if name == SHOPPER else ctx.administrator


def refusal(
    rule: str,
    operation: str,
    variant: str,
    caller: str,
    fault: Fault,
    *,
    level: Level | None = None,
    exact: Level | None = None,
    watching: tuple[str, ...] = ("A",),
    optional: bool = False,
) -> Case:
    """Return a case that sends one faulty association request, which must change nothing.

    ``watching`` are the owners whose lists are read before and after.
    """

    def attempt(ctx: CaseContext, prepared: PreparedCart) -> None:
        owners = [ctx.owner(label) for label in watching]
        before = prepared.states.get(watching) or ctx.state(prepared.cart, *owners)
        request: dict[str, Any] = {"cart": prepared.cart, "body": ctx.identifiers(_a(ctx).id)}
        changes = fault(ctx, prepared.cart)
        if "raw" in changes:
            del request["body"]
        sender = changes.pop("caller", caller_of(ctx, caller))
        answer = ctx.send(sender, operation, **(request | changes))
        if not ctx.refused(answer, prepared.control, level=level, exact=exact):
            return
        if CLOSELY in ctx.shared:
            after = ctx.state(prepared.cart, *owners)
            ctx.unchanged(before, after, answer)
            if after != before:
                return
        if _is_ready(ctx, before):
            ctx.examined.add((NOTHING_CHANGES, ctx.operation_id))
            prepared.states[watching] = before
            prepared.unread += [(ctx.case, owners, before)]
            release(ctx, caller, prepared)

    def run(ctx: CaseContext) -> None:
        attempt(ctx, acquire(ctx, caller))

    return Case(rule, operation, f"{variant}, {caller}", run, 2, optional)


@dataclass
class PreparedCart:
    """A cart, its control, and its last states, by the owners that were watched.

    ``unread`` are the cases after which nothing was read, each with the owners whose lists it
    watches, and the state before it. ``is_taken`` says that a case uses the cart, or has ended
    without releasing it.
    """

    cart: str
    control: Answer
    states: dict[tuple[str, ...], State] = field(default_factory=dict)
    uses: int = 0
    unread: list[tuple[str, list[CartOwner], State]] = field(default_factory=list)
    is_taken: bool = True

    def suspects(self, session: Session) -> list[str]:
        """Read the cart and the lists; return the cases after which something has changed.

        These are all of the cases if the state cannot be read, or if a later case changed it.
        """
        unread, self.unread = self.unread, []
        owners = {owner.label: owner for _, watched, _ in unread for owner in watched}
        if self.is_taken:
            return [case for case, *_ in unread]
        if not owners:
            return []
        try:
            state = read_state(session, self.cart, owners.values())
        except (Interruption, Untestable):
            return [case for case, *_ in unread]
        return [case for case, watched, before in unread if _differ(before, state, watched)]


def _differ(before: State, after: State, owners: list[CartOwner]) -> bool:
    """Return whether the cart differs, or what these owners' lists have of it."""
    if replace(before, listed=()) != replace(after, listed=()):
        return True
    return any(before.count(each.label) != after.count(each.label) for each in owners)


def acquire(ctx: CaseContext, caller: str) -> PreparedCart:
    """Return a prepared cart for the operation and caller. Raises Untestable."""
    prepared: PreparedCart | None = ctx.shared.pop(_place(ctx, caller), None)
    if prepared is None or prepared.is_taken or prepared.uses >= USES:
        if prepared is not None:
            ctx.shared.setdefault(SUSPECTS, []).extend(prepared.suspects(ctx.session))
            prepared = None if prepared.is_taken else prepared
        cart = prepared.cart if prepared else ctx.new_cart()
        if ctx.operation == DISSOCIATE and not prepared:
            ctx.associate(cart, _a(ctx))
        prepared = PreparedCart(cart, _control(ctx, cart, caller))
    prepared.uses += 1
    prepared.is_taken = True
    ctx.shared[_place(ctx, caller)] = prepared
    return prepared


def release(ctx: CaseContext, caller: str, prepared: PreparedCart) -> None:
    """Keep an unchanged prepared cart for the next case."""
    prepared.is_taken = False
    ctx.shared[_place(ctx, caller)] = prepared


def _control(ctx: CaseContext, cart: str, caller: str) -> Answer:
    """Send the control, and undo it. Raises Untestable."""
    body = ctx.identifiers(_a(ctx).id)
    control = ctx.control(ctx.send(caller_of(ctx, caller), ctx.operation, cart=cart, body=body))
    if ctx.operation == ASSOCIATE:
        ctx.dissociate(cart, _a(ctx))
    else:
        ctx.associate(cart, _a(ctx))
    return control


def _is_ready(ctx: CaseContext, state: State) -> bool:
    """Return whether the cart has customer A, or no customer, as the operation needs."""
    return bool(state.names(_a(ctx))) == (ctx.operation == DISSOCIATE)


def _place(ctx: CaseContext, caller: str) -> str:
    return f"{ctx.kind}, {ctx.operation}, {caller}"


def _a(ctx: CaseContext) -> CartOwner:
    return ctx.owner("A")
