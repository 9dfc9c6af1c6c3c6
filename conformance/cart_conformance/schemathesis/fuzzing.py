"""The third layer: Schemathesis' coverage and fuzzing, with the oracle as the one check.

Schemathesis makes the cases, from the contract bound to this run's own fixtures; the run's own
session sends them, within its rate and budget. Its engine, its checks and its reports stay unused:
they send on their own, and cannot tell one refusal from another.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as hypothesis_settings
from hypothesis.errors import HypothesisException
from schemathesis import GenerationMode
from schemathesis.core.result import Err

from cart_conformance.oracle.jsontext import read_json
from cart_conformance.oracle.request_view import ASSOCIATION_OPERATIONS, RequestView, is_safe_id
from cart_conformance.run.events import CaseResult, Layer
from cart_conformance.run.finding_aggregator import FindingAggregator
from cart_conformance.schemathesis.schema_binding import bound_document
from cart_conformance.target.credentials import Credentials, Customer
from cart_conformance.target.judging_client import JudgingClient
from cart_conformance.target.session import ASSOCIATE, DISSOCIATE, Session, Untestable, identifiers
from cart_conformance.target.transport import BudgetSpent, Interruption, Request

MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]

# Left out: tokens for a store's key, since a series of wrong secrets may lock a real key; and the
# removal of customers, which has directed cases.
OPERATIONS = (
    "createCustomerCartAssociation",
    "deleteCustomerCartAssociation",
    "getCarts",
    "createACart",
    "getACart",
    "updateACart",
    "deleteACart",
    "getCustomers",
    "getCustomer",
)
# These change a customer, so they need one that the run made for it.
CUSTOMER_OPERATIONS = ("createCustomer", "updateCustomer", "createCustomerToken")

EXAMPLES = 30
"""Fuzzed requests for each operation and mode of generation."""
MOST_FAULTS = 3
"""Requests without an answer, after which the layer gives up."""


class _Stop(BaseException):
    """Ends a Hypothesis run from within; no Exception, which it would take for a failing test."""


@dataclass
class _Fixtures:
    """What the layer works on.

    Associations are tried on a cart that is ``free``, and taken back from one that is ``held`` by
    the first customer; both are restored, so that what a refusal changes shows. ``spare`` carts may
    be deleted.
    """

    customers: list[Customer]
    free: str
    held: str
    absent_cart: str
    spare: list[str] = field(default_factory=list)
    own: Customer | None = None


def run(session: Session) -> Iterator[CaseResult]:
    """Coverage of every operation, then fuzzing. Yields a result for each rule and operation.

    Raises Untestable where fixtures or tokens cannot be had, and an Interruption where the budget
    is spent or too many requests got no answer; what was found until then is yielded first.
    """
    fuzzer = _Fuzzer(session)
    for part, cases in (("fuzz/coverage", fuzzer.coverage), ("fuzz/random", fuzzer.random)):
        for operation in fuzzer.operations():
            fuzzer.tally = tally = FindingAggregator(session, Layer.FUZZ, part)
            try:
                cases(operation)
            except (HypothesisException, schemathesis.errors.SchemathesisError) as error:
                tally.fail(_id_of(operation), f"no cases: {type(error).__name__}: {error}")
            yield from tally.results()
            if fuzzer.ended is not None:
                raise fuzzer.ended


def _id_of(operation: Any) -> str:
    operation_id: str = operation.definition.raw["operationId"]
    return operation_id


def _operation(result: Any) -> Any:
    if isinstance(result, Err):
        raise result.err()
    return result.ok()


class _Fuzzer:
    def __init__(self, session: Session) -> None:
        self.session = session
        self.witness = JudgingClient(session)
        self.ended: Interruption | Untestable | None = None
        self.tally = FindingAggregator(session, Layer.FUZZ, "fuzz")
        self._faults = 0
        self._fixtures = self._make_fixtures()
        self._callers = {
            operation: cycle(callers) for operation, callers in self._callers_by_operation().items()
        }
        self._seen: set[tuple[Any, ...]] = set()

    # --- Fixtures ---

    def _make_fixtures(self) -> _Fixtures:
        session = self.session
        customers = list(session.customers.values())
        if not customers:
            raise Untestable("no customer: " + "; ".join(session.problems))
        fixtures = _Fixtures(
            customers=customers,
            free=self._new_cart(),
            held=self._new_cart(),
            absent_cart=session.unknown_cart_id(),
            spare=[self._new_cart(), self._new_cart()],
        )
        if session.settings.customers is None:
            fixtures.own = session.new_customer()
            self.witness.introduce(fixtures.own, has_no_carts=True)
        self._associate(fixtures.held, customers[0])
        return fixtures

    def _associate(self, cart: str, customer: Customer, operation: str = ASSOCIATE) -> None:
        administrator, _ = self.witness.callers()
        self.witness.send(administrator, operation, cart=cart, body=identifiers(customer.id))

    def _new_cart(self) -> str:
        administrator, _ = self.witness.callers()
        data = {"id": self.session.fresh_id(), "name": "Conformance run"}
        answer, _ = self.witness.send(administrator, "createACart", body={"data": data})
        made = answer.data.get("id") if isinstance(answer.data, dict) else None
        if not answer.ok or not isinstance(made, str):
            raise Untestable(f"no cart could be made: {answer.status}")
        return made

    def _callers_by_operation(self) -> dict[str, list[Callable[[], Credentials]]]:
        session, first = self.session, self._fixtures.customers[0]
        administrator = [lambda: session.administrator]
        shopper = [lambda: session.shopper(first)]
        narrowed = [lambda: session.narrowed(first)]
        both = administrator + shopper
        callers = dict.fromkeys((*OPERATIONS, *CUSTOMER_OPERATIONS), both)
        callers |= dict.fromkeys(ASSOCIATION_OPERATIONS, administrator + shopper + narrowed)
        callers |= dict.fromkeys(CUSTOMER_OPERATIONS, administrator)
        callers["getCustomers"] = administrator
        return callers

    def operations(self) -> list[Any]:
        """Schemathesis' operations over the contract bound to the fixtures."""
        fixtures, own = self._fixtures, self._fixtures.own
        ids = (*OPERATIONS, *(CUSTOMER_OPERATIONS if own else ()))
        carts = {each: [fixtures.held, fixtures.free, fixtures.absent_cart] for each in ids}
        carts |= {
            ASSOCIATE: [fixtures.free, fixtures.absent_cart],
            DISSOCIATE: [fixtures.held, fixtures.absent_cart],
            "deleteACart": fixtures.spare,
        }
        customers = [each.id for each in fixtures.customers]
        document = bound_document(
            self.session.contract,
            ids,
            carts=carts,
            customers=[*customers, own.id] if own else customers,
            logins=[own.email] if own and own.email else [],
        )
        schema = schemathesis.openapi.from_dict(document, config=self._config())
        return [_operation(result) for result in schema.get_all_operations()]

    def _config(self) -> schemathesis.Config:
        return schemathesis.Config.from_dict(
            {
                "seed": self.session.settings.seed,
                "generation": {"database": "none"},
                "cache": {"enabled": False},
                "phases": {"coverage": {"unexpected-methods": []}},
            }
        )

    # --- The two parts ---

    def coverage(self, operation: Any) -> None:
        """Every boundary and every wrong type, one at a time."""
        generation = operation.schema.config.generation_for(operation=operation, phase="coverage")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cases = operation.schema.iter_coverage_cases(
                operation, generation_modes=MODES, generation_config=generation
            )
            for case in cases:
                for _ in range(2):  # as two of the callers
                    self._try(operation, case)
                if self.ended is not None:
                    return

    def random(self, operation: Any) -> None:
        """Random requests, some that match the contract and some that do not."""
        for number, mode in enumerate(MODES):

            @seed(self.session.settings.seed * len(MODES) + number)
            @hypothesis_settings(
                max_examples=EXAMPLES,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(operation.as_strategy(generation_mode=mode))
            def fuzz(case: Any) -> None:
                self._try(operation, case)
                if self.ended is not None:
                    raise _Stop

            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    fuzz()
            except _Stop:
                return

    # --- One case ---

    def _try(self, operation: Any, case: Any) -> None:
        """Send one case, unless it is about something that is not this run's."""
        operation_id = _id_of(operation)
        try:
            self._send(operation_id, case)
        except (BudgetSpent, Untestable) as problem:
            self.ended = problem
        except Interruption as interruption:
            # No answer says nothing, and a changing request is not sent twice: on to the next.
            self._faults += 1
            self.ended = interruption if self._faults >= MOST_FAULTS else None
        except Exception as error:  # noqa: BLE001 - a fault of the suite is no deviation
            self.tally.fail(operation_id, f"in the suite: {type(error).__name__}: {error}")

    def _send(self, operation_id: str, case: Any) -> None:
        request = self._request(operation_id, case)
        if request is None:
            return
        caller = next(self._callers[operation_id])()
        key = (operation_id, caller.name, repr(request))
        if key in self._seen and operation_id not in ASSOCIATION_OPERATIONS:
            return
        self._seen.add(key)
        answer, judgement = self.witness.send(caller, operation_id, **request)
        self.tally.note(judgement)
        if operation_id in ASSOCIATION_OPERATIONS:
            self._read_back(request["cart"])
            self._restore(request["cart"])
        elif operation_id == "deleteACart" and answer.ok:
            self._replace(request["cart"])

    def _read_back(self, cart: str) -> None:
        """Look at the cart: a refusal may have changed it all the same."""
        if cart not in {self._fixtures.free, self._fixtures.held}:
            return
        administrator, _ = self.witness.callers()
        _, judgement = self.witness.send(administrator, "getACart", cart=cart)
        self.tally.note(judgement)

    def _restore(self, cart: str) -> None:
        """Have the free cart free again, and the other held by the first customer alone."""
        fixtures = self._fixtures
        wanted = {fixtures.held: {fixtures.customers[0].id}, fixtures.free: set[str]()}.get(cart)
        are = self.witness.known.customers_of(cart)
        if wanted is None or are is None or are == wanted:
            return
        for customer in fixtures.customers:
            if customer.id in are - wanted:
                self._associate(cart, customer, DISSOCIATE)
            elif customer.id in wanted - are:
                self._associate(cart, customer)
        self._read_back(cart)

    def _replace(self, cart: str) -> None:
        """Make a spare cart again."""
        administrator, _ = self.witness.callers()
        body = {"data": {"id": cart, "name": "Conformance run"}}
        self.witness.send(administrator, "createACart", body=body)

    def _request(self, operation_id: str, case: Any) -> dict[str, Any] | None:
        """What the session is to send, or None for a case that is not to be sent."""
        prepared = _prepared(case)
        if prepared is None or prepared.url is None:
            return None
        url = urlsplit(prepared.url)
        found = self.witness.oracle.router.find(case.method, url.path)
        if found is None or found[0] != operation_id:
            return None
        parameters = found[1]
        if not self._is_ours(operation_id, parameters):
            return None
        request: dict[str, Any] = {
            "cart": parameters.get("cartID"),
            "customer": parameters.get("customerID"),
            "encoded": True,
            "query": url.query,
            "headers": {"Content-Type": prepared.headers.get("Content-Type")},
        }
        return request | self._body(operation_id, prepared.body)

    def _is_ours(self, operation_id: str, parameters: dict[str, str]) -> bool:
        """Whether the path names nothing but what this run made, or what cannot exist."""
        fixtures, target = self._fixtures, self.session.settings.target
        path = "/v2/carts/{}" if "cartID" in parameters else "/v2/customers/{}"
        ids = {
            "cartID": [fixtures.free, fixtures.held, fixtures.absent_cart, *fixtures.spare],
            "customerID": [each.id for each in fixtures.customers],
        }
        if fixtures.own is not None:
            changes = operation_id == "updateCustomer"
            ids["customerID"] = [fixtures.own.id] + ([] if changes else ids["customerID"])
        for name, raw in parameters.items():
            url = target + path.format(raw)
            reading = RequestView(
                Request("GET", url, {}), self.witness.known, self.witness.oracle.router
            )
            value = reading.cart_id or reading.customer_id
            if value not in ids[name] and (is_safe_id(value) or name == "customerID"):
                return False
        return True

    def _body(self, operation_id: str, raw: bytes | str | None) -> dict[str, Any]:
        """The body, with ids, emails and passwords of this run in place of made-up ones."""
        if raw is None:
            return {}
        sent = raw.encode() if isinstance(raw, str) else raw
        text = read_json(sent)
        data = text.value.get("data") if isinstance(text.value, dict) else None
        if text.malformed or text.ambiguous or not isinstance(data, dict):
            return {"raw": sent}
        if operation_id == "createACart" and is_safe_id(str(data.get("id") or "x")):
            data["id"] = self.session.fresh_id()
        elif operation_id in {"createCustomer", "updateCustomer"}:
            if "@" in str(data.get("email")):
                data["email"] = f"{self.session.fresh_id('customer')}@example.com"
            if isinstance(data.get("password"), str) and data["password"]:
                # One that can be told from chance, where an answer is searched for it.
                data["password"] = f"Aa1-{self.session.rng.getrandbits(64):016x}"
        else:
            return {"raw": sent}
        return {"body": text.value}


def _prepared(case: Any) -> requests.PreparedRequest | None:
    """The request as it would go over the wire, or None where it cannot be one."""
    try:
        arguments = case.as_transport_kwargs(base_url="http://localhost")
        return requests.Request(**arguments).prepare()
    except (ValueError, TypeError, LookupError, requests.RequestException):
        return None
