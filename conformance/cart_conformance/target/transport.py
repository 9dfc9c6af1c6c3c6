"""Sends the requests of a run at its rate and within its budget; never repeats a change.

A request may end without an answer for these reasons::

    Interruption
    ├── NetworkError     no answer: refused, reset, cut off, TLS, name resolution
    │   ├── TimedOut     no whole answer in time
    │   └── Unavailable  503 with Retry-After, or a gateway reports that it got no answer
    ├── Throttled        every attempt was answered with 429
    └── BudgetSpent      the requests or the time of the run are used up

None of them is evidence about the contract. They are not exceptions of ``requests``, so a tool
that sends through :attr:`Transport.http` neither swallows one nor repeats the request.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
import requests.utils
import urllib3
from requests.adapters import HTTPAdapter
from urllib3 import ProxyManager, Retry
from urllib3.exceptions import HTTPError, InvalidHeader
from urllib3.exceptions import TimeoutError as PoolTimeoutError

from cart_conformance.exchange import GATEWAY_STATUSES, NOT_JSON, Answer, Request
from cart_conformance.target.deadline import Deadline, bind_pools

if TYPE_CHECKING:
    from cart_conformance.config import Settings

__all__ = [
    "NOT_JSON",
    "Answer",
    "BudgetSpent",
    "Interruption",
    "NetworkError",
    "Request",
    "Throttled",
    "TimedOut",
    "Transport",
    "Unavailable",
]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
BODY_LIMIT = 4 * 1024 * 1024
THROTTLE_TRIES = 6
LONGEST_WAIT = 30.0
"""Maximum wait for one ``Retry-After``, in seconds."""

EXCHANGE_TIMEOUTS = 1.5
"""Maximum time of an exchange, in timeouts: one for the first byte, half of one for the rest."""

# A server may close an idle connection at the moment when a request is sent on it. The suite could
# not know whether that request took effect. So after this many seconds it opens a new connection.
IDLE_SECONDS = 1.5
READ_AGAIN_AFTER = 0.1
"""Pause before a GET without an answer is sent again, in seconds."""


class Interruption(Exception):
    """The end of an exchange for a reason outside the contract."""


class NetworkError(Interruption):
    """The absence of an answer."""


class TimedOut(NetworkError):
    """The absence of a complete answer within the timeout."""


class Unavailable(NetworkError):
    """A server that asks the client to retry later, or that a gateway could not reach."""


class Throttled(Interruption):
    """An answer of 429 to every attempt."""


class BudgetSpent(Interruption):
    """The end of the requests or the time that a run may use."""


def outage(error: Interruption) -> str:
    """Return the kind of an interruption in a few words, to count it."""
    if isinstance(error, TimedOut):
        return "no answer in time"
    if isinstance(error, Throttled):
        return "429 to every attempt"
    found = re.match(r"\d{3}\b|a gateway's (\d{3})", str(error))
    if isinstance(error, Unavailable) and found:
        return f"{found[1] or found[0]} of a gateway"
    return "connection lost"


class Budget:
    """The requests and the time that a run may take, and its rate."""

    def __init__(
        self,
        *,
        rate: float,
        max_requests: int,
        max_time: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Start the clock. ``rate`` is requests a second, 0 for no limit; ``max_time`` seconds."""
        self.sent = 0
        self._max_requests = max_requests
        self._interval = 1 / rate if rate else 0.0
        self._clock = clock
        self._sleep = sleep
        self._deadline = clock() + max_time
        self._next_at = 0.0

    def grant_more(self, requests: int, seconds: float) -> None:
        """Extend the budget, because clean-up must run even after the budget is used up."""
        self._max_requests = self.sent + requests
        self._deadline = self._clock() + seconds

    @property
    def seconds_left(self) -> float:
        """The seconds until the run's time is used up."""
        return self._deadline - self._clock()

    def take_turn(self) -> None:
        """Wait until the next request may be sent, and count it. Raises BudgetSpent."""
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
        """Wait that long. Raises BudgetSpent if the run's time ends earlier."""
        if self._clock() + seconds >= self._deadline:
            raise BudgetSpent("the time of the run is used up")
        self._sleep(seconds)


