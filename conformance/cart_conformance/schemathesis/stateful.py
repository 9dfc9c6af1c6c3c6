"""The second phase: a Hypothesis state machine over associations, with the oracle as its model.

Its rules are requests on two customers and a few carts. The model is the state that the oracle
learns from each accepted answer. After every step, the carts are read from one side. The first
deviation ends a sequence; Hypothesis then searches for the shortest sequence that causes it.

Schemathesis' own machine over the contract's links is not used here. It picks links at random
without the seed, so a run could not be repeated, and it does not search for the shortest sequence.
``docs/schemathesis.md`` shows how to use it with the same oracle.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import HealthCheck, Verbosity, seed
from hypothesis import Phase as HypothesisPhase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from cart_conformance.errors import ServerFailed
from cart_conformance.exchange import Answer
from cart_conformance.findings import Finding
from cart_conformance.oracle import CART_SIDE, Judgement, OwnerRef
from cart_conformance.oracle.answer_checks import shown
from cart_conformance.results import CaseResult, Kind, Phase
from cart_conformance.run.circuit_breaker import FaultBudget
from cart_conformance.run.finding_aggregator import FindingAggregator
from cart_conformance.run.plan import EFFORT
from cart_conformance.target.credentials import Credentials, Customer
from cart_conformance.target.judging_client import JudgingClient
from cart_conformance.target.requests import CUSTOMERS_ASSOCIATE, CUSTOMERS_DISSOCIATE
from cart_conformance.target.session import Session, Untestable, identifiers
from cart_conformance.target.transport import BudgetSpent, Interruption

CARTS = 3
"""Number of carts in a sequence."""
STEPS = 7
"""Maximum number of steps in a sequence."""
ROUNDS = 4
"""Number of searches with all actions; each looks for a deviation that is not yet known."""
SEQUENCES = 20
"""Maximum number of sequences in a search that finds nothing; a profile may multiply it."""
CLOSE_SEQUENCES = 4
"""Number of sequences in a search for effects of one kind of refused request."""
SHRINKING = 120
"""Maximum number of further sequences to find the shortest one."""
REQUESTS = 6000
SECONDS = 900.0
"""Time limit of the phase without clean-up. It then ends early and keeps its findings."""
_APART = 1000
"""Distance between the seeds of two runs, larger than the number of searches in one run."""


class _Deviates(Exception):
    """A sequence with a deviation, which Hypothesis shrinks."""


class _Stop(BaseException):
    """The end of a search. Hypothesis would treat an ``Exception`` as a failing test."""


# --- The parts of a sequence ---


@dataclass(frozen=True, slots=True)
class Step:
    """One step: an action on one of the carts for one of the customers.

    ``by`` is the caller; ``look`` is the side from which the effect is read. The values are plain,
    so that shrinking finds the simplest: the first cart and customer, as administrator.
    """

    action: str
    cart: int
    customer: int
    by: str
    look: str

    def __str__(self) -> str:
        by = "" if self.by == "administrator" else f", by {self.by.replace('_', ' ')}"
        return f"{_SAYS[self.action].format(cart=self.cart + 1, who='AB'[self.customer])}{by}"


_SAYS = {
    "associate": "associate customer {who} with cart {cart}",
    "disassociate": "disassociate customer {who} from cart {cart}",
    "refused: two customers": "try to associate customers A and B with cart {cart} at once",
    "refused: the same twice": "try to associate customer {who} with cart {cart} twice at once",
    "refused: type": "try to associate {who} with cart {cart} as a 'person'",
    "refused: no type": "try to associate customer {who} with cart {cart} without a type",
    "refused: object": "try to associate customer {who} with cart {cart} by an object",
    "refused: to disassociate two": "try to disassociate A and B from cart {cart} at once",
    "refused: to disassociate a type": "try to disassociate {who} from cart {cart} as a 'person'",
    "refused: to disassociate by object": "try to disassociate {who} from cart {cart} by an object",
    "refused: blank name": "try to give cart {cart} a blank name",
    "rename": "give cart {cart} a new name",
    "delete": "delete cart {cart}",
    "get": "get cart {cart}",
}


def _two(_customer: str, both: list[str]) -> Any:
    return identifiers(*both)


def _same_twice(customer: str, _both: list[str]) -> Any:
    return identifiers(customer, customer)


def _person(customer: str, _both: list[str]) -> Any:
    return {"data": [{"type": "person", "id": customer}]}


def _no_type(customer: str, _both: list[str]) -> Any:
    return {"data": [{"id": customer}]}


def _object(customer: str, _both: list[str]) -> Any:
    return {"data": {"type": "customer", "id": customer}}


def _right(customer: str, _both: list[str]) -> Any:
    return identifiers(customer)


_BODIES: dict[str, tuple[str, Callable[[str, list[str]], Any]]] = {
    "associate": (CUSTOMERS_ASSOCIATE, _right),
    "disassociate": (CUSTOMERS_DISSOCIATE, _right),
    "refused: two customers": (CUSTOMERS_ASSOCIATE, _two),
    "refused: the same twice": (CUSTOMERS_ASSOCIATE, _same_twice),
    "refused: type": (CUSTOMERS_ASSOCIATE, _person),
    "refused: no type": (CUSTOMERS_ASSOCIATE, _no_type),
    "refused: object": (CUSTOMERS_ASSOCIATE, _object),
    "refused: to disassociate two": (CUSTOMERS_DISSOCIATE, _two),
    "refused: to disassociate a type": (CUSTOMERS_DISSOCIATE, _person),
    "refused: to disassociate by object": (CUSTOMERS_DISSOCIATE, _object),
}

_CART_STEPS: dict[str, tuple[str, Any]] = {
    "get": ("getACart", None),
    "delete": ("deleteACart", None),
    "rename": ("updateACart", {"data": {"name": "Renamed"}}),
    "refused: blank name": ("updateACart", {"data": {"name": " "}}),
}

BY = ("administrator", "the_customer", "the_other_customer", "anonymous")
LOOKS = ("cart", "list", "list_of_the_other", "second_login", "everything")
ACTIONS = tuple(_SAYS)
_REFUSED = tuple(action for action in _SAYS if action.startswith("refused"))


def steps(actions: Sequence[str]) -> st.SearchStrategy[Step]:
    """Return a strategy for steps of these actions, simplest first."""
    return st.builds(
        Step,
        action=st.sampled_from(actions),
        cart=st.sampled_from((0, 0, 0, *range(CARTS))),
        customer=st.integers(0, 1),
        by=st.sampled_from((*[BY[0]] * 4, *[BY[1]] * 2, *BY)),
        look=st.sampled_from(LOOKS),
    )


def machine_for(search: _Search, actions: Collection[str]) -> type[RuleBasedStateMachine]:
    """Return the state machine whose rules are these actions, played by ``search``."""
    refused = [action for action in _REFUSED if action in actions]
    to_make = [
        action
        for action in refused
        if action in _BODIES and _BODIES[action][0] == CUSTOMERS_ASSOCIATE
    ]
    to_change = [action for action in refused if action not in to_make]
    others = [action for action in ("rename", "delete", "get") if action in actions]

    class Machine(RuleBasedStateMachine):
        """One sequence of requests on its own carts."""

        def __init__(self) -> None:
            super().__init__()
            search.begin()

        # The initial associations, so that the steps have something to damage.
        @initialize(customers=st.sampled_from([(), (0,), (0, 1), (1, 0)]))
        def begin(self, customers: tuple[int, ...]) -> None:
            for customer in customers:
                search.play(Step("associate", 0, customer, BY[0], "everything"))

        @rule(step=steps(["associate"]))
        def associate(self, step: Step) -> None:
            search.play(step)

        @rule(step=steps(["disassociate"]))
        def disassociate(self, step: Step) -> None:
            search.play(step)

        @precondition(lambda _: bool(to_make))
        @rule(step=steps(to_make or ACTIONS))
        def try_to_make_it_wrongly(self, step: Step) -> None:
            search.play(step)

        @precondition(lambda _: bool(to_change))
        @rule(step=steps(to_change or ACTIONS))
        def try_to_change_it_wrongly(self, step: Step) -> None:
            search.play(step)

        @precondition(lambda _: bool(others))
        @rule(step=steps(others or ACTIONS))
        def work_on_the_cart(self, step: Step) -> None:
            search.play(step)

        def teardown(self) -> None:
            search.end()

    return Machine


_AT_THE_END = Step("get", 0, 0, "administrator", "everything")

# --- The phase ---


def run(session: Session) -> Iterator[CaseResult]:
    """Search for deviations. Yields a result for each rule and operation that was examined.

    Raises Untestable if customers or carts cannot be made. Raises an Interruption if the budget is
    spent or too many requests got no answer. Earlier findings are yielded first.
    """
    search = _Search(session)
    effort = EFFORT[session.settings.profile][Phase.MODEL]
    for _ in range(ROUNDS):
        if not search.run(ACTIONS, SEQUENCES * effort):
            break
    for action in _REFUSED:
        search.run((action, "associate", "disassociate"), CLOSE_SEQUENCES * effort)
    yield from search.aggregator.results()
    if search.ended is not None:
        raise search.ended


class _Search:
    """A search that plays the steps of one sequence after another and keeps the findings."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.client = JudgingClient(session)
        self.aggregator = FindingAggregator(session, Phase.MODEL, "model")
        self.ended: Interruption | Untestable | None = None
        self._faults = FaultBudget(session)
        self._until = time.monotonic() + SECONDS
        effort = EFFORT[session.settings.profile][Phase.MODEL]
        self._most = session.transport.sent + REQUESTS * effort
        self._told: set[tuple[str, str]] = set()
        self._target: tuple[str, str] | None = None
        self._best: Finding | None = None
        self._story: tuple[Answer, ...] = ()
        self._left = self._searches = 0
        self._spoilt: set[str] = set()
        self._doing = self._action = ""
        self._carts: dict[int, str] = {}
        self._lines: list[str] = []
        self._later: dict[int, Customer] = {}
        """The customers with the token of a second login, one login each for a sequence."""
        self._is_over = False
        self._customers = self._two_customers()

    def _two_customers(self) -> list[Customer]:
        """Return two customers, without carts if possible. Given ones may have carts."""
        if self.session.settings.customers is not None:
            return [self.session.customer(label) for label in "AB"]
        made = [self.session.new_customer() for _ in range(2)]
        for customer in made:
            self.client.introduce(customer, has_no_carts=True)
        return made

    def run(self, actions: Iterable[str], most: int) -> bool:
        """Make one search of at most ``most`` sequences of these actions.

        Return whether it found a deviation that was not reported before.
        """
        self._start(most)
        # Do not report the consequences of a refused request that had an effect.
        machine = machine_for(self, [each for each in actions if each not in self._spoilt])
        settings = hypothesis_settings(
            max_examples=most,
            stateful_step_count=STEPS,
            database=None,
            deadline=None,
            phases=[HypothesisPhase.generate, HypothesisPhase.shrink],
            verbosity=Verbosity.quiet,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )
        number = self.session.settings.seed * _APART + self._searches
        is_flaky = False
        try:
            run_state_machine_as_test(seed(number)(machine), settings=settings)
        except (_Deviates, _Stop):
            pass
        except Flaky:
            # A deviation that does not happen every time is a deviation too, but not a 5xx.
            is_flaky = True
        if self._best is None or self._target is None:
            return False
        if is_flaky and self._best.kind is Kind.SERVER_ERROR:
            self._told.add(self._target)
            return True
        self._told.add(self._target)
        if self._doing.startswith("refused"):
            self._spoilt.add(self._doing)
        self.aggregator.find(self._best, self._story)
        return True

    def _start(self, most: int) -> None:
        self._target = self._best = None
        self._left = most + SHRINKING
        self._searches += 1

    @property
    def _is_spent(self) -> bool:
        return time.monotonic() > self._until or self.session.transport.sent > self._most

    # --- One sequence ---

    def begin(self) -> None:
        """Start a sequence without carts."""
        self._left -= 1
        if self._is_spent and self.ended is None:
            self.ended = BudgetSpent(
                f"the layer's own limits, {REQUESTS} requests and {SECONDS:g} s, are used up"
            )
        if self._left < 0 or self.ended is not None:
            raise _Stop
        self._carts, self._lines, self._is_over = {}, [], False
        self._later = {}
        self.session.trace.clear()

    def play(self, step: Step) -> None:
        """Do one step and read its effect. A deviation ends the sequence."""
        if not self._is_over:
            self._unless_interrupted(lambda: self._step(step))

    def end(self) -> None:
        """Read every cart of the sequence once more, and clean up."""
        try:
            if not self._is_over:
                self._unless_interrupted(self._look_at_the_end)
        finally:
            self._clear()

    def _unless_interrupted(self, action: Callable[[], None]) -> None:
        try:
            action()
        except _Deviates:
            self._is_over = True
            raise
        except ServerFailed:
            # What follows from a 5xx is not evidence, so the sequence does not count.
            self._is_over = True
        except (BudgetSpent, Untestable) as problem:
            self.ended = problem
            raise _Stop from None
        except Interruption as interruption:
            # A missing answer is not evidence, so the sequence does not count.
            self._is_over = True
            self._survive(interruption)

    def _survive(self, interruption: Interruption) -> None:
        """Wait after a request without an answer. Raises _Stop if there were too many."""
        try:
            if self._faults.survives():
                return
        except BudgetSpent as spent:
            interruption = spent
        self.ended = interruption
        raise _Stop

    def _look_at_the_end(self) -> None:
        for cart in self._carts.values():
            self._look(_AT_THE_END, cart)

    def _step(self, step: Step) -> None:
        cart = self._cart(step.cart)
        if step.action == "get" and self.client.known.cart_exists(cart) is False:
            return  # the request would create the cart, which this step must not do
        self._look(step, cart)  # so that later differences are caused by this step
        self._action = step.action
        answer, judgement = self._act(step, cart)
        self._lines.append(f"{step} → {answer.status}")
        self._judged(judgement)
        if step.action == "delete" and answer.ok:
            self._remember(cart)
        self._look(step, cart)

    def _act(self, step: Step, cart: str) -> tuple[Answer, Judgement]:
        caller = self._caller(step)
        if step.action in _BODIES:
            operation, make = _BODIES[step.action]
            body = make(self._customers[step.customer].id, [each.id for each in self._customers])
        else:
            operation, body = _CART_STEPS[step.action]
        if body is None:
            return self.client.send(caller, operation, cart=cart)
        return self.client.send(caller, operation, cart=cart, body=body)

    def _caller(self, step: Step) -> Credentials:
        administrator, implicit = self.client.callers()
        if step.by == "the_customer":
            return self.session.shopper(self._customers[step.customer])
        if step.by == "the_other_customer":
            return self.session.shopper(self._customers[1 - step.customer])
        return administrator if step.by == "administrator" else implicit

    def _cart(self, number: int) -> str:
        """Return that cart of the sequence, made when first needed."""
        if number not in self._carts:
            administrator, _ = self.client.callers()
            cart = self.session.fresh_id()
            body = {"data": {"id": cart, "name": "Conformance run"}}
            answer, judgement = self.client.send(administrator, "createACart", body=body)
            if not answer.ok or self.client.known.cart_exists(cart) is not True:
                raise Untestable(f"no cart could be made: {shown(answer)}")
            self.aggregator.note(judgement)
            self._carts[number] = cart
        return self._carts[number]

    def _remember(self, cart: str) -> None:
        """Note a deleted cart for clean-up, because a request that names it may create it again."""
        self.session.ledger.claim(cart)

    # --- Reading effects ---

    def _look(self, step: Step, cart: str) -> None:
        looks = LOOKS[:-1] if step.look == "everything" else (step.look,)
        if step.action.startswith("refused"):
            looks = tuple(dict.fromkeys(("cart", *looks)))
        for look in looks:
            if look == "cart":
                self._look_at_cart(cart)
            elif look == "second_login":
                self._look_from_second_login(step.customer, cart)
            else:
                other = look == "list_of_the_other"
                self._look_at_list(1 - step.customer if other else step.customer, cart)

    def _is_read(self, cart: str) -> bool:
        """Return whether a cart was read since the last request for it."""
        return CART_SIDE in self.client.known.carts[cart].verified

    def _is_listed(self, cart: str, customer: str) -> bool:
        """Return whether a customer's list was read since the last request for a cart."""
        return self.client.known.is_verified(cart, OwnerRef("customer", customer))

    def _look_at_cart(self, cart: str) -> None:
        if self.client.known.cart_exists(cart) is not True or self._is_read(cart):
            return
        administrator, _ = self.client.callers()
        _, judgement = self.client.send(administrator, "getACart", cart=cart)
        self._judged(judgement, "look at the cart")

    def _look_at_list(self, customer: int, cart: str) -> None:
        if self._is_listed(cart, self._customers[customer].id):
            return
        shopper = self.session.shopper(self._customers[customer])
        _, judgement = self.client.send(shopper, "getCarts")
        self._judged(judgement, f"look at the carts of customer {'AB'[customer]}")

    def _look_from_second_login(self, number: int, cart: str) -> None:
        """Read the list with a later token of that customer (rule any-device).

        Read it with the first token before, so that any difference is caused by the token.
        """
        customer = self._customers[number]
        seen = self._is_listed(cart, customer.id)
        self._look_at_list(number, cart)
        if seen or customer.email is None or customer.password is None:
            return
        if number not in self._later:
            token = self.session.factory.customer_token(customer.email, customer.password)
            self._later[number] = replace(customer, token=token)
        again = self._later[number]
        complete = self.client.known.owners[OwnerRef("customer", customer.id)].complete
        self.client.introduce(again, has_no_carts=complete)
        _, later = self.client.send(self.session.shopper(again), "getCarts")
        level = self.session.contract.rule("any-device").level
        findings = tuple(replace(each, rule="any-device", level=level) for each in later.findings)
        later = replace(later, findings=findings, rules=(*later.rules, "any-device"))
        self._judged(later, f"log customer {'AB'[number]} in again and look at the carts")

    def _judged(self, judgement: Judgement, look: str | None = None) -> None:
        """Add a judgement. A deviation ends the sequence."""
        findings = judgement.findings
        self.aggregator.note(replace(judgement, findings=()))
        lines = (*self._lines, look) if look else tuple(self._lines)
        for finding in findings:
            if finding.kind is Kind.EFFECT:
                self._trust_no_list()
            told = replace(finding, steps=lines)
            key = (finding.rule, finding.operation)
            if finding.level == "interpretation":
                self.aggregator.find(told)  # advice does not end a sequence
            elif key not in self._told and self._target in {None, key}:
                self._target = key
                if self._best is None or len(lines) <= len(self._best.steps):
                    self._best, self._doing = told, self._action
                    self._story = tuple(self.session.trace)
                raise _Deviates

    def _trust_no_list(self) -> None:
        """Note that the customers may have unknown carts."""
        for customer in self._customers:
            self.client.known.owners[OwnerRef("customer", customer.id)].complete = False

    # --- Clean-up after a sequence ---

    def _clear(self) -> None:
        """Remove the customers' carts, as the next sequence expects."""
        if self.ended is not None:
            return
        with suppress(Interruption, Untestable):
            for cart in self._carts.values():
                self._remove(cart)

    def _remove(self, cart: str) -> None:
        administrator, _ = self.client.callers()
        if self.client.known.cart_exists(cart) is False:
            return
        for customer in self._customers:
            body = identifiers(customer.id)
            answer, _ = self.client.send(administrator, CUSTOMERS_DISSOCIATE, cart=cart, body=body)
            if not answer.ok:
                self._trust_no_list()
        self.client.send(administrator, "deleteACart", cart=cart)
        # In any case, later sequences do not use this cart.
        del self.client.known.carts[cart]
