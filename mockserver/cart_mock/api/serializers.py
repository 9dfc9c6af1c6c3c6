"""Renders carts, customers, tokens and pages for answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from cart_mock.api.item_serializers import NO_PRICE_JSON, cart_meta, item_identifiers
from cart_mock.api.timestamps import moment, timestamp
from cart_mock.auth.tokens import ACCESS_TOKEN_LIFETIME, OWNER_TOKEN_LIFETIME
from cart_mock.owners import Owner, OwnerType
from cart_mock.state.accounts import PASSWORD_PROFILE as PROFILE_ID
from cart_mock.state.accounts import REALM
from cart_mock.state.entities import (
    Account,
    AccountMember,
    Cart,
    Customer,
    Membership,
)
from cart_mock.state.store import CartRecord

E = TypeVar("E")


def identifier(owner: Owner) -> dict[str, str]:
    """Return the resource identifier of an owner."""
    return {"type": owner.type, "id": owner.id}


def cart(value: Cart) -> dict[str, Any]:
    """Return a cart as the API renders it."""
    related: dict[OwnerType, list[dict[str, str]]] = {"customer": [], "account": []}
    for owner in value.owners:
        related[owner.type].append(identifier(owner))
    customers, accounts = related["customer"], related["account"]
    rendered: dict[str, Any] = {
        "id": value.id,
        "type": "cart",
        "name": value.name,
        "description": value.description,
        "links": {"self": f"/v2/carts/{value.id}"},
        "meta": cart_meta(value),
        "relationships": {
            "customers": {"data": customers} if customers else {},
            "accounts": {"data": accounts} if accounts else {},
            "items": {"data": item_identifiers(value)},
        },
    }
    if value.contact is not None:
        contact = value.contact
        named = {} if contact.name is None else {"name": contact.name}
        rendered["contact"] = {**named, "email": contact.email}
    return {**value.kept, **rendered} if value.kept else rendered


class _Data(msgspec.Struct, gc=False):
    data: object


class _Links(msgspec.Struct, gc=False):
    self: str


class _Timestamps(msgspec.Struct, gc=False):
    created_at: datetime
    updated_at: datetime
    expires_at: datetime


class _Meta(msgspec.Struct, gc=False):
    display_price: msgspec.Raw
    timestamps: _Timestamps


class _Relationships(msgspec.Struct, gc=False):
    customers: object
    accounts: object
    items: _Data


class _PlainCart(msgspec.Struct, gc=False):
    """What ``cart`` returns for most carts: it is made and encoded in a third of the time."""

    id: str
    type: str
    name: str
    description: str
    links: _Links
    meta: _Meta
    relationships: _Relationships


_NOTHING: dict[str, Any] = {}
_NO_ITEMS = _Data(None)


def _plain_cart(
    cart_id: str, name: str, description: str, created_at: int, updated_at: int, lifetime: int,
    owners: Iterable[Sequence[str]],
) -> _PlainCart:  # fmt: skip
    customers: list[dict[str, str]] = []
    accounts: list[dict[str, str]] = []
    for kind, owner_id in owners:
        related = customers if kind == "customer" else accounts
        related.append({"type": kind, "id": owner_id})
    times = _Timestamps(moment(created_at), moment(updated_at), moment(updated_at + lifetime))
    return _PlainCart(
        cart_id, "cart", name, description, _Links(f"/v2/carts/{cart_id}"),
        _Meta(NO_PRICE_JSON, times),
        _Relationships(
            _Data(customers) if customers else _NOTHING,
            _Data(accounts) if accounts else _NOTHING,
            _NO_ITEMS,
        ),
    )  # fmt: skip


def shown_cart(value: Cart) -> object:
    """Return a cart as the API renders it, to be encoded at once."""
    if value.items or value.kept or value.contact is not None:
        return cart(value)
    return _plain_cart(
        value.id, value.name, value.description, value.created_at, value.updated_at,
        value.lifetime, value.owners,
    )  # fmt: skip


def shown_record(record: CartRecord) -> object:
    """Return a cart of a page as the API renders it, to be encoded at once."""
    return shown_cart(record.cart())


def customer(value: Customer) -> dict[str, Any]:
    """Return a customer as the API renders it; instead of the password, whether it has one."""
    return {
        **value.kept,
        "id": value.id,
        "type": "customer",
        "name": value.name,
        "email": value.email,
        "password": value.password_hash is not None,
        "links": {"self": f"/v2/customers/{quote(value.id)}"},
        "meta": {
            "timestamps": {
                "created_at": timestamp(value.created_at),
                "updated_at": timestamp(value.updated_at),
            }
        },
    }


def account(value: Account) -> dict[str, Any]:
    """Return an account as the API renders it."""
    return {
        "registration_id": None,
        "external_ref": None,
        **value.kept,
        "id": value.id,
        "type": "account",
        "name": value.name,
        "legal_name": value.legal_name,
        "parent_id": value.parent_id,
        "links": {"self": f"/v2/accounts/{quote(value.id, '')}"},
        "meta": _times(value),
    }


def account_member(value: AccountMember) -> dict[str, Any]:
    """Return an account member as the API renders it; the username is left out."""
    return {
        "id": value.id,
        "type": "account_member",
        "name": value.name,
        "email": value.email,
        "links": {"self": f"/v2/account-members/{quote(value.id, '')}"},
        "meta": _times(value),
    }


def membership(value: Membership) -> dict[str, Any]:
    """Return a membership as the API renders it."""
    account_path = f"/v2/accounts/{quote(value.account, '')}"
    return {
        "id": value.id,
        "type": "account_membership",
        "links": {"self": f"{account_path}/account-memberships/{quote(value.id, '')}"},
        "meta": _times(value),
        "relationships": {
            "account_member": {"data": {"type": "account_member", "id": value.member}}
        },
    }


def _times(value: Account | AccountMember | Membership) -> dict[str, Any]:
    times = {"created_at": timestamp(value.created_at), "updated_at": timestamp(value.updated_at)}
    return {"timestamps": times}


def page(
    path: str, render: Callable[[E], object], values: list[E], total: int,
    offset: int, limit: int,
) -> dict[str, Any]:  # fmt: skip
    """Return one page of a list of ``total`` entries, with the links to the others."""
    pages = max(1, math.ceil(total / limit))

    def link(at: int) -> str:
        return f"{path}?page[limit]={limit}&page[offset]={at}"

    return {
        "data": [render(value) for value in values],
        "links": {
            "current": link(offset),
            "first": link(0),
            "last": link((pages - 1) * limit),
            "next": link(offset + limit) if offset + limit < total else None,
            "prev": link(max(0, offset - limit)) if offset > 0 else None,
        },
        "meta": {
            "page": {
                "limit": limit,
                "offset": offset,
                "current": offset // limit + 1,
                "total": pages,
            },
            "results": {"total": total},
        },
    }


def access_token(token: str, grant: str, expires: int) -> dict[str, Any]:
    """Return the content for a new access token, without ``data``, as the SDKs read it."""
    return {
        "access_token": token,
        "token_type": "Bearer",
        "identifier": grant,
        "expires_in": ACCESS_TOKEN_LIFETIME,
        "expires": expires,
    }


def customer_token(token_id: str, customer_id: str, token: str, expires: int) -> dict[str, Any]:
    """Return the content for a login."""
    return {
        "type": "token",
        "id": token_id,
        "customer_id": customer_id,
        "token": token,
        "expires": expires,
    }


ACCOUNT_TOKEN = "account_management_authentication_token"  # noqa: S105  # a type of resource


def account_token(value: Account, token: str, expires: int) -> dict[str, Any]:
    """Return one entry of a list of account tokens. Unlike elsewhere, it expires at a date-time."""
    return {
        "type": ACCOUNT_TOKEN,
        "account_id": value.id,
        "account_name": value.name,
        "token": token,
        "expires": timestamp(expires),
    }


def account_tokens(
    member_id: str, entries: list[dict[str, Any]], total: int, offset: int, limit: int
) -> dict[str, Any]:
    """Return a page of account tokens."""
    content = page("/v2/account-members/tokens", dict, entries, total, offset, limit)
    return {**content, "meta": {"account_member_id": member_id, **content["meta"]}}


ACCOUNT_AUTHENTICATION_SETTINGS: dict[str, Any] = {
    "id": "account-authentication",
    "type": "account_authentication_settings",
    "enable_self_signup": True,
    "auto_create_account_for_account_members": True,
    "account_management_authentication_token_timeout_secs": OWNER_TOKEN_LIFETIME,
    "relationships": {
        "authentication_realm": {"data": {"type": "authentication_realm", "id": REALM}}
    },
}
PASSWORD_PROFILE: dict[str, Any] = {
    "id": PROFILE_ID,
    "type": "password_profile",
    "name": "Username and password",
    "username_format": "any",
}
