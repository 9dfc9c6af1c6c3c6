"""Getting access tokens and customer tokens."""

from __future__ import annotations

from mockserver.facts import Facts, GrantFacts
from mockserver.http import Breach
from mockserver.rules.registry import predicate
from mockserver.text import shown


@predicate
def credentials_wrong(facts: Facts) -> Breach | None:
    # The customer may have been deleted while its password was being checked.
    if facts.password_matches and facts.store.customer_with_email(facts.data["email"]):
        return None
    return Breach(
        "no customer has both", "Send the email and password of a customer who has a password."
    )


@predicate
def grant_invalid(facts: GrantFacts) -> Breach | None:
    form = facts.form
    if facts.grant is None:
        sent = form.get("grant_type")
        what = '"grant_type" is absent' if sent is None else f'"grant_type" is {shown(sent)}'
        return Breach(what, "Send client_credentials or implicit, and a client_id.", "grant_type")
    if not form.get("client_id"):
        return Breach('"client_id" is absent', "Send the store's key.", "client_id")
    if facts.store is None:
        return Breach(
            "this client_id is not one of the pinned ones",
            "Send a key that the mock was started with.",
            "client_id",
            variant="grant-secret-wrong",
        )
    if facts.grant == "implicit" or facts.secret_holds:
        return None
    if not form.get("client_secret"):
        what = "it is absent"
    else:
        what = "it is not the one of this client_id"
    return Breach(
        what, "Send the client_secret of the key.", "client_secret", variant="grant-secret-wrong"
    )
