"""Plans the flow that associations are for: a cart made on a phone is found again on a laptop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cart_spec.document import OpenApiDocument, Operation
from cart_spec.errors import RefusedInputError
from cart_spec.export.steps import RUN, Capture, Listed, Plan, Step, successes

_EMAIL = f"ada-{{{{{RUN}}}}}@example.com"
_PASSWORD = "correct horse"  # noqa: S105 - of an owner that exists for one run


class UnsuitedDocumentError(RefusedInputError):
    """The document lacks an operation that the flow needs."""


def two_devices(document: OpenApiDocument) -> list[Plan]:
    """Return the two-device flow of customers and, if the document has them, of accounts.

    Raises UnsuitedDocumentError.
    """
    operations = {operation.id: operation for operation in document.operations}
    plans = [_CustomerFlow(document, operations).plan()]
    if "createAccountCartAssociation" in operations:
        plans.append(_AccountFlow(document, operations).plan())
    return plans


class _Flow:
    """The flow of one kind of owner. Each device has tokens of its own."""

    owner: str
    header: str
    name: str
    title: str

    def __init__(self, document: OpenApiDocument, operations: Mapping[str, Operation]) -> None:
        self._document = document
        self._operations = operations

    def plan(self) -> Plan:
        return Plan(
            self.name,
            self.title,
            "A shopper makes a cart on a phone, registers, and associates the cart. On a laptop "
            f"the {self.owner} logs in and finds the cart in the list. After the association is "
            "deleted, the cart is no longer in the list.",
            (
                self._access_token("phone"),
                self._step(
                    "createTheCart",
                    "createACart",
                    "The phone makes a cart for a shopper who is not logged in.",
                    "phone",
                    body={"data": {"name": "Weekend list"}},
                    captures=(Capture("cartID", ("data", "id")),),
                ),
                *self.register(),
                self._association("associate", "create"),
                self._access_token("laptop"),
                self.login("laptop"),
                self._list("findTheCart", "laptop", present=True),
                self._association("disassociate", "delete"),
                self._list("missTheCart", "phone", present=False),
                self._step(
                    "deleteTheCart",
                    "deleteACart",
                    "The cart itself is still there, and can be deleted by its id.",
                    "phone",
                    parameters=_CART,
                ),
                self._step(
                    "deleteTheOwner",
                    f"delete{self.owner.capitalize()}",
                    f"The {self.owner} leaves nothing behind.",
                    "phone",
                    owned=True,
                    parameters={f"{self.owner}ID": f"{{{{{self.owner}ID}}}}"},
                ),
            ),
        )

    def register(self) -> tuple[Step, ...]:
        raise NotImplementedError

    def login(self, device: str) -> Step:
        raise NotImplementedError

    def _step(
        self,
        name: str,
        operation_id: str,
        summary: str,
        device: str | None = None,
        *,
        owned: bool = False,
        parameters: Mapping[str, str] | None = None,
        body: Any = None,
        captures: tuple[Capture, ...] = (),
        checks: tuple[Listed, ...] = (),
    ) -> Step:
        """Return a step that a device sends, with the owner's token if ``owned``."""
        operation = self._operations.get(operation_id)
        if operation is None:
            raise UnsuitedDocumentError(
                f"{self._document.name}: has no operation {operation_id}, which the two-device "
                "flow needs; give the contract of the cart-association endpoints"
            )
        headers = {"Authorization": f"Bearer {{{{{device}Token}}}}"} if device else {}
        if owned:
            headers[self.header] = f"{{{{{device}OwnerToken}}}}"
        request = self._document.resolve(operation.data.get("requestBody", {}))
        return Step(
            name=name,
            operation_id=operation_id,
            method=operation.method.upper(),
            path=operation.path,
            statuses=successes(operation),
            summary=summary,
            path_parameters=dict(parameters or {}),
            headers=headers,
            body=body,
            media_type=next(iter(request.get("content") or {}), None) if body else None,
            captures=captures,
            checks=checks,
        )

    def _access_token(self, device: str) -> Step:
        return self._step(
            f"{device}AccessToken",
            "createAccessToken",
            f"The {device} gets an access token of the implicit grant.",
            body={"grant_type": "implicit", "client_id": "{{clientID}}"},
            captures=(Capture(f"{device}Token", ("access_token",)),),
        )

    def _association(self, name: str, verb: str) -> Step:
        """Return the step that associates the owner with the cart, or takes that back."""
        device = "phone" if verb == "create" else "laptop"
        done = "is associated with" if verb == "create" else "is no longer associated with"
        return self._step(
            name,
            f"{verb}{self.owner.capitalize()}CartAssociation",
            f"On the {device} the {self.owner} {done} the cart.",
            device,
            owned=True,
            parameters=_CART,
            body={"data": [{"type": self.owner, "id": f"{{{{{self.owner}ID}}}}"}]},
        )

    def _list(self, name: str, device: str, *, present: bool) -> Step:
        found = "finds the one from the phone" if present else "the cart is not among them"
        return self._step(
            name,
            "getCarts",
            f"The {device} lists the {self.owner}'s carts; {found}.",
            device,
            owned=True,
            checks=(Listed("cartID", present=present),),
        )


