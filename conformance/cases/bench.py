"""The template of a refused association request, beside its control.

A *bench* is a cart that is as the request needs it: without a customer for POST, with customer A
for DELETE. It serves one case after another until one of them changes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.cases.registry import Case
from conformance.examination import Examination
from conformance.people import Caller, Customer
from conformance.session import ASSOCIATE, DISSOCIATE, identifiers
from conformance.state import State
from openapi.contract import Level

SHOPPER = "shopper"
ADMINISTRATOR = "administrator"
CALLERS = (SHOPPER, ADMINISTRATOR)
OPERATIONS = (ASSOCIATE, DISSOCIATE)

Fault = Callable[[Examination, str], dict[str, Any]]
"""What is different from the control: the examination and the cart in, arguments of send out."""


def caller_of(x: Examination, name: str) -> Caller:
    """Customer A as shopper, or the administrator."""
    return x.shopper("A") if name == SHOPPER else x.administrator


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
    """A case that sends one faulty association request and reads the state back.

    ``watching`` are the customers whose lists are read before and after.
    """

    def run(x: Examination) -> None:
        cart = take(x)
        usual = caller_of(x, caller)
        control = x.control(x.send(usual, operation, cart=cart, body=identifiers(_a(x).id)))
        restore(x, cart)
        people = [x.customer(label) for label in watching]
        before = x.state(cart, *people)
        request: dict[str, Any] = {"cart": cart, "body": identifiers(_a(x).id)}
        changes = fault(x, cart)
        if "raw" in changes:
            del request["body"]
        sender = changes.pop("caller", usual)
        answer = x.send(sender, operation, **(request | changes))
        refused = x.refused(answer, control, level=level, exact=exact)
        after = x.state(cart, *people) if refused else None
        if after is not None:
            x.unchanged(before, after, answer)
        if after == before and as_wanted(x, before):
            keep(x, cart)

    cost = 5 + 2 * len(watching)
    return Case(rule, operation, f"{variant}, {caller}", run, cost + 1, optional)


def take(x: Examination) -> str:
    """The bench for the operation, or a new one."""
    cart = x.session.benches.pop(x.operation, None)
    if cart is None:
        cart = x.session.new_cart()
        if x.operation == DISSOCIATE:
            restore(x, cart)
    return cart


def keep(x: Examination, cart: str) -> None:
    """The bench is as it was: the next case may have it."""
    x.session.benches[x.operation] = cart


def restore(x: Examination, cart: str) -> None:
    """Make the cart as the operation needs it. Raises Untestable."""
    if x.operation == ASSOCIATE:
        x.dissociate(cart, _a(x))
    else:
        x.associate(cart, _a(x))


def as_wanted(x: Examination, state: State) -> bool:
    """Whether a bench has customer A or not, as its operation needs."""
    return (_a(x).id in state.customers) == (x.operation == DISSOCIATE)


def _a(x: Examination) -> Customer:
    return x.customer("A")
