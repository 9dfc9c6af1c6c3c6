"""Operations on the customers and accounts of a store: find them, add one, log one in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from cart_mock.auth.passwords import hash_in_thread
from cart_mock.formats import EMAIL
from cart_mock.owners import Owner
from cart_mock.state.entities import Account, Customer
from cart_mock.state.store import Store
from cart_mock.tenants.tenant import Tenant
from cart_mock.workbench.control import check_exists, control, tenant_named
from cart_mock.workbench.errors import Refusal
from cart_mock.workbench.slices import sliced
from cart_mock.workbench.times import format_time

Body = dict[str, Any]
Read = Callable[[int, int], tuple[Sequence[Customer | Account], int]]

_PIECE = 200
_HEADERS = {
    "customer": "X-Moltin-Customer-Token",
    "account": "EP-Account-Management-Authentication-Token",
}


async def list_people(store: str, find: str = "", limit: int = 20, **_caller: Any) -> Body:
    """List the customers and accounts whose name, email or id has a text."""
    tenant, text = tenant_named(store), find.strip().lower()
    tenant.now()  # carts that have expired are not counted
    found: list[Body] = []
    total = 0
    async for person in _people(tenant.store):
        if text and not any(text in value.lower() for value in _names(person)):
            continue
        total += 1
        if len(found) < limit:
            found.append(_person_to_dict(tenant.store, person))
    return {"data": found, "meta": {"total": total}}


async def _people(store: Store) -> AsyncIterator[Customer | Account]:
    reads: tuple[Read, ...] = (store.customers, store.accounts.accounts)
    for read in reads:
        offset = 0
        while True:
            people, _ = read(offset, _PIECE)
            async for person in sliced(people):
                yield person
            if len(people) < _PIECE:
                break
            offset += _PIECE


def _names(person: Customer | Account) -> tuple[str, ...]:
    if isinstance(person, Customer):
        return person.name, person.email, person.id
    return person.name, person.legal_name, person.id


def _person_to_dict(store: Store, person: Customer | Account) -> Body:
    kind = "customer" if isinstance(person, Customer) else "account"
    owner = Owner("customer" if isinstance(person, Customer) else "account", person.id)
    return {
        "type": kind,
        "id": person.id,
        "name": person.name,
        "email": person.email if isinstance(person, Customer) else None,
        "carts": store.cart_count_of(owner),
    }


async def add_customer(store: str, body: Body) -> tuple[Body, int]:
    """Add a customer, as an administrator of the shop would."""
    tenant = tenant_named(store)
    if not EMAIL.fullmatch(body["email"]):
        reason = f"{body['email'][:100]!r} is not an email address"
        raise Refusal("customer-invalid", reason, "Send one such as ada@example.com.", "email")
    if not body["name"].strip():
        raise Refusal("customer-invalid", "the name is empty", "Send a name.", "name")
    password = body.get("password")
    password_hash = None if password is None else await hash_in_thread(password)
    check_exists(tenant)
    if tenant.store.customer_with_email(body["email"]) is not None:
        reason = f"there is a customer with the email {body['email'][:100]!r}"
        raise Refusal("customer-invalid", reason, "Send another one.", "email")
    now = int(tenant.now())
    customer = Customer(
        id=tenant.new_id(), name=body["name"], email=body["email"], password_hash=password_hash,
        created_at=now, updated_at=now,
    )  # fmt: skip
    tenant.store.put_customer(customer)
    return {"data": _person_to_dict(tenant.store, customer)}, 201


async def log_in(store: str, body: Body) -> tuple[Body, int]:
    """Issue the tokens of a customer or an account, without its password."""
    tenant = tenant_named(store)
    kind, person = body["type"], _person(tenant, body["type"], body["id"])
    tokens, now = control().mock.tokens, tenant.now()
    made = tenant.incarnation
    access, expires = tokens.issue_access(
        tenant.name, "implicit", now, tenant.new_id(), incarnation=made
    )
    owner = Owner("customer" if kind == "customer" else "account", person.id)
    token, _ = tokens.issue_owner(tenant.name, owner, now, tenant.new_id(), incarnation=made)
    headers = {"Authorization": f"Bearer {access}", _HEADERS[kind]: token}
    return {"data": {"headers": headers, "expires": format_time(expires)}}, 201


def _person(tenant: Tenant, kind: str, person_id: str) -> Customer | Account:
    store = tenant.store
    found: Customer | Account | None = (
        store.customer(person_id) if kind == "customer" else store.accounts.account(person_id)
    )
    if found is None:
        reason = f"the store has no {kind} with the id {person_id[:200]!r}"
        raise Refusal("person-unknown", reason, "GET /_mock/stores/{store}/people.", "id")
    return found
