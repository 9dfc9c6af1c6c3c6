"""Plans the flow that associations are for: a cart made on a phone is found again on a laptop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cart_spec.document import OpenApiDocument
from cart_spec.errors import RefusedInputError
from cart_spec.export.steps import RUN, Capture, Listed, Plan, Step

_EMAIL = f"ada-{{{{{RUN}}}}}@example.com"
_PASSWORD = "correct horse"  # noqa: S105 - of a customer that exists for one run
_CUSTOMER_HEADER = "X-Moltin-Customer-Token"


class UnsuitedDocumentError(RefusedInputError):
    """The document lacks an operation that the flow needs."""


def two_devices(document: OpenApiDocument) -> Plan:
    """Return the plan of the two-device flow. Raises UnsuitedDocumentError."""
    flow = _Flow(document)
    return Plan(
        "twoDevices",
        "A cart on two devices",
        "A shopper makes a cart on a phone, registers, and associates the cart. On a laptop the "
        "customer logs in and finds the cart in the list. After the association is deleted, the "
        "cart is no longer in the list.",
        (
            flow.access_token("phone"),
            flow.step(
                "createTheCart",
                "createACart",
                "The phone makes a cart for a shopper who is not logged in.",
                device="phone",
                body={"data": {"name": "Weekend list"}},
                captures=(Capture("cartID", ("data", "id")),),
            ),
            flow.step(
                "register",
                "createCustomer",
                "The shopper registers.",
                device="phone",
                body={
                    "data": {
                        "type": "customer",
                        "name": "Ada Lovelace",
                        "email": _EMAIL,
                        "password": _PASSWORD,
                    }
                },
                captures=(Capture("customerID", ("data", "id")),),
            ),
            flow.customer_token("phone"),
            flow.association("associate", "createCustomerCartAssociation", "phone"),
            flow.access_token("laptop"),
            flow.customer_token("laptop"),
            flow.step(
                "findTheCart",
                "getCarts",
                "The laptop lists the customer's carts and finds the one from the phone.",
                device="laptop",
                customer=True,
                checks=(Listed("cartID", present=True),),
            ),
            flow.association("disassociate", "deleteCustomerCartAssociation", "laptop"),
            flow.step(
                "missTheCart",
                "getCarts",
                "The phone lists the customer's carts; the cart is no longer among them.",
                device="phone",
                customer=True,
                checks=(Listed("cartID", present=False),),
            ),
            flow.step(
                "deleteTheCart",
                "deleteACart",
                "The cart itself is still there, and can be deleted by its id.",
                device="phone",
                cart=True,
            ),
            flow.step(
                "deleteTheCustomer",
                "deleteCustomer",
                "The customer leaves nothing behind.",
                device="phone",
                customer=True,
                parameters={"customerID": "{{customerID}}"},
            ),
        ),
    )


class _Flow:
    def __init__(self, document: OpenApiDocument) -> None:
        self._document = document
        self._operations = {operation.id: operation for operation in document.operations}

    def step(
        self,
        name: str,
        operation_id: str,
        summary: str,
        *,
        device: str | None = None,
        customer: bool = False,
        cart: bool = False,
        parameters: Mapping[str, str] | None = None,
        body: Any = None,
        captures: tuple[Capture, ...] = (),
        checks: tuple[Listed, ...] = (),
    ) -> Step:
        """Return a step that a device sends, with the customer's token if ``customer``.

        ``cart`` fills in the cart's id. Raises UnsuitedDocumentError.
        """
        operation = self._operations.get(operation_id)
        if operation is None:
            raise UnsuitedDocumentError(
                f"{self._document.name}: has no operation {operation_id}, which the two-device "
                "flow needs; give the contract of the cart-association endpoints"
            )
        headers = {"Authorization": f"Bearer {{{{{device}Token}}}}"} if device else {}
        if customer:
            headers[_CUSTOMER_HEADER] = f"{{{{{device}CustomerToken}}}}"
        request = self._document.resolve(operation.data.get("requestBody", {}))
        statuses = operation.data.get("responses", {})
        return Step(
            name=name,
            operation_id=operation_id,
            method=operation.method.upper(),
            path=operation.path,
            statuses=tuple(int(each) for each in statuses if each.isdigit() and each[0] == "2"),
            summary=summary,
            path_parameters=dict(parameters or {}) | ({"cartID": "{{cartID}}"} if cart else {}),
            headers=headers,
            body=body,
            media_type=next(iter(request.get("content") or {}), None) if body else None,
            captures=captures,
            checks=checks,
        )

    def access_token(self, device: str) -> Step:
        """Return the step in which a device gets an access token."""
        return self.step(
            f"{device}AccessToken",
            "createAccessToken",
            f"The {device} gets an access token of the implicit grant.",
            body={"grant_type": "implicit", "client_id": "{{clientID}}"},
            captures=(Capture(f"{device}Token", ("access_token",)),),
        )

    def customer_token(self, device: str) -> Step:
        """Return the step in which the customer logs in on a device."""
        return self.step(
            f"{device}Login",
            "createCustomerToken",
            f"The customer logs in on the {device}.",
            device=device,
            body={"data": {"type": "token", "email": _EMAIL, "password": _PASSWORD}},
            captures=(Capture(f"{device}CustomerToken", ("data", "token")),),
        )

    def association(self, name: str, operation_id: str, device: str) -> Step:
        """Return the step that associates the customer with the cart, or takes that back."""
        done = "is associated with" if name == "associate" else "is no longer associated with"
        return self.step(
            name,
            operation_id,
            f"On the {device} the customer {done} the cart.",
            device=device,
            customer=True,
            cart=True,
            body={"data": [{"type": "customer", "id": "{{customerID}}"}]},
        )
