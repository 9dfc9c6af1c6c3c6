"""Correct servers that are hard to test: unreliable, slow to show changes, strict, or guarded.

Each is a reference server with one trait of real deployments. The suite must find no deviation.
"""

from __future__ import annotations

import copy
import random
import time
from typing import Any

from tests.conformance.servers.reference import Call, Handler, Refusal, Reply, Service

PAGE = "<html><head><title>Error</title></head><body>Something went wrong</body></html>"
FAILED: Reply = (500, {"errors": [{"status": 500, "title": "Internal error"}]})


class FailsAtTimes(Service):
    """About every nth request is answered with a failure instead; it takes effect all the same.

    ``only`` limits that to some methods. The first requests are spared, so that a run can start.
    """

    nth = 12
    spared = 12
    failure: Reply = FAILED
    only: tuple[str, ...] = ("GET", "POST", "PUT", "DELETE")
    count = 0

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.dice = random.Random(1)

    def handle(self, call: Call) -> Reply:
        reply = super().handle(call)
        if call.method in self.only:
            self.count += 1
            if self.count > self.spared and self.dice.random() < 1 / self.nth:
                return self.failure
        return reply


class ReadsFail(Service):
    """Reading a cart always fails; nothing else does."""

    failure: Reply = FAILED

    def getACart(self, call: Call) -> Reply:
        super().getACart(call)
        return self.failure


class Lags(Service):
    """Reads show the state of some time ago."""

    lag = 0.3

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._past: list[tuple[float, dict[str, Any]]] = []

    def handle(self, call: Call) -> Reply:
        with self.lock:
            now = time.monotonic()
            if call.method != "GET":
                if not self._past:
                    self._remember(0.0)
                reply = super().handle(call)
                self._remember(now)
                return reply
            return self._as_it_was(call, now - self.lag)

    def _remember(self, now: float) -> None:
        self._past.append((now, copy.deepcopy(self.carts)))

    def _as_it_was(self, call: Call, then: float) -> Reply:
        while len(self._past) > 1 and self._past[1][0] <= then:
            self._past.pop(0)
        present, asked = self.carts, call.path.rpartition("/")[2]
        if self._past:
            carts = self._past[0][1]
            if asked in present and asked not in carts:
                # The cart as it was right after it was made.
                carts = {asked: present[asked] | {"customers": []}, **carts}
            self.carts = carts
        try:
            return super().handle(call)
        finally:
            self.carts = present


class ForgetsTokens(Service):
    """Access tokens and customer tokens end after some requests, as with a restart."""

    every = 60
    count = 0

    def handle(self, call: Call) -> Reply:
        if call.path != "/oauth/access_token":
            self.count += 1
            if self.count % self.every == 0:
                self.key = f"key {self.count}".encode()
        return super().handle(call)


class LocksAccounts(Service):
    """An account is locked after three wrong logins in a row."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.wrong: dict[str, int] = {}

    def createCustomerToken(self, call: Call) -> Reply:
        email = str(self.data(call).get("email")).lower()
        if self.wrong.get(email, 0) >= 3:
            raise Refusal("credentials-wrong", 401, "The account is locked")
        try:
            reply = super().createCustomerToken(call)
        except Refusal:
            self.wrong[email] = self.wrong.get(email, 0) + 1
            raise
        self.wrong[email] = 0
        return reply

    @property
    def locked(self) -> list[str]:
        return [email for email, count in self.wrong.items() if count >= 3]


class IsStrict(Service):
    """Customers need a strong password and an email of another domain than example.com."""

    def check_customer(self, call: Call, data: dict[str, Any]) -> None:
        super().check_customer(call, data)
        password, email = data.get("password"), str(data.get("email"))
        if call.method == "POST" and (not password or len(set(password)) < 6):
            raise Refusal("customer-invalid", 422, "Give a strong password")
        if "email" in data and email.endswith("@example.com"):
            raise Refusal("customer-invalid", 422, "Give a real email")


class WantsPassword(Service):
    """A login without a password is refused as malformed, with 400."""

    def createCustomerToken(self, call: Call) -> Reply:
        if not self.data(call).get("password"):
            raise Refusal("credentials-wrong", 400, "The password is missing")
        return super().createCustomerToken(call)


class Guarded(Service):
    """A firewall answers with a page if a path or body looks like an attack."""

    def handle(self, call: Call) -> Reply:
        if any(sign in call.path + call.body.decode("utf-8", "replace") for sign in ("<", "%3C")):
            return 403, PAGE
        return super().handle(call)


def gateway(status: int, page: str = PAGE) -> type[FailsAtTimes]:
    """Return a server behind a gateway that answers with that status at times."""
    return type("Behind", (FailsAtTimes,), {"failure": (status, page)})


class FirstFails(Service):
    """The first request is answered by a gateway."""

    count = 0

    def handle(self, call: Call) -> Reply:
        self.count += 1
        return (502, PAGE) if self.count == 1 else super().handle(call)


class NoTokens(Service):
    """Any first request is answered like this, so that a run cannot start."""

    reply: Reply = (403, PAGE)

    def handle(self, call: Call) -> Reply:
        return self.reply


class Redirects(Handler):
    """Every request is redirected."""

    def reply(self, status: int, document: Any) -> None:
        self.send_response(308)
        self.send_header("Location", "https://shop.example/api/oauth/access_token")
        self.send_header("Content-Length", "0")
        self.end_headers()


class DropsAssociations(Service):
    """Nothing is ever associated: this one is broken."""

    def associate(self, call: Call, cart: dict[str, Any], customer: str) -> Reply:
        return 200, {"data": [{"type": "customer", "id": customer}]}
