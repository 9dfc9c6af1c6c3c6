"""Suggests the smallest request that would have passed, similar to one that was refused.

If the state of the store prevents any request from passing, commands that change the state come
first. A suggestion contains what its operation needs, and the usable ids of the original. The rest
of the original is omitted.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, unquote

from cart_mock.bodies import Malformed
from cart_mock.formats import EMAIL, MAX_NAME, SAFE_ID, UNSAFE_CHARACTER
from cart_mock.inspection.commands import Command
from cart_mock.owners import Owner, OwnerType
from cart_mock.rules.context import RequestContext, TokenRequestContext
from cart_mock.state.accounts import PASSWORD_PROFILE, REALM
from cart_mock.state.store import Store

_ADMIN = "ADMIN_TOKEN"
_TOKENS: Mapping[OwnerType, str] = {"customer": "CUSTOMER_TOKEN", "account": "ACCOUNT_TOKEN"}
_SHOPPER = {"grant_type": "implicit", "client_id": "my-store"}


def suggest_token_request(sent: Mapping[str, str]) -> list[Command]:
    """Return a request for an access token that passes, similar to the form that was sent."""
    form = {
        "grant_type": TokenRequestContext.grant_of(sent) or "implicit",
        "client_id": sent.get("client_id") or "my-store",
    }
    if form["grant_type"] == "client_credentials":
        form["client_secret"] = "$CLIENT_SECRET"  # noqa: S105  # a variable, not a secret
    return [Command("POST", "/oauth/access_token", None, form=form)]


def suggest_with_token(operation_id: str, method: str, target: str, body: Any) -> list[Command]:
    """Return commands for a request without a valid access token: get one, then send it again.

    ``target`` is its path and query, as they were sent; ``body`` is the JSON value that was sent,
    or None.
    """
    token = Command("POST", "/oauth/access_token", None, form=_SHOPPER)
    if operation_id == "createAccessToken":
        return [token]
    return [token, Command(method, target, body=body)]


class Suggester:
    """A source of commands for one refused request, based on the current state of its store."""

    def __init__(self, context: RequestContext, store: Store) -> None:
        self._context = context
        self._store = store
        self._sends: OwnerType | None = _sent_token(context)
        """The kind of owner whose token the request has, or needs."""
        self._caller = context.caller.owner

    def suggest(self, operation_id: str) -> list[Command]:
        """Return commands, the last of which passes."""
        suggestions: dict[str, Callable[[], list[Command]]] = {
            "createCustomerCartAssociation": self._create_association,
            "deleteCustomerCartAssociation": self._delete_association,
            "createAccountCartAssociation": self._create_association,
            "deleteAccountCartAssociation": self._delete_association,
            "getCarts": self._get_carts,
            "createACart": self._create_cart,
            "getACart": self._get_cart,
            "updateACart": self._update_cart,
            "deleteACart": self._delete_cart,
            "getCustomers": lambda: [self._by_administrator("GET", "/v2/customers")],
            "createCustomer": self._create_customer,
            "getCustomer": lambda: self._for_customer("GET"),
            "updateCustomer": lambda: self._for_customer("PUT"),
            "deleteCustomer": lambda: self._for_customer("DELETE"),
            "createCustomerToken": self._log_in,
            "getAccounts": lambda: [self._by_administrator("GET", "/v2/accounts")],
            "createAccount": self._create_account,
            "getAccount": lambda: self._for_account("GET"),
            "updateAccount": lambda: self._for_account("PUT"),
            "deleteAccount": lambda: self._for_account("DELETE"),
            "getAccountMembers": lambda: [self._by_administrator("GET", "/v2/account-members")],
            "getAccountMember": self._get_account_member,
            "getAccountMemberships": lambda: self._for_memberships("GET"),
            "createAccountMembership": lambda: self._for_memberships("POST"),
            "deleteAccountMembership": self._delete_membership,
            "createAccountToken": self._log_in_member,
            "getAccountAuthenticationSettings": lambda: [
                Command("GET", "/v2/settings/account-authentication")
            ],
            "getPasswordProfiles": lambda: [
                Command("GET", f"/v2/authentication-realms/{REALM}/password-profiles")
            ],
        }
        suggestion = suggestions.get(operation_id)
        return self._again(operation_id) if suggestion is None else suggestion()

    def _again(self, operation_id: str) -> list[Command]:
        """Return the same request with valid tokens, or one that adds an item if that failed."""
        context = self._context
        if operation_id == "addCartItems" and context.caller.owner_problem is None:
            data = {"type": "cart_item", **self._some_product(), "quantity": 1}
            return [self._command("POST", context.request.path, {"data": data})]
        if context.caller.owner_problem is None:
            return []
        try:
            body = context.body if context.request.body else None
        except Malformed:
            return []  # the log keeps only the beginning of a large body
        return [self._command(context.request.method, context.request.path, body)]

    def _some_product(self) -> dict[str, str]:
        products = self._store.shop.products(1)
        return {"id": products[0].id} if products else {"sku": "any-sku"}

    # ---- Commands by the same caller or another -------------------------------------------------

    def _command(self, method: str, path: str, body: Any = None) -> Command:
        customer = _TOKENS["customer"] if self._sends == "customer" else None
        account = _TOKENS["account"] if self._sends == "account" else None
        return Command(method, path, customer=customer, account=account, body=body)

    def _by_administrator(self, method: str, path: str, body: Any = None) -> Command:
        return Command(method, path, access=_ADMIN, body=body)

    # ---- Values of the request ------------------------------------------------------------------

    def _sent(self, name: str) -> Any:
        try:
            return self._context.data.get(name)
        except Malformed:
            return None

    def _sent_text(self, name: str, default: str) -> str:
        value = self._sent(name)
        return value if isinstance(value, str) and value.strip() else default

    # ---- Content of the store
    # ---------------------------------------------------------------------

    def _usable_cart(self) -> tuple[list[Command], str]:
        """Return the cart of the path, with a safe id, and what creates it if needed."""
        cart_id = self._context.cart_id
        if not SAFE_ID.fullmatch(cart_id):
            cart_id = UNSAFE_CHARACTER.sub("-", cart_id)
        if self._store.cart(cart_id) is not None:
            return [], cart_id
        body = {"data": {"id": cart_id, "name": "Cart"}}
        return [self._command("POST", "/v2/carts", body)], cart_id

    def _some_customer(self, wanted: Any) -> tuple[list[Command], str]:
        """Return the customer that was sent if it exists, else another, created if needed."""
        if isinstance(wanted, str) and self._store.has_customer(wanted):
            return [], wanted
        others, _ = self._store.customers(0, 1)
        if others:
            return [], others[0].id
        return [self._new_customer(self._free_email())], "$CUSTOMER_ID"

    def _some_account(self, wanted: Any) -> tuple[list[Command], str]:
        """Return the account that was sent if it exists, else another, created if needed."""
        accounts = self._store.accounts
        if isinstance(wanted, str) and accounts.account(wanted) is not None:
            return [], wanted
        others, _ = accounts.accounts(0, 1)
        if others:
            return [], others[0].id
        return [self._new_account()], "$ACCOUNT_ID"

    def _new_account(self) -> Command:
        name = self._sent_text("name", "New account")
        legal = self._sent_text("legal_name", name)
        data = {"type": "account", "name": name, "legal_name": legal}
        return self._by_administrator("POST", "/v2/accounts", {"data": data})

    def _new_customer(self, email: str, **more: str) -> Command:
        data = {"type": "customer", "name": "New customer", "email": email, **more}
        return self._command("POST", "/v2/customers", {"data": data})

    def _free_email(self) -> str:
        emails = (f"shopper-{n}@example.com" for n in itertools.count(1))
        return next(e for e in emails if self._store.customer_with_email(e) is None)

    # ---- Associations ---------------------------------------------------------------------------

    def _create_association(self) -> list[Command]:
        steps, cart_id, owner = self._association()
        cart = self._store.cart(cart_id)
        if cart is not None and cart.contact is not None:
            body = {"data": {"contact": None}}
            steps.append(self._command("PUT", f"/v2/carts/{cart_id}", body))
        path = _association_of(cart_id, owner)
        return [*steps, self._command("POST", path, _identifier(owner))]

    def _delete_association(self) -> list[Command]:
        steps, cart_id, owner = self._association()
        path = _association_of(cart_id, owner)
        return [*steps, self._command("DELETE", path, _identifier(owner))]

    def _association(self) -> tuple[list[Command], str, Owner]:
        context = self._context
        entries = context.entries
        first = entries[0] if isinstance(entries, list) and entries else None
        wanted = first.get("id") if isinstance(first, dict) else None
        kind = context.owner_type
        caller = context.caller
        needs_token = caller.is_anonymous or caller.owner_problem is not None
        self._sends = kind if needs_token or caller.owner is not None else None
        steps: list[Command] = []
        if self._sends is not None:
            owner_id = f"${kind.upper()}_ID" if self._caller is None else self._caller.id
        elif kind == "customer":
            steps, owner_id = self._some_customer(wanted)
        else:
            steps, owner_id = self._some_account(wanted)
        to_cart, cart_id = self._usable_cart()
        return [*steps, *to_cart], cart_id, Owner(kind, owner_id)

    # ---- Carts ----------------------------------------------------------------------------------

    def _name(self) -> str:
        return self._sent_text("name", "Cart")[:MAX_NAME]

    def _get_carts(self) -> list[Command]:
        if self._context.caller.is_anonymous:
            self._sends = "customer"
        return [self._command("GET", "/v2/carts")]

    def _create_cart(self) -> list[Command]:
        data = {"name": self._name()}
        cart_id = self._sent("id")
        is_free = isinstance(cart_id, str) and self._store.cart(cart_id) is None
        if is_free and SAFE_ID.fullmatch(cart_id):
            data["id"] = cart_id
        return [self._command("POST", "/v2/carts", {"data": data})]

    def _get_cart(self) -> list[Command]:
        steps, cart_id = self._usable_cart()
        existed = self._store.cart(cart_id) is not None
        get = self._command("GET", f"/v2/carts/{cart_id}")
        # Reading a cart that does not exist creates it.
        return [*steps, get] if existed else [get]

    def _update_cart(self) -> list[Command]:
        steps, cart_id = self._usable_cart()
        body = {"data": {"name": self._name()}}
        return [*steps, self._command("PUT", f"/v2/carts/{cart_id}", body)]

    def _delete_cart(self) -> list[Command]:
        steps, cart_id = self._usable_cart()
        cart = self._store.cart(cart_id)
        for owner in () if cart is None else cart.owners:
            if self._store.cart_count_of(owner) > 1:
                continue
            if owner == self._caller:
                # Without the association, the cart might only have other owners.
                body = {"data": {"name": "Another cart"}}
                steps.append(self._command("POST", "/v2/carts", body))
            else:
                path, body = _association_of(cart_id, owner), _identifier(owner)
                steps.append(self._by_administrator("DELETE", path, body))
        return [*steps, self._command("DELETE", f"/v2/carts/{cart_id}")]

    # ---- Customers ------------------------------------------------------------------------------

    def _create_customer(self) -> list[Command]:
        email = self._sent_text("email", "")
        if not EMAIL.fullmatch(email) or self._store.customer_with_email(email) is not None:
            email = self._free_email()
        data = {"type": "customer", "name": self._sent_text("name", "New customer"), "email": email}
        return [self._command("POST", "/v2/customers", {"data": data})]

    def _for_customer(self, method: str) -> list[Command]:
        steps: list[Command] = []
        if self._caller is not None:
            send, customer_id = self._command, self._caller.id
        else:
            send = self._by_administrator
            steps, customer_id = self._some_customer(self._context.customer_id)
        path = "/v2/customers/" + (customer_id if "$" in customer_id else quote(customer_id, ""))
        body = None
        if method == "PUT":
            name = self._sent_text("name", "New name")
            body = {"data": {"type": "customer", "name": name}}
        return [*steps, send(method, path, body)]

    def _log_in(self) -> list[Command]:
        email = self._sent_text("email", "")
        steps: list[Command] = []
        customer = self._store.customer_with_email(email) if email else None
        if customer is None or customer.password_hash is None:
            email = self._free_email()
            # A login needs no customer token, and would be refused with an invalid one.
            create = self._new_customer(email, password="$PASSWORD")  # noqa: S106  # a variable
            steps = [create._replace(customer=None)]
        data = {
            "type": "token",
            "email": email,
            "password": "$PASSWORD",
            "authentication_mechanism": "password",
        }
        return [*steps, Command("POST", "/v2/customers/tokens", body={"data": data})]

    # ---- Accounts -------------------------------------------------------------------------------

    def _create_account(self) -> list[Command]:
        return [self._new_account()]

    def _own_account(self) -> tuple[list[Command], str]:
        """Return the account to name, and what creates it if needed."""
        if self._caller is not None:
            return [], self._caller.id
        steps, account_id = self._some_account(self._context.account_id)
        return steps, account_id if "$" in account_id else quote(account_id, "")

    def _send(self, method: str, path: str, body: Any = None) -> Command:
        """Return a request by the account that is logged in, else by an administrator."""
        by = self._command if self._caller is not None else self._by_administrator
        return by(method, path, body)

    def _for_account(self, method: str) -> list[Command]:
        steps, account_id = self._own_account()
        body = None
        if method == "PUT":
            body = {"data": {"type": "account", "name": self._sent_text("name", "New name")}}
        return [*steps, self._send(method, f"/v2/accounts/{account_id}", body)]

    def _get_account_member(self) -> list[Command]:
        steps, member_id = self._some_member(self._context.request.path_params["accountMemberID"])
        return [*steps, self._send("GET", f"/v2/account-members/{member_id}")]

    def _some_member(self, wanted: Any) -> tuple[list[Command], str]:
        """Return the caller, the member that was sent, or another, who signs up if needed."""
        accounts, own = self._store.accounts, self._context.caller.member
        if own is not None:
            return [], quote(own, "")
        if isinstance(wanted, str) and accounts.member(wanted) is not None:
            return [], quote(wanted, "")
        others, _ = accounts.members(0, 1)
        if others:
            return [], quote(others[0].id, "")
        return [self._sign_up(self._free_username())], "$MEMBER_ID"

    def _for_memberships(self, method: str) -> list[Command]:
        steps, account_id = self._own_account()
        body = None
        if method == "POST":
            to_member, member_id = self._some_member(self._sent("account_member_id"))
            steps += to_member
            body = {"data": {"type": "account_membership", "account_member_id": member_id}}
        path = f"/v2/accounts/{account_id}/account-memberships"
        return [*steps, self._send(method, path, body)]

    def _delete_membership(self) -> list[Command]:
        steps, account_id = self._own_account()
        found, _ = self._store.accounts.memberships(unquote(account_id), 0, 1)
        if not found:
            steps += self._for_memberships("POST")[len(steps) :]
        membership_id = quote(found[0].id, "") if found else "$MEMBERSHIP_ID"
        path = f"/v2/accounts/{account_id}/account-memberships/{membership_id}"
        return [*steps, self._send("DELETE", path)]

    def _free_username(self) -> str:
        names = (f"member-{n}@example.com" for n in itertools.count(1))
        return next(n for n in names if self._store.accounts.member_with_username(n) is None)

    def _sign_up(self, username: str) -> Command:
        data = {
            **_ACCOUNT_LOGIN, "authentication_mechanism": "self_signup", "username": username,
            "password": "$PASSWORD", "name": self._sent_text("name", "New member"),
            "email": self._sent_text("email", "member@example.com"),
        }  # fmt: skip
        return Command("POST", "/v2/account-members/tokens", body={"data": data})

    def _log_in_member(self) -> list[Command]:
        username = self._sent_text("username", "")
        member = self._store.accounts.member_with_username(username) if username else None
        if self._sent("authentication_mechanism") == "self_signup":
            free = username if username and member is None else self._free_username()
            return [self._sign_up(free)]
        steps: list[Command] = []
        if member is None or member.password_hash is None:
            username = self._free_username()
            steps = [self._sign_up(username)]
        data = {
            **_ACCOUNT_LOGIN, "authentication_mechanism": "password", "username": username,
            "password": "$PASSWORD",
        }  # fmt: skip
        return [*steps, Command("POST", "/v2/account-members/tokens", body={"data": data})]


_ACCOUNT_LOGIN = {
    "type": "account_management_authentication_token",
    "password_profile_id": PASSWORD_PROFILE,
}


def _sent_token(context: RequestContext) -> OwnerType | None:
    """Return the kind of owner whose token was sent and counts."""
    caller = context.caller
    if caller.owner is not None:
        return caller.owner.type
    return caller.problem_of


def _association_of(cart_id: str, owner: Owner) -> str:
    return f"/v2/carts/{cart_id}/relationships/{owner.type}s"


def _identifier(owner: Owner) -> dict[str, Any]:
    return {"data": [{"type": owner.type, "id": owner.id}]}
