"""The server that gets a tenant's requests for paths that the contract does not have."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

DEFAULT_TIMEOUT = 30.0
"""How many seconds a forwarded request may wait for the other server, unless said otherwise."""


class ForwardError(ValueError):
    """A server that cannot be forwarded to; the message says how to fix it."""


class Forward(NamedTuple):
    """A server to forward to. ``url`` is None if requests are not forwarded at all.

    ``authorization`` is the value of the header that the other server gets, a secret. ``timeout``
    is in seconds: to connect, and to wait for each piece of the answer.
    """

    url: str | None
    authorization: str | None = None
    timeout: float = DEFAULT_TIMEOUT

    def __repr__(self) -> str:
        """Return the target without its credential."""
        return f"Forward({self.url!r})"


def forward_of(
    url: str, authorization: str | None = None, timeout: float = DEFAULT_TIMEOUT
) -> Forward:
    """Return the checked target. Raises ForwardError."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ForwardError(f"{url[:200]!r} is not a URL: {error}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ForwardError(
            f"{_shown(url)!r} is not the URL of a server; send one such as http://127.0.0.1:3000"
        )
    if parts.username is not None or parts.password is not None:
        raise ForwardError(
            "the URL has a name or password in it; send the credential as an Authorization value"
        )
    if parts.query or parts.fragment:
        raise ForwardError(f"{_shown(url)!r} has a query or a fragment; send it without")
    if authorization is not None:
        authorization = authorization.strip()
        if not authorization or not authorization.isascii() or not authorization.isprintable():
            raise ForwardError(
                "the Authorization value is empty or has characters that a header cannot have; "
                'send one such as "Bearer TOKEN"'
            )
    return Forward(url.rstrip("/"), authorization, timeout)


def _shown(url: str) -> str:
    """Return a wrong URL without what may be a credential."""
    return url.rpartition("@")[2].partition("?")[0][:200]
