"""The predicates of requests for access tokens and customer tokens."""

from __future__ import annotations

from cart_mock.formats import NAME_LIMIT, format_value
from cart_mock.messages import Violation
from cart_mock.rules.context import RequestContext, TokenRequestContext
from cart_mock.rules.registry import predicate


@predicate
def credentials_wrong(ctx: RequestContext) -> Violation | None:
    # The customer may have been deleted while its password was being checked.
    if ctx.password_matches and ctx.store.customer_with_email(ctx.data["email"]):
        return None
    return Violation(
        "no customer has both", "Send the email and password of a customer who has a password."
    )


@predicate
def grant_invalid(ctx: TokenRequestContext) -> Violation | None:
    form = ctx.form
    if ctx.grant is None:
        sent = form.get("grant_type")
        what = '"grant_type" is absent' if sent is None else f'"grant_type" is {format_value(sent)}'
        return Violation(
            what, "Send client_credentials or implicit, and a client_id.", "grant_type"
        )
    if not form.get("client_id"):
        return Violation('"client_id" is absent', "Send the store's key.", "client_id")
    if len(form["client_id"]) > NAME_LIMIT:
        what = f'"client_id" has {len(form["client_id"])} characters'
        return Violation(what, f"Send one of at most {NAME_LIMIT}.", "client_id")
    if ctx.tenant is None:
        return Violation(
            "this client_id is not one of the pinned ones",
            "Send a key that the mock was started with.",
            "client_id",
            variant="grant-secret-wrong",
        )
    if ctx.grant == "implicit" or ctx.secret_matches:
        return None
    if not form.get("client_secret"):
        what = "it is absent"
    else:
        what = "it is not the one of this client_id"
    hint = "Send the client_secret of the key"
    if not ctx.has_pinned_secret:
        # Without a file of clients there is no other secret that a developer could look up.
        hint += "; the first secret that a client_id is used with becomes the key's"
    return Violation(what, f"{hint}.", "client_secret", variant="grant-secret-wrong")
