"""Requests that violate the rules on who is calling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.probes.row import (
    ACCESS_HEADER,
    ACCOUNT_HEADER,
    ASSOCIATIONS,
    BAD_ACCESS,
    BAD_OWNER,
    CASTS,
    CONTRACT,
    Cast,
    Probe,
    owner_probes,
    probe,
    probes,
)


@probes
def access_token_invalid() -> Iterator[Probe]:
    for operation in ASSOCIATIONS:
        for access in (None, *BAD_ACCESS):
            yield probe(operation, access=access, source=ACCESS_HEADER)
    for operation in CONTRACT.rule("access-token-invalid").operations:
        if operation not in ASSOCIATIONS:
            yield probe(operation, access=None, source=ACCESS_HEADER)


@probes
def two_owner_tokens() -> Iterator[Probe]:
    for operation in CONTRACT.rule("two-owner-tokens").operations:
        yield probe(operation, customer="ada", account="acme", source=ACCOUNT_HEADER)
    for operation in ASSOCIATIONS:
        yield probe(operation, customer="junk", account="junk", source=ACCOUNT_HEADER)
        given = {"access": "shopper", "customer": "ada"}
        yield probe(operation, given=given, account="junk", source=ACCOUNT_HEADER)


@owner_probes
def owner_token_invalid(cast: Cast) -> Iterator[Probe]:
    for operation in cast.operations:
        for access in ("shopper", "administrator"):
            given = {**cast.logged_in, "access": access}
            for token in BAD_OWNER:
                wrong: dict[str, Any] = {cast.kind: token}
                yield probe(operation, given=given, source=cast.header, **wrong)
    for operation in CONTRACT.rule(f"{cast.kind}-token-invalid").operations:
        if operation not in cast.operations:
            junk: dict[str, Any] = {cast.kind: "junk"}
            yield probe(operation, source=cast.header, **junk)


@owner_probes
def owner_token_required(cast: Cast) -> Iterator[Probe]:
    for operation in cast.operations:
        for token in (None, "empty"):
            for cart in cast.carts:
                wrong: dict[str, Any] = {cast.kind: token, "cart": cart}
                yield probe(operation, given=cast.logged_in, source=cast.header, **wrong)
        for other in CASTS:
            if other.kind != cast.kind:  # the token of the other kind counts as none
                wrong = {cast.kind: None, other.kind: other.first}
                yield probe(operation, given=cast.logged_in, source=cast.header, **wrong)