class _CustomerFlow(_Flow):
    owner = "customer"
    header = "X-Moltin-Customer-Token"
    name = "twoDevices"
    title = "A cart on two devices"

    def register(self) -> tuple[Step, ...]:
        person = {
            "type": "customer",
            "name": "Ada Lovelace",
            "email": _EMAIL,
            "password": _PASSWORD,
        }
        register = self._step(
            "register",
            "createCustomer",
            "The shopper registers.",
            "phone",
            body={"data": person},
            captures=(Capture("customerID", ("data", "id")),),
        )
        return register, self.login("phone")

    def login(self, device: str) -> Step:
        return self._step(
            f"{device}Login",
            "createCustomerToken",
            f"The customer logs in on the {device}.",
            device,
            body={"data": {"type": "token", "email": _EMAIL, "password": _PASSWORD}},
            captures=(Capture(f"{device}OwnerToken", ("data", "token")),),
        )


class _AccountFlow(_Flow):
    owner = "account"
    header = "EP-Account-Management-Authentication-Token"
    name = "twoDevicesOfAnAccount"
    title = "An account's cart on two devices"

    def register(self) -> tuple[Step, ...]:
        settings = self._step(
            "findTheRealm",
            "getAccountAuthenticationSettings",
            "The phone asks in which realm members log in.",
            "phone",
            captures=(
                Capture("realmID", ("data", "relationships", "authentication_realm", "data", "id")),
            ),
        )
        profiles = self._step(
            "findTheProfile",
            "getPasswordProfiles",
            "The phone asks for the realm's password profile.",
            "phone",
            parameters={"authenticationRealmID": "{{realmID}}"},
            captures=(Capture("profileID", ("data", 0, "id")),),
        )
        sign_up = self._token(
            "signUp",
            "phone",
            "The shopper signs up, which makes a member and an account of its own.",
            {"authentication_mechanism": "self_signup", "name": "Ada Lovelace", "email": _EMAIL},
            (Capture("accountID", ("data", 0, "account_id")),),
        )
        return settings, profiles, sign_up

    def login(self, device: str) -> Step:
        return self._token(
            f"{device}Login",
            device,
            f"The member logs in on the {device}.",
            {"authentication_mechanism": "password"},
        )

    def _token(
        self,
        name: str,
        device: str,
        summary: str,
        members: Mapping[str, str],
        captures: tuple[Capture, ...] = (),
    ) -> Step:
        body = {
            "type": "account_management_authentication_token",
            **members,
            "password_profile_id": "{{profileID}}",
            "username": _EMAIL,
            "password": _PASSWORD,
        }
        token = Capture(f"{device}OwnerToken", ("data", 0, "token"))
        return self._step(
            name, "createAccountToken", summary, device, body={"data": body},
            captures=(token, *captures),
        )  # fmt: skip


_CART = {"cartID": "{{cartID}}"}
