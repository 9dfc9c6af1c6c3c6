"""Correct servers that differ in all choices of the contract: the suite must accept them."""

from __future__ import annotations

import pytest

from tests.conformance.servers.reference import Free

VARIANTS: dict[str, Free] = {
    "as the mock chooses": Free(),
    "texts in detail, statuses as strings, and all that version 2 of the contract left free": Free(
        status_as_string=True,
        texts_in_detail=True,
        microseconds=True,
        empty_relation="list",
        extra_fields=True,
        media_type="application/vnd.api+json; charset=utf-8",
        contact_inside=400,
        bad_customer_token=401,
        bare_tokens=False,
        show_all_carts=False,
        carts_are_locked=False,
        customer_errors_have_status=False,
        customer_list_has_links=False,
        second_customer="is ignored",
        statuses={"customer-invalid": 400},
    ),
    "carts made lazily and locked, few checks": Free(
        lazy_carts=True,
        carts_are_locked=True,
        unknown_customers=True,
        bare_array=False,
        emails_unique=False,
        lenient_pages=True,
        repeat_touches=True,
        association_touches=True,
        empty_relation="bare",
        contact_removable=False,
        tokens_outlive_customers=True,
        taken_id_returns_cart=True,
        null_name_is_no_name=True,
        customer_list_reads_token=False,
        second_customer="replaces",
        weak_passwords=False,
    ),
    "other checks first, other refusals, opaque tokens": Free(
        last_check_first=True,
        opaque_tokens=True,
        empty_relation="null",
        empty_token_is_one=True,
        delete_missing_refused=True,
        two_entries=True,
        shouting=True,
        second_customer="is refused",
        statuses={
            "customer-token-required": 401,
            "cart-id-unsafe": 404,
            "entry-not-object": 400,
            "customer-missing": 403,
            "customer-id-missing": 422,
            "cart-not-found": 410,
            "contact-on-registered-cart": 400,
            "carts-need-an-owner": 400,
            "page-out-of-range": 422,
            "customer-record-not-permitted": 404,
            "customer-invalid": 400,
            "credentials-wrong": 400,
            "new-cart-id-unsafe": 422,
            "grant-invalid": 403,
        },
    ),
}

TRIED = [
    pytest.param(name, marks=pytest.mark.large if number in (0, 2) else [])
    for number, name in enumerate(VARIANTS)
]
"""The variants for layers of generated requests, which try the others in large runs only."""
