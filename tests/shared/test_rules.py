"""Each rule, asked of three mocks in turn: the refusal and the control of each probe."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from cart_mock.auth.passwords import hash_password
from cart_mock.auth.tokens import Grant, Tokens

from tests.probes import CARTS, CONTRACT, PROBES, Probe, Sent, rendered
from tests.shared.site import SharedSite

DAY = 24 * 3600
PASSWORD = "correct horse"
_shops = itertools.count(1)


@pytest.fixture(scope="module")
def password_hash() -> str:
    """The hash of the customers' password."""
    return hash_password(PASSWORD)


class ProbeShop:
    """The shop of the probe table, made through the workbench."""

    def __init__(self, site: SharedSite, password_hash: str) -> None:
        self._site = site
        self.client_id = f"probes-{next(_shops)}"
        form = {"grant_type": "client_credentials", "client_id": self.client_id}
        site.send("POST", "/oauth/access_token", data={**form, "client_secret": "secret"})
        customers = [
            {"id": f"{name}-id", "name": name, "email": f"{name}@example.com",
             "password_hash": password_hash}
            for name in ("ada", "bob")
        ]  # fmt: skip
        state = {
            "customers": customers,
            "carts": [{"id": cart, "name": "Groceries"} for cart in CARTS],
            "associations": [
                {"cart": cart, "customer": f"{owner}-id"} for cart, owner in CARTS.items() if owner
            ],
        }
        site.control("PUT", f"/stores/{self.client_id}/state", state)

    @property
    def _tokens(self) -> Tokens:
        tokens: Tokens = self._site.apps[0].mock.tokens
        return tokens

    def _now(self) -> float:
        tenant = self._site.tenants[0].get(self.client_id)
        return next(
            t.get(self.client_id).now()  # type: ignore[union-attr]  # one mock has it
            for t in self._site.tenants
            if t.get(self.client_id) is not None
        ) if tenant is None else tenant.now()  # fmt: skip

    def access(self, grant: Grant, *, age: float = 0.0) -> str:
        """Return an access token that was issued so many seconds ago."""
        return self._tokens.issue_access(self.client_id, grant, self._now() - age, "token")[0]

    def expired_access(self) -> str:
        """Return an access token that has expired."""
        return self.access("client_credentials", age=2 * DAY)

    def customer(self, name: str, *, age: float = 0.0, shop: str | None = None) -> str:
        """Return a customer token that was issued so many seconds ago, by this shop or another."""
        issued = self._now() - age
        shop = shop or self.client_id
        return self._tokens.issue_customer(shop, f"{name}-id", issued, "token")[0]

    def expired_customer(self, name: str) -> str:
        """Return a customer token that has expired."""
        return self.customer(name, age=2 * DAY)

    def foreign_customer(self, name: str) -> str:
        """Return a customer token of another shop."""
        return self.customer(name, shop="elsewhere")

    def send(self, sent: Sent) -> Any:
        """Send a request of the probe table to the next mock."""
        names = {"ada": "ada-id", "bob": "bob-id", "password": PASSWORD,
                 "client_id": self.client_id, "client_secret": "secret"}  # fmt: skip
        made = rendered(sent, self, names)
        return self._site.send(made.method, made.url, headers=made.headers, content=made.content)

    def everything(self) -> set[str]:
        """Return the content of the shop as each mock exports it."""
        path = f"/_mock/stores/{self.client_id}/state?times=true"
        return {answer.text for answer in self._site.each("GET", path)}


@pytest.mark.parametrize("rule", dict.fromkeys(probe.rule for probe in PROBES))
def test_refusal_of_each_rule_is_that_of_one_mock(
    site: SharedSite, rule: str, password_hash: str
) -> None:
    known = CONTRACT.rule(rule)
    for probe in _chosen(rule):
        shop = ProbeShop(site, password_hash)
        for sent in probe.prepare:
            assert shop.send(sent).is_success, probe
        before = shop.everything()
        answer = shop.send(probe.request)
        assert answer.status_code in known.statuses, (probe, answer.text)
        [error] = answer.json()["errors"]
        assert error["title"] in _titles(probe), probe
        assert error.get("source") == probe.source, probe
        assert len(before) == 1
        assert shop.everything() == before
        control = ProbeShop(site, password_hash).send(probe.control)
        assert control.is_success, (probe, control.text)


def _chosen(rule: str) -> list[Probe]:
    """Return the first probe of each operation, because one mock is asked for the others."""
    found = {}
    for probe in PROBES:
        if probe.rule == rule:
            found.setdefault(probe.operation, probe)
    return list(found.values())


def _titles(probe: Probe) -> set[str | None]:
    variants = {each.text for each in CONTRACT.protocol_errors if each.rule == probe.rule}
    return {CONTRACT.rule(probe.rule).text, *variants}
