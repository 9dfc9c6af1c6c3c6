"""Renders carts, customers, tokens and pages for answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from cart_mock.api.item_serializers import cart_meta, item_identifiers
from cart_mock.api.timestamps import timestamp
from cart_mock.auth.tokens import ACCESS_TOKEN_LIFETIME
from cart_mock.messages import encode_json
from cart_mock.state.entities import Cart, Customer

E = TypeVar("E")


def identifier(customer_id: str) -> dict[str, str]:
    """Return the resource identifier of a customer."""
    return {"type": "customer", "id": customer_id}


def cart(value: Cart) -> dict[str, Any]:
    """Return a cart as the API renders it."""
    rendered: dict[str, Any] = {
        "id": value.id,
        "type": "cart",
        "name": value.name,
        "description": value.description,
        "links": {"self": f"/v2/carts/{value.id}"},
        "meta": cart_meta(value),
        "relationships": {
            "customers": {"data": [identifier(c) for c in value.customers]}
            if value.customers
            else {},
            "items": {"data": item_identifiers(value)},
        },
    }
    if value.contact is not None:
        contact = value.contact
        named = {} if contact.name is None else {"name": contact.name}
        rendered["contact"] = {**named, "email": contact.email}
    return {**value.kept, **rendered} if value.kept else rendered


def cart_json(value: Cart) -> msgspec.Raw:
    """Return a cart as the API renders it, encoded once and kept with the immutable cart."""
    kept: msgspec.Raw | None = value.__dict__.get("json")
    if kept is None:
        kept = value.__dict__["json"] = msgspec.Raw(encode_json(cart(value)))
    return kept


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
