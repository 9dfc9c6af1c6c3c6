"""Checks the rule catalogue of any document against its schema, and reports where problems are.

The loader (:mod:`cart_spec.contract`) trusts the shape of what it reads: it loads the document that
ships with this package, and a mock waits for it to start.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from cart_spec.contract import (
    CATALOGUE_KEY,
    Contract,
    ContractError,
    contract_of,
    owners_of,
    rule_ids,
)
from cart_spec.document import OpenApiDocument
from cart_spec.source import pointer_of

SCHEMA_PATH = Path(__file__).with_name("catalogue.schema.json")
"""The JSON schema of the catalogue, which ships with this package."""

_BASE = pointer_of(CATALOGUE_KEY)


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads(SCHEMA_PATH.read_text(encoding="utf-8")))


@lru_cache(maxsize=4)
def catalogue_problems(document: OpenApiDocument) -> tuple[tuple[str, str], ...]:
    """Return what is wrong with a document's catalogue, as (JSON pointer, message).

    If its shape is right, these are the problems that the loader reports.
    """
    return tuple(_problems(document))


def _problems(document: OpenApiDocument) -> Iterator[tuple[str, str]]:
    if CATALOGUE_KEY not in document.data:
        yield "", f"there is no {CATALOGUE_KEY}"
        return
    misshapen = False
    for error in _validator().iter_errors(document.data[CATALOGUE_KEY]):
        misshapen = True
        message = " ".join(error.message.split())
        yield _BASE + pointer_of(*error.absolute_path), message[:300]
    if misshapen:
        return
    try:
        contract_of(document.data, "the catalogue")
    except ContractError as error:
        for problem in str(error).removeprefix("the catalogue: ").split("; "):
            yield _named_entry(document, problem), problem


@lru_cache(maxsize=4)
def checked_contract(document: OpenApiDocument) -> Contract:
    """Return the contract in a document.

    Raises ContractError with the line of the first problem of its catalogue.
    """
    for pointer, problem in catalogue_problems(document):
        raise ContractError(f"{document.place(pointer)}: {problem}")
    return contract_of(document.data, document.name)


def first_error(contract: Contract, example: str) -> Mapping[str, Any]:
    """Return the first error in a named example, or an empty mapping."""
    value = contract.document["components"]["examples"][example].get("value")
    entries = value.get("errors") if isinstance(value, Mapping) else None
    first = entries[0] if isinstance(entries, list) and entries else None
    return first if isinstance(first, Mapping) else {}


def _named_entry(document: OpenApiDocument, problem: str) -> str:
    """Return the pointer of the first catalogue entry whose id the problem names."""
    catalogue = document.data[CATALOGUE_KEY]
    words = set(re.findall(r"[a-z]+(?:-[a-z]+)*", problem))
    owners = owners_of(catalogue)
    for section in ("rules", "protocol_errors", "disagreements"):
        entries: list[Mapping[str, Any]] = catalogue[section]
        for index, entry in enumerate(entries):
            if words.intersection(rule_ids(entry, owners)):
                return f"{_BASE}/{section}/{index}"
    return _BASE
