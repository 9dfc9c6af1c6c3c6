"""Sends requests for a run: at its rate, within its budget, and never a change twice.

What can come between a request and its answer::

    Interruption
    ├── NetworkFault     no answer: refused, reset, cut off, TLS, name resolution
    │   ├── TimedOut     no whole answer in time
    │   └── Unavailable  503 and a Retry-After, or a gateway's word that it got no answer
    ├── Throttled        429 to every try
    └── BudgetSpent      the run's requests or its time are used up

None of them says anything about the contract.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import requests.utils
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, Retry
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import InvalidHeader

from cart_conformance.run.events import Exchange
from cart_conformance.target.redaction import Redactor

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
BODY_LIMIT = 4 * 1024 * 1024
THROTTLE_TRIES = 6
LONGEST_WAIT = 30.0
"""Seconds at most that one ``Retry-After`` is waited for."""

# A connection that has been idle for this long may be closed by the server just as a request goes
# out on it, and nobody could tell whether that request was carried out: a fresh one is opened.
IDLE_SECONDS = 1.5

NOT_JSON = object()
"""What :attr:`Answer.document` is where the body is not JSON."""


class Interruption(Exception):
    """Something came in between; the contract has no part in it."""


class NetworkFault(Interruption):
    """No answer came."""


class TimedOut(NetworkFault):
    """No whole answer came in time."""


class Unavailable(NetworkFault):
    """The server asked to be tried later, or a gateway could not reach it."""


class Throttled(Interruption):
    """Every try was answered with 429."""


class BudgetSpent(Interruption):
    """The run may send no more requests."""


@dataclass(frozen=True)
class Request:
    """What is sent, byte for byte."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass(frozen=True)
class Answer:
    """What came back, raw: it may hold secrets, :meth:`exchange` does not."""

    request: Request
    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed: float

    @property
    def ok(self) -> bool:
        """Whether the status is a 2xx."""
        return 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """Whether the status is a 4xx: a 5xx is never a refusal."""
        return 400 <= self.status < 500

    @cached_property
    def document(self) -> Any:
        """The body as JSON, or :data:`NOT_JSON`.

        Half a surrogate pair, which JSON can escape and nobody can send, is a question mark in it.
        """
        try:
            document = json.loads(self.body)
            if b"\\ud" in self.body.lower():
                text = json.dumps(document, ensure_ascii=False)
                document = json.loads(text.encode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return NOT_JSON
        return document

    @property
    def data(self) -> Any:
        """What is under ``data`` in the body, or None."""
        return self.document.get("data") if isinstance(self.document, dict) else None

    def exchange(self, redactor: Redactor) -> Exchange:
        """This answer and its request, redacted."""
        request = self.request
        return Exchange(
            method=request.method,
            url=redactor.text(request.url),
            request_headers=redactor.headers(request.headers.items()),
            request_body=None if request.body is None else redactor.body(request.body),
            status=self.status,
            response_headers=redactor.headers(self.headers.items()),
            response_body=redactor.body(self.body),
            elapsed=self.elapsed,
        )


class _Watched:
    """The socket that is in use, so that an answer that trickles can be cut off."""

    def __init__(self) -> None:
        self.socket: socket.socket | None = None

    def cut(self) -> None:
        if self.socket is not None:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)


