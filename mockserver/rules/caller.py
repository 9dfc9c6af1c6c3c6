"""Who is calling."""

from __future__ import annotations

from mockserver.facts import ACCESS_HEADER, CUSTOMER_HEADER, Caller, Facts
from mockserver.http import Breach
from mockserver.rules.registry import predicate


def access_fault(caller: Caller) -> Breach | None:
    """What is wrong with the access token. Judged before there are facts: it names the store."""
    fault = caller.access_fault
    return None if fault is None else Breach(*fault, ACCESS_HEADER)


@predicate
def access_token_invalid(facts: Facts) -> Breach | None:
    return access_fault(facts.caller)


@predicate
def customer_token_invalid(facts: Facts) -> Breach | None:
    fault = facts.caller.customer_fault
    return None if fault is None else Breach(*fault, CUSTOMER_HEADER)


_ANONYMOUS = Breach(
    "an implicit access token needs a customer token here",
    f"Send {CUSTOMER_HEADER} with a token from POST /v2/customers/tokens.",
    CUSTOMER_HEADER,
)


@predicate
def customer_token_required(facts: Facts) -> Breach | None:
    return _ANONYMOUS if facts.caller.is_anonymous else None


@predicate
def carts_need_an_owner(facts: Facts) -> Breach | None:
    return _ANONYMOUS if facts.caller.is_anonymous else None
