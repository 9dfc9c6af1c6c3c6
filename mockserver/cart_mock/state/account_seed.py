"""The accounts of a seed file: their entries, what can be wrong with them, and their export."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec

from cart_mock.auth.passwords import is_hash
from cart_mock.formats import EMAIL
from cart_mock.state.accounts import AccountContent
from cart_mock.state.entities import Account, AccountMember, Membership
from cart_mock.state.turns import in_turns

Time = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time in RFC 3339, with its zone."""


class SeedAccount(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """An account of a seed file. The default of ``legal_name`` is the name."""

    id: str
    name: str
    legal_name: str | None = None
    parent_id: str | None = None
    created_at: Time | None = None
    updated_at: Time | None = None
    kept: dict[str, Any] = {}


class SeedMember(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """An account member of a seed file; without a password there is no login.

    The default of ``username`` is the email.
    """

    id: str
    name: str
    email: str
    username: str | None = None
    password: str | None = None
    password_hash: str | None = None
    created_at: Time | None = None
    updated_at: Time | None = None

    @property
    def login(self) -> str:
        """The username, which is the email unless it is given."""
        return self.email if self.username is None else self.username


class SeedMembership(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Which member belongs to which account, by their ids."""

    account: str
    member: str
    id: str | None = None
    created_at: Time | None = None
    updated_at: Time | None = None

    @property
    def key(self) -> str:
        """The id, which is made of both ids unless it is given."""
        return f"{self.account}--{self.member}" if self.id is None else self.id


Epoch = Callable[[datetime | None], int]
"""Returns a time in seconds since the epoch, given the one of a seed file."""


def account_entities(
    accounts: Iterable[SeedAccount], members: Iterable[SeedMember],
    memberships: Iterable[SeedMembership], hashes: Mapping[str, str], epoch: Epoch,
) -> AccountContent:  # fmt: skip
    """Return the accounts of a seed file; ``hashes`` has the hash of each password."""
    return AccountContent(
        tuple(
            Account(
                id=a.id, name=a.name, legal_name=a.name if a.legal_name is None else a.legal_name,
                parent_id=a.parent_id, kept=a.kept,
                created_at=epoch(a.created_at), updated_at=epoch(a.updated_at),
            )
            for a in in_turns(accounts)
        ),
        tuple(
            AccountMember(
                id=m.id, name=m.name, email=m.email, username=m.login,
                password_hash=m.password_hash if m.password is None else hashes[m.password],
                created_at=epoch(m.created_at), updated_at=epoch(m.updated_at),
            )
            for m in in_turns(members)
        ),
        tuple(
            Membership(m.key, m.account, m.member, epoch(m.created_at), epoch(m.updated_at))
            for m in in_turns(memberships)
        ),
    )  # fmt: skip


def account_problems(account: SeedAccount) -> Iterator[str]:
    """Yield what is wrong with an account."""
    if not account.id or not account.name.strip() or account.legal_name == "":
        yield ": id, name and legal_name must not be empty"


def member_problems(member: SeedMember) -> Iterator[str]:
    """Yield what is wrong with an account member."""
    if not member.id or not member.name or not member.login:
        yield ": id, name and username must not be empty"
    if not EMAIL.fullmatch(member.email):
        yield f".email: {member.email!r} is not an email address"
    if member.password_hash is not None:
        if member.password is not None:
            yield ": has both a password and a password_hash; leave one out"
        if not is_hash(member.password_hash):
            yield ".password_hash: is not an Argon2 hash; send a password instead"


def account_lists(
    content: AccountContent, time: Callable[[int], str] | None
) -> dict[str, Iterator[dict[str, Any]]]:
    """Return the lists of an export that are not empty. ``time`` formats the times, if any."""

    def stamps(value: Account | AccountMember | Membership) -> dict[str, str]:
        if time is None:
            return {}
        return {"created_at": time(value.created_at), "updated_at": time(value.updated_at)}

    lists: dict[str, Iterator[dict[str, Any]]] = {
        "accounts": (
            {
                "id": a.id, "name": a.name, "legal_name": a.legal_name,
                **({} if a.parent_id is None else {"parent_id": a.parent_id}),
                **({"kept": a.kept} if a.kept else {}),
                **stamps(a),
            }
            for a in in_turns(content.accounts)
        ),
        "members": (
            {
                "id": m.id, "name": m.name, "email": m.email, "username": m.username,
                **({} if m.password_hash is None else {"password_hash": m.password_hash}),
                **stamps(m),
            }
            for m in in_turns(content.members)
        ),
        "memberships": (
            {"id": m.id, "account": m.account, "member": m.member, **stamps(m)}
            for m in in_turns(content.memberships)
        ),
    }  # fmt: skip
    present = zip(lists, content, strict=True)
    return {name: lists[name] for name, entities in present if entities}
