"""From a request to its answer: gather the facts, judge, write, show.

The contract is compiled once, when the engine is made: for each operation its rules in the order of
judgement, its statuses, its body's media type and schema. Between judging and writing nothing
awaits, so that one process is atomic without locks.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

from mockserver import bodies
from mockserver.errors import Errors
from mockserver.facts import Callers, Facts, GrantFacts
from mockserver.http import Answer, Breach, Request, empty_answer, json_answer
from mockserver.operations import Content, Operation, create_access_token, operations
from mockserver.requests import RequestJournal
from mockserver.rules import PREDICATES
from mockserver.rules.caller import access_fault
from mockserver.schemas import BodySchema
from mockserver.stores import Stores
from mockserver.text import shown
from mockserver.tokens import Tokens
from openapi import Contract, Rule

logger = logging.getLogger(__name__)

OAUTH_OPERATION = "createAccessToken"
_ACCESS_RULE = "access-token-invalid"

Judgement = tuple[tuple[str, Callable[[Any], Breach | None]], ...]
"""Rule ids with their predicates, in the order of judgement."""


class Success:
    """The statuses of an operation's documented successes: with content, and without."""

    def __init__(self, operation: Mapping[str, Any]) -> None:
        statuses = {
            int(status): "content" in response
            for status, response in operation["responses"].items()
            if status.startswith("2")
        }
        self._with_content = next((s for s, content in statuses.items() if content), None)
        self._empty = next((s for s, content in statuses.items() if not content), None)

    def answer(self, content: Content) -> Answer:
        """The answer that shows this content. Raises LookupError if the contract has none such."""
        status = self._empty if content is None else self._with_content
        if status is None:
            raise LookupError("the contract documents no such success")
        return empty_answer(status) if content is None else json_answer(status, content)


class Endpoint:
    """One operation of the contract, ready to answer."""

    operation_id: str
    reads_body: bool

    async def answer(self, request: Request) -> Answer:
        """The answer to a request. Raises only what is a fault of the mock itself."""
        raise NotImplementedError


class AccessTokenEndpoint(Endpoint):
    """``createAccessToken``: the one operation that needs no access token, and takes a form."""

    operation_id = OAUTH_OPERATION
    reads_body = True

    def __init__(self, engine: Engine, operation: Mapping[str, Any]) -> None:
        self._engine = engine
        self._success = Success(operation)
        self._judgement = judgement(engine.contract.rules_of(OAUTH_OPERATION))

    async def answer(self, request: Request) -> Answer:
        errors = self._engine.errors
        media = bodies.media_type(request.headers.get(b"content-type", b""))
        if media not in ("", bodies.FORM):
            return errors.answer("media-type-unsupported", _wrong_media(media, bodies.FORM))
        try:
            form = bodies.read_form(request.body)
        except bodies.Malformed as error:
            return errors.answer("body-malformed", Breach(str(error), "Send a form."))
        facts = GrantFacts(request, form, self._engine.stores)
        answer = self.judge_and_act(facts)
        journal = self._engine.journal if facts.store is None else facts.store.journal
        journal.record(request, self.operation_id, answer, facts)
        return answer

    def judge_and_act(self, facts: GrantFacts) -> Answer:
        """The answer that the rules and the operation give."""
        for rule_id, predicate in self._judgement:
            breach = predicate(facts)
            if breach is not None:
                return self._engine.errors.answer(rule_id, breach)
        return self._success.answer(create_access_token(facts, self._engine.tokens))


