"""Breaks of the rules of accounts, their members, and the tokens of accounts."""

from __future__ import annotations

from collections.abc import Callable

from cart_mock.api import serializers
from cart_mock.breaks.generic import refusal
from cart_mock.breaks.helpers import content, done, status, text, with_content
from cart_mock.breaks.hooks import (
    Break,
    IgnoreRule,
    PatchError,
    PatchRequest,
    PatchResponse,
    breaks_of,
    on,
)
from cart_mock.messages import Answer, json_answer
from cart_mock.rules.context import RequestContext
from cart_mock.state.accounts import PASSWORD_PROFILE
from cart_mock.state.entities import Account

CREATE, READ, LOGIN = "createAccount", "getAccount", "createAccountToken"

_RECORD = refusal(
    "account-record-not-permitted",
    [
        ("read-accepted", "An implicit token alone may read accounts and members.",
         IgnoreRule(on("GET"))),
        ("create-accepted", "An implicit token alone may create accounts and memberships.",
         IgnoreRule(on("POST"))),
        ("delete-accepted", "An implicit token alone may delete accounts and memberships.",
         IgnoreRule(on("DELETE"))),
    ],
    subject="Access to accounts with an implicit token alone",
)  # fmt: skip


def _of_others(ctx: RequestContext) -> None:
    """Find the account that the path names, whichever account is logged in."""
    if "accountID" in ctx.request.path_params:
        ctx.account = ctx.store.accounts.account(ctx.account_id)


def _made_up(ctx: RequestContext, answer: Answer) -> Answer:
    if answer.refused_by != "account-unknown":
        return answer
    unknown = Account(ctx.account_id, "Unknown", "Unknown", ctx.now, ctx.now)
    return json_answer(200, {"data": serializers.account(unknown)})


_UNKNOWN = refusal(
    "account-unknown",
    [
        ("of-others-accepted", "An account token gives access to every account.",
         PatchRequest(_of_others)),
        ("made-up", "GET of an account that does not exist returns an invented one.",
         PatchResponse(_made_up, (READ,))),
        ("delete-ignored", "DELETE of an account that does not exist is answered with 204.",
         PatchError(done, on("DELETE"))),
    ],
    needed=True,
)  # fmt: skip

_RESOURCE = refusal(
    "account-resource-unknown",
    [
        ("delete-ignored", "DELETE of a membership that does not exist is answered with 204.",
         PatchError(done, on("DELETE"))),
    ],
    needed=True,
)  # fmt: skip

_INVALID = refusal("account-invalid", needed=True)


def _has_right_profile(ctx: RequestContext) -> bool:
    return ctx.data.get("password_profile_id") == PASSWORD_PROFILE


def _is_known(ctx: RequestContext) -> bool:
    username = ctx.data.get("username")
    accounts = ctx.store.accounts
    return isinstance(username, str) and accounts.member_with_username(username) is not None


def _is_password_wrong(ctx: RequestContext) -> bool:
    return _has_right_profile(ctx) and _is_known(ctx)


def _any_profile(ctx: RequestContext) -> bool:
    signs_up = ctx.data.get("authentication_mechanism") == "self_signup"
    return not _has_right_profile(ctx) and (signs_up or (_is_known(ctx) and ctx.password_matches))


_CREDENTIALS = refusal(
    "account-credentials-wrong",
    [
        ("any-password", "Any password of a known username is accepted.",
         IgnoreRule(_is_password_wrong)),
        ("any-profile", "The password profile does not matter.", IgnoreRule(_any_profile)),
        ("tells-apart", "An unknown username gets a 404, a wrong password a 400.",
         PatchError(status(404), lambda ctx: not _is_known(ctx))),
        ("tells-apart-in-words",
         "An unknown username has a different text than a wrong password.",
         PatchError(text, lambda ctx: not _is_known(ctx))),
    ],
    needed=True,
)  # fmt: skip

_TAKEN = refusal("username-taken", subject="A second member with the same username")


def _changed(status_code: int) -> PatchResponse:
    def show(_ctx: RequestContext, answer: Answer) -> Answer:
        if answer.status >= 400:
            return answer
        return Answer(status_code, answer.headers, answer.body)

    return PatchResponse(show, (CREATE if status_code == 202 else LOGIN,))


def _body(change: Callable[[dict[str, object]], None]) -> PatchResponse:
    """Change each account token of a login."""

    def show(_ctx: RequestContext, answer: Answer) -> Answer:
        if answer.status >= 400:
            return answer
        body = content(answer)
        for one in body["data"]:
            change(one)
        return with_content(answer, body)

    return PatchResponse(show, (LOGIN,))


def _without_account(one: dict[str, object]) -> None:
    del one["account_id"]


_SUCCESS = breaks_of(
    "success-answer",
    [
        ("account-created-202", "POST of an account answers 202.", _changed(202)),
        ("account-login-200", "A login of an account member answers 200.", _changed(200)),
        ("account-login-account", "An account token does not say whose it is.",
         _body(_without_account)),
        ("account-login-expires", "An account token expires in epoch seconds.",
         _body(lambda one: one.update(expires=1_800_000_000))),
    ],
)  # fmt: skip

ACCOUNTS: tuple[Break, ...] = (
    *_RECORD,
    *_UNKNOWN,
    *_RESOURCE,
    *_INVALID,
    *_CREDENTIALS,
    *_TAKEN,
    *_SUCCESS,
)
