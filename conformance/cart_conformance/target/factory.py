"""Makes the carts and customers of a run."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any, TypeVar

from cart_conformance.bodies import account_tokens
from cart_conformance.config import GivenCustomer, Settings
from cart_conformance.errors import CouldNotRun, ServerFailed, Skipped, Untestable
from cart_conformance.exchange import Answer
from cart_conformance.target.actors import Actors, Login
from cart_conformance.target.causes import why_no_token
from cart_conformance.target.credentials import Account, CartOwner, Credentials, Customer
from cart_conformance.target.ledger import Ledger
from cart_conformance.target.requests import account_log_in_body, log_in_body
from cart_conformance.target.transport import NetworkError, Unavailable

_Made = TypeVar("_Made")

DOMAINS = ("example.com", "example.org", "example.net")
"""Domains reserved for examples: their emails are not delivered. A shop may take only some."""

TRIES = 3
FIRST_PAUSE = 0.3
"""Seconds before a second try of a step of the preparation; each later pause is twice as long."""


READY_AGAIN_AFTER = 0.5
"""Seconds between two attempts to reach a target that is not up yet."""


class Factory:
    """A maker of carts and customers whose ids and emails belong to this run only."""

    def __init__(
        self,
        settings: Settings,
        run_id: str,
        actors: Actors,
        ledger: Ledger,
        send: Callable[..., Answer],
        keep_secret: Callable[[GivenCustomer], None],
        pause: Callable[[float], None],
    ) -> None:
        """Make nothing yet.

        ``keep_secret`` gets credentials of given customers before their use. ``pause`` waits.
        """
        self._pause = pause
        self._settings = settings
        self._run_id = run_id
        self._actors = actors
        self._ledger = ledger
        self._send = send
        self._keep_secret = keep_secret
        self._count = 0
        self._realm: str | None = None
        self._profile: str | None = None
        self._demands_passwords: bool | None = None
        """Whether a customer needs a password; None until one was made without."""
        self._members: dict[str, str] = {}
        self._domains = [settings.email_domain] if settings.email_domain else [*DOMAINS]

    def fresh_id(self, what: str = "cart") -> str:
        """Return an unused id of this run that contains only safe characters."""
        self._count += 1
        return f"conformance-{self._run_id}-{what}-{self._count}"

    def email(self, whose: str = "customer") -> str:
        """Return an email that no customer or member has."""
        return f"{self.fresh_id(whose)}@{self._domains[0]}"

    @staticmethod
    def password() -> str:
        """Return a new password that the rules of most shops allow."""
        return secrets.token_urlsafe(12) + "-Aa1"

    def unknown_cart_id(self) -> str:
        """Return an id that no cart has. A request that names it may create the cart."""
        return self._ledger.claim(self.fresh_id("unknown"))

    def cart(self, caller: Credentials | None = None, **fields: Any) -> str:
        """Make a cart, as administrator or ``caller``, and return its id. Raises Untestable."""
        data = {"id": self.fresh_id(), "name": f"Conformance run {self._run_id}"} | fields
        answer = self._send(
            caller or self._actors.administrator, "createACart", body={"data": data}
        )
        made = answer.data.get("id") if isinstance(answer.data, dict) else None
        if answer.status >= 500:
            raise ServerFailed(f"no cart could be made: {answer.status}")
        if not answer.ok or not isinstance(made, str) or not made:
            raise Untestable(f"no cart could be made: {answer.status}")
        return made

    def customer(self, label: str | None = None) -> Customer:
        """Make a customer, log it in, and return it. Raises Untestable."""
        made, email, password = self._make_customer()
        token = self.customer_token(email, str(password))
        return Customer(label or made, made, email, token, password)

    def record(self, kind: str) -> str:
        """Make a customer or an account that need not log in, and return its id.

        Raises Untestable.
        """
        if kind == "customer":
            return self._make_customer(logs_in=False)[0]
        name = f"Conformance run {self._run_id}"
        data = {"type": "account", "name": name, "legal_name": name}
        answer = self._send(self._actors.administrator, "createAccount", body={"data": data})
        if answer.status >= 500:
            raise ServerFailed(f"no account could be made: {answer.status}")
        if not answer.ok or not isinstance(answer.data, dict):
            raise Untestable(f"no account could be made: {answer.status}")
        return str(answer.data.get("id"))

    def _make_customer(self, *, logs_in: bool = True) -> tuple[str, str, str | None]:
        """Make a customer; return its id, email and password.

        One that does not log in has no password, unless the shop demands one: a server takes its
        time to hash passwords.
        """
        if self._settings.customers is not None:
            raise Skipped("customers are given by the fixtures; none is made")
        while True:
            data = self._fields(logs_in=logs_in)
            answer = self._send(self._actors.administrator, "createCustomer", body={"data": data})
            if answer.status not in (400, 422):
                break
            if "password" not in data:
                self._demands_passwords = True
            elif len(self._domains) > 1:
                self._domains.pop(0)
            else:
                break
        made = answer.data.get("id") if isinstance(answer.data, dict) else None
        if answer.status >= 500:
            raise ServerFailed(f"no customer could be made: {answer.status}")
        if not answer.ok or not isinstance(made, str) or not made:
            raise Untestable(
                f"no customer could be made: {answer.status}; give some with --fixtures, or a"
                " domain for their emails with --email-domain"
            )
        if "password" not in data:
            self._demands_passwords = False
        return made, data["email"], data.get("password")

    def _fields(self, *, logs_in: bool) -> dict[str, str]:
        name = f"Conformance run {self._run_id}"
        data = {"type": "customer", "name": name, "email": self.email()}
        if logs_in or self._demands_passwords:
            data["password"] = self.password()
        return data

    def fields_of_customer(self) -> dict[str, str]:
        """Return the fields of a new customer that need not log in. Raises Untestable."""
        if self._demands_passwords is None:
            self._make_customer(logs_in=False)
        return self._fields(logs_in=False)

    def customer_token(self, email: str, password: str) -> str:
        """Log a customer in and return the token. Raises Untestable."""
        answer = self._send(
            self._actors.administrator, "createCustomerToken", body=log_in_body(email, password)
        )
        token = answer.data.get("token") if isinstance(answer.data, dict) else None
        if answer.status >= 500:
            raise ServerFailed(f"the customer could not log in: {answer.status}")
        if not answer.ok or not isinstance(token, str) or not token:
            raise Untestable(f"the customer could not log in: {answer.status}")
        customer = str(answer.data.get("customer_id"))
        login = Login("createCustomerToken", log_in_body(email, password), customer)
        self._actors.remember_login(token, login)
        return token

    def log_in(self, owner: CartOwner) -> str:
        """Log an owner in and return another token. Raises Untestable."""
        if owner.login is None or owner.password is None:
            raise Untestable(f"the {owner.kind}'s login is not known")
        if owner.kind == "customer":
            return self.customer_token(owner.login, owner.password)
        return self.account_tokens(owner.login, owner.password)[owner.id]

    def account(self, label: str | None = None) -> Account:
        """Make a member with an account, logged in. Raises Untestable."""
        password, username = self.password(), self.email("member")
        body = account_log_in_body(self.password_profile(), username, password)
        body["data"] |= {
            "authentication_mechanism": "self_signup",
            "name": f"Conformance run {self._run_id}",
            "email": username,
        }
        answer = self._send(self._actors.administrator, "createAccountToken", body=body)
        made = account_tokens(answer)
        if answer.status >= 500:
            raise ServerFailed(f"no account member could sign up: {answer.status}")
        if not made:
            raise Untestable(f"no account member could sign up: {answer.status}")
        account = str(made[0]["account_id"])
        meta = answer.document.get("meta") if isinstance(answer.document, dict) else None
        self._members[account] = str(_at(meta, "account_member_id"))
        self._remember(answer, account_log_in_body(self.password_profile(), username, password))
        return Account(label or account, account, username, made[0]["token"], password)

    def account_tokens(self, username: str, password: str) -> dict[str, str]:
        """Log a member in and return the tokens, by account. Raises Untestable."""
        body = account_log_in_body(self.password_profile(), username, password)
        answer = self._send(self._actors.administrator, "createAccountToken", body=body)
        tokens = {each["account_id"]: each["token"] for each in account_tokens(answer)}
        if answer.status >= 500:
            raise ServerFailed(f"the account member could not log in: {answer.status}")
        if not tokens:
            raise Untestable(f"the account member could not log in: {answer.status}")
        self._remember(answer, body)
        return tokens

    def _remember(self, answer: Answer, body: dict[str, Any]) -> None:
        for each in account_tokens(answer):
            login = Login("createAccountToken", body, str(each["account_id"]))
            self._actors.remember_login(each["token"], login)

    def member_of(self, account: str) -> str:
        """Return the id of the member that was made with this account. Raises Untestable."""
        try:
            return self._members[account]
        except KeyError:
            raise Untestable("the account's member is not known") from None

    def realm(self) -> str:
        """Return the id of the realm of account members. Raises Untestable."""
        if self._realm is None:
            administrator = self._actors.administrator
            settings = self._send(administrator, "getAccountAuthenticationSettings")
            realm = _at(settings.data, "relationships", "authentication_realm", "data", "id")
            if settings.status >= 500:
                raise ServerFailed(f"the account settings gave {settings.status}")
            if not isinstance(realm, str):
                raise Untestable(f"GET /v2/settings/account-authentication gave {settings.status}")
            self._realm = realm
        return self._realm

    def password_profile(self) -> str:
        """Return the id of the password profile, found as a storefront does. Raises Untestable."""
        if self._profile is None:
            path = {"authenticationRealmID": self.realm()}
            profiles = self._send(self._actors.administrator, "getPasswordProfiles", path=path)
            profile = _at(profiles.data, 0, "id")
            if profiles.status >= 500:
                raise ServerFailed(f"the realm's password profiles gave {profiles.status}")
            if not isinstance(profile, str):
                raise Untestable(f"the realm's password profiles gave {profiles.status}")
            self._profile = profile
        return self._profile

    def provision(self) -> None:
        """Get an access token, and customers A, B and C: new ones, or those of the fixtures.

        Accounts A, B and C follow, if the run tries them and the deployment has them.

        Raises CouldNotRun without an access token. Other problems go to ``actors.problems``.
        """
        actors = self._actors
        self._wait_until_up()
        try:
            answer = self._persistently(self._first_token)
        except ServerFailed as failure:
            raise CouldNotRun(
                f"{self._settings.target} does not work: {failure}. Its log should say why."
            ) from None
        try:
            actors.adopt("administrator", answer)
        except Untestable:
            raise CouldNotRun(why_no_token(self._settings.target, answer)) from None
        given = self._settings.customers
        for i, label in enumerate("ABC"):
            try:
                if given is None:
                    actors.customers[label] = self._persistently(lambda: self.customer(label))  # noqa: B023 - called at once
                elif i < len(given):
                    one = given[i]
                    actors.customers[label] = self._persistently(lambda: self._given(label, one))  # noqa: B023 - called at once
            except Untestable as problem:
                actors.problems.append(str(problem))
                break
        self._provision_accounts()

    def _provision_accounts(self) -> None:
        actors = self._actors
        if "accounts" not in self._settings.owners:
            actors.without_accounts = "the run leaves accounts out"
            return
        if self._settings.customers is not None:
            actors.without_accounts = "customers are given by the fixtures, and accounts are not"
            return
        try:
            self._persistently(self.password_profile)
        except ServerFailed as problem:
            actors.problems.append(str(problem))
            return
        except Untestable as problem:
            actors.without_accounts = f"the deployment has no accounts: {problem}"
            return
        for label in "ABC":
            try:
                actors.accounts[label] = self._persistently(lambda: self.account(label))  # noqa: B023 - called at once
            except Untestable as problem:
                actors.problems.append(str(problem))
                break

    def _first_token(self) -> Answer:
        answer = self._actors.token("client_credentials")
        if answer.status >= 500:
            raise ServerFailed(f"POST /oauth/access_token gave {answer.status}")
        return answer

    def _wait_until_up(self) -> None:
        """Wait until the target gives any answer, at most as long as the settings say."""
        until = time.monotonic() + self._settings.wait
        while time.monotonic() < until:
            try:
                self._first_token()
            except (NetworkError, ServerFailed):
                self._pause(READY_AGAIN_AFTER)
            else:
                return

    def _persistently(self, step: Callable[[], _Made]) -> _Made:
        """Return what a step of the preparation makes; after no answer or a 5xx, try it again.

        Nothing depends on it yet, so it may be made twice: clean-up finds both.
        """
        pause = FIRST_PAUSE
        for _ in range(TRIES - 1):
            try:
                return step()
            except (NetworkError, ServerFailed) as fault:
                if not _may_pass(fault):
                    raise
                self._pause(pause)
                pause *= 2
        return step()

    def _given(self, label: str, given: GivenCustomer) -> Customer:
        self._ledger.given(given.id)
        self._keep_secret(given)
        token = given.token
        if given.email and given.password:
            token = self.customer_token(given.email, given.password)
        return Customer(label, given.id, given.email, token, given.password, given=True)


def _may_pass(fault: Exception) -> bool:
    """Return whether a fault at the start may be gone at the next try."""
    lost = ("Disconnected", "reset", "aborted", "IncompleteRead")
    passing = isinstance(fault, Unavailable | ServerFailed)
    return passing or any(sign in str(fault) for sign in lost)


def _at(value: Any, *path: str | int) -> Any:
    """Return what is at a path of names and positions in JSON; None if it is missing."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value
