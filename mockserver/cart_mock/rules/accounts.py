"""The predicates of accounts, their members, and the tokens that members log in for."""

from __future__ import annotations

from typing import Any

from cart_mock.formats import format_value, kind
from cart_mock.messages import Violation
from cart_mock.rules.context import ACCOUNT_HEADER, RequestContext
from cart_mock.rules.registry import predicate
from cart_mock.state.accounts import PASSWORD_PROFILE, REALM


@predicate
def account_record_not_permitted(ctx: RequestContext) -> Violation | None:
    if not ctx.caller.is_anonymous:
        return None
    return Violation(
        "an implicit access token needs an account token here",
        f"Send {ACCOUNT_HEADER}, or call as administrator.",
        ACCOUNT_HEADER,
    )


@predicate
def account_unknown(ctx: RequestContext) -> Violation | None:
    if ctx.account is not None:
        return None
    own = ctx.caller.account_id
    if own is not None and own != ctx.account_id:
        what = f"the account of the token is not {format_value(ctx.account_id)}"
        hint = f"Send the id of the account that is logged in, {format_value(own)}."
    else:
        what = ctx.absent("account", ctx.account_id)
        hint = "Create it with POST /v2/accounts first."
    return Violation(what, hint, "accountID")


@predicate
def account_resource_unknown(ctx: RequestContext) -> Violation | None:
    params, accounts = ctx.request.path_params, ctx.store.accounts
    if "authenticationRealmID" in params:
        realm = params["authenticationRealmID"]
        if realm == REALM:
            return None
        what, source = f"authentication realm {format_value(realm)}", "authenticationRealmID"
        hint = "GET /v2/settings/account-authentication names the realm."
    elif "accountMembershipID" in params:
        membership_id = params["accountMembershipID"]
        if accounts.membership(ctx.account_id, membership_id) is not None:
            return None
        what, source = f"membership {format_value(membership_id)}", "accountMembershipID"
        hint = "GET /v2/accounts/ACCOUNT_ID/account-memberships lists them."
    elif "accountMemberID" in params:
        if ctx.account_member is not None:
            return None
        what = f"account member {format_value(params['accountMemberID'])}"
        hint, source = "GET /v2/account-members lists them.", "accountMemberID"
    else:
        member_id = ctx.data.get("account_member_id")
        if not isinstance(member_id, str) or accounts.member(member_id) is not None:
            return None
        what, source = f"account member {format_value(member_id)}", "data.account_member_id"
        hint = "GET /v2/account-members lists them."
    return Violation(f"there is no {what}", hint, source)


@predicate
def account_invalid(ctx: RequestContext) -> Violation | None:
    data = ctx.data
    if data.get("type") != "account":
        what = f'"type" is {format_value(data["type"])}' if "type" in data else '"type" is absent'
        return Violation(what, 'Send "type":"account".', "data.type")
    for name in ("name", "legal_name"):
        problem = _problem(data, name, is_update=ctx.request.method == "PUT")
        if problem is not None:
            hint = "Send a text of at least one character."
            return Violation(problem, hint, f"data.{name}")
    return None


def _problem(data: dict[str, Any], name: str, *, is_update: bool) -> str | None:
    if name not in data:
        return None if is_update else f'"{name}" is absent'
    value = data[name]
    if not isinstance(value, str):
        return f'"{name}" is {kind(value)}'
    return None if value.strip() else f'"{name}" is blank'


@predicate
def account_credentials_wrong(ctx: RequestContext) -> Violation | None:
    data = ctx.data
    mechanism = data.get("authentication_mechanism")
    if mechanism == "account_management_authentication_token":
        if ctx.caller.member is not None:
            return None
        return Violation(
            "no account token is sent", f"Send {ACCOUNT_HEADER} with an account token.",
            ACCOUNT_HEADER,
        )  # fmt: skip
    if mechanism not in ("password", "self_signup"):
        return None  # the schema lists the mechanisms
    profile = data.get("password_profile_id")
    if profile != PASSWORD_PROFILE:
        what = "is absent" if profile is None else f"is {format_value(profile)}"
        return Violation(
            f'"password_profile_id" {what}',
            f"Send {format_value(PASSWORD_PROFILE)}, as "
            f"GET /v2/authentication-realms/{REALM}/password-profiles lists it.",
            "data.password_profile_id",
        )
    if mechanism == "self_signup":
        return None
    # The member may have been deleted while its password was being checked.
    if ctx.password_matches and ctx.store.accounts.member_with_username(data["username"]):
        return None
    return Violation(
        "no account member has both",
        "Send the username and the password of a member, or sign up with self_signup first.",
    )


@predicate
def username_taken(ctx: RequestContext) -> Violation | None:
    username = ctx.data.get("username")
    if ctx.data.get("authentication_mechanism") != "self_signup" or not isinstance(username, str):
        return None
    if ctx.store.accounts.member_with_username(username) is None:
        return None
    return Violation(
        "another account member has it",
        "Send another username, or log that member in.",
        "data.username",
    )


def signup_incomplete(ctx: RequestContext) -> Violation | None:
    """Return what a self_signup lacks. It has no rule; other logins need less."""
    if ctx.data.get("authentication_mechanism") != "self_signup":
        return None
    for name in ("username", "password", "name", "email"):
        value = ctx.data.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            what = "absent" if value is None else "blank"
            return Violation(f'"{name}" is {what}', f"Send a {name}.", f"data.{name}")
    return None
