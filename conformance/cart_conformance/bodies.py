"""Reads values from bodies of this API as leniently as a client does."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cart_conformance.errors import Untestable
from cart_conformance.exchange import Answer


def owners_of(cart: dict[str, Any], kind: str) -> list[str]:
    """Return the ids in a cart's relationship with one kind of owner.

    An empty one may be ``{}``, a list, or missing.
    """
    relationships = cart.get("relationships")
    related = relationships.get(f"{kind}s") if isinstance(relationships, dict) else None
    entries = related.get("data") if isinstance(related, dict) else related
    if isinstance(entries, dict):
        entries = [entries]
    if not isinstance(entries, list):
        return []
    return [str(entry["id"]) for entry in entries if isinstance(entry, dict) and "id" in entry]


def account_tokens(answer: Answer) -> list[dict[str, Any]]:
    """Return the entries of an answer to createAccountToken that have a token and an account."""
    entries = answer.data if answer.ok and isinstance(answer.data, list) else []
    return [
        each
        for each in entries
        if isinstance(each, dict)
        and isinstance(each.get("token"), str)
        and isinstance(each.get("account_id"), str)
    ]


def owner_tokens(answer: Answer) -> dict[str, str]:
    """Return the owners' tokens in the answer to a login, by the owner's id."""
    tokens = {each["account_id"]: each["token"] for each in account_tokens(answer)}
    data = answer.data if answer.ok and isinstance(answer.data, dict) else {}
    customer, token = data.get("customer_id"), data.get("token")
    if isinstance(customer, str) and isinstance(token, str) and token:
        tokens[customer] = token
    return tokens


def timestamp(cart: dict[str, Any], name: str) -> str | None:
    """Return one of a cart's timestamps, as the server wrote it."""
    meta = cart.get("meta")
    timestamps = meta.get("timestamps") if isinstance(meta, dict) else None
    value = timestamps.get(name) if isinstance(timestamps, dict) else None
    return value if isinstance(value, str) else None


def instant(text: str | None) -> datetime:
    """Return a timestamp as a point in time. Raises Untestable if it is not valid."""
    try:
        return datetime.fromisoformat(text or "")
    except ValueError:
        raise Untestable(f"{text!r} is not a timestamp") from None


def page_of(answer: Answer) -> list[dict[str, Any]]:
    """Return the entries of a page. Raises Untestable if the answer is not a page."""
    if not answer.ok or not isinstance(answer.data, list):
        raise Untestable(f"a list could not be read: {answer.status}")
    return [entry for entry in answer.data if isinstance(entry, dict)]


def total(answer: Answer, default: int) -> int:
    """Return the number of entries on all pages, according to this page."""
    meta = answer.document.get("meta") if isinstance(answer.document, dict) else None
    results = meta.get("results") if isinstance(meta, dict) else None
    value = results.get("total") if isinstance(results, dict) else None
    return value if isinstance(value, int) else default