class _Adapter(HTTPAdapter):
    """No retries, and connections that tell which socket they use."""

    def __init__(self, watched: _Watched) -> None:
        self._watched = watched
        super().__init__(max_retries=Retry(0, read=False), pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        watched = self._watched

        class Plain(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                watched.socket = self.sock

        class Secure(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                watched.socket = self.sock

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        super().init_poolmanager(*args, **kwargs)
        manager: PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}


class Client:
    """One run's requests. ``sleep`` and ``clock`` (seconds, monotonic) can be put in by tests."""

    def __init__(
        self,
        *,
        rate: float,
        max_requests: int,
        timeout: float,
        max_time: float,
        target: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``rate`` in requests a second (0: none), ``timeout`` and ``max_time`` in seconds."""
        self.sent = 0
        self.timeout = timeout
        self._max_requests = max_requests
        self._interval = 1 / rate if rate else 0.0
        self._clock = clock
        self._sleep = sleep
        self._deadline = clock() + max_time
        self._next_at = 0.0
        self._last_at = 0.0
        self._waited_in_vain = False
        self._watched = _Watched()
        self._session = _session(target, self._watched)

    @property
    def session(self) -> requests.Session:
        """The connection pool, for tools that send through ``requests`` themselves."""
        return self._session

    def grant_more(self, requests: int, seconds: float) -> None:
        """Allow that much more: clean-up comes after the budget."""
        self._max_requests = self.sent + requests
        self._deadline = self._clock() + seconds

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def send(self, request: Request) -> Answer:
        """The answer to ``request``. A 429 is waited out; a GET is tried again after a fault.

        Raises an Interruption: a changing request whose answer was lost is never sent again. A
        server that was waited for as it asked, in vain, is waited for no more until it answers.
        """
        faults = 0
        throttled = 0
        while True:
            self.take_turn()
            try:
                answer = self._once(request)
                if _is_of_a_gateway(answer):
                    raise Unavailable(f"a gateway's {answer.status} to {request.method}")
            except NetworkFault:
                faults += 1
                if request.method not in SAFE_METHODS or faults > 1:
                    raise
                continue
            wait = _retry_after(answer)
            if answer.status != 429 and wait is None:
                self._waited_in_vain = False
                return answer
            if answer.status != 429 and request.method not in SAFE_METHODS:
                raise Unavailable(f"{answer.status} to {request.method} {request.url}")
            throttled += 1
            if throttled >= (1 if self._waited_in_vain else THROTTLE_TRIES):
                self._waited_in_vain = wait is not None
                what = f"{answer.status} to {throttled} tries of {request.method} {request.url}"
                raise Throttled(what) if answer.status == 429 else Unavailable(what)
            self._pause(min(LONGEST_WAIT, 2.0**throttled / 4 if wait is None else wait))

    def take_turn(self) -> None:
        """Wait for this run's next turn to send, and count it. Raises BudgetSpent."""
        if self.sent >= self._max_requests:
            raise BudgetSpent(f"the budget of {self._max_requests} requests is spent")
        now = self._clock()
        if now >= self._deadline:
            raise BudgetSpent("the time of the run is used up")
        if self._interval:
            wait = self._next_at - now
            self._next_at = max(now, self._next_at) + self._interval
            if wait > 0:
                self._sleep(wait)
        self.sent += 1

    def pause(self, seconds: float) -> None:
        """Wait, where a rule is about time passing. Raises BudgetSpent."""
        self._pause(seconds)

    def _pause(self, seconds: float) -> None:
        if self._clock() + seconds >= self._deadline:
            raise BudgetSpent("the time of the run is used up")
        self._sleep(seconds)

    def _once(self, request: Request) -> Answer:
        if time.monotonic() - self._last_at > IDLE_SECONDS:
            self._session.close()
        started = time.perf_counter()
        cut_off = threading.Event()

        def cut() -> None:
            cut_off.set()
            self._watched.cut()

        watchdog = threading.Timer(self.timeout * 1.5, cut)
        watchdog.daemon = True
        watchdog.start()
        try:
            return self._exchange(request, started)
        except requests.Timeout as error:
            raise TimedOut(f"no answer within {self.timeout:g} s") from error
        except UnicodeError as error:
            # An id or a token that the server gave fits into no header.
            raise NetworkFault(f"it cannot be sent: {_what(error)}") from error
        except (requests.RequestException, OSError) as error:
            self._session.close()
            if cut_off.is_set():
                raise TimedOut(f"no whole answer within {self.timeout * 1.5:g} s") from error
            raise NetworkFault(_what(error)) from error
        finally:
            watchdog.cancel()
            self._last_at = time.monotonic()

    def _exchange(self, request: Request, started: float) -> Answer:
        with self._session.request(
            request.method,
            request.url,
            headers=dict(request.headers),
            data=request.body,
            timeout=self.timeout,
            allow_redirects=False,
            stream=True,
        ) as response:
            body = bytearray()
            for chunk in response.iter_content(65536):
                body += chunk
                if len(body) > BODY_LIMIT:
                    raise NetworkFault(f"an answer of more than {BODY_LIMIT} bytes")
            return Answer(
                request=request,
                status=response.status_code,
                headers=CaseInsensitiveDict(response.headers),
                body=bytes(body),
                elapsed=time.perf_counter() - started,
            )


def _session(target: str, watched: _Watched) -> requests.Session:
    session = requests.Session()
    # A .netrc would replace the Authorization header of this run; proxies and the certificate
    # bundle of the environment are wanted all the same.
    session.trust_env = False
    session.proxies.update(requests.utils.get_environ_proxies(target))
    session.verify = (
        os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
    )
    # A cookie would carry the identity of one caller over to the next.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.clear()
    adapter = _Adapter(watched)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _is_of_a_gateway(answer: Answer) -> bool:
    """Whether something on the way answered because the server did not.

    The server itself would answer with errors, as it does to everything else.
    """
    if answer.status not in (502, 503, 504) or _retry_after(answer) is not None:
        return False
    return not (isinstance(answer.document, dict) and "errors" in answer.document)


def _retry_after(answer: Answer) -> float | None:
    """Seconds to wait before trying again; None where the server does not ask for it."""
    if answer.status not in (429, 503):
        return None
    value = answer.headers.get("Retry-After", "")
    with contextlib.suppress(ValueError):
        return max(0.0, float(value))
    with contextlib.suppress(InvalidHeader):
        return float(Retry().parse_retry_after(value))  # a date
    return None


def _what(error: Exception) -> str:
    """The reason in one line, without the addresses of Python objects in it."""
    reason: BaseException = error
    while reason.__cause__ is not None or reason.__context__ is not None:
        reason = reason.__cause__ or reason.__context__ or reason
    return re.sub(r"<[^>]*object at 0x[^>]*>:? ?", "", f"{type(reason).__name__}: {reason}")[:300]
