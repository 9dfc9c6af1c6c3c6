"""The control API as an ASGI application: Connexion with its own document and stock validation."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from cart_spec.contract import iter_operations, read_document
from cart_spec.paths import PathTemplates
from connexion import AsyncApp
from connexion.exceptions import ProblemException
from connexion.lifecycle import ConnexionRequest, ConnexionResponse
from connexion.middleware import ConnexionMiddleware
from connexion.middleware.swagger_ui import SwaggerUIMiddleware
from connexion.options import SwaggerUIOptions
from connexion.resolver import Resolver
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cart_mock import bodies
from cart_mock.api.endpoints import Mock
from cart_mock.errors import INTERNAL, Unavailable, cannot_store, unavailable
from cart_mock.http.documentation import ReadableUIMiddleware
from cart_mock.http.rules_middleware import BodyTooLarge, Disconnected, read_body
from cart_mock.state.large_seed import NotSeed, large_seed
from cart_mock.state.long_work import in_thread
from cart_mock.state.seed import Seed, SeedError
from cart_mock.state.tinydb_tables import StorageFailed
from cart_mock.telemetry.metrics import Metrics
from cart_mock.workbench import BASE_PATH, connexion_errors
from cart_mock.workbench.access import CONTROL_KEY, check_is_local, has_key
from cart_mock.workbench.control import CONTROL, SEED, Control, Refresh, nothing_new
from cart_mock.workbench.errors import ErrorResponses, Refusal
from cart_mock.workbench.routes import OPERATIONS
from cart_mock.workbench.slices import in_parts
from cart_mock.workbench.state_api import STATE, invalid_state
from cart_mock.workbench.static import Page

logger = logging.getLogger(__name__)

DOCUMENT_PATH = Path(__file__).with_name("workbench.yaml")


def create_workbench(
    mock: Mock, metrics: Metrics, *, control_key: str | None = None,
    validate_responses: bool = False, body_limit: int = 256 * 1024 * 1024,
    operations: Mapping[str, Callable[..., Awaitable[Any]]] = OPERATIONS,
    refresh: Refresh = nothing_new, hosts: Collection[str] = (),
) -> ASGIApp:  # fmt: skip
    """Return the control API of a mock, to be served at ``BASE_PATH``.

    If a ``control_key`` is set, only the page, health and readiness are available without it.
    Otherwise requests from pages or through host names of other machines are refused; ``hosts`` are
    further names of this machine. With
    ``validate_responses`` Connexion checks the answers against the document, too. ``body_limit`` is
    in bytes. ``operations`` are the functions by ``operationId``; ``refresh`` brings in requests
    that other processes answered.
    """
    document = read_document(DOCUMENT_PATH)
    if control_key is None:
        document["security"] = []
    errors = ErrorResponses(document, mock.contract)
    app = AsyncApp(
        __name__,
        strict_validation=True,
        validate_responses=validate_responses,
        middlewares=[
            ReadableUIMiddleware if each is SwaggerUIMiddleware else each
            for each in ConnexionMiddleware.default_middlewares
        ],
        swagger_ui_options=SwaggerUIOptions(
            swagger_ui_path="/ui", swagger_ui_config={"persistAuthorization": True}
        ),
    )
    app.add_api(document, base_path=BASE_PATH, resolver=Resolver(operations.__getitem__))
    routes = PathTemplates(
        (method.upper(), BASE_PATH + path, operation["operationId"])
        for method, path, operation in iter_operations(document)
    )
    _add_error_handlers(app, errors, routes)
    # With other operations, the mock is one of many, and the log of all needs the body as it is.
    is_alone = operations is OPERATIONS
    readable = _ReadableBodies(app, errors, body_limit, routes, reads_states=is_alone)
    return _AccessGate(readable, errors, Control(mock, metrics, refresh), control_key, hosts)


def _add_error_handlers(app: AsyncApp, errors: ErrorResponses, routes: PathTemplates[str]) -> None:
    async def refuse(request: ConnexionRequest, error: Exception) -> ConnexionResponse:
        if isinstance(error, HTTPException) and error.status_code == 405:
            # Starlette's own Allow header only has the methods of one of the path's routes.
            methods = routes.methods(request.scope["path"])
            allowed = ", ".join(method for method in methods if method != "OPTIONS")
            refusal = connexion_errors.method_not_allowed(str(request.scope["method"]), allowed)
            return errors.render(refusal, {"Allow": allowed})
        refusal = connexion_errors.to_refusal(error, request.scope)
        if refusal.error_id == "internal-error":
            logger.error("a request to the workbench failed", exc_info=error)
        return errors.render(refusal)

    async def fail(_request: ConnexionRequest, error: Exception) -> ConnexionResponse:
        if isinstance(error, StorageFailed):
            logger.warning("a request to the workbench failed: %s", error)
            return errors.render(Refusal("storage-full", *cannot_store(error)[:2]))
        if isinstance(error, Unavailable):
            refusal = Refusal("service-unavailable", *unavailable(error)[:2])
            return errors.render(refusal, {"Retry-After": str(error.retry_after)})
        malformed = connexion_errors.unreadable_body(error)
        if malformed is None:
            logger.error("a request to the workbench failed", exc_info=error)
        return errors.render(malformed or Refusal("internal-error", *INTERNAL[:2]))

    app.add_error_handler(Refusal, refuse)
    app.add_error_handler(ProblemException, refuse)
    app.add_error_handler(HTTPException, refuse)
    app.add_error_handler(Exception, fail)


_WITHOUT_BODY = ("GET", "HEAD", "OPTIONS")
"""Methods whose bodies have no meaning (RFC 9110, 9.3): they are read and dropped."""
_LARGE = 64 * 1024
"""How many bytes a state has at least that is read in a thread."""
_IMPORT = "importState"
_LONG = (_IMPORT, "setStubs")
"""The operations whose bodies may have as many bytes as ``--control-body-limit``."""
_ENTRY = 200
"""About how many bytes an entry of a state has."""
_SHORT = 1024 * 1024
"""How many bytes the bodies of others may have: Connexion reads them in the event loop."""
_STRANGER = 64 * 1024
"""How many bytes of a body are read from a client without the key, who is refused after that."""
_JSON = "application/json"
_CHARSET = re.compile(rb';\s*charset="?([^";\s]+)', re.IGNORECASE)


class _ReadableBodies:
    """A filter that refuses bodies over the limit, and JSON that the API could not return.

    Python's own parser accepts more than JSON allows: lone surrogates, NaN, infinities. With
    ``reads_states``, a large state is read here, in a thread, because Connexion checks each of its
    entries in the event loop. ``routes`` say which requests send one.
    """

    def __init__(
        self, app: ASGIApp, errors: ErrorResponses, limit: int, routes: PathTemplates[str], *,
        reads_states: bool,
    ) -> None:  # fmt: skip
        self._app = app
        self._errors = errors
        self._limit = limit
        self._routes = routes
        self._reads_states = reads_states

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            scope, body = await self._read(scope, receive)
        except Disconnected:
            return
        except Refusal as refusal:
            await self._refuse(refusal, scope, send)
            return
        read = False

        async def receive_again() -> Message:
            nonlocal read
            if read:
                return await receive()
            read = True
            return {"type": "http.request", "body": body}

        await self._app(scope, receive_again, in_parts(send))

    async def _read(self, scope: Scope, receive: Receive) -> tuple[Scope, bytes]:
        """Return the scope and the body for Connexion. Raises Disconnected, Refusal."""
        headers = dict(scope["headers"])
        is_known = has_key(headers, scope[CONTROL_KEY]) if CONTROL_KEY in scope else True
        found = self._routes.find(scope["method"], scope["path"])
        operation_id = found[0] if found else ""
        limit = self._limit if operation_id in _LONG else min(self._limit, _SHORT)
        try:
            body = await read_body(receive, headers, limit if is_known else min(limit, _STRANGER))
        except BodyTooLarge:
            if not is_known:
                raise connexion_errors.key_needed() from None
            reason = f"it has more than {limit} bytes"
            raise Refusal("body-too-large", reason, "Send a smaller one.") from None
        if scope["method"] in _WITHOUT_BODY:
            body = b""
        media = headers.get(b"content-type", b"")
        is_state = operation_id == _IMPORT and is_known and self._reads_states
        if is_state and len(body) >= _LARGE and bodies.media_type(media) in ("", _JSON):
            charset = _CHARSET.search(media)
            if charset is not None and charset[1].lower() != b"utf-8":
                reason = charset[1].decode("latin-1")[:100]
                raise Refusal("media-type-unsupported", reason, "Send UTF-8.", "Content-Type")
            scope, body = {**scope, SEED: [await self._large_state(body)]}, b"{}"
        elif body:
            _check_body(bodies.media_type(media), body)
        return {**scope, "headers": _with_media_type(scope, media if body else None)}, body

    async def _large_state(self, body: bytes) -> Seed:
        """Return the state in a large body. Raises Refusal."""
        try:
            return await in_thread(len(body) // _ENTRY, large_seed, body, STATE)
        except NotSeed as error:
            raise Refusal("body-malformed", str(error), "Send a JSON object.") from None
        except SeedError as error:
            raise invalid_state(error) from None

    async def _refuse(self, refusal: Refusal, scope: Scope, send: Send) -> None:
        answer = self._errors.render(refusal)
        response = Response(answer.body, answer.status_code, media_type=answer.mimetype)
        await response(scope, _nothing, send)


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def _with_media_type(scope: Scope, sent: bytes | None) -> list[tuple[bytes, bytes]]:
    """Return headers with the body's media type as Connexion spells it, and None without a body.

    It would read the body of no media type as a form, and JSON in other letters as bytes.
    """
    left = [header for header in scope["headers"] if header[0] != b"content-type"]
    if sent is None:
        return left
    if bodies.media_type(sent) in ("", _JSON):
        charset = _CHARSET.search(sent)
        sent = _JSON.encode() + (b"" if charset is None else b"; charset=" + charset[1])
    return [*left, (b"content-type", sent)]


def _check_body(media: str, body: bytes) -> None:
    """Raise Refusal if Connexion cannot read a body, or the API could not send it back."""
    if media.startswith("multipart/"):
        raise Refusal("media-type-unsupported", media, "Send application/json.", "Content-Type")
    if media and not bodies.is_json(media):
        return  # Connexion refuses it
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        if _is_long_number(body):
            raise Refusal("body-malformed", "a number is too long", "Send a shorter one.") from None
        return  # Connexion refuses it, and says why
    try:
        bodies.read_json(body)
    except bodies.Malformed as error:
        hint = "Send JSON: without lone surrogates, NaN and infinities."
        raise Refusal("body-malformed", str(error), hint) from None


def _is_long_number(body: bytes) -> bool:
    return re.search(rb"[0-9]{%d}" % sys.get_int_max_str_digits(), body) is not None


class _AccessGate:
    """A gate that refuses requests from other machines unless a key is set, and serves the page."""

    def __init__(
        self, app: ASGIApp, errors: ErrorResponses, control: Control, control_key: str | None,
        hosts: Collection[str],
    ) -> None:  # fmt: skip
        self._app = app
        self._errors = errors
        self._control = control
        self._control_key = control_key
        self._hosts = frozenset(host.lower() for host in hosts)
        self._page = Page(BASE_PATH, errors)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._control_key is None:
            try:
                check_is_local(dict(scope["headers"]), self._hosts)
            except Refusal as refusal:
                answer = self._errors.render(refusal)
                response = Response(answer.body, answer.status_code, media_type=answer.mimetype)
                await response(scope, receive, send)
                return
        if self._page.serves(scope):
            await self._page(scope, receive, send)
        else:
            scope[CONTROL] = self._control
            scope[CONTROL_KEY] = self._control_key
            await self._app(scope, receive, send)
