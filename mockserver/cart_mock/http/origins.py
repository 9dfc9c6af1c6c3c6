"""Which browser pages belong to this machine."""

from __future__ import annotations

from urllib.parse import urlsplit

_LOOPBACK_HOSTS = {"localhost", "127.0.0.1", "::1"}


def is_loopback_origin(origin: str) -> bool:
    """Return whether a browser page with that origin was served from this machine."""
    host = host_of(origin)
    return host in _LOOPBACK_HOSTS or host.endswith(".localhost")


def host_of(url: str) -> str:
    """Return the host name of a URL; one that is not a URL has no host that can be trusted."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return "not-a-host."
