"""The contract document bound to one run's own fixtures, for generators to generate from."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from cart_spec import Contract


def bound_document(
    contract: Contract,
    operations: Iterable[str],
    *,
    carts: Mapping[str, list[str]],
    customers: list[str],
    logins: list[str],
) -> dict[str, Any]:
    """The document with these operations only, over nothing but what the run made.

    ``carts`` and ``customers`` are the ids that paths may name, ``carts`` by operation; customers
    may be named in bodies too. ``logins`` are the emails that may log in. Associations take the
    envelope only. Header parameters and security are left out: who calls is decided elsewhere, as
    a token made up at random would hide every other fault behind its own refusal.
    """
    document: dict[str, Any] = copy.deepcopy(dict(contract.document))
    wanted = set(operations)
    paths: dict[str, Any] = {}
    for operation, (method, template) in contract.operations.items():
        if operation not in wanted:
            continue
        item = document["paths"][template]
        # Two operations of one path may take different carts: the parameters go to each.
        parameters = [
            _bound(_resolved(document, each), carts.get(operation, []), customers)
            for each in (*item.get("parameters", ()), *item[method.lower()].get("parameters", ()))
        ]
        bound = item[method.lower()] | {
            "parameters": [each for each in parameters if each["in"] != "header"],
            "security": [],
        }
        bound.pop("links", None)
        paths.setdefault(template, {})[method.lower()] = bound
    _bind_schemas(document["components"]["schemas"], customers, logins)
    body = document["components"]["requestBodies"]["Association"]["content"]["application/json"]
    body["schema"] = {"$ref": "#/components/schemas/AssociationBody"}
    body.pop("examples", None)
    kept = {name: document[name] for name in ("openapi", "info")}
    components = {
        name: document["components"][name]
        for name in ("schemas", "responses", "requestBodies", "examples")
    }
    return kept | {"paths": paths, "components": components}


def _resolved(document: Mapping[str, Any], parameter: Mapping[str, Any]) -> dict[str, Any]:
    reference = parameter.get("$ref")
    if reference is None:
        return dict(parameter)
    return dict(document["components"]["parameters"][reference.rsplit("/", 1)[1]])


def _bound(parameter: dict[str, Any], carts: list[str], customers: list[str]) -> dict[str, Any]:
    ids = {"cartID": carts, "customerID": customers}.get(parameter["name"])
    if ids is not None:
        parameter["schema"] = {"type": "string", "enum": ids}
        parameter.pop("example", None)
    return parameter


def _bind_schemas(schemas: dict[str, Any], customers: list[str], logins: list[str]) -> None:
    if customers:
        schemas["ResourceIdentifier"]["properties"]["id"] = {"type": "string", "enum": customers}
    if logins:
        schemas["CustomerTokenRequest"]["properties"]["email"] = {"type": "string", "enum": logins}
