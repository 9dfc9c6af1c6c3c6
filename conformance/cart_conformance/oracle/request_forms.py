"""Distinguishes requests that the contract describes from those that it does not, rules aside.

No rule says how to answer an undescribed request, so any refusal or success is allowed.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from cart_spec import Contract
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from openapi_schema_validator import OAS30WriteValidator

from cart_conformance.oracle.request_view import ASSOCIATION_OPERATIONS, RequestView, is_safe_id
from cart_conformance.oracle.rule_conditions import LONGEST_ID, PAGE_RANGES

# Fields that have their own rules, so the schema need not be checked.
_RULED = {
    "createACart": {"name", "id"},
    "updateACart": {"name"},
    "createCustomer": {"type", "name", "email"},
    "updateCustomer": {"type", "name", "email"},
    "createCustomerToken": {"email", "password"},
}
_OF_CARTS = {
    "custom_attributes", "discount_settings", "inventory_settings", "snapshot_date", "is_quote",
}  # fmt: skip
# Fields that no rule is about: their values have limits that only a deployment knows.
_UNRULED = {
    "createACart": _OF_CARTS,
    "updateACart": _OF_CARTS,
    "createCustomer": {"external_ref"},
    "updateCustomer": {"external_ref"},
}
_KNOWN_QUERY = frozenset(PAGE_RANGES)


class RequestForms:
    """The request bodies and parameters of the contract, to compare requests with."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._validator = cache(self._make)

    def doubt(self, view: RequestView) -> str | None:
        """Return why a deployment may refuse this request only because of its form, or None."""
        if view.is_oversized:
            return "it is very long"
        if view.operation == "getACart" and not view.known.cart_exists(view.cart_id):
            return "a cart of that id may have been deleted, and need not be made again"
        if _has_odd_cart_id(view):
            return "the cart id in the path has an unsafe character, or is very long"
        if any(name not in _KNOWN_QUERY for name, _ in view.query):
            return "it has a query parameter whose values are not described"
        if self._takes_body(view):
            return self._body_doubt(view)
        return None

    def _takes_body(self, view: RequestView) -> bool:
        return view.operation is not None and "requestBody" in self._operation(view.operation)

    def _body_doubt(self, view: RequestView) -> str | None:
        if view.operation == "createAccessToken":
            return None
        if view.body and not view.has_json_type:
            return "its media type is not JSON"
        if view.json.ambiguous:
            return "readers of JSON differ over its body"
        if view.operation in ASSOCIATION_OPERATIONS:
            return self._entry_doubt(view)
        if view.json.malformed:
            return "its body is not JSON"
        return self._schema_doubt(view)

    def _entry_doubt(self, view: RequestView) -> str | None:
        if any(entry.keys() - {"type", "id"} for entry in view.objects):
            return "an identifier has more members than type and id"
        if isinstance(view.json.value, dict) and view.json.value.keys() - {"data"}:
            return "there is more than data"
        return None

    def _schema_doubt(self, view: RequestView) -> str | None:
        assert view.operation is not None
        ruled = _RULED.get(view.operation, set())
        for error in self._validator(view.operation).iter_errors(view.json.value):
            if not _is_ruled(error, ruled):
                return "its body does not match the schema"
        if view.data.keys() & _UNRULED.get(view.operation, set()):
            return "it has fields that no rule is about"
        if _has_controls(view.data):
            return "its body has control characters in it"
        return None

    def _operation(self, operation_id: str) -> Any:
        method, path = self._contract.operations[operation_id]
        return self._contract.document["paths"][path][method.lower()]

    def _make(self, operation_id: str) -> Validator:
        schema = self._operation(operation_id)["requestBody"]["content"]["application/json"]
        root = {"allOf": [schema["schema"]], "components": self._contract.document["components"]}
        validator: Validator = OAS30WriteValidator(root)
        return validator


def _has_odd_cart_id(view: RequestView) -> bool:
    """Return whether the cart id is unsafe or long. Only associations have a rule about that."""
    if "cartID" not in view.parameters or view.operation in ASSOCIATION_OPERATIONS:
        return False
    return not is_safe_id(view.cart_id) or len(view.cart_id) > LONGEST_ID


def _is_ruled(error: ValidationError, ruled: set[str]) -> bool:
    """Return whether an error is about a field under ``data`` that has a rule."""
    path = [str(part) for part in error.absolute_path]
    if path[:1] != ["data"]:
        return False
    if len(path) == 1:
        missing = error.validator == "required" and isinstance(error.instance, dict)
        return missing and bool({name for name in ruled if repr(name) in error.message})
    return path[1] in ruled


def _has_controls(value: Any) -> bool:
    """Return whether a text in a JSON value contains characters that stores or proxies may drop."""
    if isinstance(value, dict):
        return any(_has_controls(part) for part in (*value, *value.values()))
    if isinstance(value, list):
        return any(map(_has_controls, value))
    return isinstance(value, str) and any(
        ord(character) < 32
        or 127 <= ord(character) < 160
        or 0xFDD0 <= ord(character) <= 0xFDEF
        or ord(character) & 0xFFFE == 0xFFFE
        for character in value
    )
