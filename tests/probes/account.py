"""Requests that violate the rules of accounts, members and memberships."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.probes.row import (
    ACCOUNT_HEADER,
    ACME,
    ADA,
    CONTRACT,
    MEMBERSHIP,
    NEW_ACCOUNT,
    Probe,
    probe,
    probes,
    without,
)

ANONYMOUS: dict[str, Any] = {"access": "shopper"}
OF_ONE = ("getAccount", "updateAccount", "deleteAccount")
MEMBERSHIPS = ("getAccountMemberships", "createAccountMembership", "deleteAccountMembership")
INVALID_FIELDS: tuple[tuple[str, Any], ...] = (
    ("type", "accounts"), ("type", None), ("type", 5), ("name", ""), ("name", " "), ("name", 5),
    ("name", None), ("legal_name", ""), ("legal_name", " "), ("legal_name", []),
)  # fmt: skip


@probes
def account_record_not_permitted() -> Iterator[Probe]:
    for operation in CONTRACT.rule("account-record-not-permitted").operations:
        yield probe(operation, source=ACCOUNT_HEADER, **ANONYMOUS)
        # The token of a customer counts as none.
        yield probe(operation, source=ACCOUNT_HEADER, **ADA)


@probes
def account_unknown() -> Iterator[Probe]:
    for operation in (*OF_ONE, *MEMBERSHIPS):
        yield probe(operation, record="no-such-account", source="accountID")
        if operation != "createAccountMembership":  # its control is for another account
            yield probe(operation, given=ACME, record="{bolt}", source="accountID")


@probes
def account_resource_unknown() -> Iterator[Probe]:
    yield probe("getAccountMember", record="no-such-member", source="accountMemberID")
    yield probe("deleteAccountMembership", part="no-such-membership", source="accountMembershipID")
    yield probe("deleteAccountMembership", record="{bolt}", source="accountMembershipID")
    body = {"data": {**MEMBERSHIP, "account_member_id": "no-such-member"}}
    yield probe("createAccountMembership", body=body, source="data.account_member_id")
    yield probe("getPasswordProfiles", record="no-such-realm", source="authenticationRealmID")


@probes
def account_invalid() -> Iterator[Probe]:
    for field in reversed(NEW_ACCOUNT):
        body = {"data": without(NEW_ACCOUNT, field)}
        yield probe("createAccount", body=body, source=f"data.{field}")
    for operation in ("createAccount", "updateAccount"):
        for field, value in INVALID_FIELDS:
            body = {"data": {**NEW_ACCOUNT, field: value}}
            yield probe(operation, body=body, source=f"data.{field}")