class _Adapter(HTTPAdapter):
    """An adapter that enforces the budget and the deadline for all requests of a session."""

    def __init__(self, budget: Budget, timeout: float, headers: Mapping[str, str]) -> None:
        self._budget = budget
        self._timeout = timeout
        self._headers = headers
        self.faults: Counter[str] = Counter()
        """Requests without an answer, by the kind of the reason."""
        self._deadline = Deadline()
        self._last_at = 0.0
        self.elapsed = 0.0
        """Seconds that the last exchange took, without the wait for the rate limit."""
        self._waited_without_success = False
        super().__init__(max_retries=Retry(0, read=False), pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        bind_pools(self.poolmanager, self._deadline)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> ProxyManager:
        """Make the pools of connections through a proxy."""
        known = proxy in self.proxy_manager
        manager: ProxyManager = super().proxy_manager_for(proxy, **proxy_kwargs)
        if not known:
            bind_pools(manager, self._deadline)
        return manager

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Return the whole answer. Raises an Interruption.

        After a 429 it waits and sends the request again. After a network error it repeats only a
        GET, never a changing request. After one unsuccessful ``Retry-After`` wait, the
        next one is not waited for until the server has answered.
        """
        del stream, timeout  # The whole body is read, within the timeout of the run.
        method = str(request.method)
        if self._headers:
            # A copy, so that tools that keep the request do not keep these headers.
            request = request.copy()
            request.headers.update(self._headers)
        errors = 0
        throttled = 0
        while True:
            self._budget.take_turn()
            try:
                response = self._send_once(request, verify=verify, cert=cert, proxies=proxies)
                if _is_of_a_gateway(response):
                    raise Unavailable(f"a gateway's {response.status_code} to {method}")
            except NetworkError as error:
                errors += 1
                self.faults[outage(error)] += 1
                if method not in SAFE_METHODS or errors > 1:
                    raise
                self._budget.pause(READ_AGAIN_AFTER)
                continue
            status, wait = response.status_code, _retry_after(response)
            if status != 429 and wait is None:
                self._waited_without_success = False
                return response
            if status != 429 and method not in SAFE_METHODS:
                self.faults[f"{status} of a gateway"] += 1
                raise Unavailable(f"{status} to {method} {request.url}")
            throttled += 1
            if throttled >= (1 if self._waited_without_success else THROTTLE_TRIES):
                self._waited_without_success = wait is not None
                what = f"{status} to {throttled} tries of {method} {request.url}"
                self.faults[f"{status} to every attempt"] += 1
                raise Throttled(what) if status == 429 else Unavailable(what)
            self._budget.pause(min(LONGEST_WAIT, 2.0**throttled / 4 if wait is None else wait))

    def _send_once(self, request: requests.PreparedRequest, **how: Any) -> requests.Response:
        if time.monotonic() - self._last_at > IDLE_SECONDS:
            self.close()
        self._deadline.start(self._timeout * EXCHANGE_TIMEOUTS)
        started = time.perf_counter()
        try:
            response = super().send(request, stream=True, timeout=self._timeout, **how)
            surplus = _surplus(response) if response.status_code == 204 else b""
            body = surplus or response.raw.read(BODY_LIMIT + 1, decode_content=True)
            if surplus or (response.status_code == 204 and _announces_body(response)):
                # The next answer on this connection would begin with the body of this one.
                self.close()
            if len(body) > BODY_LIMIT:
                raise NetworkError(f"an answer of more than {BODY_LIMIT} bytes")
        except (requests.Timeout, PoolTimeoutError, TimeoutError) as error:
            self.close()
            whole = self._deadline.left <= 0
            seconds = self._timeout * EXCHANGE_TIMEOUTS if whole else self._timeout
            raise TimedOut(f"no {'whole ' if whole else ''}answer within {seconds:g} s") from error
        except UnicodeError as error:
            # The id or token that the server returned is not valid in a header.
            raise NetworkError(f"it cannot be sent: {_reason(error)}") from error
        except (requests.RequestException, HTTPError, OSError, NetworkError) as error:
            self.close()
            if isinstance(error, NetworkError):
                raise
            raise NetworkError(self._way(error) + _reason(error)) from error
        finally:
            self._last_at = time.monotonic()
            self.elapsed = time.perf_counter() - started
        # ``requests`` has no public way to set a body that was read within a limit.
        response._content = body  # noqa: SLF001 - see above
        response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001 - not in the stubs; see above
        return response

    @staticmethod
    def _way(error: Exception) -> str:
        """Return which proxy failed, without its credentials; empty if the target did."""
        if not isinstance(error, requests.exceptions.ProxyError):
            return ""
        request = error.request
        proxy = requests.utils.select_proxy(
            str(request.url) if request is not None else "",
            requests.utils.get_environ_proxies(str(request.url) if request is not None else ""),
        )
        parts = urlsplit(proxy or "")
        return f"the proxy {parts.hostname or ''}:{parts.port or ''} failed: "


class _Session(requests.Session):
    """A session that never follows redirects, because they may lead to another server."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None for every answer: none is treated as a redirect."""


class Transport:
    """The only way in which a run sends requests.

    :attr:`http` can be passed to any tool that sends through ``requests``, for example to
    Schemathesis' ``Case.call``. The budget, the deadline and the retry policy apply there too.
    """

    def __init__(
        self,
        *,
        rate: float,
        max_requests: int,
        timeout: float,
        max_time: float,
        target: str,
        headers: Mapping[str, str] | None = None,
        verify: bool | Path | None = None,
        cert: tuple[Path, Path | None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Open the session. ``rate`` in requests a second (0: no limit), the times in seconds.

        ``headers`` are added to every request. ``verify`` is a file of certificates to trust, or
        False to trust any. ``cert`` is a client certificate and its key. Tests can replace
        ``clock`` (monotonic seconds) and ``sleep``.
        """
        self.budget = Budget(
            rate=rate, max_requests=max_requests, max_time=max_time, clock=clock, sleep=sleep
        )
        self._adapter = _Adapter(self.budget, timeout, headers or {})
        self.http = _session(target, self._adapter, verify, cert)

    @classmethod
    def of(cls, settings: Settings) -> Transport:
        """Return the transport of a run with these settings."""
        return cls(
            rate=settings.rate,
            max_requests=settings.max_requests,
            timeout=settings.timeout,
            max_time=settings.max_time,
            target=settings.target,
            headers=dict(settings.headers),
            verify=False if settings.insecure else settings.cacert,
            cert=None if settings.cert is None else (settings.cert, settings.key),
        )

    @property
    def faults(self) -> Counter[str]:
        """The requests that got no answer, by the kind of the reason."""
        return self._adapter.faults

    @property
    def sent(self) -> int:
        """The number of requests sent so far."""
        return self.budget.sent

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def send(self, request: Request) -> Answer:
        """Return the answer to ``request``. Raises an Interruption."""
        try:
            prepared = _prepared(request)
        except (requests.RequestException, UnicodeError) as error:
            raise NetworkError(f"it cannot be sent: {_reason(error)}") from error
        # The session's own ``send`` would handle cookies and redirects.
        response = self._adapter.send(
            prepared,
            verify=self.http.verify or False,
            cert=self.http.cert,
            proxies=self.http.proxies,
        )
        return Answer(
            request=request,
            status=response.status_code,
            headers=response.headers,
            body=response.content,
            elapsed=self._adapter.elapsed,
        )


def _prepared(request: Request) -> requests.PreparedRequest:
    """Return a request as ``requests`` sends it, without what no request of a run has.

    ``Session.prepare_request`` also merges cookies, parameters and hooks, and looks for files. That
    takes a tenth of the time of a run.
    """
    prepared = requests.PreparedRequest()
    prepared.prepare_method(request.method)
    prepared.prepare_url(request.url, None)
    prepared.prepare_headers(request.headers)
    prepared.body = request.body
    prepared.prepare_content_length(request.body)
    if "@" in urlsplit(request.url).netloc:
        prepared.prepare_auth(None, request.url)
    return prepared


CERTIFICATES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Environment variables that name a file of certificates to trust; the first that is set."""


def _session(
    target: str,
    adapter: _Adapter,
    verify: bool | Path | None,
    cert: tuple[Path, Path | None] | None,
) -> requests.Session:
    session = _Session()
    # A .netrc file would replace the Authorization header of the run. Proxies and the certificate
    # bundle still come from the environment.
    session.trust_env = False
    session.proxies.update(requests.utils.get_environ_proxies(target))
    named = next((os.environ[name] for name in CERTIFICATES if os.environ.get(name)), None)
    if verify is None:
        session.verify = named or True
    else:
        session.verify = False if verify is False else str(verify)
    if verify is False:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    if cert is not None:
        certificate, key = cert
        session.cert = str(certificate) if key is None else (str(certificate), str(key))
    # A cookie would pass the identity of one caller on to the next.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.clear()
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _announces_body(response: requests.Response) -> bool:
    headers = response.headers
    return headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in headers


def _surplus(response: requests.Response) -> bytes:
    """Return what came with the head of an answer that has no body: a server must not send it."""
    connection = response.raw.connection
    sock = connection.sock if connection is not None else None
    # No public name gives what http.client has buffered after the head.
    reader = getattr(response.raw._fp, "fp", None)  # noqa: SLF001 - see above
    if sock is None or reader is None:
        return b""
    timeout = sock.gettimeout()
    sock.settimeout(0)
    try:
        return bytes(reader.peek(1))
    except (OSError, ValueError):
        return b""
    finally:
        sock.settimeout(timeout)


def _is_of_a_gateway(response: requests.Response) -> bool:
    """Return whether a gateway answered because the server did not.

    The server itself would return errors in its envelope.
    """
    if response.status_code not in GATEWAY_STATUSES - {429} or _retry_after(response) is not None:
        return False
    try:
        document = response.json()
    except (ValueError, RecursionError):
        return True
    return not (isinstance(document, dict) and "errors" in document)


def _retry_after(response: requests.Response) -> float | None:
    """Return the seconds to wait before the next attempt, or None if the server names none."""
    if response.status_code not in (429, 503):
        return None
    value = response.headers.get("Retry-After", "")
    with contextlib.suppress(ValueError):
        return max(0.0, float(value))
    with contextlib.suppress(InvalidHeader):
        return float(Retry().parse_retry_after(value))  # a date
    return None


def _reason(error: Exception) -> str:
    """Return the reason in one line, without addresses of Python objects."""
    reason: BaseException = error
    while reason.__cause__ is not None or reason.__context__ is not None:
        reason = reason.__cause__ or reason.__context__ or reason
    return re.sub(r"<[^>]*object at 0x[^>]*>:? ?", "", f"{type(reason).__name__}: {reason}")[:300]
