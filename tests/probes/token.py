"""Requests that violate the rules of tokens."""

from __future__ import annotations

from collections.abc import Iterator

from tests.probes.row import (
    GRANT,
    LOGIN,
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
