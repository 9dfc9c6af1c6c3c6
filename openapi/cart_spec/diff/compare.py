"""Compares two documents as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cart_spec.bundle import FILES_KEY
from cart_spec.catalogue import checked_contract
from cart_spec.contract import CATALOGUE_KEY, Contract
from cart_spec.diff.changes import Change, Direction, Use, merged
from cart_spec.diff.fields import field_steps
from cart_spec.diff.operations import OperationComparison, operations_by_key
from cart_spec.diff.rules import rule_changes
from cart_spec.diff.schemas import SchemaComparison
from cart_spec.diff.unchanged import Unchanged
from cart_spec.document import OpenApiDocument
from cart_spec.source import pointer_of

# Both versions of OpenAPI are brought to one form; components are compared in their users.
_ROOT_FIELDS = frozenset({"openapi", "paths", "components", "security", CATALOGUE_KEY, FILES_KEY})
# What an operation accepts is compared by these.
_CREDENTIAL_FIELDS = frozenset({"type", "scheme", "in", "name"})


@dataclass(frozen=True)
class Comparison:
    """What changed, and how much was compared.

    ``compared`` counts the operations that both documents have; ``only_old`` and ``only_new`` name
    the others. ``foreign`` says that only one document has a rule catalogue. Then rules are not
    compared, and of operations only those that both documents have.
    """

    changes: tuple[Change, ...]
    compared: int
    only_old: tuple[str, ...]
    only_new: tuple[str, ...]
    foreign: bool


def compare(old: OpenApiDocument, new: OpenApiDocument) -> Comparison:
    """Compare two documents, operation by operation and rule by rule.

    Raises ContractError if a document has a malformed catalogue.
    """
    contracts = _contracts(old, new)
    foreign = (contracts[0] is None) != (contracts[1] is None)
    before, after = operations_by_key(old), operations_by_key(new)
    unchanged = Unchanged(old, new)
    common = [key for key in before if key in after]
    only_old = [before[key] for key in before if key not in after]
    only_new = [after[key] for key in after if key not in before]

    schemas: dict[Direction, SchemaComparison] = {
        "request": SchemaComparison(old, new, "request"),
        "response": SchemaComparison(old, new, "response"),
    }

    def changes() -> Iterator[Change]:
        if not foreign:
            for operation in only_old:
                name = f"{operation.method.upper()} {operation.path} is gone."
                yield Change.of(
                    "operation-removed", Use(operation.id), "old", operation.pointer, name
                )
            for operation in only_new:
                name = f"{operation.method.upper()} {operation.path} is new."
                yield Change.of(
                    "operation-added", Use(operation.id), "new", operation.pointer, name
                )
            for step in field_steps(
                old, (old.data, ""), new, (new.data, ""), "the document", _ROOT_FIELDS
            ):
                use = Use("document", step.name)
                yield Change.of(step.kind, use, step.side, step.pointer, step.words)
            yield from _scheme_changes(old, new)
        for key in common:
            pair = before[key], after[key]
            if unchanged.has(*pair):
                continue
            yield from OperationComparison(old, new, *pair, foreign, schemas).changes()
        if contracts[0] is not None and contracts[1] is not None:
            yield from rule_changes(contracts[0], contracts[1])

    return Comparison(
        tuple(merged(changes())),
        len(common),
        tuple(operation.id for operation in only_old),
        tuple(operation.id for operation in only_new),
        foreign,
    )


def _scheme_changes(old: OpenApiDocument, new: OpenApiDocument) -> Iterator[Change]:
    """Yield what changed in security schemes that both have, apart from the kind of credentials."""
    before, after = _schemes(old), _schemes(new)
    for name in sorted(before.keys() & after.keys()):
        placed = [
            document.resolved(schemes[name], pointer_of("components", "securitySchemes", name))
            for document, schemes in ((old, before), (new, after))
        ]
        said = f"the security scheme {name}"
        for step in field_steps(old, placed[0], new, placed[1], said, _CREDENTIAL_FIELDS):
            use = Use("document", step.name)
            yield Change.of(step.kind, use, step.side, step.pointer, step.words)


def _schemes(document: OpenApiDocument) -> Mapping[str, Any]:
    found = document.data.get("components", {}).get("securitySchemes")
    return found if isinstance(found, Mapping) else {}


def _contracts(
    old: OpenApiDocument, new: OpenApiDocument
) -> tuple[Contract | None, Contract | None]:
    was, names = _contract(old), [_names(document) for document in (old, new)]
    if was is not None and names[0] == names[1]:
        written = [document.data.get(CATALOGUE_KEY) for document in (old, new)]
        if written[0] == written[1]:
            return was, was  # as valid as the old one
    return was, _contract(new)


def _names(document: OpenApiDocument) -> tuple[list[str], list[str]]:
    """Return what a catalogue may name: the operations, and the examples."""
    examples = document.data.get("components", {}).get("examples", {})
    return sorted(each.id for each in document.operations), sorted(examples)


def _contract(document: OpenApiDocument) -> Contract | None:
    if CATALOGUE_KEY not in document.data:
        return None
    return checked_contract(document)
