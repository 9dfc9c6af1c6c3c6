"""The accounts of a store, their members, and which member belongs to which account."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import NamedTuple, TypeVar

from cart_mock.state.entities import Account, AccountMember, Membership
from cart_mock.state.shared_documents import SharedDocuments, documents_of, reader
from cart_mock.state.tinydb_tables import (
    Changes,
    Database,
    InMemoryStorage,
    KeyedTable,
    Tables,
)
from cart_mock.state.turns import in_turns

REALM = "account-members"
"""The id of the authentication realm of account members; every store has this one."""
PASSWORD_PROFILE = "username-and-password"  # noqa: S105  # the id of a profile
"""The id of the realm's password profile."""
TABLES = ("accounts", "account_members", "account_memberships")

E = TypeVar("E", Account, AccountMember, Membership)


class AccountContent(NamedTuple):
    """All accounts of a store, oldest first."""

    accounts: tuple[Account, ...] = ()
    members: tuple[AccountMember, ...] = ()
    memberships: tuple[Membership, ...] = ()

    def tables(self) -> Tables:
        """Return the documents of each table."""
        return {
            "accounts": documents_of(self.accounts),
            "account_members": documents_of(self.members),
            "account_memberships": documents_of(self.memberships),
        }


NO_ACCOUNTS = AccountContent()


