"""What each operation does once its rules have passed: change the store, return the content.

Each function is named after its ``operationId``, but for the two of associations, which are the
same for customers and accounts. It returns the content of the answer, or None for
an answer without any; the statuses of both are in the contract.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from msgspec.structs import replace

from cart_mock.api import item_serializers, serializers
from cart_mock.auth import passwords
from cart_mock.auth.tokens import Grant, Tokens
from cart_mock.owners import Owner
from cart_mock.rules.cart_filter import CartFilter, accounts_of, cart_test, parse_cart_filter
from cart_mock.rules.context import (
    DEFAULT_TOKEN_LIMIT,
    RequestContext,
    TokenRequestContext,
)
from cart_mock.rules.customer_query import (
    CustomerFilter,
    customer_test,
    parse_customer_filter,
    sort_key,
)
from cart_mock.state.accounts import REALM
from cart_mock.state.entities import (
    Account,
    AccountMember,
    Cart,
    Contact,
    Customer,
    Membership,
)

E = TypeVar("E")

Content = dict[str, Any] | bytes | None
"""The content of an answer: a JSON object, an encoded one, or nothing."""

_KEPT_OF_CARTS = (
    "custom_attributes", "discount_settings", "inventory_settings", "snapshot_date", "is_quote",
)  # fmt: skip
_OWN_FIELDS_OF_CUSTOMERS = {
    "id", "type", "name", "email", "password", "links", "meta", "relationships",
}  # fmt: skip
_OWN_FIELDS_OF_ACCOUNTS = {
    "id", "type", "name", "legal_name", "parent_id", "links", "meta", "relationships",
}  # fmt: skip
CART_NAME = "Cart"
"""The name of a cart that is created by reading an unknown id."""


# ---- Associations -------------------------------------------------------------------------------


def create_association(ctx: RequestContext) -> Content:
    cart, owner = existing_cart(ctx), ctx.owner
    if owner in cart.owners:
        return None
    ctx.store.associate(cart, owner)
    return {"data": [serializers.identifier(owner)]}


def delete_association(ctx: RequestContext) -> Content:
    cart, owner = existing_cart(ctx), ctx.owner
    if owner in cart.owners:
        ctx.store.dissociate(cart, owner)
    return None


# ---- Carts --------------------------------------------------------------------------------------


def get_carts(ctx: RequestContext) -> Content:
    owner, offset, limit = ctx.caller.owner, ctx.offset, ctx.limit
    wanted = parse_cart_filter(ctx.query.get("filter", "")) if owner is None else None
    shows_all = ctx.store.shop.settings.show_all_carts
    if wanted is not None:
        carts, total = _filtered_carts(ctx, wanted, shows_all=shows_all)
        shown = [serializers.shown_cart(cart) for cart in carts]
        return serializers.page("/v2/carts", shown, total, offset, limit)
    if owner is not None:
        cart_ids, total = ctx.store.cart_ids_of(owner, offset, limit)
    elif shows_all:
        cart_ids, total = ctx.store.cart_ids(offset, limit)
    else:
        cart_ids, total = ctx.store.registered_cart_ids(offset, limit)
    encoded = ctx.store.made_of(cart_ids, serializers.encoded_cart)
    return serializers.page("/v2/carts", encoded, total, offset, limit)


def _filtered_carts(
    ctx: RequestContext, wanted: CartFilter, *, shows_all: bool
) -> tuple[list[Cart], int]:
    """Return the page of the carts that pass a filter, newest update first, and their number."""
    offset, limit, accounts = ctx.offset, ctx.limit, accounts_of(wanted)
    passes = cart_test(wanted)
    if shows_all and len(wanted) == len(wanted[0]) == 1 and wanted[0][0][0] == "eq":
        return ctx.store.carts_named(wanted[0][0][1], offset, limit)
    if accounts is None:
        return ctx.store.carts_that(
            lambda name, owners: (shows_all or bool(owners)) and passes(name, owners),
            offset,
            limit,
        )
    every = [Owner("account", account) for account in dict.fromkeys(accounts)]
    if len(every) == len(wanted) == len(wanted[0]) == 1:
        return ctx.store.carts_of(every[0], offset, limit)
    carts: dict[str, Cart] = {}
    for owner in every:
        own, _ = ctx.store.carts_of(owner, 0, ctx.store.cart_count_of(owner))
        carts.update((cart.id, cart) for cart in own if passes(cart.name, cart.owners))
    found = sorted(carts.values(), key=lambda cart: cart.updated_at, reverse=True)
    return found[offset : offset + limit], len(found)


def create_a_cart(ctx: RequestContext) -> Content:
    data = ctx.data
    cart = new_cart(
        ctx,
        data.get("id") or ctx.tenant.new_id(),
        name=data["name"],
        description=data.get("description", ""),
        contact=_contact(data.get("contact")),
        kept=_kept_of_cart(data),
    )
    ctx.store.put_cart(cart)
    return {"data": serializers.shown_cart(cart)}


def get_a_cart(ctx: RequestContext) -> Content:
    cart = ctx.cart
    if cart is None:
        cart = new_cart(ctx, ctx.cart_id, name=CART_NAME)
        ctx.store.put_read_cart(cart)
    content: dict[str, Any] = {"data": serializers.shown_cart(cart)}
    if ctx.request.query and "items" in ctx.query.get("include", "").split(","):
        content["included"] = {"items": item_serializers.cart_items(cart)["data"]}
    return content


def update_a_cart(ctx: RequestContext) -> Content:
    cart, data = existing_cart(ctx), ctx.data
    changed = replace(
        cart,
        name=data.get("name", cart.name),
        description=data.get("description", cart.description),
        contact=_contact(data["contact"]) if "contact" in data else cart.contact,
        kept={**cart.kept, **_kept_of_cart(data)},
        updated_at=ctx.now,
        lifetime=ctx.store.shop.settings.cart_lifetime,
    )
    ctx.store.put_cart(changed)
    return {"data": serializers.shown_cart(changed)}


def delete_a_cart(ctx: RequestContext) -> Content:
    ctx.store.delete_cart(ctx.cart_id)
    return None


def existing_cart(ctx: RequestContext) -> Cart:
    """Return the cart of a request whose checks have found that it exists."""
    return required(ctx.cart, "cart")


def required(value: E | None, what: str) -> E:
    """Return a value that the rules require. Raises LookupError if they let a request pass without.

    ``what`` names it.
    """
    if value is None:
        raise LookupError(f"the rules let a request pass whose {what} does not exist")
    return value


def new_cart(
    ctx: RequestContext,
    cart_id: str,
    *,
    name: str,
    description: str = "",
    contact: Contact | None = None,
    kept: dict[str, Any] | None = None,
) -> Cart:
    """Return a new cart, associated with the owner who is logged in; it is not stored yet."""
    owner = ctx.caller.owner
    return Cart(
        id=cart_id,
        name=name,
        description=description,
        contact=contact,
        owners=() if owner is None else (owner,),
        created_at=ctx.now,
        updated_at=ctx.now,
        kept=kept or {},
        lifetime=ctx.store.shop.settings.cart_lifetime,
    )


def _kept_of_cart(data: dict[str, Any]) -> dict[str, Any]:
    return {name: data[name] for name in _KEPT_OF_CARTS if name in data}


def _contact(sent: dict[str, Any] | None) -> Contact | None:
    if sent is None or not sent.get("email"):
        return None
    return Contact(email=sent["email"], name=sent.get("name"))


# ---- Customers ----------------------------------------------------------------------------------


def get_customers(ctx: RequestContext) -> Content:
    offset, limit = ctx.offset, ctx.limit
    wanted = parse_customer_filter(ctx.query.get("filter", ""))
    order = ctx.query.get("sort")
    if wanted is None and not order:
        customers, total = ctx.store.customers(offset, limit)
    else:
        found = _filtered_customers(ctx, wanted)
        if order:
            found.sort(key=sort_key(order), reverse=order.startswith("-"))
        customers, total = found[offset : offset + limit], len(found)
    data = [serializers.customer(customer) for customer in customers]
    return serializers.page("/v2/customers", data, total, offset, limit)


def _filtered_customers(ctx: RequestContext, wanted: CustomerFilter | None) -> list[Customer]:
    """Return the customers that pass, newest first. All but exact emails and ids scan them all."""
    store = ctx.store
    if wanted is not None and len(wanted) == len(wanted[0]) == 1:
        operator, field, value = wanted[0][0]
        if operator == "eq" and field in ("email", "id"):
            one = store.customer_with_email(value) if field == "email" else store.customer(value)
            return [] if one is None else [one]
        if operator == "eq":
            return store.customers_named(value)
    everyone, _ = store.customers(0, sys.maxsize)
    return everyone if wanted is None else list(filter(customer_test(wanted), everyone))


def create_customer(ctx: RequestContext) -> Content:
    customer = Customer(
        id=ctx.tenant.new_id(),
        name=ctx.data["name"],
        email=ctx.data["email"],
        password_hash=ctx.password_hash,
        created_at=ctx.now,
        updated_at=ctx.now,
        kept=_kept_of_customer(ctx.data),
    )
    ctx.store.put_customer(customer)
    return {"data": serializers.customer(customer)}


def get_customer(ctx: RequestContext) -> Content:
    return {"data": serializers.customer(_customer(ctx))}


def update_customer(ctx: RequestContext) -> Content:
    customer, data = _customer(ctx), ctx.data
    changed = replace(
        customer,
        name=data.get("name", customer.name),
        email=data.get("email", customer.email),
        password_hash=ctx.password_hash or customer.password_hash,
        updated_at=ctx.now,
        kept={**customer.kept, **_kept_of_customer(data)},
    )
    ctx.store.put_customer(changed)
    return {"data": serializers.customer(changed)}


def delete_customer(ctx: RequestContext) -> Content:
    ctx.store.delete_customer(ctx.customer_id)
    return None


def _kept_of_customer(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in _OWN_FIELDS_OF_CUSTOMERS}


def _customer(ctx: RequestContext) -> Customer:
    return required(ctx.customer, "customer")


async def _hash_password(ctx: RequestContext) -> None:
    password = ctx.data.get("password")
    if isinstance(password, str) and password:
        ctx.password_hash = await passwords.hash_in_thread(password)


# ---- Accounts -----------------------------------------------------------------------------------


def get_accounts(ctx: RequestContext) -> Content:
    offset, limit, own = ctx.offset, ctx.limit, ctx.caller.account_id
    if own is None:
        accounts, total = ctx.store.accounts.accounts(offset, limit)
    else:
        accounts, total = _only(ctx.store.accounts.account(own), offset)
    data = [serializers.account(account) for account in accounts]
    return serializers.page("/v2/accounts", data, total, offset, limit)


def create_account(ctx: RequestContext) -> Content:
    data = ctx.data
    account = Account(
        id=ctx.tenant.new_id(),
        name=data["name"],
        legal_name=data["legal_name"],
        parent_id=data.get("parent_id"),
        created_at=ctx.now,
        updated_at=ctx.now,
        kept=_kept_of_account(data),
    )
    ctx.store.accounts.put_account(account)
    return {"data": serializers.account(account)}


def get_account(ctx: RequestContext) -> Content:
    return {"data": serializers.account(_account(ctx))}


def update_account(ctx: RequestContext) -> Content:
    account, data = _account(ctx), ctx.data
    changed = replace(
        account,
        name=data.get("name", account.name),
        legal_name=data.get("legal_name", account.legal_name),
        updated_at=ctx.now,
        kept={**account.kept, **_kept_of_account(data)},
    )
    ctx.store.accounts.put_account(changed)
    return {"data": serializers.account(changed)}


def delete_account(ctx: RequestContext) -> Content:
    ctx.store.delete_account(ctx.account_id)
    return None


def _kept_of_account(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in _OWN_FIELDS_OF_ACCOUNTS}


def _account(ctx: RequestContext) -> Account:
    return required(ctx.account, "account")


def _only(one: E | None, offset: int) -> tuple[list[E], int]:
    """Return the page of a list that has one entry at most, and its length."""
    found = [] if one is None else [one]
    return found[offset:], len(found)


# ---- Account members ----------------------------------------------------------------------------


def get_account_members(ctx: RequestContext) -> Content:
    offset, limit, own = ctx.offset, ctx.limit, ctx.caller.member
    if own is None:
        members, total = ctx.store.accounts.members(offset, limit)
    else:
        members, total = _only(ctx.store.accounts.member(own), offset)
    data = [serializers.account_member(member) for member in members]
    return serializers.page("/v2/account-members", data, total, offset, limit)


def get_account_member(ctx: RequestContext) -> Content:
    member = required(ctx.account_member, "account member")
    return {"data": serializers.account_member(member)}


def get_account_memberships(ctx: RequestContext) -> Content:
    account, offset, limit = _account(ctx), ctx.offset, ctx.limit
    found, total = ctx.store.accounts.memberships(account.id, offset, limit)
    path = f"/v2/accounts/{quote(account.id, '')}/account-memberships"
    data = [serializers.membership(membership) for membership in found]
    return serializers.page(path, data, total, offset, limit)


def create_account_membership(ctx: RequestContext) -> Content:
    account, member_id = _account(ctx), ctx.data["account_member_id"]
    membership = ctx.store.accounts.membership_of(account.id, member_id)
    if membership is None:
        membership = Membership(ctx.tenant.new_id(), account.id, member_id, ctx.now, ctx.now)
        ctx.store.accounts.put_membership(membership)
    return {"data": serializers.membership(membership)}


def delete_account_membership(ctx: RequestContext) -> Content:
    membership_id = ctx.request.path_params["accountMembershipID"]
    membership = ctx.store.accounts.membership(ctx.account_id, membership_id)
    ctx.store.accounts.delete_membership(required(membership, "membership"))
    return None


# ---- Tokens -------------------------------------------------------------------------------------


def create_access_token(tokens: Tokens, ctx: TokenRequestContext) -> Content:
    tenant = required(ctx.tenant, "key")
    grant: Grant = required(ctx.grant, "grant")
    token, expires = tokens.issue_access(
        tenant.name, grant, tenant.now(), tenant.new_id(), incarnation=tenant.incarnation
    )
    return serializers.access_token(token, grant, expires)


async def _check_password(ctx: RequestContext) -> None:
    email, password = ctx.data.get("email"), ctx.data.get("password")
    if isinstance(email, str) and isinstance(password, str):
        customer = ctx.store.customer_with_email(email)
        known = None if customer is None else customer.password_hash
        ctx.password_matches = await passwords.matches_in_thread(password, known)


def create_customer_token(tokens: Tokens, ctx: RequestContext) -> Content:
    tenant = ctx.tenant
    customer = required(ctx.store.customer_with_email(ctx.data["email"]), "customer")
    token_id = tenant.new_id()
    owner = Owner("customer", customer.id)
    token, expires = tokens.issue_owner(
        tenant.name, owner, ctx.caller.now, token_id, incarnation=tenant.incarnation
    )
    return {"data": serializers.customer_token(token_id, customer.id, token, expires)}


async def _prepare_account_token(ctx: RequestContext) -> None:
    match ctx.data.get("authentication_mechanism"):
        case "self_signup":
            await _hash_password(ctx)
        case "password":
            username, password = ctx.data.get("username"), ctx.data.get("password")
            if isinstance(username, str) and isinstance(password, str):
                member = ctx.store.accounts.member_with_username(username)
                known = None if member is None else member.password_hash
                ctx.password_matches = await passwords.matches_in_thread(password, known)


def create_account_token(tokens: Tokens, ctx: RequestContext) -> Content:
    member, offset, limit = _member(ctx), ctx.offset, ctx.limit_or(DEFAULT_TOKEN_LIMIT)
    accounts, total = ctx.store.accounts.accounts_of(member.id, offset, limit)
    issued = []
    for account in accounts:
        owner, token_id = Owner("account", account.id), ctx.tenant.new_id()
        token, expires = tokens.issue_owner(
            ctx.tenant.name,
            owner,
            ctx.caller.now,
            token_id,
            member.id,
            incarnation=ctx.tenant.incarnation,
        )
        issued.append(serializers.account_token(account, token, expires))
    return serializers.account_tokens(member.id, issued, total, offset, limit)


def _member(ctx: RequestContext) -> AccountMember:
    """Return the member who logs in, a new one with an account of its own for a self_signup."""
    data, accounts = ctx.data, ctx.store.accounts
    if data["authentication_mechanism"] == "self_signup":
        member = AccountMember(
            id=ctx.tenant.new_id(), name=data["name"], email=data["email"],
            username=data["username"], password_hash=ctx.password_hash,
            created_at=ctx.now, updated_at=ctx.now,
        )  # fmt: skip
        account = Account(ctx.tenant.new_id(), data["name"], data["name"], ctx.now, ctx.now)
        membership = Membership(ctx.tenant.new_id(), account.id, member.id, ctx.now, ctx.now)
        accounts.sign_up(member, account, membership)
        return member
    if data["authentication_mechanism"] == "password":
        found = accounts.member_with_username(data["username"])
    else:
        found = accounts.member(ctx.caller.member or "")
    return required(found, "account member")


def get_account_authentication_settings(_ctx: RequestContext) -> Content:
    return {"data": serializers.ACCOUNT_AUTHENTICATION_SETTINGS}


def get_password_profiles(ctx: RequestContext) -> Content:
    path = f"/v2/authentication-realms/{REALM}/password-profiles"
    profiles = [serializers.PASSWORD_PROFILE]
    found, limit, offset = profiles[ctx.offset :], ctx.limit, ctx.offset
    return serializers.page(path, found[:limit], len(profiles), offset, limit)


PREPARATIONS: Mapping[str, Callable[[RequestContext], Awaitable[None]]] = {
    "createCustomer": _hash_password,
    "updateCustomer": _hash_password,
    "createCustomerToken": _check_password,
    "createAccountToken": _prepare_account_token,
}
"""The slow work of operations, done in a thread before their rules judge."""


def handlers(tokens: Tokens) -> dict[str, Callable[[Any], Content]]:
    """Return the function of each operation, by its ``operationId``.

    All take a RequestContext, but for ``createAccessToken``, which takes a TokenRequestContext.
    """
    return {
        "createAccessToken": partial(create_access_token, tokens),
        "createCustomerCartAssociation": create_association,
        "deleteCustomerCartAssociation": delete_association,
        "createAccountCartAssociation": create_association,
        "deleteAccountCartAssociation": delete_association,
        "getCarts": get_carts,
        "createACart": create_a_cart,
        "getACart": get_a_cart,
        "updateACart": update_a_cart,
        "deleteACart": delete_a_cart,
        "getCustomers": get_customers,
        "createCustomer": create_customer,
        "getCustomer": get_customer,
        "updateCustomer": update_customer,
        "deleteCustomer": delete_customer,
        "createCustomerToken": partial(create_customer_token, tokens),
        "getAccounts": get_accounts,
        "createAccount": create_account,
        "getAccount": get_account,
        "updateAccount": update_account,
        "deleteAccount": delete_account,
        "getAccountMembers": get_account_members,
        "getAccountMember": get_account_member,
        "getAccountMemberships": get_account_memberships,
        "createAccountMembership": create_account_membership,
        "deleteAccountMembership": delete_account_membership,
        "createAccountToken": partial(create_account_token, tokens),
        "getAccountAuthenticationSettings": get_account_authentication_settings,
        "getPasswordProfiles": get_password_profiles,
    }
