"""Binds the contract document to the fixtures of a run, so that generators use them."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from cart_spec import Contract

from cart_conformance.exchange import ACCOUNT_TOKEN, CUSTOMER_TOKEN


class Callers(NamedTuple):
    """The values of the headers with tokens: access tokens, customer tokens, account tokens."""

    access: Sequence[str] = ()
    customer: Sequence[str] = ()
    account: Sequence[str] = ()


_KEPT_COMPONENTS = ("schemas", "responses", "requestBodies", "examples", "links")


def bound_document(
    contract: Contract,
    operations: Iterable[str],
    *,
    carts: Mapping[str, list[str]],
    customers: list[str],
    logins: list[str],
    callers: Callers | None = None,
    named: Sequence[str] | None = None,
    accounts: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the document with only these operations, limited to things of the run.

    ``carts`` and ``customers`` are the ids that paths may name, ``carts`` by operation. ``named``
    are the customers that bodies may name, by default the same. ``logins`` are the emails that may
    log in. ``accounts`` are the accounts that bodies may name. ``callers`` are the values of the
    headers with tokens. They become plain header parameters, so that a generator varies, omits and
    corrupts one of them at a time. Random tokens would hide every other fault. Associations accept
    only the envelope.
    """
    document: dict[str, Any] = copy.deepcopy(dict(contract.document))
    wanted = set(operations)
    paths: dict[str, Any] = {}
    for operation, (method, template) in contract.operations.items():
        if operation not in wanted:
            continue
        item = document["paths"][template]
        # Two operations of one path may take different carts, so each gets its own parameters.
        parameters = [
            _bound(_resolved(document, each), carts.get(operation, []), customers)
            for each in (*item.get("parameters", ()), *item[method.lower()].get("parameters", ()))
        ]
        bound = item[method.lower()] | {
            "parameters": [
                *(each for each in parameters if each["in"] != "header"),
                *_caller_parameters(operation, parameters, callers or Callers()),
            ],
            "security": [],
        }
        paths.setdefault(template, {})[method.lower()] = bound
    _drop_links(document, paths, wanted)
    _bind_schemas(document["components"]["schemas"], named or customers, logins, accounts)
    for name in ("Association", "AccountAssociation"):
        body = document["components"]["requestBodies"][name]["content"]["application/json"]
        body["schema"] = {"$ref": f"#/components/schemas/{name}Body"}
    for content in _request_bodies(document, paths):
        content.pop("examples", None)  # they name carts of others
    kept = {name: document[name] for name in ("openapi", "info")}
    components = {name: document["components"][name] for name in _KEPT_COMPONENTS}
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


def _caller_parameters(
    operation: str, parameters: Sequence[Mapping[str, Any]], callers: Callers
) -> list[dict[str, Any]]:
    """Return the header parameters that identify the caller.

    A deployment may ignore a token if the contract does not declare it. Each operation gets the
    token of one kind of owner: two in one request would hide every other fault.
    """
    name, tokens = CUSTOMER_TOKEN, callers.customer
    if "Account" in operation:
        name, tokens = ACCOUNT_TOKEN, callers.account
    is_read = any(each["name"] == name for each in parameters)
    headers = (
        ("Authorization", True, callers.access),
        (name, False, tokens if is_read else ()),
    )
    return [
        {
            "name": name,
            "in": "header",
            "required": required,
            "schema": {"type": "string", "enum": list(values)},
        }
        for name, required, values in headers
        if values
    ]


def _drop_links(document: Mapping[str, Any], paths: Mapping[str, Any], wanted: set[str]) -> None:
    """Remove the links to operations that are not in the document."""
    links = document["components"]["links"]
    for name in [name for name, link in links.items() if link["operationId"] not in wanted]:
        del links[name]
    for item in paths.values():
        for operation in item.values():
            for response in operation["responses"].values():
                named = response.get("links", {})
                for name in [
                    n for n, ref in named.items() if ref["$ref"].split("/")[-1] not in links
                ]:
                    del named[name]


def _request_bodies(document: Mapping[str, Any], paths: Mapping[str, Any]) -> Iterable[Any]:
    bodies = [
        operation.get("requestBody", {}) for item in paths.values() for operation in item.values()
    ]
    for body in (*bodies, *document["components"]["requestBodies"].values()):
        yield from body.get("content", {}).values()


def _bind_schemas(
    schemas: dict[str, Any],
    customers: Sequence[str],
    logins: list[str],
    accounts: Sequence[str],
) -> None:
    if accounts:
        schemas["AccountIdentifier"]["properties"]["id"] = {
            "type": "string",
            "enum": list(accounts),
        }
    if customers:
        schemas["ResourceIdentifier"]["properties"]["id"] = {
            "type": "string",
            "enum": list(customers),
        }
    if logins:
        schemas["CustomerTokenRequest"]["properties"]["email"] = {"type": "string", "enum": logins}
