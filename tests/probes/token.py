"""Requests that violate the rules of tokens."""

from __future__ import annotations

from collections.abc import Iterator

from tests.probes.row import (
    ACCOUNT_HEADER,
    ACCOUNT_LOGIN,
    GRANT,
    LOGIN,
    SIGNUP,
    Probe,
    probe,
    probes,
    without,
)

NOBODY = "nobody@example.com"


@probes
def credentials_wrong() -> Iterator[Probe]:
    for login in (
        {**LOGIN, "password": "a guess"},
        {**LOGIN, "password": ""},
        {**LOGIN, "email": NOBODY},
        {**LOGIN, "email": NOBODY, "password": ""},
        without(LOGIN, "password"),
        without(LOGIN, "email"),
        {**LOGIN, "email": ["ada@example.com"]},
    ):
        yield probe("createCustomerToken", body={"data": login})


@probes
def account_credentials_wrong() -> Iterator[Probe]:
    source = "data.password_profile_id"
    for login in (
        {**ACCOUNT_LOGIN, "password": "a guess"},
        {**ACCOUNT_LOGIN, "password": ""},
        {**ACCOUNT_LOGIN, "username": NOBODY},
        without(ACCOUNT_LOGIN, "password"),
        without(ACCOUNT_LOGIN, "username"),
        {**ACCOUNT_LOGIN, "username": ["ann@example.com"]},
    ):
        yield probe("createAccountToken", body={"data": login})
    for login in (
        {**ACCOUNT_LOGIN, "password_profile_id": "another"},
        without(ACCOUNT_LOGIN, "password_profile_id"),
        {**SIGNUP, "password_profile_id": "another"},
    ):
        yield probe("createAccountToken", body={"data": login}, source=source)
    mechanism = ACCOUNT_LOGIN["type"]
    switch = {"type": mechanism, "authentication_mechanism": mechanism}
    yield probe("createAccountToken", body={"data": switch}, source=ACCOUNT_HEADER)


@probes
def username_taken() -> Iterator[Probe]:
    for username in ("ann@example.com", "ANN@example.com"):
        body = {"data": {**SIGNUP, "username": username}}
        yield probe("createAccountToken", body=body, source="data.username")


@probes
def grant_invalid() -> Iterator[Probe]:
    for form in (
        {"grant_type": "password", "client_id": "{client_id}"},
        without(GRANT, "grant_type"),
        {**GRANT, "grant_type": ""},
        {**GRANT, "grant_type": "Implicit"},
    ):
        yield probe("createAccessToken", body=form, source="grant_type")
    for form in ({"grant_type": "implicit"}, {"grant_type": "implicit", "client_id": ""}):
        yield probe("createAccessToken", body=form, source="client_id")
    for form in (without(GRANT, "client_secret"), {**GRANT, "client_secret": "wrong"}):
        yield probe("createAccessToken", body=form, source="client_secret")
