"""A second implementation of the contract, independent of the mock, to test the suite with.

It is small and slow, keeps everything in dictionaries, and uses ``http.server``. Each choice that
the contract leaves open is a field of :class:`Free`. A *defect* breaks one rule, see
:mod:`tests.conformance.servers.defects`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

SAFE = re.compile(r"[0-9A-Za-z_-]+\Z")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\Z")
STRONG = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9]).{12}")
TYPE_TEXT = "The type does not exist or is not listed as customer"
MANY_TEXT = "Cannot associate more than one customer"
PERMISSION_TEXT = "Customer does not have the required permissions to fulfill this request"
PAYLOAD_TEXT = "Invalid json payload"
ACCESS_TEXT = "Unable to validate access token"
CONTACT_TEXT = "Cannot associate customers to carts with contact emails"
OF_CUSTOMERS = {
    "createCustomer", "getCustomers", "getCustomer", "updateCustomer", "deleteCustomer",
}  # fmt: skip
CONTACT_DETAIL = "Unable to associate customers to carts with contact emails attached."
LAST_TEXT = (
    "This is the last cart associated with a customer and it cannot be deleted,"
    " try disassociating instead"
)


@dataclass(frozen=True)
class Free:
    """The choices of a correct deployment. The defaults are those of the mock."""

    status_as_string: bool = False
    texts_in_detail: bool = False
    shouting: bool = False
    two_entries: bool = False
    media_type: str = "application/json"
    last_check_first: bool = False
    bad_customer_token: int = 403
    lazy_carts: bool = False
    show_all_carts: bool = True
    microseconds: bool = False
    empty_relation: str = "object"
    extra_fields: bool = False
    statuses: dict[str, int] = field(default_factory=dict)
    carts_are_locked: bool = False
    unknown_customers: bool = False
    bare_array: bool = True
    customer_errors_have_status: bool = True
    bare_tokens: bool = True
    emails_unique: bool = True
    lenient_pages: bool = False
    opaque_tokens: bool = False
    repeat_touches: bool = False
    association_touches: bool = False
    empty_token_is_one: bool = False
    customer_list_reads_token: bool = True
    customer_list_has_links: bool = True
    contact_inside: int = 422
    second_customer: str = "joins"
    delete_missing_refused: bool = False
    contact_removable: bool = True
    tokens_outlive_customers: bool = False
    null_name_is_no_name: bool = False
    taken_id_returns_cart: bool = False
    weak_passwords: bool = True


class Refusal(Exception):
    """The refusal of a request that breaks one rule."""

    def __init__(self, rule: str, status: int, text: str, inside: int | None = None) -> None:
        super().__init__(text)
        self.rule, self.status, self.text, self.inside = rule, status, text, inside or status


@dataclass
class Call:
    """One parsed request."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    raw_headers: list[tuple[str, str]] = field(default_factory=list)
    operation: str = ""
    cart_id: str = ""
    customer_id: str = ""
    grant: str = ""
    me: str | None = None
    account_id: str = ""
    member_id: str = ""
    membership_id: str = ""
    realm_id: str = ""
    my_account: str | None = None

    def json(self) -> Any:
        return json.loads(self.body.decode("utf-8"), parse_constant=_refuse)


ROUTES = (
    (r"/oauth/access_token", {"POST": "createAccessToken"}),
    (
        r"/v2/carts/(?P<cart_id>[^/]+)/relationships/customers",
        {"POST": "createCustomerCartAssociation", "DELETE": "deleteCustomerCartAssociation"},
    ),
    (r"/v2/carts", {"GET": "getCarts", "POST": "createACart"}),
    (
        r"/v2/carts/(?P<cart_id>[^/]+)",
        {"GET": "getACart", "PUT": "updateACart", "DELETE": "deleteACart"},
    ),
    (r"/v2/customers", {"GET": "getCustomers", "POST": "createCustomer"}),
    (r"/v2/customers/tokens", {"POST": "createCustomerToken"}),
    (
        r"/v2/customers/(?P<customer_id>[^/]+)",
        {"GET": "getCustomer", "PUT": "updateCustomer", "DELETE": "deleteCustomer"},
    ),
)

