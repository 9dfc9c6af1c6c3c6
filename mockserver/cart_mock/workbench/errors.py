"""Errors of the control API: the API's envelope, with what to send instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from cart_spec import Contract
from connexion.lifecycle import ConnexionResponse

from cart_mock.messages import encode_json


class Refusal(Exception):
    """The refusal of a request to the control API, which has changed nothing.

    ``error_id`` names an error of ``workbench.yaml`` or a protocol error of the contract. Its text
    continues with ``reason`` and ``hint``: what is wrong with this request, and how to fix it.
    """

    def __init__(self, error_id: str, reason: str, hint: str, source: str | None = None) -> None:
        super().__init__(f"{error_id}: {reason}")
        self.error_id, self.reason, self.hint, self.source = error_id, reason, hint, source


class _Error(NamedTuple):
    status: int
    text: str


class ErrorResponses:
    """A renderer of refusals, with the statuses and texts of both documents."""

    def __init__(self, document: Mapping[str, Any], contract: Contract) -> None:
        self._errors = {e["id"]: _Error(e["status"], e["text"]) for e in document["x-errors"]}
        for error in contract.protocol_errors:
            self._errors[error.id] = _Error(error.status, error.text)

    def render(
        self, refusal: Refusal, headers: Mapping[str, str] | None = None
    ) -> ConnexionResponse:
        """Return the answer to a refused request."""
        error = self._errors[refusal.error_id]
        entry: dict[str, Any] = {
            "status": error.status,
            "title": error.text,
            "detail": f"{error.text}: {refusal.reason}. {refusal.hint}",
        }
        if refusal.source is not None:
            entry["source"] = refusal.source
        return ConnexionResponse(
            status_code=error.status,
            headers=dict(headers or {}),
            mimetype="application/json",
            body=encode_json({"errors": [entry]}),
        )
