"""Builds the requests of directed cases as Schemathesis ``Case`` objects of the contract."""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

from cart_spec.contract import Contract

from cart_conformance.exchange import Request
from cart_conformance.target.requests import RequestParts

if TYPE_CHECKING:
    import schemathesis


class SchemaCases:
    """The operations of the contract as Schemathesis loads them.

    Importing Schemathesis takes a second, so ``plan``, ``rules`` and ``cleanup`` never make one.
    An operation takes some 5 ms to load, so each is loaded when it is first needed.
    """

    def __init__(self, contract: Contract, target: str) -> None:
        """Load the contract. ``target`` is the base URL of the deployment."""
        import schemathesis
        from schemathesis.core import NOT_SET

        self._no_body = NOT_SET
        self._target = target
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it concerns features that the contract does not use
            schema = schemathesis.openapi.from_dict(dict(contract.document))

        def load(operation: str) -> schemathesis.APIOperation[Any, Any, Any, Any]:
            method, path = contract.operations[operation]
            return schema[path][method]

        self._operation = cache(load)

    def case(self, parts: RequestParts) -> schemathesis.Case[Any]:
        """Return the case that sends these parts."""
        made: schemathesis.Case[Any] = self._operation(parts.operation).Case(
            path_parameters=dict(parts.path),
            headers=dict(parts.headers),
            body=self._no_body if parts.body is None else parts.body,
            media_type=None if parts.body is None else "application/json",
        )
        return made

    def request(self, parts: RequestParts) -> Request:
        """Return the request of that case, for the transport of the run to send.

        ``case.call`` is not used. It adds its own headers (``X-Schemathesis-TestCaseId``), but a
        case must differ from its control in one fault only. Its curl lines are not used either: it
        redacts by the name of a header, the suite by the value of every secret. The query bypasses
        the case, which would encode it a second time.
        """
        prepared = self.case(parts).as_transport_kwargs(base_url=self._target)
        query = f"?{parts.query}" if parts.query else ""
        return Request(
            prepared["method"], prepared["url"] + query, parts.headers, prepared.get("data")
        )
