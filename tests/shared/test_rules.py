"""Each rule, asked of three mocks in turn: the refusal and the control of each probe.

The large tests try every probe, on mocks in processes of their own.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import sha256
from importlib import metadata
from typing import Any

import pytest
from cart_mock.auth.tokens import Grant, Tokens
from cart_mock.owners import Owner, OwnerType

from tests.mock.processes import mock
from tests.mock.world import PASSWORD, World
from tests.probes import CONTRACT, PROBES, Probe, Sent, rendered
from tests.probes.row import MEMBER
from tests.shared.servers import RedisServer
from tests.shared.site import SharedSite
from tests.shared.sizes import IS_LARGE

DAY = 24 * 3600
_shops = itertools.count(1)


@pytest.fixture(scope="module")
def site(server: RedisServer) -> Iterator[SharedSite]:
    """Three mocks. One in this process has the keys that sign tokens."""
    prefix = "rules"
    # What mocks of one prefix agree on, as a process has it by default.
    version = f"{metadata.version('cart-associations')}, contract {CONTRACT.version}"
    options = {"envelope-only": False, "forward": sha256(b"").hexdigest()}
    mocks = 1 if IS_LARGE else 3
    site = SharedSite(server.url, mocks, prefix=prefix, version=version, options=options)
    with ExitStack() as stack:
        if IS_LARGE:
            assert site.send("GET", "/_mock/ready").is_success
            arguments = ("--shared", server.url, "--shared-prefix", prefix)
            site.go_to([stack.enter_context(mock(*arguments)).url for _ in range(3)])
        yield site
    site.close()


@pytest.fixture(scope="module")
def template() -> Iterator[World]:
    """The shop of the probe table in a mock of its own, to be copied."""
    with World() as world:
        world.stock()
        yield world


@pytest.fixture(scope="module")
def state(template: World) -> Any:
    """The content of that shop, without times: its carts would have expired."""
    return template.send("GET", f"/_mock/stores/{template.client_id}/state").json()


class ProbeShop:
    """A copy of the shop, made through the workbench."""

    def __init__(self, site: SharedSite, template: World, state: Any) -> None:
        self._site = site
        self._names = {
            "ada": template.ada, "bob": template.bob, "password": PASSWORD,
            "client_secret": "secret", "acme": "acme", "bolt": "bolt", "ann": MEMBER,
            "anns-membership": MEMBER,
        }  # fmt: skip
        self.client_id = self._names["client_id"] = f"probes-{next(_shops)}"
        form = {"grant_type": "client_credentials", "client_id": self.client_id}
        answer = site.send("POST", "/oauth/access_token", data={**form, "client_secret": "secret"})
        token = answer.json()["access_token"]
        self._incarnation = self._tokens.read_access(token).incarnation
        site.control("PUT", f"/stores/{self.client_id}/state", state)

    @property
    def _tokens(self) -> Tokens:
        tokens: Tokens = self._site.apps[0].mock.tokens
        return tokens

    def access(self, grant: Grant, *, age: float = 0.0) -> str:
        """Return an access token that was issued so many seconds ago."""
        return self._tokens.issue_access(
            self.client_id, grant, time.time() - age, "token", incarnation=self._incarnation
        )[0]

    def expired_access(self) -> str:
        """Return an access token that has expired."""
        return self.access("client_credentials", age=2 * DAY)

    def owner(
        self, kind: OwnerType, name: str, *, age: float = 0.0, shop: str | None = None
    ) -> str:
        """Return an owner's token that was issued so many seconds ago, by this shop or another."""
        owner, issued = Owner(kind, self._names.get(name, name)), time.time() - age
        member = MEMBER if kind == "account" else None
        return self._tokens.issue_owner(
            shop or self.client_id, owner, issued, "token", member, incarnation=self._incarnation
        )[0]

    def expired_owner(self, kind: OwnerType, name: str) -> str:
        """Return an owner's token that has expired."""
        return self.owner(kind, name, age=2 * DAY)

    def foreign_owner(self, kind: OwnerType, name: str) -> str:
        """Return a token of another shop, for an owner with the same id."""
        return self.owner(kind, name, shop="elsewhere")

    def send(self, sent: Sent) -> Any:
        """Send a request of the probe table to the next mock."""
        made = rendered(sent, self, self._names)
        # Space around a value is not part of it, and clients refuse to send it.
        headers = {name: value.strip() for name, value in made.headers.items()}
        return self._site.send(made.method, made.url, headers=headers, content=made.content)

    def everything(self) -> set[str]:
        """Return the content of the shop as each mock exports it."""
        path = f"/_mock/stores/{self.client_id}/state?times=true"
        ask = self._site.each if IS_LARGE else lambda *what: [self._site.send(*what)]
        return {answer.text for answer in ask("GET", path)}


@pytest.mark.parametrize("rule", dict.fromkeys(probe.rule for probe in PROBES))
def test_refusal_of_each_rule_is_that_of_one_mock(
    site: SharedSite, rule: str, template: World, state: Any
) -> None:
    known = CONTRACT.rule(rule)
    for probe in _chosen(rule):
        shop = ProbeShop(site, template, state)
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
        if IS_LARGE:
            control = ProbeShop(site, template, state).send(probe.control)
            assert control.is_success, (probe, control.text)


def _chosen(rule: str) -> list[Probe]:
    """Return the probes of a rule: the plainest one, unless the tests are large."""
    probes = [probe for probe in PROBES if probe.rule == rule]
    return probes if IS_LARGE else probes[:1]


def _titles(probe: Probe) -> set[str | None]:
    variants = {each.text for each in CONTRACT.protocol_errors if each.rule == probe.rule}
    return {CONTRACT.rule(probe.rule).text, *variants}
