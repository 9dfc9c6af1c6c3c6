"""What the body of an association request can be instead of one customer in an array."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.cases.bench import ADMINISTRATOR, CALLERS, OPERATIONS, SHOPPER, refusal
from conformance.cases.registry import Case, cases
from conformance.examination import Examination
from conformance.session import identifiers

ABSENT: Any = object()


def _customer(x: Examination) -> dict[str, Any]:
    return {"type": "customer", "id": x.customer("A").id}


NO_ARRAY: tuple[tuple[str, Any], ...] = (
    ("data is an object", lambda it: {"data": it}),
    ("a bare object", lambda it: it),
    ("an object of nothing", lambda it: {}),
    ("data is null", lambda it: {"data": None}),
    ("data is a string", lambda it: {"data": it["id"]}),
    ("data is a number", lambda it: {"data": 1}),
    ("data is true", lambda it: {"data": True}),
    ("data is an object of entries", lambda it: {"data": {"0": it}}),
    ("the array under another name", lambda it: {"customers": [it]}),
    ("null", lambda it: None),
    ("a string", lambda it: "customer"),
    ("a number", lambda it: 1),
    ("false", lambda it: False),
)


@cases
def payload_not_array() -> Iterator[Case]:
    """JSON that carries no array."""
    for operation in OPERATIONS:
        for caller in CALLERS:
            for variant, body in NO_ARRAY:
                yield refusal(
                    "payload-not-array",
                    operation,
                    variant,
                    caller,
                    lambda x, _, body=body: {"body": body(_customer(x))},
                )


MALFORMED: tuple[tuple[str, Any], ...] = (
    ("an empty body", lambda whole: b""),
    ("white space only", lambda whole: b"  \n"),
    ("cut off in the array", lambda whole: whole[: whole.index(b"[") + 1]),
    ("cut off at the end", lambda whole: whole[:-1]),
    ("something after the end", lambda whole: whole + b"}"),
    ("single quotes", lambda whole: whole.replace(b'"', b"'")),
    ("no JSON at all", lambda whole: b"data=customer"),
    ("bytes that are no UTF-8", lambda whole: whole.replace(b'"customer"', b'"\xff\xfe\xc3\x28"')),
)


@cases
def payload_not_json() -> Iterator[Case]:
    """Bodies that no parser should take."""
    for operation in OPERATIONS:
        for caller in CALLERS:
            for variant, spoil in MALFORMED:
                yield refusal(
                    "payload-not-array",
                    operation,
                    variant,
                    caller,
                    lambda x, _, spoil=spoil: {"raw": spoil(_whole(x))},
                )


def _whole(x: Examination) -> bytes:
    return b'{"data": [{"type": "customer", "id": "%s"}]}' % x.customer("A").id.encode()


ENTRIES: tuple[tuple[str, Any], ...] = (
    ("null", None),
    ("a string", "customer"),
    ("a number", 1),
    ("true", True),
    ("an array", []),
)


@cases
def entry_not_object() -> Iterator[Case]:
    """An array of one thing that is no object."""
    for operation in OPERATIONS:
        for caller in CALLERS:
            for variant, entry in ENTRIES:
                yield refusal(
                    "entry-not-object",
                    operation,
                    variant,
                    caller,
                    lambda x, _, entry=entry: {"body": {"data": [entry]}},
                )


@cases
def customer_missing() -> Iterator[Case]:
    """An array of nothing."""
    for operation in OPERATIONS:
        for caller in CALLERS:
            yield refusal(
                "customer-missing",
                operation,
                "an empty array",
                caller,
                lambda x, _: {"body": {"data": []}},
            )


COUNTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    # A shopper who names somebody else breaks another rule as well, so shoppers repeat themselves.
    ("the same customer twice", SHOPPER, ("A", "A")),
    ("the same customer three times", SHOPPER, ("A", "A", "A")),
    ("the same customer fifty times", SHOPPER, ("A",) * 50),
    ("the same customer twice", ADMINISTRATOR, ("A", "A")),
    ("two customers", ADMINISTRATOR, ("A", "B")),
    ("two customers, the other first", ADMINISTRATOR, ("B", "A")),
    ("three entries, two of them the same", ADMINISTRATOR, ("A", "B", "A")),
    ("fifty entries", ADMINISTRATOR, ("A", "B") * 25),
)


@cases
def more_than_one_customer() -> Iterator[Case]:
    """More than one entry, each of them good by itself."""
    for operation in OPERATIONS:
        for variant, caller, labels in COUNTS:
            watching = tuple(sorted(set(labels)))
            yield refusal(
                "more-than-one-customer",
                operation,
                variant,
                caller,
                lambda x, _, labels=labels: {
                    "body": identifiers(*(x.customer(label).id for label in labels))
                },
                watching=watching,
            )
        yield refusal(
            "more-than-one-customer",
            operation,
            "three customers",
            ADMINISTRATOR,
            lambda x, _: {"body": identifiers(*(x.customer(label).id for label in "ABC"))},
            watching=("A", "B", "C"),
            optional=True,
        )


TYPES: tuple[tuple[str, Any], ...] = (
    ("absent", ABSENT),
    ("null", None),
    ("a number", 1),
    ("true", True),
    ("an array", ["customer"]),
    ("an object", {"type": "customer"}),
    ("empty", ""),
    ("a capital", "Customer"),
    ("all capitals", "CUSTOMER"),
    ("the plural", "customers"),
    ("a space before", " customer"),
    ("a space after", "customer "),
    ("longer", "customer-group"),
    ("shorter", "custome"),
    ("another type", "cart"),
)


@cases
def type_not_customer() -> Iterator[Case]:
    """One entry whose type is anything but ``customer``."""
    yield from _members("type-not-customer", "type", TYPES)


IDS: tuple[tuple[str, Any], ...] = (
    ("absent", ABSENT),
    ("null", None),
    ("a number", 12345),
    ("true", True),
    ("an array", []),
    ("an object", {}),
    ("empty", ""),
)


@cases
def customer_id_missing() -> Iterator[Case]:
    """One entry without an id that could name anybody."""
    yield from _members("customer-id-missing", "id", IDS)


def _members(rule: str, member: str, values: tuple[tuple[str, Any], ...]) -> Iterator[Case]:
    for operation in OPERATIONS:
        for caller in CALLERS:
            for variant, value in values:
                yield refusal(
                    rule,
                    operation,
                    variant,
                    caller,
                    lambda x, _, value=value: {
                        "body": {"data": [_with(_customer(x), member, value)]}
                    },
                )


def _with(entry: dict[str, Any], member: str, value: Any) -> dict[str, Any]:
    rest = {name: old for name, old in entry.items() if name != member}
    return rest if value is ABSENT else rest | {member: value}
