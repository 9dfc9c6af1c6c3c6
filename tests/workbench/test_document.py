"""The control API's document: valid, complete, and served."""

from __future__ import annotations

from cart_mock.testing import CartMock
from cart_mock.workbench.app import DOCUMENT_PATH
from cart_mock.workbench.routes import OPERATIONS
from cart_spec.contract import iter_operations, read_document
from openapi_spec_validator import validate

DOCUMENT = read_document(DOCUMENT_PATH)


def test_the_document_is_valid_openapi() -> None:
    validate(DOCUMENT)


def test_every_operation_is_implemented_and_every_function_documented() -> None:
    documented = [operation["operationId"] for _, _, operation in iter_operations(DOCUMENT)]
    assert sorted(documented) == sorted(OPERATIONS)


def test_every_operation_documents_its_errors() -> None:
    silent = [
        operation["operationId"]
        for _, _, operation in iter_operations(DOCUMENT)
        if operation["responses"].get("default") != {"$ref": "#/components/responses/Error"}
    ]
    assert silent == []


def test_the_document_is_served_with_its_own_user_interface(cart_mock: CartMock) -> None:
    served = cart_mock.client.get("/_mock/openapi.json").json()
    assert served["info"]["title"] == DOCUMENT["info"]["title"]
    assert "swagger" in cart_mock.client.get("/_mock/ui/").text.lower()