class Accounts:
    """Accounts, members and memberships in TinyDB tables, next to a store's carts.

    No cost grows with what others have: memberships are indexed by account and by member, members
    by username. Raises msgspec.ValidationError if the storage holds something else.
    """

    def __init__(self, storage: InMemoryStorage, database: Database) -> None:
        self._storage = storage
        self._accounts = database.keyed("accounts")
        self._members = database.keyed("account_members")
        self._memberships = database.keyed("account_memberships")
        self.index()

    def index(self) -> None:
        """Build the indexes of what the storage holds."""
        self._shared = SharedDocuments()
        self._is_sharing = False
        self._member_by_username: dict[str, str] = {}
        # For each account and each member: the memberships, by the id at their other end.
        self._members_of: dict[str, dict[str, str]] = {}
        self._accounts_of: dict[str, dict[str, str]] = {}
        # Those whose entries in the indexes are not shared with the base.
        self._own_accounts: set[str] = set()
        self._own_members: set[str] = set()
        content = self.freeze()()
        for member in in_turns(content.members):
            self._member_by_username[member.username.lower()] = member.id
        for membership in in_turns(content.memberships):
            self._index_membership(membership)

    def _index_membership(self, membership: Membership) -> None:
        account, member = membership.account, membership.member
        self._own_members_of(account)[member] = membership.id
        self._own_accounts_of(member)[account] = membership.id

    # ---- Accounts ---------------------------------------------------------------------------

    def account(self, account_id: str) -> Account | None:
        """Return the account with that id, or None."""
        return self._read(self._accounts, account_id, Account)

    def accounts(self, offset: int, limit: int) -> tuple[list[Account], int]:
        """Return a page of the accounts, newest first, and how many there are in all."""
        page = islice(self._accounts.newest_first(), offset, offset + limit)
        return _present(map(self.account, page)), len(self._accounts)

    def put_account(self, account: Account) -> None:
        """Create or replace an account."""
        self._accounts.put(account.id, account)

    def removal_of_account(self, account_id: str) -> Changes:
        """Return the changes that delete an account and its memberships, for the store."""
        changes: Changes = {"accounts": {account_id: None}}
        memberships = self._members_of.get(account_id)
        if memberships:
            changes["account_memberships"] = dict.fromkeys(memberships.values())
        return changes

    def forget_account(self, account_id: str) -> None:
        """Remove an account from the indexes, after it was deleted."""
        self._unshare()
        for member in self._members_of.pop(account_id, {}):
            del self._own_accounts_of(member)[account_id]

    # ---- Members ----------------------------------------------------------------------------

    def member(self, member_id: str) -> AccountMember | None:
        """Return the member with that id, or None."""
        return self._read(self._members, member_id, AccountMember)

    def member_with_username(self, username: str) -> AccountMember | None:
        """Return the member with that username in any letter case, or None."""
        member_id = self._member_by_username.get(username.lower())
        return None if member_id is None else self.member(member_id)

    def members(self, offset: int, limit: int) -> tuple[list[AccountMember], int]:
        """Return a page of the members, newest first, and how many there are in all."""
        page = islice(self._members.newest_first(), offset, offset + limit)
        return _present(map(self.member, page)), len(self._members)

    def put_member(self, member: AccountMember) -> None:
        """Create or replace a member."""
        self._unshare()
        old = self.member(member.id)
        self._members.put(member.id, member)
        if old is not None:
            del self._member_by_username[old.username.lower()]
        self._member_by_username[member.username.lower()] = member.id

    def sign_up(self, member: AccountMember, account: Account, membership: Membership) -> None:
        """Create a member, an account and the membership in it, together."""
        with self._storage.transaction():
            self._accounts.put(account.id, account)
            self._members.put(member.id, member)
            self._memberships.put(membership.id, membership)
        self._unshare()
        self._member_by_username[member.username.lower()] = member.id
        self._index_membership(membership)

    def delete_member(self, member_id: str) -> None:
        """Delete a member and its memberships, together; its accounts stay."""
        member = self.member(member_id)
        if member is None:
            return
        self._unshare()
        memberships = self._accounts_of.pop(member_id, {})
        changes: Changes = {"account_members": {member_id: None}}
        if memberships:
            changes["account_memberships"] = dict.fromkeys(memberships.values())
        self._storage.commit(changes)
        del self._member_by_username[member.username.lower()]
        for account in memberships:
            del self._own_members_of(account)[member_id]

    # ---- Memberships ------------------------------------------------------------------------

    def membership(self, account_id: str, membership_id: str) -> Membership | None:
        """Return a membership of that account, or None."""
        found = self._read(self._memberships, membership_id, Membership)
        return found if found is not None and found.account == account_id else None

    def membership_of(self, account_id: str, member_id: str) -> Membership | None:
        """Return the membership of a member in an account, or None."""
        membership_id = self._members_of.get(account_id, {}).get(member_id)
        return None if membership_id is None else self.membership(account_id, membership_id)

    def memberships(self, account_id: str, offset: int, limit: int) -> tuple[list[Membership], int]:
        """Return a page of an account's memberships, newest first, and how many it has."""
        found = self._members_of.get(account_id, {})
        page = islice(reversed(found.values()), offset, offset + limit)
        return _present(self.membership(account_id, each) for each in page), len(found)

    def accounts_of(self, member_id: str, offset: int, limit: int) -> tuple[list[Account], int]:
        """Return a page of a member's accounts, oldest membership first, and how many it has."""
        found = self._accounts_of.get(member_id, {})
        return _present(map(self.account, islice(found, offset, offset + limit))), len(found)

    def put_membership(self, membership: Membership) -> None:
        """Create a membership."""
        self._unshare()
        self._memberships.put(membership.id, membership)
        self._index_membership(membership)

    def delete_membership(self, membership: Membership) -> None:
        """Delete a membership."""
        self._unshare()
        self._storage.commit({"account_memberships": {membership.id: None}})
        del self._own_members_of(membership.account)[membership.member]
        del self._own_accounts_of(membership.member)[membership.account]

    # ---- The whole --------------------------------------------------------------------------

    def share(self, base: Accounts, shared: SharedDocuments) -> None:
        """Use the indexes of accounts whose ``shared`` tables are in the storage."""
        self._shared = shared
        self._is_sharing = True
        self._own_accounts, self._own_members = set(), set()
        self._member_by_username = base._member_by_username
        self._members_of = base._members_of
        self._accounts_of = base._accounts_of

    def _unshare(self) -> None:
        """Make the indexes this store's own, before they are changed."""
        if self._is_sharing:
            self._is_sharing = False
            self._member_by_username = self._member_by_username.copy()
            self._members_of = self._members_of.copy()
            self._accounts_of = self._accounts_of.copy()

    def _own_members_of(self, account_id: str) -> dict[str, str]:
        """Return the memberships of an account by member, to be changed."""
        return self._owned(self._members_of, account_id, self._own_accounts)

    def _own_accounts_of(self, member_id: str) -> dict[str, str]:
        """Return the memberships of a member by account, to be changed."""
        return self._owned(self._accounts_of, member_id, self._own_members)

    def _owned(self, index: dict[str, dict[str, str]], key: str, owned: set[str]) -> dict[str, str]:
        entry = index.setdefault(key, {})
        if self._shared.tables and key not in owned:
            owned.add(key)
            entry = index[key] = entry.copy()
        return entry

    def _read(self, table: KeyedTable, document_id: str, kind: type[E]) -> E | None:
        documents = self._storage.documents(table.name)
        return self._shared.read(table.name, documents, document_id, reader(kind))

    def freeze(self) -> Callable[[], AccountContent]:
        """Return a function that returns everything as it is now; a thread may call it later."""
        tables = {name: self._storage.documents(name).copy() for name in TABLES}
        shared = self._shared

        def all_of(name: str, kind: type[E]) -> tuple[E, ...]:
            return tuple(shared.read_all(name, tables[name], kind))

        def read() -> AccountContent:
            return AccountContent(
                all_of("accounts", Account),
                all_of("account_members", AccountMember),
                all_of("account_memberships", Membership),
            )

        return read


def _present(found: Iterable[E | None]) -> list[E]:
    return [entity for entity in found if entity is not None]