Reply = tuple[int, Any]


class Service:
    """The behaviour, without HTTP. Defects replace its methods."""

    routes: tuple[tuple[str, dict[str, str]], ...] = ROUTES

    def __init__(self, free: Free | None = None) -> None:
        self.free = free or Free()
        self.key = b"the key of this server"
        self.secrets: dict[str, str] = {}
        self.opaque: dict[str, dict[str, str]] = {}
        self.carts: dict[str, dict[str, Any]] = {}
        self.customers: dict[str, dict[str, Any]] = {}
        self.lock = threading.RLock()
        self.ticks = 0

    # --- Tokens ---

    def sign(self, claims: dict[str, str]) -> str:
        claims = claims | {"jti": uuid.uuid4().hex}
        if self.free.opaque_tokens:
            token = hashlib.sha256(json.dumps(claims).encode()).hexdigest()
            self.opaque[token] = claims
            return token
        header = _b64(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
        payload = _b64(json.dumps(claims).encode())
        mac = hmac.new(self.key, f"{header}.{payload}".encode(), hashlib.sha256).digest()
        return f"{header}.{payload}.{_b64(mac)}"

    def claims(self, token: str, kind: str) -> dict[str, str] | None:
        if self.free.opaque_tokens:
            found = self.opaque.get(token)
            return found if found and found.get("kind") == kind else None
        parts = token.split(".")
        if len(parts) != 3 or not token.isascii():
            return None
        mac = hmac.new(self.key, f"{parts[0]}.{parts[1]}".encode(), hashlib.sha256).digest()
        if not hmac.compare_digest(_b64(mac), parts[2]):
            return None
        claims: dict[str, str] = json.loads(_unb64(parts[1]))
        return claims if claims.get("kind") == kind else None

    # --- Refusing ---

    def refuse(self, call: Call, rule: str, status: int, text: str) -> None:
        """Raise the refusal. A defect may do something else, and then the request goes on."""
        is_contact = rule.startswith("cart-has-contact-email")
        inside = self.free.contact_inside if is_contact else None
        raise Refusal(rule, self.free.statuses.get(rule, status), text, inside)

    def error(self, call: Call, refusal: Refusal) -> Reply:
        title, detail = refusal.text, f"{refusal.text}: see the documentation"
        if refusal.rule == "last-cart":
            title, detail = "Last cart", refusal.text
        elif refusal.rule == "filter-invalid":
            title, detail = "Bad Request", refusal.text
        elif refusal.rule == "cart-has-contact-email":
            title, detail = refusal.text, CONTACT_DETAIL
        elif self.free.texts_in_detail:
            title, detail = "Unauthorised call", f"The answer is: {refusal.text}. Sorry"
        if self.free.shouting:
            title, detail = title.upper().replace(" ", "  "), detail.upper() + "."
        inside: Any = str(refusal.inside) if self.free.status_as_string else refusal.inside
        entry = {"title": title, "status": inside, "detail": detail}
        entries = [entry]
        if self.free.two_entries:
            entries = [{"title": "Request failed", "status": inside}, entry]
        is_about_customers = call.operation in OF_CUSTOMERS
        if is_about_customers and not self.free.customer_errors_have_status:
            for each in entries:
                del each["status"]
        return refusal.status, {"errors": entries}

    # --- Who calls ---

    def identify(self, call: Call) -> None:
        value = call.headers.get("authorization", "")
        scheme, _, token = value.partition(" ")
        if not token and self.free.bare_tokens:
            scheme, token = "bearer", value
        claims = self.claims(token, "access") if scheme.lower() == "bearer" else None
        if claims is None:
            self.refuse(call, "access-token-invalid", 401, ACCESS_TEXT)
        call.grant = (claims or {"grant": "client_credentials"})["grant"]
        sent = self.customer_header(call)
        if not sent and not (self.free.empty_token_is_one and sent is not None):
            return
        unread = not self.free.customer_list_reads_token and call.grant == "client_credentials"
        if unread and call.operation in ("createCustomer", "getCustomers"):
            return
        claims = self.claims(sent or "", "customer")
        if claims is None or not self.still_there(claims["customer"]):
            status = self.free.bad_customer_token
            self.refuse(call, "customer-token-invalid", status, "The customer token is not valid")
        call.me = claims["customer"] if claims else None

    def customer_header(self, call: Call) -> str | None:
        return call.headers.get("x-moltin-customer-token")

    def still_there(self, customer: str) -> bool:
        return self.free.tokens_outlive_customers or customer in self.customers

    # --- Operations ---

    def handle(self, call: Call) -> Reply:
        with self.lock:
            try:
                route(call, self.routes)
                if call.operation == "":
                    return 404, {"errors": [{"status": 404, "title": "Path not found"}]}
                if call.operation == "createAccessToken":
                    return self.createAccessToken(call)
                self.identify(call)
                reply: Reply = getattr(self, call.operation)(call)
            except Refusal as refusal:
                self.after_refusal(call, refusal)
                return self.error(call, refusal)
            return reply

    def after_refusal(self, call: Call, refusal: Refusal) -> None:
        """Do nothing; a defect overrides this to change something despite the refusal."""

    def createAccessToken(self, call: Call) -> Reply:
        form = {k: v[0] for k, v in parse_qs(call.body.decode("utf-8", "replace")).items()}
        grant, client = form.get("grant_type"), form.get("client_id")
        if grant not in ("implicit", "client_credentials") or not client:
            self.refuse(call, "grant-invalid", 400, "The grant is not valid")
        if grant == "client_credentials":
            secret = form.get("client_secret")
            known = self.secrets.setdefault(client or "", secret) if secret else None
            if not secret or known != secret:
                self.refuse(call, "grant-invalid", 401, "The secret is wrong")
        now = int(datetime.now(UTC).timestamp())
        return 200, {
            "access_token": self.sign({"kind": "access", "grant": str(grant)}),
            "token_type": "Bearer",
            "identifier": grant,
            "expires_in": 3600,
            "expires": now + 3600,
        }

    def createCustomerCartAssociation(self, call: Call) -> Reply:
        customer = self.judge(call)
        cart = self.cart_of(call)
        if customer in cart["customers"]:
            return self.repeated(call, cart, customer)
        if cart["customers"] and self.free.second_customer != "joins":
            return self.second(call, cart, customer)
        return self.associate(call, cart, customer)

    def second(self, call: Call, cart: dict[str, Any], customer: str) -> Reply:
        """Refuse or ignore a second customer of a cart, or replace the first by it."""
        if self.free.second_customer == "is refused":
            self.refuse(call, "shared-cart", 409, "The cart has a customer")
        if self.free.second_customer == "replaces":
            cart["customers"].clear()
            return self.associate(call, cart, customer)
        return 200, {"data": [{"type": "customer", "id": customer}]}

    def associate(self, call: Call, cart: dict[str, Any], customer: str) -> Reply:
        cart["customers"].append(customer)
        if self.free.association_touches:
            self.touch(cart)
        return 200, {"data": [{"type": "customer", "id": customer}]}

    def repeated(self, call: Call, cart: dict[str, Any], customer: str) -> Reply:
        if self.free.repeat_touches:
            self.touch(cart)
        return 204, None

    def deleteCustomerCartAssociation(self, call: Call) -> Reply:
        customer = self.judge(call)
        cart = self.cart_of(call)
        if customer not in cart["customers"]:
            if self.free.delete_missing_refused:
                self.refuse(call, "delete-missing", 404, "No such association")
            return 204, None
        return self.dissociate(call, cart, customer)

    def dissociate(self, call: Call, cart: dict[str, Any], customer: str) -> Reply:
        cart["customers"].remove(customer)
        if self.free.association_touches:
            self.touch(cart)
        return 204, None

    def judge(self, call: Call) -> str:
        """The rules of the association endpoints; return the customer's id."""
        checks: list[Callable[[Call], None]] = [
            self.check_token,
            self.check_cart_id,
            self.check_payload,
            self.check_entry,
            self.check_cart,
        ]
        # Only independent checks can change places.
        if self.free.last_check_first:
            checks = [self.check_cart_id, self.check_cart, *checks]
        for check in checks:
            check(call)
        entries = self.entries(call) or [{}]
        entry = entries[0] if isinstance(entries[0], dict) else {}
        return str(entry.get("id"))

    def check_token(self, call: Call) -> None:
        if call.grant == "implicit" and call.me is None:
            self.refuse(call, "customer-token-required", 403, PERMISSION_TEXT)

    def check_cart_id(self, call: Call) -> None:
        if not SAFE.match(call.cart_id):
            self.refuse(call, "cart-id-unsafe", 400, "The cart id is not safe")

    def entries(self, call: Call) -> list[Any] | None:
        try:
            payload = call.json()
        except (ValueError, UnicodeDecodeError, RecursionError):
            return None
        if isinstance(payload, dict):
            payload = payload.get("data")
        elif not self.free.bare_array:
            return None
        return payload if isinstance(payload, list) else None

    def check_payload(self, call: Call) -> None:
        entries = self.entries(call)
        if entries is None:
            self.refuse(call, "payload-not-array", 403, PAYLOAD_TEXT)
            return
        if any(not isinstance(entry, dict) for entry in entries):
            self.refuse(call, "entry-not-object", 403, PAYLOAD_TEXT)
        if not entries:
            self.refuse(call, "customer-missing", 400, TYPE_TEXT)
        if len(entries) > 1:
            self.refuse(call, "more-than-one-customer", 403, MANY_TEXT)

    def check_entry(self, call: Call) -> None:
        entries = self.entries(call) or [{}]
        entry = entries[0] if isinstance(entries[0], dict) else {}
        if entry.get("type") != "customer":
            self.refuse(call, "type-not-customer", 400, TYPE_TEXT)
        customer = entry.get("id")
        if not isinstance(customer, str) or not customer:
            self.refuse(call, "customer-id-missing", 400, "The id is missing")
        if call.me is not None and customer != call.me:
            self.refuse(call, "customer-not-permitted", 403, PERMISSION_TEXT)
        if call.me is None and customer not in self.customers and not self.free.unknown_customers:
            self.refuse(call, "customer-not-found", 404, "Customer not found")

    def check_cart(self, call: Call) -> None:
        cart = self.carts.get(call.cart_id)
        if cart is None:
            if not self.free.lazy_carts:
                self.refuse(call, "cart-not-found", 404, "Cart not found")
            return
        if call.operation == "createCustomerCartAssociation":
            self.check_owner(call, cart)
        if call.operation == "createCustomerCartAssociation" and cart["contact"]:
            self.refuse(call, "cart-has-contact-email", 422, CONTACT_TEXT)

    def check_owner(self, call: Call, cart: dict[str, Any]) -> None:
        others = cart["customers"] and call.me not in cart["customers"]
        if call.grant == "implicit" and others and self.free.carts_are_locked:
            self.refuse(call, "cart-id-is-access", 403, PERMISSION_TEXT)

    def cart_of(self, call: Call) -> dict[str, Any]:
        return self.carts.get(call.cart_id) or self.make_cart(call.cart_id, "Cart")

    # --- Carts ---

    def make_cart(self, cart_id: str, name: str) -> dict[str, Any]:
        cart: dict[str, Any] = {
            "id": cart_id,
            "name": name,
            "description": "",
            "contact": None,
            "customers": [],
            "created": self.now(),
        }
        self.carts[cart_id] = cart
        self.touch(cart)
        return cart

    def now(self) -> datetime:
        now = datetime.now(UTC)
        return now if self.free.microseconds else now.replace(microsecond=0)

    def touch(self, cart: dict[str, Any]) -> None:
        self.ticks += 1
        cart["updated"], cart["tick"] = self.now(), self.ticks

    def show_time(self, moment: datetime) -> str:
        text = moment.isoformat()
        return text if self.free.microseconds else text.replace("+00:00", "Z")

    def show(self, cart: dict[str, Any]) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": cart["id"],
            "type": "cart",
            "name": cart["name"],
            "description": cart["description"],
            "links": {"self": f"https://example.com/v2/carts/{cart['id']}"},
            "meta": {
                "timestamps": {
                    "created_at": self.show_time(cart["created"]),
                    "updated_at": self.show_time(cart["updated"]),
                }
            },
            "relationships": {
                "items": {"data": None},
                "customers": self.relation("customer", cart["customers"]),
            },
        }
        if cart["contact"]:
            shown["contact"] = cart["contact"]
        if self.free.extra_fields:
            shown = {"x-extra": [1, {}], "tax": None} | dict(reversed(shown.items()))
        return shown

    def relation(self, kind: str, ids: list[str]) -> Any:
        if ids:
            return {"data": [{"type": kind, "id": each} for each in ids]}
        empty = {"object": {}, "list": {"data": []}, "bare": [], "null": {"data": None}}
        return empty[self.free.empty_relation]

    def getCarts(self, call: Call) -> Reply:
        if call.grant == "implicit" and call.me is None:
            self.refuse(call, "carts-need-an-owner", 403, PERMISSION_TEXT)
        wanted = call.query.get("filter", [""])[0]
        if call.me is None and wanted and not re.fullmatch(r"\w+\(\w+,.*\)", wanted):
            self.refuse(call, "filter-invalid", 400, "Could not parse the supplied filter")
        carts = sorted(self.listed(call), key=lambda cart: -cart["tick"])
        return self.page(call, [self.show(cart) for cart in carts])

    def listed(self, call: Call) -> list[dict[str, Any]]:
        if call.me is not None:
            return [cart for cart in self.carts.values() if call.me in cart["customers"]]
        everything = self.free.show_all_carts
        return [cart for cart in self.carts.values() if everything or cart["customers"]]

    def page(self, call: Call, entries: list[Any]) -> Reply:
        limit = self.number(call, "limit", 20, 1, 100)
        offset = self.number(call, "offset", 0, 0, 10000)
        part = entries[offset : offset + limit]
        return 200, {
            "data": part,
            "links": dict.fromkeys(("first", "last", "next", "prev"), None)
            | {"current": call.path},
            "meta": {
                "page": {
                    "limit": limit,
                    "offset": offset,
                    "current": offset // limit + 1,
                    "total": -(-len(entries) // limit),
                },
                "results": {"total": len(entries)},
            },
        }

    def number(self, call: Call, name: str, default: int, least: int, most: int) -> int:
        text = call.query.get(f"page[{name}]", [None])[0]
        if text is None:
            return default
        if not re.fullmatch(r"-?\d+", text):
            if not self.free.lenient_pages:
                self.refuse(call, "page-not-a-number", 400, "No number")
            return default
        if not least <= int(text) <= most:
            self.refuse(call, "page-out-of-range", 400, "Out of range")
        return int(text) if int(text) > 0 else default

    def data(self, call: Call) -> dict[str, Any]:
        try:
            payload = call.json()
        except (ValueError, UnicodeDecodeError, RecursionError):
            raise Refusal("body-malformed", 400, "The body is not JSON") from None
        data = payload.get("data") if isinstance(payload, dict) else None
        if not isinstance(data, dict):
            raise Refusal("body-malformed", 400, "The body has no data")
        return data

    def check_name(self, call: Call, data: dict[str, Any]) -> None:
        missing = "name" not in data or (data["name"] is None and self.free.null_name_is_no_name)
        if missing and call.method == "PUT":
            return
        name = data.get("name")
        if not isinstance(name, str) or not 1 <= len(name) <= 255:
            self.refuse(call, "cart-name-missing", 400, "The name is missing")
        elif not name.strip():
            self.refuse(call, "cart-name-blank", 400, "The name is blank")

    def createACart(self, call: Call) -> Reply:
        data = self.data(call)
        self.check_name(call, data)
        cart_id = data.get("id") or uuid.uuid4().hex
        if not isinstance(cart_id, str) or not SAFE.match(cart_id):
            self.refuse(call, "new-cart-id-unsafe", 400, "The id is not safe")
        if cart_id in self.carts:
            if self.free.taken_id_returns_cart:
                return 201, {"data": self.show(self.carts[cart_id])}
            self.refuse(call, "cart-id-taken", 409, "The id is taken")
        contact = data.get("contact")
        if call.me is not None and _has_email(contact):
            self.refuse(call, "contact-on-registered-cart", 422, "No contact on such a cart")
        cart = self.make_cart(str(cart_id), data.get("name") or "")
        cart["description"] = data.get("description") or ""
        cart["contact"] = contact if _has_email(contact) else None
        if call.me is not None:
            cart["customers"].append(call.me)
        return 201, {"data": self.show(cart)}

    def getACart(self, call: Call) -> Reply:
        cart = self.carts.get(call.cart_id)
        if cart is None:
            cart = self.make_cart(call.cart_id, "Cart")
            if call.me is not None and not self.free.lazy_carts:
                cart["customers"].append(call.me)
        self.check_owner(call, cart)
        return 200, {"data": self.show(cart)}

    def updateACart(self, call: Call) -> Reply:
        data = self.data(call)
        self.check_name(call, data)
        cart = self.carts.get(call.cart_id)
        if cart is None:
            if not self.free.lazy_carts:
                self.refuse(call, "cart-unknown", 404, "Cart not found")
            cart = self.make_cart(call.cart_id, "Cart")
        self.check_owner(call, cart)
        if "contact" in data:
            if _has_email(data["contact"]):
                if cart["customers"]:
                    self.refuse(call, "contact-on-registered-cart", 422, "No contact there")
                cart["contact"] = data["contact"]
            elif self.free.contact_removable:
                cart["contact"] = None
        for name in ("name", "description"):
            if data.get(name) is not None:
                cart[name] = data[name]
        self.touch(cart)
        return 200, {"data": self.show(cart)}

    def deleteACart(self, call: Call) -> Reply:
        cart = self.carts.get(call.cart_id)
        if cart is None:
            if not self.free.lazy_carts:
                self.refuse(call, "cart-unknown", 404, "Cart not found")
            return 204, None
        self.check_owner(call, cart)
        for customer in cart["customers"]:
            if sum(customer in each["customers"] for each in self.carts.values()) == 1:
                self.refuse(call, "last-cart", 400, LAST_TEXT)
        del self.carts[call.cart_id]
        return 204, None

    # --- Customers ---

    def show_customer(self, customer: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "customer",
            "id": customer["id"],
            "name": customer["name"],
            "email": customer["email"],
            "password": bool(customer["password"]),
        }

    def check_customer(self, call: Call, data: dict[str, Any]) -> None:
        new = call.method == "POST"
        name, email = data.get("name"), data.get("email")
        bad = data.get("type") != "customer"
        bad |= (new or "name" in data) and (not isinstance(name, str) or not name)
        bad |= (new or "email" in data) and not (isinstance(email, str) and EMAIL.match(email))
        password = data.get("password")
        bad |= bool(password) and not self.free.weak_passwords and not STRONG.match(str(password))
        if bad:
            self.refuse(call, "customer-invalid", 422, "Failed Validation")
        taken = any(
            str(email).lower() == each["email"].lower() and each["id"] != call.customer_id
            for each in self.customers.values()
        )
        if taken and self.free.emails_unique:
            self.refuse(call, "email-taken", 409, "The email is taken")

    def createCustomer(self, call: Call) -> Reply:
        data = self.data(call)
        if data.get("type") == "customer" or call.operation:
            self.check_customer(call, data)
        customer = {
            "id": str(uuid.uuid4()),
            "name": data.get("name") or "?",
            "email": str(data.get("email")),
            "password": data.get("password"),
        }
        self.customers[str(customer["id"])] = customer
        return 201, {"data": self.show_customer(customer)}

    def permit_record(self, call: Call) -> dict[str, Any]:
        shopper = call.grant == "implicit" or call.me is not None
        if shopper and call.me != call.customer_id:
            self.refuse(call, "customer-record-not-permitted", 403, "Not yours")
        customer = self.customers.get(call.customer_id)
        if customer is None:
            self.refuse(call, "customer-unknown", 404, "Customer not found")
        return customer or {"id": call.customer_id, "name": "?", "email": "?", "password": None}

    def getCustomers(self, call: Call) -> Reply:
        if call.grant == "implicit" or call.me is not None:
            self.refuse(call, "customer-record-not-permitted", 403, "Not for you")
        customers = [self.show_customer(each) for each in reversed(self.customers.values())]
        status, document = self.page(call, customers)
        if not self.free.customer_list_has_links:
            del document["links"]
        return status, document

    def getCustomer(self, call: Call) -> Reply:
        return 200, {"data": self.show_customer(self.permit_record(call))}

    def updateCustomer(self, call: Call) -> Reply:
        customer = self.permit_record(call)
        data = self.data(call)
        self.check_customer(call, data)
        for name in ("name", "email", "password"):
            if data.get(name):
                customer[name] = data[name]
        return 200, {"data": self.show_customer(customer)}

    def deleteCustomer(self, call: Call) -> Reply:
        self.permit_record(call)
        self.customers.pop(call.customer_id, None)
        self.forget(call.customer_id)
        return 204, None

    def forget(self, customer: str) -> None:
        for cart in self.carts.values():
            cart["customers"] = [each for each in cart["customers"] if each != customer]

    def createCustomerToken(self, call: Call) -> Reply:
        data = self.data(call)
        email, password = str(data.get("email")).lower(), data.get("password")
        found = [c for c in self.customers.values() if c["email"].lower() == email]
        good = [c for c in found if password and c["password"] == password]
        if not good:
            self.refuse(call, "credentials-wrong", 401, "Email or password is wrong")
        customer = (good or found or list(self.customers.values()))[0]
        now = int(datetime.now(UTC).timestamp())
        return 200, {
            "data": {
                "type": "token",
                "id": uuid.uuid4().hex,
                "customer_id": customer["id"],
                "token": self.sign({"kind": "customer", "customer": customer["id"]}),
                "expires": now + 86400,
            }
        }


def route(call: Call, routes: Iterable[tuple[str, dict[str, str]]] = ROUTES) -> None:
    """Find the operation, which stays empty for an unknown path or method."""
    for pattern, methods in routes:
        match = re.fullmatch(pattern, call.path)
        if match and call.method in methods:
            call.operation = methods[call.method]
            for name, value in match.groupdict().items():
                setattr(call, name, unquote(value))
            return


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _has_email(contact: Any) -> bool:
    return isinstance(contact, dict) and bool(contact.get("email"))


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Handler(BaseHTTPRequestHandler):
    """HTTP around a :class:`Service`."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave in one piece
    service: Service

    def serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        parts = urlsplit(self.path)
        call = Call(
            method=self.command,
            path=parts.path,
            query=parse_qs(parts.query, keep_blank_values=True),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
            raw_headers=list(self.headers.items()),
        )
        status, document = self.service.handle(call)
        self.reply(status, document)

    def reply(self, status: int, document: Any) -> None:
        payload = b"" if document is None else json.dumps(document).encode()
        media_type = self.service.free.media_type
        if isinstance(document, str):
            payload, media_type = document.encode(), "text/html"
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        # A 204 has a body only if a defect gives it one.
        self.wfile.write(payload)

    do_GET = do_POST = do_PUT = do_DELETE = serve

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as in the base class
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing when a client has disconnected."""


@contextmanager
def serving(service: Service) -> Iterator[str]:
    """Serve on a free loopback port; gives the base URL."""
    handler = type("BoundHandler", (Handler,), {"service": service})
    with serving_handler(handler) as url:
        yield url


@contextmanager
def serving_handler(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve any handler on a free loopback port; gives the base URL."""
    server = _Server(("127.0.0.1", 0), handler)
    server.socket.setsockopt(6, 1, 1)  # TCP_NODELAY: headers and body leave in two writes
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