class ApiEndpoint(Endpoint):
    """Every other operation: an access token first, then JSON."""

    def __init__(
        self, engine: Engine, operation_id: str, operation: Mapping[str, Any], code: Operation
    ) -> None:
        self.operation_id = operation_id
        self._engine = engine
        self._callers = engine.callers
        self._errors = engine.errors
        self._envelope_only = engine.envelope_only
        self._act, self._prepare = code
        self._success = Success(operation)
        rules = [r for r in engine.contract.rules_of(operation_id) if r.id != _ACCESS_RULE]
        self._caller_judgement = judgement(r for r in rules if r.group == "caller")
        self._judgement = judgement(r for r in rules if r.group != "caller")
        self.reads_body = "requestBody" in operation
        # Where a rule says what a body that cannot be read gets, that rule answers.
        self._body_has_rule = any(rule.id == "payload-not-array" for rule in rules)
        self._path_patterns = _path_patterns(operation_id, engine.contract)
        self._schema = (
            BodySchema(_body_schema(operation), engine.contract.document)
            if self.reads_body and not self._body_has_rule
            else None
        )

    async def answer(self, request: Request) -> Answer:
        caller = self._callers.of(request.headers)
        if caller.store is None:
            fault = access_fault(caller)
            if fault is None:
                raise LookupError("a caller without a store must have a fault")
            answer = self._errors.answer(_ACCESS_RULE, fault)
            self._engine.journal.record(request, self.operation_id, answer, None)
            return answer
        store = caller.store
        facts = Facts(request, caller, store, envelope_only=self._envelope_only)
        if store.intervention is None:
            answer = await self.judge_and_act(facts)
        else:
            answer = await store.intervention(self, facts)
        store.journal.record(request, self.operation_id, answer, facts)
        return answer

    async def judge_and_act(self, facts: Facts) -> Answer:
        """The answer that the rules and the operation give."""
        request = facts.request
        refusal = self._judged(self._caller_judgement, facts)
        if refusal is None and self._path_patterns:
            refusal = self._misfit_path(request)
        if refusal is None and self.reads_body:
            refusal = self._unreadable(facts)
        if refusal is not None:
            return refusal
        if self._prepare is not None:
            await self._prepare(facts)
        refusal = self._judged(self._judgement, facts)
        if refusal is None and self._schema is not None:
            misfit = self._schema.breach(facts.body)
            if misfit is not None:
                refusal = self._errors.answer("request-invalid", misfit)
        if refusal is not None:
            return refusal
        return self._success.answer(self._act(facts))

    def _judged(self, rules: Judgement, facts: Facts) -> Answer | None:
        for rule_id, predicate in rules:
            breach = predicate(facts)
            if breach is not None:
                return self._errors.answer(rule_id, breach)
        return None

    def _misfit_path(self, request: Request) -> Answer | None:
        for name, pattern in self._path_patterns:
            value = request.path_params[name]
            if not pattern.fullmatch(value):
                breach = Breach(
                    f"{name} is {shown(value)}", f"Send one that matches {pattern.pattern}.", name
                )
                return self._errors.answer("request-invalid", breach)
        return None

    def _unreadable(self, facts: Facts) -> Answer | None:
        request = facts.request
        if request.body:
            media = bodies.media_type(request.headers.get(b"content-type", b""))
            if media and not bodies.is_json(media):
                return self._errors.answer(
                    "media-type-unsupported", _wrong_media(media, bodies.JSON)
                )
        if not self._body_has_rule:
            try:
                _ = facts.body
            except bodies.Malformed as error:
                return self._errors.answer(
                    "body-malformed", Breach(str(error), "Send a JSON object.")
                )
        return None


class Engine:
    """Everything that answers requests, compiled from the contract.

    ``journal`` has the requests that belong to no store: those without a valid access token.

    Raises LookupError, naming them, if operations or refusals of the contract are not implemented.
    """

    def __init__(self, contract: Contract, stores: Stores, *, envelope_only: bool = False) -> None:
        self.contract = contract
        self.stores = stores
        self.envelope_only = envelope_only
        self.errors = Errors(contract)
        self.tokens = Tokens(stores.signing_key)
        self.journal = RequestJournal()
        self.callers = Callers(stores, self.tokens)
        code = operations(self.tokens)
        self.endpoints: dict[str, Endpoint] = {}
        for operation_id, (method, path) in contract.operations.items():
            operation = contract.document["paths"][path][method.lower()]
            self.endpoints[operation_id] = (
                AccessTokenEndpoint(self, operation)
                if operation_id == OAUTH_OPERATION
                else ApiEndpoint(self, operation_id, operation, code[operation_id])
            )

    async def answer(self, endpoint: Endpoint, request: Request) -> Answer:
        """The endpoint's answer; a fault of the mock itself is logged and becomes the 500."""
        try:
            return await endpoint.answer(request)
        except Exception:
            logger.exception("request %s failed", request.id)
            return self.errors.answer("internal-error", INTERNAL)


INTERNAL = Breach(
    "this is a fault of the server, not of the request",
    "Its log has more under the id in the X-Request-Id header.",
)


def judgement(rules: Any) -> Judgement:
    """The predicates of those rules that are refusals, in the same order."""
    refusals: list[Rule] = [rule for rule in rules if rule.is_refusal]
    missing = [rule.id for rule in refusals if rule.id not in PREDICATES]
    if missing:
        raise LookupError(f"rules without a predicate: {', '.join(missing)}")
    return tuple((rule.id, PREDICATES[rule.id]) for rule in refusals)


def _body_schema(operation: Mapping[str, Any]) -> Mapping[str, Any]:
    schema: Mapping[str, Any] = operation["requestBody"]["content"][bodies.JSON]["schema"]
    return schema


def _path_patterns(operation_id: str, contract: Contract) -> list[tuple[str, re.Pattern[str]]]:
    """The path parameters of an operation whose schema has a pattern."""
    components = contract.document["components"]
    _, path = contract.operations[operation_id]
    found = []
    for reference in contract.document["paths"][path].get("parameters", ()):
        parameter = components["parameters"][reference["$ref"].rsplit("/", 1)[1]]
        schema = parameter["schema"]
        if "$ref" in schema:
            schema = components["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        if parameter["in"] == "path" and "pattern" in schema:
            found.append((parameter["name"], re.compile(schema["pattern"])))
    return found


def _wrong_media(media: str, right: str) -> Breach:
    return Breach(media, f"Send {right}.", "Content-Type")
