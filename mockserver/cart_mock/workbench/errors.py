"""The workbench's errors: the API's envelope, with what to send instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from cart_spec import Contract
from connexion.lifecycle import ConnexionResponse

from cart_mock.http.messages import encode_json


class Refusal(Exception):
    """A request to the workbench is refused: nothing has changed.

    ``error_id`` names one of the workbench's errors or of the contract's protocol errors; ``what``
    was wrong with this request and what to send ``instead`` are sentences that go on from its text.
    """

    def __init__(self, error_id: str, what: str, instead: str, source: str | None = None) -> None:
        super().__init__(f"{error_id}: {what}")
        self.error_id, self.what, self.instead, self.source = error_id, what, instead, source


class _Error(NamedTuple):
    status: int
    text: str


class WorkbenchErrors:
    """Makes error answers out of the two documents' errors."""

    def __init__(self, document: Mapping[str, Any], contract: Contract) -> None:
        self._errors = {e["id"]: _Error(e["status"], e["text"]) for e in document["x-errors"]}
        for error in contract.protocol_errors:
            self._errors[error.id] = _Error(error.status, error.text)

    def response(
        self, refusal: Refusal, headers: Mapping[str, str] | None = None
    ) -> ConnexionResponse:
        """The answer to a request that is refused."""
        error = self._errors[refusal.error_id]
        entry: dict[str, Any] = {
            "status": error.status,
            "title": error.text,
            "detail": f"{error.text}: {refusal.what}. {refusal.instead}",
        }
        if refusal.source is not None:
            entry["source"] = refusal.source
        return ConnexionResponse(
            status_code=error.status,
            headers=dict(headers or {}),
            mimetype="application/json",
            body=encode_json({"errors": [entry]}),
        )
