"""Every error that the mock sends: its status and text from the contract, one envelope for all."""

from __future__ import annotations

from dataclasses import dataclass

from cart_spec import Contract

from cart_mock.http.messages import Answer, Header, Violation, encode_json

_HEADERS: tuple[Header, ...] = ((b"content-type", b"application/json"),)


@dataclass(frozen=True, slots=True)
class _Error:
    id: str
    status: int
    text: str
    detail: str | None


class ErrorCatalogue:
    """Makes error answers out of the contract's rules and protocol errors."""

    def __init__(self, contract: Contract) -> None:
        self._errors = {
            error.id: _Error(error.rule or error.id, error.status, error.text, None)
            for error in contract.protocol_errors
        }
        for rule in contract.rules:
            if rule.text is not None and rule.status is not None:
                self._errors[rule.id] = _Error(rule.id, rule.status, rule.text, rule.detail)

    def answer(self, error_id: str, breach: Violation, *headers: Header) -> Answer:
        """The error answer of a rule or protocol error for that breach."""
        error = self._errors[breach.variant or error_id]
        entry: dict[str, object] = {
            "status": error.status,
            "title": error.text,
            "detail": error.detail or f"{error.text}: {breach.what}. {breach.instead}",
        }
        if breach.source is not None:
            entry["source"] = breach.source
        body = encode_json({"errors": [entry]})
        return Answer(error.status, (*_HEADERS, *headers), body, error.id, breach)
