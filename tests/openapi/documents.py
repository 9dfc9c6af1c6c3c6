"""Documents for the tests: the contract's own, changed in one place."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache
from typing import Any

from cart_spec.contract import CATALOGUE_KEY, CONTRACT_PATH, owners_of, rule_ids
from cart_spec.document import OpenApiDocument, load, parse

Change = Callable[[dict[str, Any]], None]


@cache
def contract_document() -> OpenApiDocument:
    """The contract document, read once."""
    return load(CONTRACT_PATH)


def changed(change: Change, name: str = "changed.yaml") -> OpenApiDocument:
    """The contract document after ``change`` was made to it."""
    data = copy.deepcopy(dict(contract_document().data))
    change(data)
    return parse(json.dumps(data, indent=1), name)


def edited(change: Change) -> OpenApiDocument:
    """The contract document after ``change``, without its lines: this is faster."""
    data = copy.deepcopy(dict(contract_document().data))
    change(data)
    return OpenApiDocument("edited.yaml", data, {})


def rule_of(data: dict[str, Any], rule_id: str) -> dict[str, Any]:
    """The entry of a document's catalogue that states a rule, for each kind of owner if it does."""
    catalogue = data[CATALOGUE_KEY]
    owners = owners_of(catalogue)
    entry: dict[str, Any] = next(
        entry for entry in catalogue["rules"] if rule_id in rule_ids(entry, owners)
    )
    return entry


def example_error(data: dict[str, Any], name: str) -> dict[str, Any]:
    """The first error of a named example in a document's data."""
    error: dict[str, Any] = data["components"]["examples"][name]["value"]["errors"][0]
    return error
