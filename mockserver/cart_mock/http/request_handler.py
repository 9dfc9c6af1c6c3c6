"""Has endpoints answer requests; gives each its id, counts and logs it."""

from __future__ import annotations

import itertools
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from time import perf_counter

from msgspec.structs import replace

from cart_mock import bodies
from cart_mock.api.endpoints import Endpoint, Mock
from cart_mock.errors import INTERNAL, Unavailable, cannot_store, no_more_stores, unavailable
from cart_mock.messages import Answer, Header, Request, Violation
from cart_mock.state.tinydb_tables import StorageFailed
from cart_mock.telemetry.logs import log_request, request_logger
from cart_mock.telemetry.metrics import Metrics
from cart_mock.tenants.tenant import Tenant, TooManyTenants

HEAD_LIMIT = 64 * 1024
"""How many bytes the head of a request may have, unless said otherwise."""

logger = logging.getLogger(__name__)


def head_too_large(limit: int) -> Violation:
    """Return the violation of sending a head of more bytes than that."""
    return Violation(f"it has more than {limit} bytes", "Send fewer or shorter headers.")


def _answer(endpoint: Endpoint, request: Request) -> Answer | Awaitable[Answer]:
    return endpoint.answer(request)


class RequestHandler:
    """What the app and the accelerator share once a request is read.

    Request ids are unique across restarts, and in the order of arrival within one process.
    ``body_limit`` and ``head_limit`` are in bytes.
    """

    def __init__(
        self, mock: Mock, metrics: Metrics, body_limit: int, head_limit: int = HEAD_LIMIT
    ) -> None:
        self._mock = mock
        self._observe = metrics.observe
        self._logs = request_logger.isEnabledFor(logging.INFO)
        self.body_limit = body_limit
        self.head_limit = head_limit
        self.shared: Callable[[Endpoint, Request], Awaitable[Answer]] | None = None
        """What answers in place of an endpoint, if the mock is one of many."""
        self.refresh: Callable[[Mapping[bytes, bytes]], Awaitable[None]] | None = None
        """What brings the store of a request up to now that no endpoint answers."""
        self.settle: Callable[[], Awaitable[None]] | None = None
        """What waits until the log has the requests that no endpoint answered."""
        self._prefix = secrets.token_hex(4)
        self._counter = itertools.count(1)

    def new_id(self) -> str:
        """Return a new request id."""
        return f"{self._prefix}-{next(self._counter):06x}"

    def answer(
        self, endpoint: Endpoint, request: Request, started: float
    ) -> Answer | Awaitable[Answer]:
        """Return the answer to a request that is complete, or its promise.

        ``started`` is when the request came, by the performance counter. A failure of the mock
        itself is logged under the request's id and becomes the 500.
        """
        encoding = request.headers.get(b"content-encoding")
        if encoding and request.body:
            try:
                body = bodies.opened(request.body, encoding, self.body_limit)
            except (bodies.EncodingUnsupported, bodies.TooLarge, bodies.Malformed) as error:
                return self._refused_unread(endpoint, request, self._unopened(error), started)
            request = replace(request, body=body)
        try:
            answer = (self.shared or _answer)(endpoint, request)
        except Exception as error:  # noqa: BLE001  # whatever it is, the client gets the envelope
            return self._failed(endpoint, request, error, started)
        if isinstance(answer, Answer):
            self._note(endpoint, request, answer, started)
            return answer
        return self._wait(endpoint, request, answer, started)

    async def _wait(
        self, endpoint: Endpoint, request: Request, promise: Awaitable[Answer], started: float
    ) -> Answer:
        try:
            answer = await promise
        except Exception as error:  # noqa: BLE001  # as above
            return self._failed(endpoint, request, error, started)
        self._note(endpoint, request, answer, started)
        return answer

    def _unopened(self, error: Exception) -> Answer:
        if isinstance(error, bodies.TooLarge):
            return self._too_large()
        errors = self._mock.errors
        if isinstance(error, bodies.EncodingUnsupported):
            hint = f"Send it as it is, or in one of: {bodies.ENCODINGS}."
            violation = Violation(f"its encoding is {error}", hint, "Content-Encoding")
            accepted = (b"accept-encoding", bodies.ENCODINGS.encode())
            return errors.answer("media-type-unsupported", violation, accepted)
        violation = Violation(str(error), "Send it whole, or without Content-Encoding.")
        return errors.answer("body-malformed", violation)

    def _too_large(self) -> Answer:
        violation = Violation(f"it has more than {self.body_limit} bytes", "Send a smaller one.")
        return self._mock.errors.answer("body-too-large", violation)

    def too_large(
        self, endpoint: Endpoint, request: Request, started: float
    ) -> Answer | Awaitable[Answer]:
        """Return the answer to a request whose body is over the limit, or its promise."""
        return self._refused_unread(endpoint, request, self._too_large(), started)

    def _refused_unread(
        self, endpoint: Endpoint, request: Request, answer: Answer, started: float
    ) -> Answer | Awaitable[Answer]:
        """Log the refusal of a request whose body was not read, in the store of its token."""
        if self.refresh is not None:
            return self._refused_in_its_turn(endpoint, request, answer, started)
        self._unjudged(endpoint, request, answer, started)
        return answer

    async def _refused_in_its_turn(
        self, endpoint: Endpoint, request: Request, answer: Answer, started: float
    ) -> Answer:
        await self._refreshed(request.headers)
        self._unjudged(endpoint, request, answer, started)
        if self.settle is not None:
            await self.settle()
        return answer

    async def _refreshed(self, headers: Mapping[bytes, bytes]) -> None:
        """Bring the store of a request up to now, unless it cannot be reached."""
        if self.refresh is not None:
            with suppress(Unavailable):
                await self.refresh(headers)

    def refusal(self, error_id: str, violation: Violation, *headers: Header) -> Answer:
        """Return the answer to a request that the server does not read."""
        return self._mock.errors.answer(error_id, violation, *headers)

    async def unread(
        self, method: str, path: str, headers: Mapping[bytes, bytes], answer: Answer
    ) -> str:
        """Log a request that the server could not read, without its headers; return its id."""
        await self._refreshed(headers)
        request = Request(self.new_id(), method, path, {}, b"", {}, b"")
        self.record_unrouted(request, answer, self._mock.callers.of(headers).tenant)
        return request.id

    def unrouted(self, method: str, path: str, query: bytes, headers: Mapping[bytes, bytes],
                 answer: Answer) -> str:  # fmt: skip
        """Log a request that no endpoint answered, so that it can be explained; return its id.

        It belongs to the store of its access token, if that is valid.
        """
        request = Request(self.new_id(), method, path, {}, query, headers, b"")
        self.record_unrouted(request, answer, self._mock.callers.of(headers).tenant)
        return request.id

    def record_unrouted(
        self, request: Request, answer: Answer, tenant: Tenant | None, seconds: float | None = None
    ) -> None:
        """Log a request that no endpoint answered, with its answer."""
        log = self._mock.request_log if tenant is None else tenant.request_log
        log.record(request, "", answer)
        if self._logs:
            log_request(request, "", answer, seconds)

    def unavailable(self, error: Unavailable) -> Answer:
        """Return the answer to a request that the mock cannot answer now."""
        retry = (b"retry-after", b"%d" % error.retry_after)
        return self._mock.errors.answer("service-unavailable", unavailable(error), retry)

    def failure(self, error: BaseException, request_id: str) -> Answer:
        """Return the answer to a request that the mock failed at; the log has the error."""
        logger.error("request %s failed", request_id, exc_info=error)
        return self._mock.errors.answer("internal-error", INTERNAL)

    def _failed(
        self, endpoint: Endpoint, request: Request, error: Exception, started: float
    ) -> Answer:
        if isinstance(error, StorageFailed):
            answer = self._mock.errors.answer("storage-full", cannot_store(error))
            logger.warning("request %s: %s", request.id, error)
        elif isinstance(error, Unavailable):
            answer = self.unavailable(error)
            self._note(endpoint, request, answer, started)
            return answer
        elif isinstance(error, TooManyTenants):
            answer = self._mock.errors.answer("service-unavailable", no_more_stores(error))
        else:
            answer = self.failure(error, request.id)
        self._unjudged(endpoint, request, answer, started)
        return answer

    def _unjudged(
        self, endpoint: Endpoint, request: Request, answer: Answer, started: float
    ) -> None:
        unread = replace(request, body=b"")
        try:
            ctx = endpoint.context(unread)
        except Exception:  # noqa: BLE001  # what the mock failed at may fail again
            ctx = None
        if ctx is None:
            self._mock.request_log.record(unread, endpoint.operation_id, answer)
        else:
            ctx.tenant.request_log.record(unread, endpoint.operation_id, answer, ctx.caller)
        self._note(endpoint, request, answer, started)

    def _note(self, endpoint: Endpoint, request: Request, answer: Answer, started: float) -> None:
        seconds = perf_counter() - started
        self._observe(endpoint.operation_id, answer, seconds)
        if self._logs:
            log_request(request, endpoint.operation_id, answer, seconds)
