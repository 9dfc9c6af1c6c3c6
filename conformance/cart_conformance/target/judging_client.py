"""Sends through a session, and lets the oracle judge every answer."""

from __future__ import annotations

from typing import Any

from cart_conformance.exchange import Answer, Request
from cart_conformance.oracle import (
    ADMINISTRATOR,
    SHOPPER,
    AccessToken,
    Judgement,
    KnownOwner,
    Oracle,
    OwnerRef,
    OwnerToken,
    TargetState,
)
from cart_conformance.oracle.effects import learn, lost
from cart_conformance.results import Kind
from cart_conformance.target.credentials import CartOwner, Credentials
from cart_conformance.target.session import Session
from cart_conformance.target.transport import Interruption


class JudgingClient:
    """A client that judges each answer and keeps the state that the answers reveal in ``known``.

    It tracks only what this run made. No other client changes that, so ``known`` stays correct.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.oracle = Oracle(session.contract)
        self.known = TargetState(complete=True)
        settings = session.settings
        self.known.secrets[settings.client_id] = settings.client_secret
        actors = session.actors
        owners: list[CartOwner] = [*actors.customers.values(), *actors.accounts.values()]
        for owner in owners:
            self.introduce(owner, has_no_carts=False)

    def introduce(self, owner: CartOwner, *, has_no_carts: bool) -> None:
        """Add an owner to the known state. With ``has_no_carts``, all its carts will be known."""
        known = OwnerRef(owner.kind, owner.id)
        self.known.owners[known] = KnownOwner(complete=has_no_carts)
        self.known.add_login(known, owner.login, owner.password)
        if owner.token:
            self.known.owner_tokens[owner.token] = OwnerToken(known)

    def callers(self) -> tuple[Credentials, Credentials]:
        """Return the administrator, and a shopper without customer token. Raises Untestable."""
        administrator, implicit = self.session.administrator, self.session.implicit
        for caller, grant in ((administrator, ADMINISTRATOR), (implicit, SHOPPER)):
            if caller.access_token:
                self.known.access_tokens[caller.access_token] = AccessToken(grant)
        return administrator, implicit

    def send(
        self, caller: Credentials | None, operation: str, **parts: Any
    ) -> tuple[Answer, Judgement]:
        """Send one operation, judge its answer and learn from it.

        For ``parts`` see :meth:`Session.send`. Raises an Interruption. After an interrupted change,
        the state of its cart is unknown.
        """
        self.callers()
        self._learn_new_tokens()
        try:
            answer = self.session.send(caller, operation, **parts)
        except Interruption:
            self._lost(operation, parts)
            raise
        judgement = self.oracle.judge(answer, self.known)
        if answer.request.method == "GET" and _disagrees(judgement):
            answer, judgement = self.session.patience.until(
                lambda: self._judged_again(caller, operation, parts),
                lambda pair: not _disagrees(pair[1]),
            )
        reading = self.oracle.read(answer.request, self.known)
        rule = judgement.rules[0] if judgement.rules else None
        learn(reading, answer, rule, odd=judgement.doubt is not None)
        # The oracle has checked the same conventions, and knows more about the request.
        self.session.checks.take_findings()
        return answer, judgement

    def _judged_again(
        self, caller: Credentials | None, operation: str, parts: dict[str, Any]
    ) -> tuple[Answer, Judgement]:
        """Send a read again, because it may lag behind the changes of this run."""
        answer = self.session.send(caller, operation, **parts)
        return answer, self.oracle.judge(answer, self.known)

    def _learn_new_tokens(self) -> None:
        """Know the owners of tokens that have replaced others."""
        tokens = self.known.owner_tokens
        for old, new in self.session.actors.replacements().items():
            if old in tokens and new not in tokens:
                tokens[new] = tokens[old]

    def _lost(self, operation: str, parts: dict[str, Any]) -> None:
        method, path = self.session.contract.operations[operation]
        cart = str(parts.get("cart") or "")
        url = self.session.settings.target + path.replace("{cartID}", cart)
        lost(self.oracle.read(Request(method, url, {}), self.known))


def _disagrees(judgement: Judgement) -> bool:
    return any(finding.kind is Kind.EFFECT for finding in judgement.findings)
