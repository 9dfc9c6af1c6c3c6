"""The template of a refused association request, beside its control.

A *bench* is a cart that is as the request needs it: without a customer for POST, with customer A
for DELETE. On it the control, the same request without the fault, has been carried out and taken
back. It serves one case after another, of one operation and one caller, until one changes it or the
control has to be tried again. What seems to deviate is tried once more on a new bench, its control
just before it: that is what counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cart_spec.contract import Level

from cart_conformance.cases.context import CaseContext
from cart_conformance.cases.registry import Case
from cart_conformance.target.credentials import Credentials, Customer
from cart_conformance.target.session import ASSOCIATE, DISSOCIATE, identifiers
from cart_conformance.target.state import State
from cart_conformance.target.transport import Answer

SHOPPER = "shopper"
ADMINISTRATOR = "administrator"
NARROWED = "client credentials beside the customer token"
CALLERS = (SHOPPER, ADMINISTRATOR)
OPERATIONS = (ASSOCIATE, DISSOCIATE)

USES = 10
"""Cases that one control stands for at most."""

Fault = Callable[[CaseContext, str], dict[str, Any]]
"""What is different from the control: the examination and the cart in, arguments of send out."""


def caller_of(x: CaseContext, name: str) -> Credentials:
    """Customer A as shopper, with either access token, or the administrator."""
    if name == NARROWED:
        return x.session.narrowed(_a(x))
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

    def attempt(x: CaseContext, bench: PreparedCart) -> None:
        people = [x.customer(label) for label in watching]
        before = bench.states.get(watching) or x.state(bench.cart, *people)
        request: dict[str, Any] = {"cart": bench.cart, "body": identifiers(_a(x).id)}
        changes = fault(x, bench.cart)
        if "raw" in changes:
            del request["body"]
        sender = changes.pop("caller", caller_of(x, caller))
        answer = x.send(sender, operation, **(request | changes))
        if not x.refused(answer, bench.control, level=level, exact=exact):
            return
        after = x.state(bench.cart, *people)
        x.unchanged(before, after, answer)
        if after == before and as_wanted(x, before):
            bench.states[watching] = after
            put_back(x, caller, bench)

    def run(x: CaseContext) -> None:
        attempt(x, take(x, caller))
        if x.findings:
            x.findings.clear()
            x.session.benches.pop(_place(x, caller), None)
            attempt(x, take(x, caller))

    return Case(rule, operation, f"{variant}, {caller}", run, 3 + len(watching), optional)


@dataclass
class PreparedCart:
    """A cart, its control, and its states as they were last read, by who was watched."""

    cart: str
    control: Answer
    states: dict[tuple[str, ...], State] = field(default_factory=dict)
    uses: int = 0


def take(x: CaseContext, caller: str) -> PreparedCart:
    """The bench for the operation and caller, or a new one. Raises Untestable."""
    bench: PreparedCart | None = x.session.benches.pop(_place(x, caller), None)
    if bench is None or bench.uses >= USES:
        cart = bench.cart if bench else x.session.new_cart()
        if x.operation == DISSOCIATE and not bench:
            x.associate(cart, _a(x))
        bench = PreparedCart(cart, _control(x, cart, caller))
    bench.uses += 1
    return bench


def put_back(x: CaseContext, caller: str, bench: PreparedCart) -> None:
    """The bench is as it was: the next case may have it."""
    x.session.benches[_place(x, caller)] = bench


def _control(x: CaseContext, cart: str, caller: str) -> Answer:
    """Carry the control out, and take it back. Raises Untestable."""
    body = identifiers(_a(x).id)
    control = x.control(x.send(caller_of(x, caller), x.operation, cart=cart, body=body))
    if x.operation == ASSOCIATE:
        x.dissociate(cart, _a(x))
    else:
        x.associate(cart, _a(x))
    return control


def as_wanted(x: CaseContext, state: State) -> bool:
    """Whether a bench has customer A or not, as its operation needs."""
    return (_a(x).id in state.customers) == (x.operation == DISSOCIATE)


def _place(x: CaseContext, caller: str) -> str:
    return f"{x.operation}, {caller}"


def _a(x: CaseContext) -> Customer:
    return x.customer("A")
