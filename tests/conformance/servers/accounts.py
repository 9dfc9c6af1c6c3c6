"""The second implementation with accounts: what the contract says of them, without the mock.

Its freedoms differ from the mock's as far as the contract leaves them open.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.conformance.servers.reference import (
    PAYLOAD_TEXT,
    SAFE,
    Call,
    Free,
    Refusal,
    Reply,
    Service,
    serving,
)

__all__ = ["AccountService", "serving"]

HEADER = "ep-account-management-authentication-token"
TYPE_TEXT = "The type does not exist or is not listed as account"
MANY_TEXT = "Cannot associate more than one account"
PERMISSION_TEXT = "Account does not have the required permissions to fulfill this request"
CONTACT_TITLE = "Cannot associate accounts to carts with contact emails"
CONTACT_DETAIL = "Unable to associate accounts to carts with contact emails attached."
PROFILE, REALM = "profile-1", "realm-1"

ACCOUNTS = "/v2/accounts"
ONE = ACCOUNTS + r"/(?P<account_id>[^/]+)"
ROUTES = (
    (
        r"/v2/carts/(?P<cart_id>[^/]+)/relationships/accounts",
        {"POST": "createAccountCartAssociation", "DELETE": "deleteAccountCartAssociation"},
    ),
    (ACCOUNTS, {"GET": "getAccounts", "POST": "createAccount"}),
    (ONE, {"GET": "getAccount", "PUT": "updateAccount", "DELETE": "deleteAccount"}),
    (
        ONE + "/account-memberships",
        {"GET": "getAccountMemberships", "POST": "createAccountMembership"},
    ),
    (ONE + "/account-memberships/(?P<membership_id>[^/]+)", {"DELETE": "deleteAccountMembership"}),
    ("/v2/account-members", {"GET": "getAccountMembers"}),
    ("/v2/account-members/tokens", {"POST": "createAccountToken"}),
    ("/v2/account-members/(?P<member_id>[^/]+)", {"GET": "getAccountMember"}),
    ("/v2/settings/account-authentication", {"GET": "getAccountAuthenticationSettings"}),
    (
        "/v2/authentication-realms/(?P<realm_id>[^/]+)/password-profiles",
        {"GET": "getPasswordProfiles"},
    ),
)


class AccountService(Service):
    """A correct deployment with accounts. It refuses where the mock does, in words of its own."""

    routes = (*Service.routes, *ROUTES)

    def __init__(self, free: Free | None = None) -> None:
        super().__init__(free)
        self.accounts: dict[str, dict[str, Any]] = {}
        self.members: dict[str, dict[str, Any]] = {}
        self.memberships: dict[str, dict[str, str]] = {}

    # --- Who calls ---

    def identify(self, call: Call) -> None:
        customer, account = call.headers.get("x-moltin-customer-token"), call.headers.get(HEADER)
        if customer and account and call.operation not in (
            "getAccountAuthenticationSettings", "getPasswordProfiles", "createCustomerToken",
        ):  # fmt: skip
            self.refuse(call, "two-owner-tokens", 409, "Send one token")
        if "Account" in call.operation:
            call.headers.pop("x-moltin-customer-token", None)
        super().identify(call)
        if not account or "Customer" in call.operation:
            return
        claims = self.claims(account, "account")
        if claims is None or claims["account"] not in self.accounts:
            status = self.free.bad_customer_token
            self.refuse(call, "account-token-invalid", status, "The account token is not valid")
        else:
            call.my_account, call.member_id = claims["account"], claims["member"]

    def error(self, call: Call, refusal: Refusal) -> Reply:
        status, document = super().error(call, refusal)
        if refusal.rule == "cart-has-contact-email-account":
            document["errors"][0] |= {"title": CONTACT_TITLE, "detail": CONTACT_DETAIL}
        return status, document

    # --- Associations ---

    def _account(self, call: Call) -> tuple[dict[str, Any], str]:
        if call.grant == "implicit" and call.my_account is None:
            self.refuse(call, "account-token-required", 401, PERMISSION_TEXT)
        if not SAFE.match(call.cart_id):
            self.refuse(call, "cart-id-unsafe", 404, "No such cart")
        account = self._named(call)
        cart = self.carts.get(call.cart_id)
        if cart is None:
            raise Refusal("cart-not-found", 404, "Cart not found")
        if call.method == "POST":
            if call.my_account is None and account not in self.accounts:
                self.refuse(call, "account-not-found", 422, "No such account")
            if cart["contact"]:
                self.refuse(call, "cart-has-contact-email-account", 422, CONTACT_DETAIL)
        return cart, account

    def _named(self, call: Call) -> str:
        entries = self.entries(call)
        if entries is None or any(not isinstance(entry, dict) for entry in entries):
            raise Refusal("payload-not-array", 403, PAYLOAD_TEXT)
        if not entries:
            self.refuse(call, "account-missing", 422, TYPE_TEXT)
        if len(entries) > 1:
            self.refuse(call, "more-than-one-account", 403, MANY_TEXT)
        entry = entries[0]
        if entry.get("type") != "account":
            self.refuse(call, "type-not-account", 400, TYPE_TEXT)
        account = entry.get("id")
        if not isinstance(account, str) or not account:
            raise Refusal("account-id-missing", 422, "The id is missing")
        if call.my_account is not None and account != call.my_account:
            self.refuse(call, "account-not-permitted", 403, PERMISSION_TEXT)
        return account

    def createAccountCartAssociation(self, call: Call) -> Reply:
        cart, account = self._account(call)
        if account in cart["accounts"]:
            return 204, None
        cart["accounts"].append(account)
        return 200, {"data": [{"type": "account", "id": account}]}

    def deleteAccountCartAssociation(self, call: Call) -> Reply:
        cart, account = self._account(call)
        if account in cart["accounts"]:
            cart["accounts"].remove(account)
        return 204, None

    # --- Carts ---

    def make_cart(self, cart_id: str, name: str) -> dict[str, Any]:
        cart = super().make_cart(cart_id, name)
        cart["accounts"] = []
        return cart

    def show(self, cart: dict[str, Any]) -> dict[str, Any]:
        shown = super().show(cart)
        shown["relationships"]["accounts"] = self.relation("account", cart["accounts"])
        return shown

    def listed(self, call: Call) -> list[dict[str, Any]]:
        if call.my_account is not None:
            return [cart for cart in self.carts.values() if call.my_account in cart["accounts"]]
        if call.me is None and not self.free.show_all_carts:
            carts = self.carts.values()
            return [cart for cart in carts if cart["customers"] or cart["accounts"]]
        return super().listed(call)

    def getCarts(self, call: Call) -> Reply:
        if call.my_account is None:
            return super().getCarts(call)
        carts = sorted(self.listed(call), key=lambda cart: -cart["tick"])
        return self.page(call, [self.show(cart) for cart in carts])

    def createACart(self, call: Call) -> Reply:
        contact = self.data(call).get("contact") or {}
        if call.my_account is not None and isinstance(contact, dict) and contact.get("email"):
            raise Refusal("contact-on-registered-cart", 422, "No contact on such a cart")
        return self._adopted(call, *super().createACart(call))

    def getACart(self, call: Call) -> Reply:
        is_new = call.cart_id not in self.carts
        status, document = super().getACart(call)
        return self._adopted(call, status, document) if is_new else (status, document)

    def _adopted(self, call: Call, status: int, document: Any) -> Reply:
        if call.my_account is None or status >= 300:
            return status, document
        cart = self.carts[document["data"]["id"]]
        cart["accounts"].append(call.my_account)
        return status, {"data": self.show(cart)}

    def updateACart(self, call: Call) -> Reply:
        cart = self.carts.get(call.cart_id)
        contact = self.data(call).get("contact") or {}
        if cart and cart["accounts"] and isinstance(contact, dict) and contact.get("email"):
            raise Refusal("contact-on-registered-cart", 422, "No contact there")
        return super().updateACart(call)

    def deleteACart(self, call: Call) -> Reply:
        cart = self.carts.get(call.cart_id)
        for account in cart["accounts"] if cart else ():
            if sum(account in each["accounts"] for each in self.carts.values()) == 1:
                raise Refusal("last-cart", 400, "It is the last one")
        return super().deleteACart(call)

    # --- Accounts ---

    def _permit(self, call: Call) -> None:
        if call.grant == "implicit" and call.my_account is None:
            self.refuse(call, "account-record-not-permitted", 401, PERMISSION_TEXT)

    def _one(self, call: Call) -> dict[str, Any]:
        self._permit(call)
        account = self.accounts.get(call.account_id)
        if account is None or call.my_account not in (None, call.account_id):
            raise Refusal("account-unknown", 404, "Account not found")
        return account

    def _check(self, call: Call) -> dict[str, Any]:
        data = self.data(call)
        names = [data[name] for name in ("name", "legal_name") if name in data]
        bad = data.get("type") != "account" or (call.method == "POST" and "name" not in data)
        if bad or not all(isinstance(name, str) and name for name in names):
            self.refuse(call, "account-invalid", 422, "The account is not valid")
        return data

    @staticmethod
    def _shown(account: dict[str, Any]) -> dict[str, Any]:
        times = {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}
        return {"type": "account", **account, "meta": {"timestamps": times}}

    def getAccounts(self, call: Call) -> Reply:
        self._permit(call)
        mine = [each for each in self.accounts.values() if call.my_account in (None, each["id"])]
        return self.page(call, [self._shown(each) for each in reversed(mine)])

    def createAccount(self, call: Call) -> Reply:
        self._permit(call)
        return 201, {"data": self._shown(self._make(self._check(call)))}

    def _make(self, data: dict[str, Any]) -> dict[str, Any]:
        account = {
            "id": str(uuid.uuid4()),
            "name": data["name"],
            "legal_name": data.get("legal_name", data["name"]),
        }
        self.accounts[account["id"]] = account
        return account

    def getAccount(self, call: Call) -> Reply:
        return 200, {"data": self._shown(self._one(call))}

    def updateAccount(self, call: Call) -> Reply:
        account, data = self._one(call), self._check(call)
        account |= {name: data[name] for name in ("name", "legal_name") if name in data}
        return 200, {"data": self._shown(account)}

    def deleteAccount(self, call: Call) -> Reply:
        account = self._one(call)["id"]
        del self.accounts[account]
        self.memberships = {
            each: is_ for each, is_ in self.memberships.items() if is_["account"] != account
        }
        for cart in self.carts.values():
            cart["accounts"] = [each for each in cart["accounts"] if each != account]
        return 204, None

    # --- Members ---

    def _membership(self, membership: str) -> dict[str, Any]:
        times = {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}
        member = {"type": "account_member", "id": self.memberships[membership]["member"]}
        return {
            "id": membership,
            "type": "account_membership",
            "meta": {"timestamps": times},
            "relationships": {"account_member": {"data": member}},
        }

    def getAccountMemberships(self, call: Call) -> Reply:
        account = self._one(call)["id"]
        of_it = [each for each, is_ in self.memberships.items() if is_["account"] == account]
        return self.page(call, [self._membership(each) for each in of_it])

    def createAccountMembership(self, call: Call) -> Reply:
        account, member = self._one(call)["id"], self.data(call).get("account_member_id")
        if member not in self.members:
            raise Refusal("account-resource-unknown", 404, "Member not found")
        return 201, {"data": self._membership(self._join(account, str(member)))}

    def _join(self, account: str, member: str) -> str:
        membership = str(uuid.uuid4())
        self.memberships[membership] = {"account": account, "member": member}
        return membership

    def deleteAccountMembership(self, call: Call) -> Reply:
        self._one(call)
        if call.membership_id not in self.memberships:
            raise Refusal("account-resource-unknown", 404, "Membership not found")
        del self.memberships[call.membership_id]
        return 204, None

    @staticmethod
    def _shown_member(member: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "account_member",
            **{name: member[name] for name in ("id", "name", "email")},
        }

    def getAccountMembers(self, call: Call) -> Reply:
        self._permit(call)
        own = call.my_account is not None
        members = [
            each for each in self.members.values() if not own or each["id"] == call.member_id
        ]
        return self.page(call, [self._shown_member(each) for each in members])

    def getAccountMember(self, call: Call) -> Reply:
        self._permit(call)
        if call.member_id not in self.members:
            raise Refusal("account-resource-unknown", 404, "Member not found")
        return 200, {"data": self._shown_member(self.members[call.member_id])}

    # --- Logins ---

    def createAccountToken(self, call: Call) -> Reply:
        data = self.data(call)
        how = data.get("authentication_mechanism")
        if how == "account_management_authentication_token":
            member = self.members.get(call.member_id) if call.my_account else None
        elif how == "self_signup":
            member = self._sign_up(data)
        else:
            found = self.members.values() if data.get("password_profile_id") == PROFILE else ()
            member = next(
                (
                    each
                    for each in found
                    if each["username"] == data.get("username")
                    and each["password"] == data.get("password")
                ),
                None,
            )
        if member is None:
            raise Refusal("account-credentials-wrong", 401, "No such login")
        status, document = self.page(call, self._tokens(member["id"]))
        document["meta"]["account_member_id"] = member["id"]
        return 201 if status == 200 else status, document

    def _sign_up(self, data: dict[str, Any]) -> dict[str, Any]:
        if any(each["username"] == data["username"] for each in self.members.values()):
            raise Refusal("username-taken", 422, "The username is taken")
        member = {"id": str(uuid.uuid4())} | {
            name: data[name] for name in ("name", "email", "username", "password")
        }
        self.members[member["id"]] = member
        self._join(self._make({"name": data["name"]})["id"], member["id"])
        return member

    def _tokens(self, member: str) -> list[dict[str, Any]]:
        expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
        accounts = [is_["account"] for is_ in self.memberships.values() if is_["member"] == member]
        return [
            {
                "type": "account_management_authentication_token",
                "account_id": account,
                "account_name": self.accounts[account]["name"],
                "token": self.sign({"kind": "account", "account": account, "member": member}),
                "expires": expires.isoformat(),
            }
            for account in accounts
        ]

    def getAccountAuthenticationSettings(self, _call: Call) -> Reply:
        realm = {"type": "authentication_realm", "id": REALM}
        relationships = {"authentication_realm": {"data": realm}}
        kind = "account_authentication_settings"
        return 200, {"data": {"type": kind, "relationships": relationships}}

    def getPasswordProfiles(self, call: Call) -> Reply:
        if call.realm_id != REALM:
            raise Refusal("account-resource-unknown", 404, "Realm not found")
        profile = {"id": PROFILE, "type": "password_profile", "name": "Passwords"}
        return 200, {"data": [profile]}
