"""Renders all errors of the mock in one envelope, with status and text from the contract."""

from __future__ import annotations

from typing import NamedTuple

from cart_spec import Contract

from cart_mock.messages import Answer, Header, Violation, encode_json

INTERNAL = Violation(
    "this is a fault of the server, not of the request",
    "Its log has more under the id in the X-Request-Id header.",
)
_HEADERS: tuple[Header, ...] = ((b"content-type", b"application/json"),)


def cannot_store(error: OSError) -> Violation:
    """Return why a change could not be stored; no path of this machine is in it."""
    reason = (error.strerror or "it was not written whole").lower()
    return Violation(reason, "Nothing was changed; free some space, then send it again.")


def unavailable(error: Unavailable) -> Violation:
    """Return why the mock cannot answer now."""
    hint = f"Send it again in {error.retry_after} s; GET /_mock/ready says whether it can answer."
    return Violation(str(error), hint)


def no_more_stores(error: Exception) -> Violation:
    """Return why no store can be made for another ``client_id``."""
    return Violation(
        str(error), "Delete one with DELETE /_mock/stores/{store}, or raise --max-stores."
    )


class Unavailable(Exception):
    """The mock cannot answer now. The message says why, for the client.

    ``retry_after`` is in seconds.
    """

    retry_after = 1


class _Error(NamedTuple):
    id: str
    status: int
    text: str
    detail: str | None


def _detail(error: _Error, violation: Violation) -> str:
    if error.detail is None:
        return f"{error.text}: {violation.reason}. {violation.hint}"
    if violation.rest is not None:
        return f"{error.detail}{violation.rest} {violation.hint}"
    if not error.detail.endswith("."):
        return error.detail
    return f"{error.detail} {violation.reason[:1].upper()}{violation.reason[1:]}. {violation.hint}"


def _entry(error: _Error, violation: Violation) -> dict[str, object]:
    entry: dict[str, object] = {
        "status": error.status,
        "title": error.text,
        "detail": _detail(error, violation),
    }
    if violation.source is not None:
        entry["source"] = violation.source
    return entry


_FORWARDING = (
    _Error("forward-failed", 502, "The other server cannot be reached", None),
    _Error("forward-timeout", 504, "The other server did not answer in time", None),
)
"""Errors of forwarding, which the contract cannot have: the service forwards nothing."""
FORWARDING_ERRORS = tuple(error.id for error in _FORWARDING)
"""The ids of the errors of forwarding."""


class ErrorCatalogue:
    """The contract's rules and protocol errors, and those of forwarding, as error answers."""

    def __init__(self, contract: Contract) -> None:
        self._errors = {error.id: error for error in _FORWARDING}
        for each in contract.protocol_errors:
            self._errors[each.id] = _Error(
                each.rule or each.id, each.status, each.text, each.detail
            )
        for rule in contract.rules:
            if rule.text is not None and rule.status is not None:
                self._errors[rule.id] = _Error(rule.id, rule.status, rule.text, rule.detail)

    def answer(self, error_id: str, violation: Violation, *headers: Header) -> Answer:
        """Return the error answer of a rule or protocol error for that violation."""
        error = self._errors[violation.variant or error_id]
        body = encode_json({"errors": self.entries(error_id, violation)})
        return Answer(error.status, (*_HEADERS, *headers), body, error.id, violation)

    def entries(self, error_id: str, violation: Violation) -> list[dict[str, object]]:
        """Return the entries of that answer, one for each field that is wrong."""
        error = self._errors[violation.variant or error_id]
        return [_entry(error, each) for each in (violation, *violation.others)]
